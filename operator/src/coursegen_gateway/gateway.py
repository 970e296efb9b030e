"""The parts of a running gateway, and what requests ask of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from coursegen_api import names
from coursegen_operator.access import Access
from coursegen_operator.kube import Json, Kube, path_of
from coursegen_operator.progress import ProgressReader

from .access import Caller, Gate, Impersonator, Right
from .graphs import Prometheus
from .guard import Bodies, RateLimit
from .hub import Hub
from .metrics import Metrics
from .positions import Positions
from .problems import Problem, not_found
from .reflector import Reflector
from .settings import Settings
from .state import CHAPTERS, COURSES, NAMESPACES, PODS, QUEUES, TASK_KINDS, Entry, State, place, uid_of
from .store import Store
from .tickets import Tickets

_MISSED_LISTS = 3
_LOOK_SECONDS = 0.5
_TRIES_PER_SECOND = 20
"""Of an address whose tokens are not valid."""

_UPLOADS_AT_ONCE = 4
"""Each lies in memory, with up to 10 MiB."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object that a caller may read."""

    entry: Entry
    caller: Caller

    @property
    def path(self) -> str:
        """Give its URL path at the API server."""
        return path_of(self.entry.plural, *self.entry.place)


class Gateway:
    """The state, the ways to it, and the questions that requests ask."""

    def __init__(self, settings: Settings, access: Access) -> None:
        self.settings, self.access = settings, access
        self.metrics = Metrics()
        self.metrics.memory_limit.set(settings.memory_limit_bytes or 0)
        self.state = State()
        self.hub = Hub(self.state, self.metrics.messages.inc, self.metrics.skipped.inc)
        self.metrics.sockets.set_function(lambda: self.hub.listeners)
        self.kube = Kube(access, observe=self.metrics.asked_kube)
        self.kube.agent = "coursegen-gateway"
        self.gate = Gate(self.kube)
        self.tickets = Tickets()
        self.limit = RateLimit(settings.requests_per_second)
        self.tries = RateLimit(_TRIES_PER_SECOND)
        self.bodies = Bodies()
        self.store = Store(settings.store_url.get_secret_value(), settings.store_folder, settings.ca)
        self.uploads = asyncio.Semaphore(_UPLOADS_AT_ONCE)
        self._looked, self._busy = -_LOOK_SECONDS, dict[str, str]()
        self.progress = self._reader()
        self.metrics.redis.connected = self.hears_redis
        self.reflectors = list(self._reflectors())
        self.begun = time.monotonic()
        self.impersonator: Impersonator
        self.prometheus: Prometheus
        self.positions: Positions

    def _reader(self) -> ProgressReader | None:
        redis = self.settings.redis()
        return ProgressReader(redis, self._at_work) if redis else None

    def _at_work(self) -> dict[str, str]:
        """Give the namespaces whose streams are read; looked up twice a second, however many words come."""
        now = time.monotonic()
        if now - self._looked > _LOOK_SECONDS:
            self._looked, self._busy = now, self.state.namespaces_at_work()
        return self._busy

    def _reflectors(self) -> list[Reflector]:
        resync = self.settings.resync_seconds
        scopes = self.settings.namespaces or ("",)
        found = [Reflector(self.kube, self.state, p, path_of(p, n), n, "", resync) for p in TASK_KINDS for n in scopes]
        worker = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
        found += [
            Reflector(self.kube, self.state, PODS, path_of(PODS, n), n, worker, resync, strip=_thin) for n in scopes
        ]
        found += [Reflector(self.kube, self.state, p, path_of(p, ""), "", "", resync) for p in (QUEUES, NAMESPACES)]
        return found

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow the cluster and Redis during the body."""
        async with self.kube, aiohttp.ClientSession() as plain:
            self.impersonator = Impersonator(self.access)
            self.prometheus = Prometheus(self.settings.prometheus_url.get_secret_value(), plain)
            self.positions = Positions(self.settings.operator_url, plain)
            tasks = [asyncio.create_task(r.run()) for r in self.reflectors]
            if self.progress:
                tasks.append(asyncio.create_task(self.progress.run(self.state.take)))
            try:
                yield
            finally:
                await end(tasks)
                await self.impersonator.close()

    # ---- health ---------------------------------------------------------------------------------------

    def unready(self) -> str:
        """Say why requests cannot be answered yet; empty if they can."""
        missing = sorted({r.plural for r in self.reflectors if not r.listed})
        return f"not listed yet: {', '.join(missing)}" if missing else ""

    def trouble(self) -> str:
        """Say why the process should be restarted; empty if it is well."""
        oldest = min((r.listed or self.begun for r in self.reflectors), default=self.begun)
        age = time.monotonic() - oldest
        return f"the last full list is {age:.0f} s old" if age > _MISSED_LISTS * self.settings.resync_seconds else ""

    def hears_redis(self) -> bool | None:
        """Tell whether Redis can be read; None where nobody has said that there is one."""
        reader = self.progress
        return reader.connected if reader and reader.configured else None

    # ---- what a caller may see ------------------------------------------------------------------------

    async def caller(self, authorization: str, address: str) -> Caller:
        """Say who calls, by the Authorization header; Problem 401 or 429."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            detail = "Send `Authorization: Bearer` with a token of the cluster, as `kubectl create token` prints it."
            raise Problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
        try:
            caller = await self.gate.caller(token.strip())
        except Problem:
            self.tries.take(address)
            raise
        self.limit.take(caller.user)
        return caller

    async def visible(self, caller: Caller, plural: str, namespace: str = "") -> set[str]:
        """Give the namespaces in which the caller may list a kind, among those that have any."""
        there = {p[0] for p in self.state.of_kind(plural)}
        wanted = there & {namespace} if namespace else there
        return await self.gate.namespaces(caller, "list", plural, wanted)

    async def find(self, caller: Caller, uid: str) -> Found:
        """Give a piece of work by its id; Problem 404 if it is not there or the caller may not read it."""
        entry = self.state.by_uid.get(uid)
        if entry is None or entry.plural not in TASK_KINDS:
            raise not_found(f"task {uid[:64]}")
        if not await self.gate.may(caller, Right("get", entry.plural, *entry.place)):
            raise not_found(f"task {uid[:64]}")
        return Found(entry, caller)

    async def find_course(self, caller: Caller, owner_id: str, namespace: str = "", uid: str = "") -> Found:
        """Give a course by its owner's id; Problem 409 with all of them if several bear it and neither says which."""
        candidates = [Entry(COURSES, item) for item in self.state.with_owner_id(COURSES, owner_id)]
        wanted = [c for c in candidates if namespace in ("", c.place[0]) and uid in ("", uid_of(c.item))]
        allowed = [e.item for e in await self.readable(caller, wanted)]
        found = _only(allowed, f"course {owner_id[:63]}", "add ?task_id=, or ?namespace= if that is enough")
        return Found(Entry(COURSES, found), caller)

    async def find_chapter(self, course: Found, owner_id: str) -> Found:
        """Give a chapter of a course by its owner's id."""
        found = [c.item for c in await self.parts(course) if c.plural == CHAPTERS and _is_called(c.item, owner_id)]
        only = _only(found, f"chapter {owner_id[:63]} in this course", "use /api/v1/tasks/{task_id}")
        return Found(Entry(CHAPTERS, only), course.caller)

    async def parts(self, course: Found) -> list[Entry]:
        """Give the chapters, validations and exports of a course that the caller may read, as rights go by kind."""
        return await self.readable(course.caller, self.state.children(course.entry.place))

    async def readable(self, caller: Caller, entries: Sequence[Entry]) -> list[Entry]:
        """Leave out what a caller may not read; who may get a whole kind is not asked about each of it."""
        kinds = {(e.plural, e.place[0]) for e in entries}
        whole = {k for k in kinds if await self.gate.may(caller, Right("get", *k))}
        return [
            e
            for e in entries
            if (e.plural, e.place[0]) in whole or await self.gate.may(caller, Right("get", e.plural, *e.place))
        ]

    async def may_change(self, caller: Caller, right: Right, what: str) -> Kube:
        """Give a client that acts as the caller; Problem 403 if the gateway or Kubernetes does not let it."""
        self.must_write()
        await self.gate.demand(caller, right, what)
        return self.impersonator.client(caller)

    def must_write(self) -> None:
        """Problem 403 if this gateway changes nothing."""
        if self.settings.read_only:
            raise Problem(403, "This gateway is read-only (COURSEGEN_READ_ONLY): make changes with kubectl.")

    def must_serve(self, namespace: str) -> None:
        """Problem 403 if this gateway is for other namespaces."""
        shown = self.settings.namespaces
        if shown and namespace not in shown:
            raise Problem(403, f"This gateway is for {', '.join(shown)}: in {namespace} use kubectl.")


async def end(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks until they have ended.

    Before Python 3.12 asyncio.wait_for, which redis-py sends with, may lose a cancel (python/cpython#86296).
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=1)


def _is_called(chapter: Json, owner_id: str) -> bool:
    return owner_id in (chapter["spec"].get("chapterId"), chapter["metadata"]["name"])


def _only(found: list[Json], what: str, narrower: str) -> Json:
    if not found:
        raise not_found(what)
    if len(found) > 1:
        seen: list[Mapping[str, str]] = [
            {"namespace": place(i)[0], "name": place(i)[1], "task_id": uid_of(i)} for i in found[:20]
        ]
        raise Problem(409, f"Several answer to {what}: {narrower}.", candidates=seen)
    return found[0]


def _thin(pod: Json) -> Json:
    """Keep what the list of workers shows of a Pod, a tenth of it."""
    meta, status = pod["metadata"], pod.get("status", {})
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "creationTimestamp")
    return {
        "metadata": {k: meta[k] for k in kept if k in meta},
        "spec": {"nodeName": pod.get("spec", {}).get("nodeName")},
        "status": {k: status[k] for k in ("phase", "startTime") if k in status},
    }
