"""What is asked of the API server, without saying how it gets there: one text for the two clients.

A call is a generator that yields requests and is sent their answers. `Client` drives it over a blocking connection,
`AsyncClient` over one that does not block; neither knows what a call is about.
"""

import hashlib
import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import ValidationError

from coursegen_api import names
from coursegen_api.base import Model, Phase, Regeneration
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.kinds import Kind
from coursegen_api.task import MAX_CONTENT_BYTES

from . import kinds
from .errors import CoursegenError, InputError, NotFoundError, RefusedError
from .kinds import Work

Json = dict[str, Any]
K = TypeVar("K", bound=Kind)
T = TypeVar("T")

_PAGE = 500
_STRICT = {"fieldValidation": "Strict"}
MANAGER = "kubectl-coursegen"
"""Field manager of what is applied."""

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Request:
    """One request to the API server."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    media: str = "application/json"


@dataclass(frozen=True)
class Upload:
    """Content on its way to the gateway; the answer has `artifact_key`, or is empty where there is no gateway."""

    namespace: str
    data: bytes
    media: str


@dataclass(frozen=True)
class Question:
    """What the gateway is asked and the API server cannot say; the answer is empty where there is no gateway."""

    path: str


Call = Generator[Request | Upload | Question, Json, T]


def parse(kind: type[K], raw: Json) -> K:
    """Read an object; CoursegenError if it was written by a later version of the contract."""
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        name = raw.get("metadata", {}).get("name")
        raise CoursegenError(
            f"{kind.__name__} {name} has a value in {where} that this client does not know.",
            "The cluster's CRDs are newer than this client: update it.",
        ) from error


# ---- reading ------------------------------------------------------------------------------------------------


def read(path: str, **query: str) -> Call[Json]:
    """Read whatever lies at a path; the path may have a query of its own."""
    path, _, own = path.partition("?")
    return (yield Request("GET", path, dict(parse_qsl(own)) | query))


def post(path: str, body: Json) -> Call[Json]:
    """Create whatever a path takes."""
    return (yield Request("POST", path, body=body))


def read_list(path: str, **query: str) -> Call[Json]:
    """Read all pages of a list; `metadata` is the last page's."""
    items: list[Json] = []
    asked = {k: v for k, v in query.items() if v} | {"limit": str(_PAGE)}
    while True:
        page = yield Request("GET", path, asked)
        items += page.get("items") or []
        more = page["metadata"].get("continue")
        if not more:
            return {"metadata": page["metadata"], "items": items}
        asked["continue"] = more


def get(kind: type[K], namespace: str, name: str) -> Call[K]:
    """Read one object."""
    kinds.check(name)  # without one this would be the path of the list
    return parse(kind, (yield Request("GET", kinds.path(kind, namespace, name))))


def listed(kind: type[K], namespace: str, **selectors: str) -> Call[list[K]]:
    """Read all objects of a kind, in one namespace or (empty) in all."""
    found = yield from read_list(kinds.path(kind, namespace), **selectors)
    return [parse(kind, item) for item in found["items"]]


def counted(namespace: str) -> Call[list[Work | ArtifactCleanup]]:
    """Read all that figures are worked out from."""
    found: list[Work | ArtifactCleanup] = []
    for kind in kinds.COUNTED:
        found += yield from listed(kind, namespace)
    return found


def children(course: CourseGeneration) -> Call[list[Work]]:
    """Read what a course owns, chapters first, in their order."""
    found: list[Work] = []
    meta = course.metadata
    for kind in kinds.WORK[1:]:
        mine = yield from listed(kind, meta.namespace, labelSelector=f"{names.LABEL_COURSE_UID}={meta.uid}")
        found += sorted(mine, key=_place)
    return found


def finished(obj: Work) -> Call[bool]:
    """Tell whether work has ended; what is asked of a part of a cancelled course is not done until that is retried."""
    if kinds.is_finished(obj) or not kinds.has_ended(obj):
        return kinds.is_finished(obj)
    owner = next((o for o in obj.metadata.owner_references if o.get("controller")), None)
    if owner is None or owner.get("kind") != CourseGeneration.__name__:
        return False
    try:
        course = yield from get(CourseGeneration, obj.metadata.namespace, owner["name"])
    except (NotFoundError, RefusedError):
        return False
    return course.status.phase is Phase.CANCELLED and kinds.is_finished(course)


def look_again(obj: Work) -> Call[tuple[Work, bool]]:
    """Read an object anew, and tell whether it has ended."""
    found = yield from get(type(obj), obj.metadata.namespace, obj.metadata.name)
    return found, (yield from finished(found))


def _place(obj: Work) -> tuple[int, str]:
    return (obj.spec.index if isinstance(obj, ChapterGeneration) else 0, obj.metadata.name)


# ---- making -------------------------------------------------------------------------------------------------


def create(kind: type[K], namespace: str, name: str, spec: Model) -> Call[K]:
    """Create an object; RefusedError 409 if the name is taken."""
    body = {
        "apiVersion": names.API_VERSION,
        "kind": kind.__name__,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec.stored(),
    }
    return parse(kind, (yield Request("POST", kinds.path(kind, namespace), _STRICT, body)))


def apply(manifest: Json, namespace: str, dry_run: bool = False) -> Call[Json]:
    """Apply one manifest on the server's side: create it, or change what it says; InputError for a foreign kind."""
    path = manifest_path(manifest, namespace)
    query = _STRICT | {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
    meta = manifest["metadata"]
    place = {} if path.startswith(f"{kinds.API}/generationqueues") else {"namespace": meta.get("namespace", namespace)}
    return (yield Request("PATCH", path, query, manifest | {"metadata": meta | place}, APPLY))


def manifest_path(manifest: Json, namespace: str) -> str:
    """Give the URL path that a manifest lies at."""
    meta = manifest.get("metadata") or {}
    if not meta.get("name"):
        raise InputError(f"A {manifest.get('kind', 'manifest')} has no metadata.name.")
    where = meta.get("namespace") or namespace
    if manifest.get("kind") == "ConfigMap":
        return f"/api/v1/namespaces/{where}/configmaps/{meta['name']}"
    kind = next((k for k in kinds.ALL if k.__name__ == manifest.get("kind")), None)
    if kind is None or manifest.get("apiVersion") != names.API_VERSION:
        raise InputError(f"{manifest.get('kind')} {meta['name']} is none of ours: apply it with kubectl.")
    return kinds.path(kind, where, meta["name"])


MAX_MAP_BYTES = 900 * 1024
"""What fits into a ConfigMap with room for the rest of it; etcd takes 1.5 MiB at most."""


def packed(namespace: str, content: str | Mapping[str, Any]) -> Upload:
    """Make bytes of content: text is Markdown, anything else a chapter or course document.

    Raises:
        InputError: the content is empty, or more than a gateway takes.
    """
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, sort_keys=True)
    data, media = text.encode(), "text/markdown" if isinstance(content, str) else "application/json"
    if not text.strip():
        raise InputError("The content is empty.", "Give the text of a chapter, or a chapter or course document.")
    if len(data) > MAX_CONTENT_BYTES:
        raise _too_large(len(data), MAX_CONTENT_BYTES, "Send a course in parts, such as a chapter each.")
    return Upload(namespace, data, media)


def upload(namespace: str, content: str | Mapping[str, Any]) -> Call[str]:
    """Send content to the gateway, and give its key; InputError where there is no gateway."""
    kept = yield packed(namespace, content)
    if not kept:
        hint = "Name it: Client(gateway=URL), or COURSEGEN_GATEWAY_URL."
        raise InputError("There is no gateway to send content to.", hint)
    return str(kept["artifact_key"])


def content_map(owner: str, content: Upload) -> Json:
    """Make the ConfigMap that carries content where there is no gateway.

    Its name follows from the content, so that asking again finds what is there.

    Raises:
        InputError: the content is larger than MAX_MAP_BYTES.
    """
    if len(content.data) > MAX_MAP_BYTES:
        hint = "A gateway takes 10 MiB: Client(gateway=URL), or COURSEGEN_GATEWAY_URL."
        raise _too_large(len(content.data), MAX_MAP_BYTES, hint)
    digest = hashlib.sha256(content.data).hexdigest()[:8]
    file = "content.md" if content.media == "text/markdown" else "content.json"
    meta = {"name": names.child_name(owner, f"content-{digest}"), "namespace": content.namespace}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "immutable": True}
    return made | {"data": {file: content.data.decode()}}


def _too_large(found: int, most: int, hint: str) -> InputError:
    return InputError(f"The content has {found} bytes; it can have {most}.", hint)


def create_with_content(
    kind: type[K], namespace: str, name: str, spec: Model, content: str | Mapping[str, Any] | None
) -> Call[K]:
    """Create a validation or export; content that the system did not make goes up first.

    It goes through the gateway, if the client knows one, else as a ConfigMap, which goes with the object.
    """
    if content is None:
        return (yield from create(kind, namespace, name, spec))
    sent = packed(namespace, content)
    kept = yield sent
    if kept:
        return (yield from create(kind, namespace, name, spec.model_copy(update=kept)))
    manifest = content_map(name, sent)
    yield from apply(manifest, namespace)
    made = yield from create(
        kind, namespace, name, spec.model_copy(update={"config_map_name": manifest["metadata"]["name"]})
    )
    owner = {"apiVersion": names.API_VERSION, "kind": kind.__name__, "name": name, "uid": made.metadata.uid}
    owned = manifest | {"metadata": manifest["metadata"] | {"ownerReferences": [owner]}}
    yield from apply(owned, namespace)
    return made


# ---- verbs --------------------------------------------------------------------------------------------------


def stamp(now: datetime) -> str:
    """Write a time so that two requests differ."""
    return now.astimezone(UTC).isoformat().replace("+00:00", "Z")


def patch(obj: K, change: Json) -> Call[K]:
    """Merge a change into an object that has been read; NotFoundError if it was replaced by another meanwhile."""
    meta = obj.metadata
    change = change | {"metadata": change.get("metadata", {}) | {"uid": meta.uid}}
    path = kinds.path(type(obj), meta.namespace, meta.name)
    return parse(type(obj), (yield Request("PATCH", path, _STRICT, change, MERGE)))


def ask(obj: K, annotation: str, now: datetime) -> Call[K]:
    """Ask for something by annotation; the operator acts on each new value once."""
    return (yield from patch(obj, {"metadata": {"annotations": {annotation: stamp(now)}}}))


def suspend(obj: K, on: bool) -> Call[K]:
    """Start nothing new, or go on."""
    return (yield from patch(obj, {"spec": {"suspend": on}}))


def regenerate(obj: Work, feedback: str, focus_area: str | None, request_id: str | None) -> Call[Work]:
    """Wish that a chapter, or every chapter of a course, be made anew."""
    if not isinstance(obj, ChapterGeneration | CourseGeneration):
        raise InputError(f"{kinds.label(obj)} cannot be regenerated: name a chapter or a course.")
    chosen = request_id or wish_id(obj.status.revision, feedback, focus_area)
    try:
        wish = Regeneration(request_id=chosen, feedback=feedback, focus_area=focus_area)
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{first['loc'][0]}: {first['msg']}") from error
    # The whole wish is replaced: without the null a focusArea of the wish before would stay.
    return (yield from patch(obj, {"spec": {"regeneration": {"focusArea": None} | wish.wire()}}))


def wish_id(revision: int, feedback: str, focus_area: str | None) -> str:
    """Name a wish by what it says and by the revision that it is about: said twice, it is still one wish."""
    digest = hashlib.sha256(f"{focus_area or ''}\n{feedback}".encode()).hexdigest()[:10]
    return f"r{revision}-{digest}"


def delete(obj: Kind) -> Call[Json]:
    """Delete an object that has been read, and, in the background, what it owns."""
    meta = obj.metadata
    options = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    conditions = {"uid": meta.uid, "resourceVersion": meta.resource_version}
    path = kinds.path(type(obj), meta.namespace, meta.name)
    return (yield Request("DELETE", path, body=options | {"preconditions": conditions}))
