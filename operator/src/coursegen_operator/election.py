"""Leads or stands by: holds the Lease as `lease` decides, and says until when this process may write.

The clock is CLOCK_BOOTTIME, which also counts while the machine sleeps and which nobody can set.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import lease
from .kube import ApiError, ApiUnreachable, Json, Kube
from .lease import Move, Seen, Terms
from .plan import clock as plan_clock

_GROUP = "/apis/coordination.k8s.io/v1"
_RELEASE_SECONDS = 3.0

log = logging.getLogger(__name__)


def boottime() -> float:
    """Give the seconds since the machine started, sleep included; where there is no such clock, sleep left out."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class LeaseLostError(Exception):
    """Another replica leads, or may lead by now: this process must end."""


@dataclass(slots=True)
class Election:
    """One candidate.

    `kube` is a client of its own: a renewal must not wait for a connection behind other requests, and may be sent
    when other writes may not.
    """

    kube: Kube
    namespace: str
    name: str
    terms: Terms
    clock: Callable[[], float] = boottime
    seen: Seen | None = None
    until: float = -math.inf
    """The lease is this process's until then, by its own clock."""
    elected: asyncio.Event = field(default_factory=asyncio.Event)
    looked: float = -math.inf
    """When the Lease was last read or written, by this process's clock."""
    stopped: bool = False
    """No write and no renewal any more: the lease is about to be released."""
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def leads(self) -> bool:
        """Tell whether this process was elected; whether it may still write, `may_write` says."""
        return self.elected.is_set()

    def may_write(self) -> bool:
        """Tell whether a write that is sent now takes effect while the lease lasts."""
        return not self.stopped and self.clock() < self.until - self.terms.margin

    def trouble(self) -> str:
        """Say why this replica could neither lead nor take over; empty if it could."""
        if self.clock() - self.looked <= self.terms.duration:
            return ""
        return f"lease {self.namespace}/{self.name} cannot be read or written: see the log"

    async def campaign(self) -> None:
        """Become the leader and stay it until stopped; raises LeaseLostError when it no longer is."""
        log.info("candidate %s for lease %s/%s", self.terms.identity, self.namespace, self.name)
        while not self.stopped:
            wait = await self.step()
            await asyncio.sleep(wait)

    async def step(self) -> float:
        """Look once, and write if that is the move; give the seconds until the next look."""
        self._check()
        try:
            async with self._looking, asyncio.timeout(self._patience()):
                await self._look()
        except (ApiError, ApiUnreachable, TimeoutError) as error:
            log.warning("the lease cannot be read or written, again in %.0f s: %r", self.terms.retry, error)
            wait = self.terms.retry
        else:
            self.looked = self.clock()
            wait = lease.pause(self.seen, self.terms, self.leads, self.clock())
        self._check()
        return wait

    async def release(self) -> None:
        """Let another take over at once; called when every write was answered, and none may follow."""
        self.stopped = True
        async with self._looking:
            if not self.leads or self.seen is None or self.clock() >= self.until:
                return
            try:
                async with asyncio.timeout(_RELEASE_SECONDS):
                    await self.kube.replace(self._path(self.name), lease.released(self.seen, *self._place, _stamp()))
            except (ApiError, ApiUnreachable, TimeoutError) as error:
                log.warning("the lease is not released and runs out in %.0f s: %r", self.terms.duration, error)
            else:
                log.info("released the lease")

    # ---- one look -----------------------------------------------------------------------------------------

    async def _look(self) -> None:
        """Look, unless this process wrote the last version itself, and write if that is the move."""
        if self.seen is None or self.seen.holder != self.terms.identity:
            self.seen = lease.see(await self._read(), self.seen, self.clock())
        match lease.move(self.seen, self.terms, self.leads, self.clock()):
            case Move.TAKE:
                await self._take(self.seen)
            case Move.STOP:
                raise LeaseLostError(f"the lease is held by {self.seen.holder or 'nobody'}")

    async def _take(self, seen: Seen) -> None:
        sent = self.clock()  # before it is sent: nobody can count from an earlier moment
        body = lease.held(seen, *self._place, self.terms, _stamp())
        try:
            if seen.version:
                answer = await self.kube.replace(self._path(self.name), body)
            else:
                answer = await self.kube.create(self._path(), body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            # Another wrote it, or this process did and the answer was lost; or somebody deleted it.
            self.seen = lease.see(await self._read(), seen, self.clock())
            if self.seen.holder == self.terms.identity:
                await self._take(self.seen)
            elif self.leads:
                raise LeaseLostError(f"the lease is held by {self.seen.holder or 'nobody'}") from error
            return
        self.seen = lease.see(answer, seen, self.clock())
        self.until = sent + self.terms.duration
        if not self.leads:
            log.info("elected: %s leads", self.terms.identity)
            self.elected.set()

    async def _read(self) -> Json | None:
        try:
            return await self.kube.get(self._path(self.name))
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def _check(self) -> None:
        """Raise LeaseLostError once the lease has run out: whoever was paused so long must not even renew it."""
        if self.leads and self.clock() >= self.until:
            raise LeaseLostError("the lease ran out before it was renewed")

    def _patience(self) -> float:
        """Give the seconds that one look may take: a leader's ends with its lease."""
        return max(0.1, min(self.terms.margin, self.until - self.clock())) if self.leads else self.terms.margin

    @property
    def _place(self) -> tuple[str, str]:
        return self.name, self.namespace

    def _path(self, name: str = "") -> str:
        return f"{_GROUP}/namespaces/{self.namespace}/leases" + (f"/{name}" if name else "")


def _stamp() -> str:
    """Give the wall-clock time that people read in a Lease; nobody decides by it."""
    return plan_clock.stamp(time.time()).removesuffix("Z") + "000Z"  # a MicroTime has six digits, always
