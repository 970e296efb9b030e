"""Grants slots: keeps the book of the waiting, and asks the pure `admission` who is next.

What runs is always recounted from the snapshot. Only a grant whose status write is on its way is
kept in memory, and a crash that loses it loses nothing: the object is still waiting.
"""

import time
from collections.abc import Callable

from coursegen_api.base import HoldReason
from coursegen_api.names import QUEUE_COURSE

from .plan import capacity, limits
from .plan.admission import choose
from .plan.book import WaitingBook
from .plan.capacity import Capacity
from .plan.limits import Limits, Load, QueueLimits, room
from .plan.position import Position, of_waiting
from .plan.step import Hold
from .plan.world import Defaults, Key, Want
from .snapshot import Snapshot
from .workqueue import WorkQueue

_GRANTS_AT_ONCE = 1000


class Scheduler:
    """Who may start now."""

    def __init__(
        self, snapshot: Snapshot, queue: WorkQueue, defaults: Defaults, clock: Callable[[], float] = time.time
    ) -> None:
        self._snapshot, self._queue, self._defaults, self._clock = snapshot, queue, defaults, clock
        self.book = WaitingBook()
        self._grants: dict[Key, Want] = {}
        self._capacities: dict[str, Capacity] = {}
        self._released = 0
        self._nothing_to_grant: tuple[int, ...] = ()
        """The versions of everything that a decision looks at, when one found nothing: nor would another."""
        self._limits_of: tuple[int, Limits] | None = None

    def ask(self, key: Key, want: Want) -> Hold | None:
        """Enter a wish; None if its slot was granted at once, else what it waits for."""
        self.release(key)
        self.book.put(key, want)
        self.dispatch(visiting=key)
        if key in self._grants:
            return None
        full = room(want.queue, key.namespace, want.provider, self._load(), self.limits())
        return full or Hold(HoldReason.QUEUE_FULL, f"It is not yet its turn in queue {want.queue}.")

    def granted(self, key: Key) -> frozenset[str]:
        """Name the queue of the slot that an object was granted, if it was."""
        want = self._grants.get(key)
        return frozenset({want.queue}) if want else frozenset()

    def release(self, key: Key) -> None:
        """Forget a grant: it is in status now, or was not used."""
        if self._grants.pop(key, None):
            self._released += 1

    def position(self, key: Key, usual_seconds: float | None = None) -> Position | None:
        """Say how many go before a waiting object, and how long that takes; None if it waits for no slot."""
        return of_waiting(key, self.book, self._load(), self.limits(), self._clock(), usual_seconds)

    def leave(self, key: Key) -> None:
        """Take an object out of the book: it waits for no slot."""
        self.book.drop(key)

    def dispatch(self, visiting: Key | None = None) -> None:
        """Grant what can be granted; each that is granted is visited, but for the one whose visit this is."""
        versions = (self.book.version, self._snapshot.version, self._released)
        if not self.book.wants or versions == self._nothing_to_grant:
            return
        granted = choose(self.book, self._load(), self.limits(), self._clock(), _GRANTS_AT_ONCE)
        for key, want in granted:
            self._grants[key] = want
            if key != visiting:
                self._queue.add(key)
        if len(granted) < _GRANTS_AT_ONCE:
            self._nothing_to_grant = versions

    def capacity(self, queue: str) -> Capacity:
        """Give the present capacity of an elastic queue; after a start, what its status says it was."""
        found = self._snapshot.queues[queue]
        if queue not in self._capacities and found.spec.elasticity:
            known = found.spec.capacity if found.status.capacity is None else found.status.capacity
            self._capacities[queue] = capacity.start(found.spec.elasticity, known)
        return self._capacities[queue]

    def set_capacity(self, queue: str, now: Capacity) -> None:
        """Change the present capacity of an elastic queue; what is new is filled at once."""
        before = self.capacity(queue)
        self._capacities[queue] = now
        if before.jobs != now.jobs:
            self._limits_of, self._nothing_to_grant = None, ()
            self.dispatch()

    def _load(self) -> Load:
        load = self._snapshot.load.copy()
        for key, want in self._grants.items():
            load.take(want, key)
        return load

    def limits(self) -> Limits:
        """Give what all that runs must stay under now."""
        version = self._snapshot.limits_version
        if self._limits_of is None or self._limits_of[0] != version:
            self._limits_of = (version, self._read_limits())
        return self._limits_of[1]

    def _read_limits(self) -> Limits:
        providers = {
            limits.provider_key(name, namespace): provider.spec.concurrency
            for namespace, named in self._snapshot.providers.items()
            for name, provider in named.items()
            if provider.spec.concurrency is not None
        }
        queues = {
            name: limits.of_queue(queue, self.capacity(name).jobs if queue.spec.elasticity else None)
            for name, queue in self._snapshot.queues.items()
        }
        courses = queues.get(QUEUE_COURSE, QueueLimits(0, 0))
        return Limits(self._defaults.max_courses, self._defaults.max_jobs, queues, providers, courses)
