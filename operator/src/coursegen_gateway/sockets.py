"""WebSockets: the present state first, then each change; and a word now and then, so that both sides know of the other.

Every message is a whole state. Who comes back after a break says the last cursor it has seen (`?after=`): it is told
the present state unless that is it, so nothing is missed; attempts that began and ended meanwhile are in the state.
"""

import asyncio
import base64
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from coursegen_operator.kube import ApiError, ApiUnreachable

from .access import Caller, Right
from .gateway import Gateway
from .guard import same_origin
from .hub import Listener
from .metrics import Drop
from .problems import Problem
from .state import COURSES, TASK_KINDS

HEARTBEAT_SECONDS = 15.0
CHECK_SECONDS = 60.0
_UNKNOWN_CHECKS = 5
_SEND_SECONDS = 30.0
"""A reader that takes nothing for so long is gone."""

PROTOCOL = "coursegen.v1"
TOKEN_PROTOCOL = "base64url.bearer.authorization.k8s.io."  # noqa: S105 - what comes before a token
"""As at the API server: a browser, which can set no header, offers its token as a subprotocol, with PROTOCOL beside it.

Unlike a ticket that is good at every replica. PROTOCOL is chosen, so that no answer repeats a token.
"""

_FEED_PAUSE_SECONDS = 0.25
_FEED_BATCH = 200

_NO_TICKET = "No valid ticket: one opens one socket, once, within 30 s, at the replica that gave it (session affinity)."

log = logging.getLogger(__name__)


async def follow_task(gateway: Gateway, socket: WebSocket, task_id: str) -> None:
    """Serve `/ws/tasks/{task_id}`."""

    async def allowed(caller: Caller) -> None:
        await gateway.find(caller, task_id)

    caller = await _let_in(gateway, socket, task_id, allowed)
    if caller is None:
        return
    listener = gateway.hub.listen(task_id)

    async def tell() -> None:
        said = socket.query_params.get("after", "")
        listener.tell(task_id)
        while said != "gone":
            await listener.wake.wait()
            listener.wake.clear()
            listener.changed.clear()
            cursor, text = gateway.hub.message(task_id)
            if cursor != said:
                await _send(socket, text)
            said = cursor

    try:
        await _serve(gateway, socket, caller, allowed, tell)
    finally:
        gateway.hub.leave(listener, task_id)


async def follow_all(gateway: Gateway, socket: WebSocket) -> None:
    """Serve `/ws/tasks`: what changes where the caller may read, each object at most four times a second."""
    namespace = socket.query_params.get("namespace", "")
    seen: dict[str, set[str]] = {}

    async def allowed(caller: Caller) -> None:
        for plural in TASK_KINDS:
            seen[plural] = await gateway.visible(caller, plural, namespace)
        if namespace:
            await gateway.gate.demand(caller, Right("list", COURSES, namespace), "list courses")

    caller = await _let_in(gateway, socket, "", allowed)
    if caller is None:
        return
    listener = gateway.hub.listen()

    async def tell() -> None:
        await _send(socket, json.dumps({"type": "ready", "time": time.time()}))
        while True:
            await listener.wake.wait()
            await _tell_changes(
                gateway, socket, listener, lambda p, n: _may_see(gateway, caller, seen, namespace, p, n)
            )
            await asyncio.sleep(_FEED_PAUSE_SECONDS)

    try:
        await _serve(gateway, socket, caller, allowed, tell)
    finally:
        gateway.hub.leave(listener)


async def _may_see(
    gateway: Gateway, caller: Caller, seen: dict[str, set[str]], wanted: str, plural: str, namespace: str
) -> bool:
    """Tell whether news of a namespace are for the caller; one that had nothing at the last check is asked about."""
    if wanted and namespace != wanted:
        return False
    return namespace in seen[plural] or await gateway.gate.may(caller, Right("list", plural, namespace))


async def _tell_changes(
    gateway: Gateway, socket: WebSocket, listener: Listener, may_see: Callable[[str, str], Awaitable[bool]]
) -> None:
    listener.wake.clear()
    if listener.overflowed:
        listener.overflowed = False
        listener.changed.clear()
        await _send(socket, json.dumps({"type": "reset"}))
        return
    batch = list(listener.changed)[:_FEED_BATCH]
    for uid in batch:
        del listener.changed[uid]
        where = gateway.hub.place(uid)
        if where and await may_see(*where):
            listener.told.add(uid)
        elif where or uid not in listener.told:
            continue
        await _send(socket, gateway.hub.message(uid)[1])
        if where is None:
            listener.told.discard(uid)
    if listener.changed:
        listener.wake.set()


async def _let_in(
    gateway: Gateway, socket: WebSocket, task_id: str, allowed: Callable[[Caller], Awaitable[None]]
) -> Caller | None:
    """Say who opens the socket, by ticket or by token; refuse, with a close code, who may not."""
    drop, code, why = Drop.REFUSED, 0, ""
    try:
        _check_door(gateway, socket)
        caller = await _identify(gateway, socket, task_id)
        await allowed(caller)
    except Problem as problem:
        drop = Drop.LIMIT if problem.status == 429 else Drop.REFUSED
        code, why = 4000 + problem.status, problem.detail
    except (ApiError, ApiUnreachable):
        drop, code, why = Drop.UNANSWERED, 1013, "The API server does not answer: try again."
    offered = socket.scope.get("subprotocols", ())
    await socket.accept(PROTOCOL if PROTOCOL in offered else None)
    if code:
        gateway.metrics.drop(drop)
        await socket.close(code, _reason(why))
        return None
    return caller


def _check_door(gateway: Gateway, socket: WebSocket) -> None:
    if not _origin_is_ours(gateway, socket):
        raise Problem(403, "This origin may not open WebSockets here.")
    if gateway.hub.listeners >= gateway.settings.max_sockets:
        raise Problem(429, "Too many WebSockets are open: try again later.")


async def _identify(gateway: Gateway, socket: WebSocket, task_id: str) -> Caller:
    ticket = socket.query_params.get("ticket")
    if ticket:
        caller = gateway.tickets.use(ticket, task_id)
        if caller is None:
            raise Problem(401, _NO_TICKET)
        return caller
    address = socket.client.host if socket.client else ""
    return await gateway.caller(socket.headers.get("authorization") or _offered(socket), address)


def _offered(socket: WebSocket) -> str:
    """Give an Authorization header of the token that is offered as a subprotocol; Problem 401 if it is no token."""
    offered = [p for p in socket.scope.get("subprotocols", ()) if p.startswith(TOKEN_PROTOCOL)]
    if not offered:
        return ""
    coded = offered[0].removeprefix(TOKEN_PROTOCOL)
    try:
        return "Bearer " + base64.b64decode(coded + "=" * (-len(coded) % 4), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise Problem(401, f"What follows {TOKEN_PROTOCOL} has to be a token in base64url.") from error


def _origin_is_ours(gateway: Gateway, socket: WebSocket) -> bool:
    """Tell whether a browser's page may open a socket here: no Origin means that it is no browser."""
    origin = socket.headers.get("origin")
    if origin is None or origin in gateway.settings.allowed_origins:
        return True
    return same_origin(origin, socket.headers.get("host", ""))


async def _serve(
    gateway: Gateway,
    socket: WebSocket,
    caller: Caller,
    allowed: Callable[[Caller], Awaitable[None]],
    tell: Callable[[], Awaitable[None]],
) -> None:
    """Tell what is new until the other side goes, or may not listen any more."""
    parts = [
        asyncio.ensure_future(tell()),
        asyncio.ensure_future(_beat(socket)),
        asyncio.ensure_future(_check(gateway, caller, allowed)),
        asyncio.ensure_future(_until_gone(socket)),
    ]
    try:
        ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in ended:
            part.result()
        await _close(socket, 1000, "")
    except Problem as problem:
        gateway.metrics.drop(Drop.ACCESS)
        await _close(socket, 4000 + problem.status, problem.detail)
    except (ApiError, ApiUnreachable):
        gateway.metrics.drop(Drop.UNANSWERED)
        await _close(socket, 1013, "The API server does not answer: try again.")
    except TimeoutError:
        gateway.metrics.drop(Drop.SLOW)
        await _close(socket, 1001, "")
    except (WebSocketDisconnect, RuntimeError, OSError):
        await _close(socket, 1001, "")
    finally:
        for part in parts:
            part.cancel()
        await asyncio.gather(*parts, return_exceptions=True)


async def _beat(socket: WebSocket) -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        await _send(socket, json.dumps({"type": "heartbeat", "time": time.time()}))


async def _check(gateway: Gateway, caller: Caller, allowed: Callable[[Caller], Awaitable[None]]) -> None:
    """Ask every minute whether the token is still valid and the right still there; Problem if not.

    An API server that does not say is asked again; what it has not said for some minutes counts as no.
    """
    unknown = 0
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await allowed(await gateway.gate.caller(caller.token))
            unknown = 0
        except (ApiError, ApiUnreachable) as error:
            unknown += 1
            log.warning("access of an open socket could not be checked: %s", error)
            if unknown >= _UNKNOWN_CHECKS:
                raise


async def _until_gone(socket: WebSocket) -> None:
    """Read, and ignore, what the other side says, until it goes."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return


async def _send(socket: WebSocket, text: str) -> None:
    async with asyncio.timeout(_SEND_SECONDS):
        await socket.send_text(text)


def _reason(why: str) -> str:
    """Cut words to what a close frame holds, which is counted in bytes."""
    return why.encode()[:120].decode(errors="ignore")


async def _close(socket: WebSocket, code: int, why: str) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        with suppress(Exception):
            async with asyncio.timeout(2):
                await socket.close(code, _reason(why))
