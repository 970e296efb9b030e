"""Stands between the operator and the API server, passes everything on, and misbehaves where it is told to."""

import asyncio
import contextlib
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from coursegen_operator.kube import METADATA

from .fault import OF_WATCHES, SLOW_SECONDS, Act, Ask, Fault

Json = dict[str, Any]

_KEPT = ("User-Agent", "Content-Type", "Accept")

RETRY_AFTER_SECONDS = 1
"""What a 429 says."""

_SOONER_SECONDS = 0.05
"""Clocks and timers may be so much apart."""

_REASONS = {
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


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
    events: Counter[str] = field(default_factory=Counter)
    """By resource, how many events kopf's watches have brought in the run so far."""
    kept: str = ""
    """The write that is kept back, by what it writes and its number."""
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: what is kept back is passed on."""
    impatient: list[str] = field(default_factory=list)
    """What was asked again before the time was up that a 429 had told."""
    port: int = 0

    async def __aenter__(self) -> "Proxy":
        self._over = asyncio.Event()
        self._later: set[asyncio.Task[object]] = set()
        connector = aiohttp.TCPConnector(ssl=self.tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, headers={"Accept-Encoding": "identity"})
        self._runner = web.ServerRunner(web.Server(self._handle))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._session.close()
        await self._runner.cleanup()

    def begin(self, faults: list[Fault], kill: Callable[[], None]) -> None:
        """Forget the last run, and let go of what hangs there still."""
        self._over.set()
        self._over = asyncio.Event()
        self.faults, self.kill, self.written, self.met = faults, kill, [], 0
        self.events, self.kept, self.released, self.impatient = Counter(), "", asyncio.Event(), []
        self._numbers: Counter[str] = Counter()
        self._first: dict[str, tuple[int, bytes]] = {}
        self._told: dict[tuple[str, str, bytes], float] = {}

    # ---- one request --------------------------------------------------------------------------------------

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked += 1
        agent = request.headers.get("User-Agent", "")
        ask = Ask(request.method, request.path, request.query_string, await request.read(), agent)
        key = self._note(ask) if ask.write else ""
        self._judge_patience(ask)
        fault = self._meet(ask, key)
        if fault is None:
            if ask.watch:
                return await self._watch(request, ask)
            status, body = await self._pass_on(request, ask)
            self._first.setdefault(f"{ask.path}?{ask.query}", (status, body))
            return _response(status, body)
        if fault.act is Act.KEEP:
            self.kept = key
        return await self._misbehave(request, ask, fault)

    def _judge_patience(self, ask: Ask) -> None:
        """Note what is asked again too soon after it was told how long to wait."""
        who = _asker(ask)
        if asyncio.get_running_loop().time() < self._told.get(who, 0.0):
            self.impatient.append(f"{who[1]} was sent again before the time was up that it was told to wait")

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
                if fault.code == 429:
                    self._told[_asker(ask)] = asyncio.get_running_loop().time() + RETRY_AFTER_SECONDS - _SOONER_SECONDS
                return _refusal(fault.code)
            case Act.SILENCE:
                await self._over.wait()
            case Act.KEEP:
                # Not here: a client that goes would take back what is on its way.
                self._later.add(asyncio.create_task(self._pass_on_later(request, ask)))
                await self._over.wait()
            case Act.HALF:
                return await self._half(request, ask)
            case Act.STALE:
                fresh = await self._pass_on(request, ask)
                return _response(*self._first.get(f"{ask.path}?{ask.query}", fresh))
            case Act.SLOW:
                await asyncio.sleep(SLOW_SECONDS)
                return _response(*await self._pass_on(request, ask))
        return _hang_up(request)

    async def _half(self, request: web.BaseRequest, ask: Ask) -> web.StreamResponse:
        _, body = await self._pass_on(request, ask)
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        return _hang_up(request)

    async def _pass_on_later(self, request: web.BaseRequest, ask: Ask) -> None:
        released = self.released
        await released.wait()
        await self._pass_on(request, ask)

    async def _pass_on(self, request: web.BaseRequest, ask: Ask) -> tuple[int, bytes]:
        """Ask the API server; one that is away is a broken connection for the operator too.

        Who asks for no more than an object's metadata gets that, but the API server is asked for the whole: the audit
        log, which the oracles read, has what was answered.
        """
        url = f"{self.server}{request.raw_path if hasattr(request, 'raw_path') else request.path_qs}"
        headers = {k: v for k, v in request.headers.items() if k in _KEPT}
        wants_metadata = headers.get("Accept") == METADATA
        if wants_metadata:
            headers["Accept"] = "application/json"
        # A client that goes does not take back what it sent: it is on its way already.
        answer = asyncio.ensure_future(self._fetch(ask, url, headers))
        status, body = await asyncio.shield(answer)
        return status, _metadata_of(body) if wants_metadata and status < 300 else body

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
                    self.events[ask.resource] += ask.agent.startswith("kopf")
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
                await self._freeze(fault.seconds)
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

    async def _freeze(self, seconds: float) -> None:
        """Wait so long, or to the end of the run."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds or None)


def _asker(ask: Ask) -> tuple[str, str, bytes]:
    """Name a request so that it is the same when it is sent again, and another's to the same place is not."""
    return (ask.agent, ask.what, ask.body) if ask.write else (ask.agent, f"{ask.verb} {ask.path}?{ask.query}", b"")


def _metadata_of(body: bytes) -> bytes:
    meta = json.loads(body)["metadata"]
    return json.dumps({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": meta}).encode()


def _response(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json")


def _refusal(code: int) -> web.Response:
    body = {
        "kind": "Status",
        "status": "Failure",
        "reason": _REASONS[code],
        "message": "a fault of the test",
        "code": code,
    }
    response = _response(code, json.dumps(body).encode())
    if code == 429:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
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
