"""A bare client of the API server: what the ceilings are made with, and what the operator is watched with."""

import asyncio
import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import aiohttp

from coursegen_operator.access import Access
from coursegen_operator.kube import MERGE, METADATA

Json = dict[str, Any]

_TIMEOUT_SECONDS = 60
_BUSY_SECONDS = 0.2


class RefusedError(Exception):
    """The API server said no."""

    def __init__(self, verb: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{verb} {path}: {status} {text[:300]}")
        self.status = status


class Client:
    """One connection pool, and nothing between the caller and the wire but JSON."""

    def __init__(self, access: Access, agent: str, connections: int) -> None:
        self._access, self._agent, self._connections = access, agent, connections

    async def __aenter__(self) -> "Client":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._access.ssl_context()),
            headers={"User-Agent": self._agent, "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def request(
        self, verb: str, path: str, body: Json | None = None, media: str = "application/json", accept: str = ""
    ) -> Json:
        """Ask once, and again while the server is busy; RefusedError if it says no."""
        data = json.dumps(body, separators=(",", ":")).encode() if body is not None else None
        while True:
            async with self._session.request(
                verb,
                self._access.server + path,
                data=data,
                headers={"Content-Type": media} | ({"Accept": accept} if accept else {}),
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS),
            ) as response:
                text = await response.read()
            if response.status < 400:
                answer: Json = json.loads(text)
                return answer
            if response.status != 429:
                raise RefusedError(verb, path, response.status, text.decode("utf-8", "replace"))
            await asyncio.sleep(_BUSY_SECONDS)

    async def get(self, path: str) -> Json | None:
        """Give an object; None if there is none."""
        try:
            return await self.request("GET", path)
        except RefusedError as error:
            if error.status != 404:
                raise
            return None

    async def create(self, path: str, body: Json) -> Json:
        """Create, and give no more than the metadata, which is all that the operator asks for."""
        return await self.request("POST", f"{path}?fieldValidation=Strict", body, accept=METADATA)

    async def patch_status(self, path: str, body: Json) -> Json:
        """Merge into a status, and give no more than the metadata."""
        return await self.request("PATCH", f"{path}/status?fieldValidation=Strict", body, MERGE, METADATA)

    async def patch(self, path: str, body: Json) -> Json:
        """Merge."""
        return await self.request("PATCH", path, body, MERGE)

    async def apply(self, path: str, body: Json) -> None:
        """Apply a manifest, server-side."""
        await self.request("PATCH", f"{path}?fieldManager=bench&force=true", body, "application/apply-patch+yaml")

    async def follow(self, path: str) -> AsyncIterator[Json]:
        """Give every object of a collection, and each again as it changes, until the caller has seen enough.

        A watch that the server ends (it does so when it reads a CRD anew) is begun again, with a list before it.
        """
        while True:
            found = await self.request("GET", path)
            for item in found["items"]:
                yield item
            async for item in self._watch(path, found["metadata"]["resourceVersion"]):
                yield item

    async def _watch(self, path: str, version: str) -> AsyncIterator[Json]:
        query = urlencode({"watch": "1", "resourceVersion": version})
        url = f"{self._access.server}{path}{'&' if '?' in path else '?'}{query}"
        async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=None)) as response:
            rest = b""
            async for portion in response.content.iter_any():
                *lines, rest = (rest + portion).split(b"\n")
                for line in lines:
                    event: Json = json.loads(line)
                    if event["type"] in ("ADDED", "MODIFIED"):
                        yield event["object"]
                    elif event["type"] == "ERROR":
                        return
