"""Grants slots: keeps the book of the waiting, and asks the pure `admission` who is next.

What runs is always recounted from the snapshot. Only a grant whose status write is on its way is
kept in memory, and a crash that loses it loses nothing: the object is still waiting.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from coursegen_api.base import HoldReason
from coursegen_api.circuit import CircuitState
from coursegen_api.names import QUEUE_COURSE

from .breakers import Breakers
from .plan import capacity, limits, outage, probing
from .plan.admission import choose
from .plan.book import Line, LineKey, WaitingBook, line_key
from .plan.breaker import Circuit
from .plan.capacity import Capacity
from .plan.limits import Limits, Load, QueueLimits, room
from .plan.position import Position, of_waiting
from .plan.recent import circuits_of
from .plan.step import Hold
from .plan.world import Defaults, Key, Want
from .purses import Purses
from .snapshot import Snapshot
from .workqueue import WorkQueue

_GRANTS_AT_ONCE = 1000

_NONE_READY = probing.Ready(frozenset(), frozenset())

_TOLD = 1000
"""Tasks of a line that are told of a change at once; the others hear of it at the next full list."""


class Scheduler:
    """Who may start now."""

    def __init__(
        self, snapshot: Snapshot, queue: WorkQueue, defaults: Defaults, clock: Callable[[], float] = time.time
    ) -> None:
        self._snapshot, self._queue, self._defaults, self._clock = snapshot, queue, defaults, clock
        self.breakers = Breakers(snapshot, clock)
        self.purses = Purses(snapshot, clock)
        self.book = WaitingBook()
        self._grants: dict[Key, Want] = {}
        self._capacities: dict[str, Capacity] = {}
        self._released = 0
        self._nothing_to_grant: tuple[object, ...] = ()
        """The versions of everything that a decision looks at, when one found nothing: nor would another."""
        self._over_budget: set[tuple[str, LineKey]] = set()
        """Lines of the book whose first was over a budget when last looked at."""
        self._limits_of: tuple[int, Limits] | None = None

    def ask(self, key: Key, want: Want) -> Hold | None:
        """Enter a wish; None if its slot was granted at once, else what it waits for."""
        self.release(key)
        self.book.put(key, want)
        self.dispatch(visiting=key)
        if key in self._grants:
            return None
        full = room(want, key, self._load(), self.limits())
        return full or Hold(HoldReason.QUEUE_FULL, f"It is not yet its turn in queue {want.queue}.")

    def granted(self, key: Key) -> frozenset[str]:
        """Name the queue of the slot that an object was granted, if it was."""
        want = self._grants.get(key)
        return frozenset({want.queue}) if want else frozenset()

    def is_probe(self, key: Key) -> bool:
        """Tell whether what an object was granted is a probe of an open circuit."""
        return key in self._grants and self._grants[key].probe

    def release(self, key: Key) -> None:
        """Forget a grant: it is in status now, or was not used."""
        if self._grants.pop(key, None):
            self._released += 1

    def has_room_for_all(self, queue: str, namespace: str, provider: str | None) -> bool:
        """Tell whether there are slots for all work that is known: then it does not matter who asks first."""
        if self._snapshot.books.budgets:
            return False
        known = self._snapshot.wanted + self._snapshot.load.jobs
        return limits.fits(known, queue, namespace, provider or "", self._of_specs())

    def position(self, key: Key, usual_seconds: float | None = None) -> Position | None:
        """Say how many go before a waiting object, and how long that takes; None if it waits for no slot."""
        return of_waiting(key, self.book, self._load(), self.limits(), self._clock(), usual_seconds)

    def leave(self, key: Key) -> None:
        """Take an object out of the book: it waits for no slot."""
        self.book.drop(key)

    def dispatch(self, visiting: Key | None = None) -> None:
        """Grant what can be granted; each that is granted is visited, but for the one whose visit this is."""
        if not self.book.wants:
            return
        circuits = self.breakers.all()
        ready = self._ready(circuits)
        versions = self._versions(circuits, ready)
        if versions == self._nothing_to_grant:
            return
        load, bounds = self._load(), self._bounded_by(circuits)
        probes = probing.choose(self.book, load, bounds, ready) if ready.free else []
        granted = choose(self.book, load, bounds, self._clock(), _GRANTS_AT_ONCE)
        for key, want in probes + granted:
            self._grants[key] = want
            if key != visiting:
                self._queue.add(key)
        if len(granted) < _GRANTS_AT_ONCE:
            self._nothing_to_grant = versions
        if self._snapshot.books.budgets:
            self._tell_of_budgets(load, bounds)

    def _versions(self, circuits: Mapping[Key, Circuit], ready: probing.Ready) -> tuple[object, ...]:
        """Give what moves when a decision may find something new: wishes, slots, limits, circuits, money."""
        shut = frozenset(key for key, circuit in circuits.items() if not circuit.is_closed)
        money = (self._snapshot.books.version, self.purses.today()) if self._snapshot.books.budgets else ()
        return self.book.version, self._snapshot.version, self._released, shut, ready.free, money

    def _ready(self, circuits: Mapping[Key, Circuit]) -> probing.Ready:
        """Say which circuits may be probed: those whose time has come, and that no probe is under way for."""
        half_open = [k for k, c in circuits.items() if c.state is CircuitState.HALF_OPEN]
        if not half_open:  # nearly always: this is asked after every visit, and a thousand may just have been granted
            return _NONE_READY
        granted = [circuits_of(k.namespace, w.queue, w.provider) for k, w in self._grants.items() if w.probe]
        probed = set(self._snapshot.books.recent.probing).union(*granted)
        return probing.Ready(frozenset(half_open), frozenset(probed))

    def _tell_of_budgets(self, load: Load, bounds: Limits) -> None:
        """Have a line visited whose budget has just been used up, or has room again, so that status says so."""
        lines = {(line.queue, line_key(line)): line for line in self.book.all_lines()}
        over = {name for name, line in lines.items() if self._is_over_budget(line, load, bounds)}
        for name in over ^ self._over_budget:
            for key, _ in self.book.some(lines[name], _TOLD) if name in lines else ():
                self._queue.add(key)
        self._over_budget = over

    def _is_over_budget(self, line: Line, load: Load, bounds: Limits) -> bool:
        key, want = self.book.first(line)
        hold = room(want, key, load, bounds)
        return hold is not None and hold.reason is HoldReason.BUDGET_EXCEEDED

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
        return self._bounded_by(self.breakers.all())

    def _bounded_by(self, circuits: Mapping[Key, Circuit]) -> Limits:
        bounds, shut = self._of_specs(), outage.shut(circuits)
        if not shut and not self._snapshot.books.budgets:
            return bounds
        return replace(bounds, shut=shut, over_budget=self.purses.words)

    def _of_specs(self) -> Limits:
        """Give the limits that follow from the specs of queues and providers, and from elastic capacities."""
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
