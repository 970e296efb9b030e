"""Stands between the operator and the API server, passes everything on, and misbehaves where it is told to."""

import asyncio
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from .fault import OF_WATCHES, Act, Ask, Fault

Json = dict[str, Any]

_KEPT = ("User-Agent", "Content-Type", "Accept")


@dataclass
class Proxy:
    """The proxy of one lane; `begin` makes it ready for another run."""

    server: str
    tls: ssl.SSLContext
    faults: list[Fault] = field(default_factory=list)
    kill: Callable[[], None] = lambda: None
    written: list[str] = field(default_factory=list)
    """Every write of the run so far, each with its number among its like."""
    met: int = 0
    """How often a fault met its request."""
    last: float = 0.0
    """When the last one did, by the loop's clock."""
    asked: int = 0
    """Requests of any kind."""
    port: int = 0

    async def __aenter__(self) -> "Proxy":
        connector = aiohttp.TCPConnector(ssl=self.tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers={"Accept-Encoding": "identity"})
        self._runner = web.ServerRunner(web.Server(self._handle))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        await self._runner.cleanup()

    def begin(self, faults: list[Fault], kill: Callable[[], None]) -> None:
        """Forget the last run."""
        self.faults, self.kill, self.written, self.met = faults, kill, [], 0
        self._numbers: Counter[str] = Counter()
        self._first: dict[str, tuple[int, bytes]] = {}

    # ---- one request --------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked += 1
        agent = request.headers.get("User-Agent", "")
        ask = Ask(request.method, request.path, request.query_string, await request.read(), agent)
        key = self._note(ask) if ask.write else ""
        if ask.watch:
            return await self._watch(request, ask)
        fault = self._meet(ask, key)
        if fault is None:
            status, body = await self._pass_on(request, ask)
            self._first.setdefault(f"{ask.path}?{ask.query}", (status, body))
            return _response(status, body)
        return await self._misbehave(request, ask, fault)

    def _note(self, ask: Ask) -> str:
        what = ask.what
        self._numbers[what] += 1
        key = f"{what} #{self._numbers[what]}"
        if ask.resource != "leases":
            self.written.append(key)
        return key

    def _meet(self, ask: Ask, key: str = "", *, event: bool = False) -> Fault | None:
        for fault in self.faults:
            if fault.times <= 0 or (fault.act in OF_WATCHES) != event:
                continue
            if fault.after and fault.after not in self.written:
                continue
            if (key and key == fault.key) or fault.where(ask):
                fault.times -= 1
                self.met += 1
                self.last = asyncio.get_running_loop().time()
                return fault
        return None

    async def _misbehave(self, request: web.BaseRequest, ask: Ask, fault: Fault) -> web.StreamResponse:
        match fault.act:
            case Act.KILL_BEFORE:
                self.kill()
            case Act.KILL_AFTER:
                await self._pass_on(request, ask)
                self.kill()
            case Act.LOSE:
                await self._pass_on(request, ask)
            case Act.ANSWER:
                return _refusal(fault.code)
            case Act.SILENCE:
                await asyncio.Event().wait()  # until the client goes, which ends this task
            case Act.HALF:
                return await self._half(request, ask)
            case Act.STALE:
                fresh = await self._pass_on(request, ask)
                return _response(*self._first.get(f"{ask.path}?{ask.query}", fresh))
            case Act.SLOW:
                await asyncio.sleep(4)
                return _response(*await self._pass_on(request, ask))
        return _hang_up(request)

    async def _half(self, request: web.BaseRequest, ask: Ask) -> web.StreamResponse:
        _, body = await self._pass_on(request, ask)
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return _hang_up(request)

    async def _pass_on(self, request: web.BaseRequest, ask: Ask) -> tuple[int, bytes]:
        """Ask the API server; one that is away is a broken connection for the operator too."""
        url = f"{self.server}{request.raw_path if hasattr(request, 'raw_path') else request.path_qs}"
        headers = {k: v for k, v in request.headers.items() if k in _KEPT}
        # A client that goes does not take back what it sent: it is on its way already.
        answer = asyncio.ensure_future(self._fetch(ask, url, headers))
        return await asyncio.shield(answer)

    async def _fetch(self, ask: Ask, url: str, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            async with self._session.request(ask.verb, url, data=ask.body or None, headers=headers) as response:
                return response.status, await response.read()
        except (aiohttp.ClientError, OSError):
            return 502, b'{"kind":"Status","reason":"BadGateway","message":"the API server is away","code":502}'

    # ---- a watch ------------------------------------------------------------------------------------------

    async def _watch(self, request: web.BaseRequest, ask: Ask) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k in _KEPT}
        url = f"{self.server}{request.path_qs}"
        try:
            async with self._session.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None)) as upstream:
                response = web.StreamResponse(status=upstream.status, headers={"Content-Type": "application/json"})
                await response.prepare(request)
                async for line in _lines(upstream.content):
                    fault = self._meet(ask, event=True)
                    if fault is None:
                        await response.write(line)
                    elif not await self._spoil(response, line, fault):
                        return _hang_up(request) if fault.act is Act.CUT else response
                return response
        except (aiohttp.ClientError, OSError):
            return _hang_up(request)

    async def _spoil(self, response: web.StreamResponse, line: bytes, fault: Fault) -> bool:
        """Do to a watch what the fault says; False if it ends with that."""
        match fault.act:
            case Act.FREEZE:
                await asyncio.sleep(fault.seconds or 3600)
                return False
            case Act.CUT:
                await response.write(line[: len(line) // 2])
                return False
            case Act.EXPIRED | Act.ERROR:
                code, reason = (410, "Expired") if fault.act is Act.EXPIRED else (500, "InternalError")
                status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
                await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
                return False
        return True  # kept back


def _response(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")


def _refusal(code: int) -> web.Response:
    reasons = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}
    body = {
        "kind": "Status",
        "status": "Failure",
        "reason": reasons[code],
        "message": "a fault of the test",
        "code": code,
    }
    response = _response(code, json.dumps(body).encode())
    if code == 429:
        response.headers["Retry-After"] = "1"
    return response


def _hang_up(request: web.BaseRequest) -> web.StreamResponse:
    """End the connection without an answer."""
    if request.transport:
        request.transport.abort()
    return web.Response(status=500)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    rest = b""
    async for portion in content.iter_any():
        *lines, rest = (rest + portion).split(b"\n")
        for line in lines:
            yield line + b"\n"
