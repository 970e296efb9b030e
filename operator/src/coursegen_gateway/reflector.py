"""Follows one kind of object: a list, then a watch from where the list ended, and a new list now and then."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

import aiohttp
from pydantic_core import from_json

from coursegen_operator.kube import ApiError, ApiUnreachable, Json, Kube

from .state import Place, place

_WATCH_SECONDS = 290
_SILENCE_SECONDS = 90.0
"""Bookmarks come every minute: a watch that says nothing for longer is broken."""

_MAX_PAUSE_SECONDS = 20.0

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Takes in what exists."""

    def put(self, plural: str, item: Json) -> None:
        """Take an object that is new or has changed."""

    def remove(self, plural: str, item: Json) -> None:
        """Take note that an object is gone."""

    def retain(self, plural: str, scope: str, there: Container[Place], version: int) -> None:
        """Take note of all that a list of that version had, of a kind in a namespace ("": in all of them)."""


def _without_managers(item: Json) -> Json:
    item["metadata"].pop("managedFields", None)
    return item


@dataclass(slots=True)
class Reflector:
    """Keeps a sink up to date with one kind in one scope."""

    kube: Kube
    sink: Sink
    plural: str
    path: str
    scope: str = ""
    selector: str = ""
    resync_seconds: float = 300.0
    listed: float = 0.0
    """Monotonic time of the last complete list; 0 before the first."""
    strip: Callable[[Json], Json] = _without_managers
    """Takes away what nobody looks at, before it costs memory."""

    async def run(self) -> None:
        """Follow until cancelled; what fails is tried again after a growing pause."""
        pause = 0.5
        while True:
            try:
                await self._once()
                pause = 0.5
            except (ApiError, ApiUnreachable, aiohttp.ClientError, TimeoutError, ValueError) as error:
                log.warning(
                    "%s cannot be followed, again in %.0f s: %s", self.plural, pause, error or type(error).__name__
                )
                await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - spreads reconnects, no secret
                pause = min(_MAX_PAUSE_SECONDS, pause * 2)

    async def _once(self) -> None:
        """List, then watch until it is time for a new list, or until the API server has forgotten the version."""
        there: set[Place] = set()
        version = ""
        async for page in self.kube.pages(self.path, labelSelector=self.selector):
            for item in page["items"]:
                there.add(place(item))
                self.sink.put(self.plural, self.strip(item))
            version = str(page["metadata"]["resourceVersion"])
        self.sink.retain(self.plural, self.scope, there, int(version))
        self.listed = begun = time.monotonic()
        while time.monotonic() - begun < self.resync_seconds:
            left = self.resync_seconds - (time.monotonic() - begun)
            version = await self._watch(version, max(1, min(_WATCH_SECONDS, round(left))))

    async def _watch(self, version: str, seconds: int) -> str:
        """Take in events until the watch ends; gives the version to go on from. ApiError 410: list anew."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        query |= {"labelSelector": self.selector} if self.selector else {}
        url = f"{self.kube.access.server}{self.path}?{urlencode(query)}"
        headers = {"Accept": "application/json", "User-Agent": self.kube.agent} | self.kube.access.headers()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_SILENCE_SECONDS)
        async with self.kube.session.get(url, headers=headers, timeout=timeout) as response:
            if response.status != 200:
                raise ApiError(response.status, "", (await response.text())[:200])
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    version = self._take(from_json(line)) or version
        return version

    def _take(self, event: Json) -> str:
        item = event["object"]
        if event["type"] == "ERROR":
            raise ApiError(int(item.get("code", 500)), str(item.get("reason", "")), str(item.get("message", "")))
        if event["type"] in ("ADDED", "MODIFIED"):
            self.sink.put(self.plural, self.strip(item))
        elif event["type"] == "DELETED":
            self.sink.remove(self.plural, item)
        return str(item["metadata"]["resourceVersion"])
