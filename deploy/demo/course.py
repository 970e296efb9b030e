"""Applies the example course, follows it to its end, and brings its files here."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter

from . import view
from .kubectl import Json, Kubectl, Proxy
from .live import Live
from .overlay import STORE, SYSTEM, TENANT
from .screen import Screen
from .view import Artifact, CourseView

_API = f"/apis/coursegen.dev/v1alpha1/namespaces/{TENANT}"
_POLL_SECONDS = 0.5
_GONE_SECONDS = 60.0
_CHILDREN = ("chaptergenerations", "qualityvalidations", "courseexports")
_FILES = {"pdf": "{name}.pdf", "scorm": "{name}-scorm.zip", "json": "{name}.json"}


def begin(kubectl: Kubectl, api: Proxy, example: Path, name: str, reporter: Reporter) -> None:
    """Apply the course; one that ended in an earlier run is made anew, one under way is followed."""
    known = api.get(f"{_API}/coursegenerations/{name}")
    with reporter.step("course", f"kubectl apply -f {example}") as step:
        if known is not None:
            if not _ended(known):
                step.note(f"{name} is under way: following it")
                return
            step.note(f"deleting the {name} of an earlier run")
            kubectl.run("-n", TENANT, "delete", "coursegeneration", name, what=f"Deleting {name}")
            _wait_until_gone(api, name)
        kubectl.run("-n", TENANT, "apply", "-f", str(example), what=f"Applying {example}")
        if known is not None:
            step.note(f"{name} made again; its parts are cached")


def _ended(course: Json) -> bool:
    return view.build(view.Resources(course), 0.0).ended


def _wait_until_gone(api: Proxy, name: str) -> None:
    """Wait for the garbage collector: children of the old course bear the names of the new one's."""
    deadline = time.monotonic() + _GONE_SECONDS
    while _read(api, name) or any(_children(api, name, plural) for plural in _CHILDREN):
        if time.monotonic() > deadline:
            raise LocalClusterError(
                f"The parts of the earlier {name} are still there after {_GONE_SECONDS:.0f} s.",
                hint="Is the controller manager well? `make down` and `make demo` start over.",
            )
        time.sleep(_POLL_SECONDS)


def follow(api: Proxy, live: Live, name: str, screen: Screen, limit: float) -> CourseView:
    """Show the course until it ends; LocalClusterError after `limit` seconds."""
    deadline = time.monotonic() + limit
    while True:
        course = _read(api, name)
        if course is None:
            raise LocalClusterError(f"{name} was deleted while it was being made.", hint="`make demo` makes it again.")
        chapters, validations, exports = (_children(api, name, plural) for plural in _CHILDREN)
        now = view.build(view.Resources(course, chapters, validations, exports, live.words), time.time())
        screen.show(now)
        if now.ended:
            return now
        if time.monotonic() > deadline:
            raise LocalClusterError(
                f"{name} is not finished after {limit / 60:.0f} minutes. {now.message}".rstrip(),
                hint=f"See why: deploy/demo/kubectl -n {TENANT} get coursegen,chaptergen,pods -o wide",
            )
        time.sleep(_POLL_SECONDS)


def _read(api: Proxy, name: str) -> Json | None:
    return api.get(f"{_API}/coursegenerations/{name}")


def _children(api: Proxy, name: str, plural: str) -> list[Json]:
    selector = quote(f"coursegen.dev/course={name}")
    answer = api.get(f"{_API}/{plural}?labelSelector={selector}") or {}
    items: list[Json] = answer.get("items", [])
    return items


def fetch(kubectl: Kubectl, api: Proxy, course: CourseView, folder: Path) -> list[Path]:
    """Bring the course's files from the object store into a folder, each checked against the hash in status."""
    secret = api.get(f"/api/v1/namespaces/{TENANT}/secrets/{STORE}")
    if secret is None:
        raise LocalClusterError(f"The Secret {STORE} in {TENANT} is gone.", hint="`make demo` makes it again.")
    folder.mkdir(parents=True, exist_ok=True)
    forward = ["port-forward", "--namespace", SYSTEM, "service/s3", ":7070"]
    with kubectl.background(*forward, says=r"127\.0\.0\.1:\d+") as found:
        read = _reader(secret, f"http://{found[0]}")
        return [_save(artifact, read, folder, course.name) for artifact in course.artifacts]


def _reader(secret: Json, endpoint: str) -> Callable[[str], bytes]:
    from base64 import b64decode

    import obstore
    from obstore.store import S3Store

    values = {name: b64decode(value).decode() for name, value in secret["data"].items()}
    store = S3Store(
        values["COURSEGEN_STORE_URL"].removeprefix("s3://"),
        endpoint=endpoint,
        region=values["AWS_REGION"],
        access_key_id=values["AWS_ACCESS_KEY_ID"],
        secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        client_options={"allow_http": True},
    )
    return lambda key: bytes(obstore.get(store, key).bytes())


def _save(artifact: Artifact, read: Callable[[str], bytes], folder: Path, name: str) -> Path:
    content = read(artifact.key)
    if hashlib.sha256(content).hexdigest() != artifact.sha256:
        raise LocalClusterError(f"{artifact.key} in the object store is not what status says: its SHA-256 differs.")
    path = folder / _FILES[artifact.format].format(name=name)
    if artifact.format == "json":
        json.loads(content)
    path.write_bytes(content)
    return path
