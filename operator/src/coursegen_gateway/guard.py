"""What every request passes first: bounds of size and rate, and headers that keep browsers out of trouble.

`Guard` is pure ASGI: nothing is buffered, so that downloads and WebSockets stream through it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import Problem

MAX_BODY = 256 * 1024
"""Bytes: what the largest course needs. Read as JSON it can be 25 times as much in memory."""

BODIES = 16
"""Bodies in memory at once; each with its objects until the request is answered."""

BODIES_OF_ONE = 4
"""Of them, one caller's: nobody keeps all the others waiting."""

BODY_SECONDS = 20.0
_REMEMBERED = 10_000
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Metrics know these by name: a caller can make up any number of others."""

_SAFE = ("GET", "HEAD", "OPTIONS")

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """A bucket of tokens for each who asks: `rate` a second flow in, and four seconds' worth may be there."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, rate * 4, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, who: str) -> None:
        """Take one token; Problem 429 with the seconds to wait if there is none."""
        now = self._clock()
        bucket = self._buckets.setdefault(who, _Bucket(self._burst, now))
        self._buckets.move_to_end(who)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < 1:
            wait = max(1, round((1 - bucket.tokens) / self._rate))
            raise Problem(429, f"Too many requests: wait {wait} s.", headers={"Retry-After": str(wait)})
        bucket.tokens -= 1


@dataclass(frozen=True, slots=True)
class Bound:
    """How many bytes a body may have, and what is said of more."""

    bytes: int
    refusal: Callable[[], Problem]


def _too_large() -> Problem:
    return Problem(413, f"A body has at most {MAX_BODY // 1024} KiB ({MAX_BODY} bytes): use kubectl for more.")


_BOUND = Bound(MAX_BODY, _too_large)


class Bodies:
    """The bodies that lie in memory: a few of all callers, fewer of one; the others wait until it is their turn."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(BODIES)
        self._of_one: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def received(self, request: Request, user: str) -> AsyncIterator[None]:
        """Have a request's body in memory during the block; Problem 408 or 400 if it does not come."""
        mine = self._of_one.setdefault(user, asyncio.Semaphore(BODIES_OF_ONE))
        async with mine, self._all:
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    await request.body()
            except TimeoutError as error:
                detail = f"The body did not come within {BODY_SECONDS:.0f} s: nothing was changed."
                raise Problem(408, detail) from error
            except ClientDisconnect as error:
                raise Problem(400, "The body did not come whole: nothing was changed.") from error
            yield


class Guard:
    """Refuses large bodies and another site's changes, lays security headers over answers, tells `observe` of them."""

    def __init__(
        self, app: ASGIApp, observe: Callable[[str, str, int, float], None], larger: Mapping[str, Bound]
    ) -> None:
        """Wrap an application; `larger` has the bounds of paths whose bodies may have more than MAX_BODY bytes."""
        self._app, self._observe, self._larger = app, observe, larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless it is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "HEAD":  # as GET, without the body, which the server leaves out: RFC 9110, 9.3.2
            scope = {**scope, "method": "GET"}
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        # A proxy that shows the gateway under a path may send that path with it.
        bound = next((b for path, b in self._larger.items() if scope["path"].endswith(path)), _BOUND)
        if not length.isdigit() or int(length) > bound.bytes:
            await bound.refusal().response()(scope, receive, self._dressed(scope, send))
            return
        if scope["method"] not in _SAFE and _is_foreign(headers):
            await _foreign().response()(scope, receive, self._dressed(scope, send))
            return
        body = _Body(receive, bound)
        await self._app(scope, body.receive, _refusing(body, scope, self._dressed(scope, send)))

    def _dressed(self, scope: Scope, send: Send) -> Send:
        begun = time.monotonic()

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in _METHODS else "other"
                route = getattr(scope.get("route"), "path", "none")
                self._observe(method, route, message["status"], time.monotonic() - begun)
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith("/page/") else "no-store")
            await send(message)

        return dressed


class _Body:
    """Counts the bytes of a body that does not say how long it is, and ends it where it is too long."""

    def __init__(self, receive: Receive, bound: Bound) -> None:
        self._receive, self.bound, self._seen = receive, bound, 0

    @property
    def too_large(self) -> bool:
        return self._seen > self.bound.bytes

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        # As if the caller had gone: an end here might make a whole request of the part that has come.
        return {"type": "http.disconnect"} if self.too_large else message


def _refusing(body: _Body, scope: Scope, send: Send) -> Send:
    """Answer 413, whatever the app makes of a body that was cut."""
    refused = False

    async def answer(message: Message) -> None:
        nonlocal refused
        if body.too_large and not refused:
            refused = True
            await body.bound.refusal().response()(scope, body.receive, send)
        elif not refused:
            await send(message)

    return answer


def same_origin(origin: str, host: str) -> bool:
    """Tell whether an Origin is the host that a request was sent to."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower() != ""
    except ValueError:
        return False


def _is_foreign(headers: Mapping[bytes, bytes]) -> bool:
    """Tell whether a browser sends this for another site's page: behind a proxy that logs people in, it would count."""
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site not in (b"same-origin", b"none")
    return origin is not None and not same_origin(origin.decode("latin-1"), headers.get(b"host", b"").decode("latin-1"))


def _foreign() -> Problem:
    return Problem(403, "Another site's page may change nothing here.")
