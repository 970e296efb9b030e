"""`download`: an object's files, from the store into a folder."""

from collections.abc import Iterator
from pathlib import Path

from coursegen_api.base import Artifact
from coursegen_api.course import CourseGeneration
from coursegen_api.export import CourseExport

from .. import kinds, store
from ..calls import Json
from ..errors import NotFoundError
from ..kinds import Work
from .app import Output, Scope

_ENDINGS = {"application/pdf": "pdf", "application/zip": "zip", "application/json": "json"}


def download(scope: Scope, name: str, directory: Path, store_url: str | None) -> None:
    """Fetch the exports of a course, or the artifact of anything else."""
    obj = scope.find(name)
    found = list(files(obj))
    if not found:
        hint = f"See what it waits for: kubectl coursegen why {name}"
        raise NotFoundError(f"{kinds.label(obj)} has no file in the store yet.", hint)
    known = store.credentials(scope.client, obj.metadata.namespace, store_url)
    saved: list[Json] = []
    with store.opened(known, scope.kubectl()) as opened:
        for file, artifact in found:
            path = directory / file
            store.save(opened, artifact, path)
            saved.append({"file": str(path)} | artifact.wire())
            if not scope.for_machines:
                scope.screen.say(str(path) if scope.output is Output.NAME else f"{path}  {artifact.bytes:,} bytes")
    if scope.for_machines:
        scope.screen.data(saved, scope.output)


def files(obj: Work) -> Iterator[tuple[str, Artifact]]:
    """Give a name for each file of an object."""
    name = obj.metadata.name
    if isinstance(obj, CourseGeneration):
        for export in obj.status.exports:
            if export.artifact:
                yield f"{name}{_ending(export.artifact, export.format.value)}", export.artifact
    elif obj.status.artifact:
        form = obj.spec.format.value if isinstance(obj, CourseExport) else ""
        yield f"{name}{_ending(obj.status.artifact, form)}", obj.status.artifact


def _ending(artifact: Artifact, form: str) -> str:
    if form and artifact.media_type == "application/zip":
        return f".{form}.zip"  # a course may have several packages
    known = _ENDINGS.get(artifact.media_type) or Path(artifact.key).suffix.lstrip(".")
    return f".{known}"
