"""Queues from a file, for an operator whose account reaches nothing of the cluster but its namespaces.

GenerationQueues lie in the cluster, and no Role can say anything of them. So the client answers for the API server
where queues are concerned: it lists those of the file, and keeps what is written of their status in memory. A restart
forgets the latter: circuits are closed then, and what an elastic queue had grown to is found again.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from coursegen_api.queue import GenerationQueue

from .environ import PREFIX, SettingsError
from .kube import ApiError, Json, Kube, path_of
from .shares import Shares
from .statuspatch import merged

_PLURAL = GenerationQueue.meta.plural
_LIST = path_of(_PLURAL, "")


class QueueFile:
    """The queues of a file, as the API server would have them."""

    def __init__(self, path: Path) -> None:
        self._version = 1
        self._queues = {q["metadata"]["name"]: q for q in _read(path)}

    def list(self) -> Json:
        """Give all queues, in the form of a list of the API server."""
        return {"metadata": {"resourceVersion": str(self._version)}, "items": list(self._queues.values())}

    def patch_status(self, name: str, patch: Json) -> Json:
        """Merge into a queue's status; ApiError 404 for one that is not in the file, 409 for one that was changed."""
        before = self._queues.get(name)
        if before is None:
            raise ApiError(404, "NotFound", f"no queue {name} in the file")
        wanted = patch["metadata"].get("resourceVersion", before["metadata"]["resourceVersion"])
        if wanted != before["metadata"]["resourceVersion"]:
            raise ApiError(409, "Conflict", f"queue {name} was changed")
        self._version += 1
        meta = before["metadata"] | {"resourceVersion": str(self._version)}
        after = before | {"metadata": meta, "status": merged(before.get("status", {}), patch["status"])}
        self._queues[name] = after
        return after


@dataclass(slots=True)
class KubeWithQueues(Kube):
    """The client of an operator that has its queues from a file, or shares them with other operators."""

    queues: QueueFile | None = None
    shares: Shares = field(default_factory=Shares)

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[Json]:
        """Read a list page by page, or the file's queues."""
        if self.queues and path == _LIST:
            yield self.queues.list()
            return
        async for page in Kube.pages(self, path, **selectors):
            yield page

    async def patch_status(self, path: str, patch: Json, metadata_only: bool = False) -> Json:
        """Merge into the status of an object; of a queue, into that of the file's or into this operator's share."""
        if path.startswith(f"{_LIST}/"):
            name = path.rpartition("/")[2]
            if self.queues:
                return self.queues.patch_status(name, patch)
            patch = self.shares.write(name, patch)
        return await Kube.patch_status(self, path, patch, metadata_only)


def _read(path: Path) -> list[Json]:
    """Read GenerationQueue manifests; SettingsError says which one is wrong and why."""
    where = f"{PREFIX}QUEUES_FILE, {path}"
    try:
        documents = [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]
    except OSError as error:
        raise SettingsError(f"{where}: it cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{where}: it is no YAML: {error}") from error
    queues = [_queue(where, d, number) for number, d in enumerate(documents, 1)]
    if not queues:
        raise SettingsError(f"{where}: there is no GenerationQueue in it, so nothing could ever run.")
    names = [q["metadata"]["name"] for q in queues]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"{where}: there are two queues of the name {name}.")
    return queues


def _queue(where: str, document: Any, number: int) -> Json:
    if not isinstance(document, dict) or document.get("kind") != "GenerationQueue":
        raise SettingsError(f"{where}: document {number} is no GenerationQueue.")
    given = document.get("metadata")
    name = given.get("name") if isinstance(given, dict) else None
    if not name or not isinstance(name, str):
        raise SettingsError(f"{where}: document {number} has no metadata.name.")
    meta = {"name": name, "uid": f"file-{name}", "resourceVersion": "1", "generation": 1}
    try:
        GenerationQueue.model_validate({**document, "metadata": meta})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{where}: queue {name}: {field}: {first['msg']}.") from error
    return {**document, "metadata": meta}
