"""Who calls, and what they may: TokenReview and SubjectAccessReview, so that Kubernetes' RBAC decides.

Answers are remembered for some seconds. Changes are made with the caller's own token: the gateway's service account
has no right to change anything, and the API server's audit log names the person.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import aiohttp
import kopf

from coursegen_api import names
from coursegen_operator.access import Access
from coursegen_operator.kube import Json, Kube

from .problems import Problem

_TOKEN_SECONDS = 10.0
_RIGHT_SECONDS = 10.0
_REMEMBERED = 20_000
_AT_ONCE = 16
_MAX_TOKEN = 16_384
_CORE = ("pods", "namespaces")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a token belongs to."""

    user: str
    uid: str
    groups: tuple[str, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...]
    token: str = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody wants to do."""

    verb: str
    resource: str
    """Plural, with a subresource after a slash if there is one; or a path that begins with a slash."""
    namespace: str = ""
    name: str = ""

    def wire(self) -> Json:
        """Give it as a SubjectAccessReview has it."""
        if self.resource.startswith("/"):
            return {"nonResourceAttributes": {"verb": self.verb, "path": self.resource}}
        resource, _, sub = self.resource.partition("/")
        group = "" if resource in _CORE else names.GROUP
        asked = {"verb": self.verb, "group": group, "resource": resource, "subresource": sub}
        return {"resourceAttributes": asked | {"namespace": self.namespace, "name": self.name}}


class Remembered(Generic[T]):
    """Answers that stay true for some seconds; a question that is being asked is not asked twice."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._known: OrderedDict[Hashable, tuple[float, asyncio.Future[T]]] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Give the answer that is known, or ask; an error is not remembered."""
        known = self._known.get(key)
        if known is None or known[0] <= self._clock():
            future = asyncio.ensure_future(ask())
            self._known[key] = known = (self._clock() + self._seconds, future)
            self._known.move_to_end(key)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        try:
            return await asyncio.shield(known[1])
        except Exception:
            if self._known.get(key) is known:
                del self._known[key]
            raise


class Gate:
    """Asks the API server who somebody is and what they may do."""

    def __init__(self, kube: Kube, clock: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._callers: Remembered[Caller | None] = Remembered(_TOKEN_SECONDS, clock)
        self._rights: Remembered[bool] = Remembered(_RIGHT_SECONDS, clock)
        self._asking = asyncio.Semaphore(_AT_ONCE)

    async def caller(self, token: str) -> Caller:
        """Say whose token it is; Problem 401 if it is nobody's."""
        known = await self._callers.get(_digest(token), lambda: self._review(token)) if _plausible(token) else None
        if known is None:
            raise Problem(
                401,
                "The bearer token is not valid, or has expired: get one with `kubectl create token`.",
                headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
            )
        return known

    async def may(self, caller: Caller, right: Right) -> bool:
        """Tell whether somebody may do something."""
        return await self._rights.get((caller, right), lambda: self._ask(caller, right))

    async def demand(self, caller: Caller, right: Right, what: str) -> None:
        """Problem 403 unless somebody may do something; `what` says it in words."""
        if not await self.may(caller, right):
            where = f" in {right.namespace}" if right.namespace else ""
            detail = f"You may not {what}{where}: {caller.user} needs the right to {right.verb} {right.resource}."
            raise Problem(403, detail)

    async def namespaces(self, caller: Caller, verb: str, resource: str, of: Iterable[str]) -> set[str]:
        """Give those of some namespaces in which somebody may do something with a resource."""
        of = set(of)
        if await self.may(caller, Right(verb, resource)):
            return of
        asked = sorted(of)
        answers = await asyncio.gather(*(self.may(caller, Right(verb, resource, n)) for n in asked))
        return {n for n, yes in zip(asked, answers, strict=True) if yes}

    async def _review(self, token: str) -> Caller | None:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
        async with self._asking:
            answer = await self._kube.create("/apis/authentication.k8s.io/v1/tokenreviews", body)
        status = answer.get("status", {})
        if not status.get("authenticated"):
            return None
        user: Json = status.get("user", {})
        extra = tuple((k, tuple(v)) for k, v in sorted((user.get("extra") or {}).items()))
        return Caller(user.get("username", ""), user.get("uid", ""), tuple(user.get("groups") or ()), extra, token)

    async def _ask(self, caller: Caller, right: Right) -> bool:
        spec: dict[str, Any] = {"user": caller.user, "uid": caller.uid, "groups": list(caller.groups)}
        spec |= {"extra": {k: list(v) for k, v in caller.extra}} | right.wire()
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
        async with self._asking:
            answer = await self._kube.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
        return bool(answer.get("status", {}).get("allowed"))


def _plausible(token: str) -> bool:
    return 0 < len(token) <= _MAX_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Impersonator:
    """Makes clients that act with a caller's token, over one session that shows no certificate of the gateway's own."""

    def __init__(self, access: Access) -> None:
        self._own = access.connection
        bare = Access(self.connection(""))
        context = bare.ssl_context()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=64, ssl=context), timeout=aiohttp.ClientTimeout(total=30, connect=10)
        )

    def connection(self, token: str) -> kopf.ConnectionInfo:
        """Give a connection to the same server with a token and nothing else that could authenticate."""
        own = self._own
        return kopf.ConnectionInfo(
            server=own.server, ca_path=own.ca_path, ca_data=own.ca_data, insecure=own.insecure, token=token or None
        )

    def client(self, caller: Caller) -> Kube:
        """Give a client that the API server takes for the caller."""
        client = Kube(Access(self.connection(caller.token)), agent=f"coursegen-gateway ({caller.user[:80]!a})")
        client.session = self._session
        return client

    async def close(self) -> None:
        """Close the session."""
        await self._session.close()
