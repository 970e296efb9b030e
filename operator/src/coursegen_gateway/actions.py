"""What people ask for, written into the cluster with their own token; the operator acts on it."""

import re
import uuid
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coursegen_api import names
from coursegen_api.base import Model, NamespaceName, ObjectName, Regeneration
from coursegen_api.chapter import ChapterSpec
from coursegen_api.course import CourseSpec
from coursegen_api.export import ExportSpec
from coursegen_api.validation import ValidationSpec
from coursegen_operator.kube import ApiError, Json, path_of

from .access import Caller, Right
from .gateway import Found, Gateway
from .models import Accepted
from .problems import Problem, of_cluster, of_fields
from .state import CHAPTERS, COURSES, EXPORTS, TASK_KINDS, VALIDATIONS, Entry, ended

SPECS: dict[str, type[Model]] = {
    COURSES: CourseSpec, CHAPTERS: ChapterSpec, VALIDATIONS: ValidationSpec, EXPORTS: ExportSpec
}  # fmt: skip
_KINDS = {
    COURSES: "CourseGeneration", CHAPTERS: "ChapterGeneration", VALIDATIONS: "QualityValidation",
    EXPORTS: "CourseExport",
}  # fmt: skip
_ANNOTATIONS = {"retry": names.ANNOTATION_RETRY, "cancel": names.ANNOTATION_CANCEL, "stop": names.ANNOTATION_STOP}
REGENERATED = (COURSES, CHAPTERS)
_REQUEST_ID = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9._]{0,61}[A-Za-z0-9])?")


class Place(BaseModel):
    """Where something new goes."""

    model_config = ConfigDict(extra="ignore")

    namespace: NamespaceName = Field(description="Where it goes.", examples=["courses"])
    name: ObjectName | None = Field(default=None, description="metadata.name. Default: made from the id.")


class Options(BaseModel):
    """What the change is about."""

    model_config = ConfigDict(extra="forbid")

    focus_area: str | None = Field(
        default=None,
        max_length=63,
        pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$",
        description="What the change is about, in a word.",
        examples=["simplification"],
    )


class Feedback(BaseModel):
    """A wish that content be made anew."""

    model_config = ConfigDict(extra="forbid")

    feedback: str = Field(
        min_length=1, max_length=4000, description="What to change, in your words.",
        examples=["Content too advanced for beginners"],
    )  # fmt: skip
    options: Options = Field(default_factory=Options)


class RegenerateChapter(Feedback):
    """A wish that a chapter of a course be made anew."""

    chapter_id: str = Field(
        min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][-A-Za-z0-9._]*$",
        description="The owner's id of the chapter, or the object's name.", examples=["course-123-chapter-01"],
    )  # fmt: skip


def accepted(entry: Entry, request_id: str | None = None) -> Accepted:
    """Say that a wish was written down, and where to look."""
    uid, kind = entry.item["metadata"]["uid"], TASK_KINDS[entry.plural]
    return Accepted.model_validate(
        {
            "task_id": uid,
            "kind": kind,
            "name": entry.place[1],
            "namespace": entry.place[0],
            "request_id": request_id,
            "status_url": f"api/v1/tasks/{uid}",
            "websocket_url": f"ws/tasks/{uid}",
        }
    )


async def create(gateway: Gateway, caller: Caller, plural: str, body: Any) -> Accepted:
    """Create an object from a spec in snake_case, with `namespace` and, if wanted, `name` beside it."""
    if not isinstance(body, dict):
        raise Problem(422, "The body has to be a JSON object.")
    try:
        where = Place.model_validate(body)
        fields = {k: v for k, v in body.items() if k not in ("namespace", "name")}
        spec = SPECS[plural].model_validate(fields, by_alias=False, by_name=True)
    except ValidationError as error:
        raise of_fields(error) from error
    given = getattr(spec, "course_id", None) or getattr(spec, "chapter_id", None)
    name = where.name or (names.object_name(given) if given else f"{TASK_KINDS[plural]}-{uuid.uuid4().hex[:12]}")
    kind = TASK_KINDS[plural]
    gateway.must_serve(where.namespace)
    client = await gateway.may_change(caller, Right("create", plural, where.namespace), f"create a {kind}")
    manifest: Json = {"apiVersion": names.API_VERSION, "kind": _KINDS[plural], "metadata": {"name": name}}
    wire = spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    try:
        made = await client.create(path_of(plural, where.namespace), manifest | {"spec": wire})
    except ApiError as error:
        raise of_cluster(error, f"create a {kind} in {where.namespace}") from error
    gateway.state.put(plural, made)
    return accepted(Entry(plural, made))


async def request(gateway: Gateway, found: Found, verb: str) -> Accepted:
    """Ask for a retry, a cancel or a stop, by annotation; Problem 409 where it has no sense."""
    phase = found.entry.item.get("status", {}).get("phase")
    if verb == "stop" and found.entry.plural != COURSES:
        raise Problem(409, "Only a course can be stopped: cancel this instead.")
    partly = phase == "Succeeded" and found.entry.item["status"].get("missingChapters")
    if verb == "retry" and phase not in ("Failed", "Cancelled") and not partly:
        raise Problem(409, f"Only what failed or was cancelled can be run again; this is {phase or 'Pending'}.")
    if verb == "cancel" and ended(found.entry.item):
        raise Problem(409, f"It has ended already: {phase}.")
    annotations = {_ANNOTATIONS[verb]: f"{verb}-{uuid.uuid4()}"}
    return await change(gateway, found, {"metadata": {"annotations": annotations}}, verb)


async def change(gateway: Gateway, found: Found, patch: Json, what: str, request_id: str | None = None) -> Accepted:
    """Merge into an object as the caller."""
    entry, kind = found.entry, TASK_KINDS[found.entry.plural]
    what = f"{what} this {kind}"
    client = await gateway.may_change(found.caller, Right("patch", entry.plural, *entry.place), what)
    # The UID makes sure that it is this object, not one that has its name by now.
    patch = patch | {"metadata": {"uid": entry.item["metadata"]["uid"]} | patch.get("metadata", {})}
    try:
        made = await client.patch(found.path, patch)
    except ApiError as error:
        raise of_cluster(error, what) from error
    gateway.state.put(entry.plural, made)
    return accepted(entry, request_id)


async def regenerate(
    gateway: Gateway, chapter: Found, feedback: str, focus_area: str | None, key: str | None
) -> Accepted:
    """Ask for a chapter anew; the same idempotency key asks once."""
    if key is not None and not _REQUEST_ID.fullmatch(key):
        raise Problem(422, "Idempotency-Key has at most 63 letters, digits, '-', '_' and '.'.")
    request_id = key or f"http-{uuid.uuid4()}"
    try:
        wish = Regeneration(request_id=request_id, feedback=feedback, focus_area=focus_area)
    except ValidationError as error:
        raise of_fields(error) from error
    whole = {"focusArea": None} | wish.wire()  # a merge would keep the focusArea of the wish before
    return await change(gateway, chapter, {"spec": {"regeneration": whole}}, "regenerate", request_id)


async def delete(gateway: Gateway, found: Found) -> None:
    """Delete an object with what it owns."""
    entry, what = found.entry, f"delete this {TASK_KINDS[found.entry.plural]}"
    client = await gateway.may_change(found.caller, Right("delete", entry.plural, *entry.place), what)
    try:
        await client.delete(found.path, uid=entry.item["metadata"]["uid"])
    except ApiError as error:
        raise of_cluster(error, what) from error
