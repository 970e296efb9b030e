"""What both clients do with a watch: where it goes on, and when the list has to be read anew."""

import json
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import httpx

from coursegen_api.kinds import Kind

from . import calls, kinds
from .calls import Json, Request
from .errors import RefusedError, UnreachableError, of_answer

K = TypeVar("K", bound=Kind)
_SECONDS = 290


def passes(error: Exception) -> bool:
    """Tell whether an error passes by itself: the API server is away, or has too much to do."""
    if isinstance(error, RefusedError):
        return error.status == 429
    return isinstance(error, UnreachableError | httpx.HTTPError)


@dataclass(frozen=True)
class Change(Generic[K]):
    """Something that happened to an object."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: K


@dataclass
class Watching(Generic[K]):
    """One watch, over as many connections as it takes."""

    kind: type[K]
    namespace: str
    name: str = ""
    version: str = ""
    """resourceVersion to go on from; empty: read the list first."""
    _begun: bool = False
    _known: dict[str, K] = field(default_factory=dict)

    def relist(self, answer: Json) -> list[Change[K]]:
        """Take in a list: what is new, what has changed, and what has gone meanwhile."""
        now = {o.metadata.uid: o for o in (calls.parse(self.kind, raw) for raw in answer["items"])}
        gone = [Change[K]("DELETED", o) for uid, o in self._known.items() if uid not in now]
        changes: list[Change[K]] = []
        for uid, obj in now.items():
            before = self._known.get(uid)
            if before is None:
                changes.append(Change("ADDED", obj))
            elif before.metadata.resource_version != obj.metadata.resource_version:
                changes.append(Change("MODIFIED", obj))
        self._begun, self._known, self.version = True, now, answer["metadata"]["resourceVersion"]
        return gone + changes

    def list_query(self) -> dict[str, str]:
        """Give the selector of the one object, if it is one."""
        return {"fieldSelector": f"metadata.name={self.name}"} if self.name else {}

    def request(self) -> Request:
        """Give the request of the next connection."""
        query = self.list_query() | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_SECONDS),
            "resourceVersion": self.version,
        }
        return Request("GET", kinds.path(self.kind, self.namespace), query)

    def outlives(self, error: Exception) -> bool:
        """Tell whether it goes on in a moment after an error: once it has begun, over all that passes by itself."""
        expired = isinstance(error, RefusedError) and error.status == 410
        if expired:
            self.version = ""
        return self._begun and (expired or passes(error))

    def take(self, line: str) -> Change[K] | None:
        """Take in one line; None if it tells of no object. After an expiry `version` is empty.

        Raises:
            CoursegenError: the API server ended the watch for another reason.
        """
        said: dict[str, Any] = json.loads(line)
        raw = said["object"]
        if said["type"] == "ERROR":
            if raw.get("code") != 410:
                raise of_answer(int(raw.get("code", 500)), str(raw.get("message", "")))
            self.version = ""
            return None
        self.version = raw["metadata"]["resourceVersion"]
        if said["type"] == "BOOKMARK":
            return None
        obj = calls.parse(self.kind, raw)
        if said["type"] == "DELETED":
            self._known.pop(obj.metadata.uid, None)
        else:
            self._known[obj.metadata.uid] = obj
        return Change(said["type"], obj)
