"""The hot path to the API server: one small client over an aiohttp session of its own.

The generated clients cost five times the CPU of this for each request.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import aiohttp
from pydantic_core import from_json, to_json

from coursegen_api import names

from .access import Access

USER_AGENT = "coursegen-operator"

Json = dict[str, Any]

_TIMEOUT_SECONDS = 30.0
_CONNECTIONS = 64
_BUSY_TRIES = 6
_PAGE = 500
_JSON = "application/json"
MERGE = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Of what was written, nobody has to be told more than what the API server added."""

log = logging.getLogger(__name__)


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(
        self, status: int, reason: str, message: str, retry_after: float = 0.0, causes: Sequence[Json] = ()
    ) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status, self.reason, self.message, self.retry_after = status, reason, message, retry_after
        self.causes = causes
        """The fields at fault, each with `field` and `message`, where the API server names them."""

    @property
    def is_terminating(self) -> bool:
        """Tell whether a create was refused because the namespace is being deleted."""
        return self.status == 403 and "being terminated" in self.message


class ApiUnreachable(Exception):  # noqa: N818 - a state of the world, said in one word
    """No answer: whether the request took effect is not known."""


def path_of(kind: str, namespace: str, name: str = "", subresource: str = "") -> str:
    """Give the URL path of a kind: one of ours (by plural), a Job, a Pod, an Event, a Namespace."""
    group = {"jobs": "/apis/batch/v1", "pods": "/api/v1", "events": "/api/v1", "namespaces": "/api/v1"}.get(
        kind, f"/apis/{names.API_VERSION}"
    )
    parts = [group]
    if namespace:
        parts += ["namespaces", namespace]
    parts += [p for p in (kind, name, subresource) if p]
    return "/".join(parts)


@dataclass(slots=True)
class Kube:
    """The client. Every method raises ApiError for a refusal and ApiUnreachable for no answer."""

    access: Access
    observe: Callable[[str, int], None] = lambda verb, code: None
    may_write: Callable[[], bool] = lambda: True
    """Asked when a write is about to be sent; leader election answers it. False: the write is refused here."""
    agent: str = USER_AGENT
    timeout: float = _TIMEOUT_SECONDS
    write_seconds: int = 0
    """So long a write may take to take effect, on the wire and then in the API server; 0: as long as it likes."""
    session: aiohttp.ClientSession = field(init=False)
    _writes: int = field(init=False, default=0)
    """Sent and not answered."""
    _answered: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    async def __aenter__(self) -> "Kube":
        connector = aiohttp.TCPConnector(
            limit=_CONNECTIONS,
            ssl=self.access.ssl_context(),
            socket_factory=self._socket if self.write_seconds else None,
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self.timeout, connect=min(10.0, self.timeout)),
            request_class=_guarded(self),
        )
        return self

    def _socket(self, address: Any) -> socket.socket:
        """Make a socket that gives up what it could not deliver, rather than deliver it minutes later."""
        made = socket.socket(*address[:3])
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self.write_seconds * 1000)
        return made

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def get(self, path: str) -> Json:
        """Read one object."""
        return await self._request("GET", path)

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[Json]:
        """Read a list page by page; `metadata.resourceVersion` is that of the whole list."""
        query = {k: v for k, v in selectors.items() if v} | {"limit": str(_PAGE)}
        while True:
            page = await self._request("GET", f"{path}?{urlencode(query)}")
            yield page | {"items": page.get("items") or []}
            more = page["metadata"].get("continue")
            if not more:
                return
            query["continue"] = more

    async def list(self, path: str, **selectors: str) -> list[Json]:
        """Read all that is in a list."""
        return [item async for page in self.pages(path, **selectors) for item in page["items"]]

    async def create(self, path: str, body: Json, metadata_only: bool = False) -> Json:
        """Create an object, and give it as it is there, or no more than its metadata; 409 if the name is taken."""
        return await self._request("POST", f"{path}?fieldValidation=Strict", body, metadata_only=metadata_only)

    async def patch_status(self, path: str, patch: Json, metadata_only: bool = False) -> Json:
        """Merge into the status, and give the object as it is then, or no more than its metadata.

        ApiError 409 if metadata.resourceVersion in the patch is not the present one.
        """
        return await self._request("PATCH", f"{path}/status?fieldValidation=Strict", patch, MERGE, metadata_only)

    async def patch(self, path: str, patch: Json) -> Json:
        """Merge into an object."""
        return await self._request("PATCH", f"{path}?fieldValidation=Strict", patch, MERGE)

    async def replace(self, path: str, body: Json) -> Json:
        """Replace an object; ApiError 409 if metadata.resourceVersion is not the present one."""
        return await self._request("PUT", f"{path}?fieldValidation=Strict", body)

    async def all_answered(self) -> None:
        """Wait until no write is on its way."""
        while self._writes:
            self._answered.clear()
            await self._answered.wait()

    async def delete(self, path: str, uid: str = "", query: str = "", version: str = "") -> Json:
        """Delete in the background: what the object owns goes too, and is not waited for."""
        body: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid} | ({"resourceVersion": version} if version else {})
        return await self._request("DELETE", path + query, body)

    async def _request(
        self, verb: str, path: str, body: Json | None = None, media: str = _JSON, metadata_only: bool = False
    ) -> Json:
        if verb != "GET" and self.write_seconds:
            path += f"{'&' if '?' in path else '?'}timeout={self.write_seconds}s"
        data = to_json(body) if body is not None else None
        for _ in range(_BUSY_TRIES):
            headers = {
                "User-Agent": self.agent,
                "Accept": METADATA if metadata_only else _JSON,
                "Accept-Encoding": "identity",  # gzip costs the API server more than the bytes do
                "Content-Type": media,
            } | self.access.headers()
            self._writes += verb != "GET"
            try:
                async with self.session.request(
                    verb, self.access.server + path, data=data, headers=headers
                ) as response:
                    text = await response.read()
                    self.observe(verb, response.status)
                    if response.status < 400:
                        return _read(verb, text)
                    error = _error(response.status, text, response.headers.get("Retry-After"))
            except (aiohttp.ClientError, TimeoutError, ValueError) as e:  # ValueError: what came is no JSON
                self.observe(verb, 0)
                raise ApiUnreachable(f"{verb} {path.split('?')[0]}: {type(e).__name__} {e}") from e
            finally:
                self._writes -= verb != "GET"
                self._answered.set()
            if error.status != 429:
                raise error
            await asyncio.sleep(max(0.2, error.retry_after))  # after the last too: who is told of it asks again soon
        raise error


def _guarded(kube: Kube) -> type[aiohttp.ClientRequest]:
    """Give a request that asks right before its first byte is sent.

    A connection may have been waited for, or the process paused. `send` would be too early: before Python 3.12 aiohttp
    sends in a later turn of the loop, headers together with the body, and every write has a body.
    """

    class Request(aiohttp.ClientRequest):
        async def write_bytes(self, writer: Any, conn: Any, content_length: int | None = None) -> None:
            if kube.may_write():
                await super().write_bytes(writer, conn, content_length)
            else:
                conn.protocol.set_exception(aiohttp.ClientConnectionError("this replica does not lead"))

    return Request


def _read(verb: str, text: bytes) -> Json:
    """Read an answer; what is listed may stay for months, so that texts which are the same are one."""
    answer: Json = from_json(text, cache_strings="all" if verb == "GET" else "keys")
    return answer


def _error(status: int, text: bytes, retry_after: str | None) -> ApiError:
    try:
        said = from_json(text)
    except ValueError:
        said = {}
    wait = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
    message = str(said.get("message", text[:200].decode("utf-8", "replace")))
    causes = (said.get("details") or {}).get("causes") or ()
    return ApiError(status, str(said.get("reason", "")), message, wait, causes)
