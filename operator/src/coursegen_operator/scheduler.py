"""Grants slots: keeps the book of the waiting, and asks the pure `admission` who is next.

What runs is always recounted from the snapshot. Only a grant whose status write is on its way is
kept in memory, and a crash that loses it loses nothing: the object is still waiting. A write that was
not answered may be on its way for long: its grant is kept until it is known what came of it.
"""

import bisect
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

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
from .plan.position import Position, of_waiting, turn_of
from .plan.recent import circuits_of
from .plan.step import Hold
from .plan.turn import Turn
from .plan.world import Defaults, Key, Want
from .purses import Purses
from .snapshot import Snapshot
from .workqueue import WorkQueue

_GRANTS_AT_ONCE = 1000

_NONE_READY = probing.Ready(frozenset(), frozenset())

_SORTED_SECONDS = 5.0
_SORTED_SECONDS_EACH = 0.001
"""Estimates go by an order of the waiting that is so old at most: the more wait, the less each of them matters."""

_TOLD = 1000
"""Tasks of a line that are told of a change at once; the others hear of it at the next full list."""


_DOUBT_SECONDS = 60.0
"""A write that has not been answered may take effect for so long: the API server gives a request up after that."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A write that was not answered: it took, or takes, or will never take effect."""

    version: str
    """The resourceVersion that the object must have for the write to be taken in."""
    until: float


class Scheduler:
    """Who may start now."""

    def __init__(
        self, snapshot: Snapshot, queue: WorkQueue, defaults: Defaults, clock: Callable[[], float] = time.time
    ) -> None:
        self._snapshot, self._queue, self._defaults, self._clock = snapshot, queue, defaults, clock
        self.breakers = Breakers(snapshot, clock)
        self.purses = Purses(snapshot, clock)
        self.book = WaitingBook()
        self._grants: dict[Key, dict[str, Want]] = defaultdict(dict)
        """By object, then by queue: a course may be granted its own slot and its outline's."""
        self._doubts: dict[Key, _Doubt] = {}
        self._capacities: dict[str, Capacity] = {}
        self._released = 0
        self._nothing_to_grant: tuple[object, ...] = ()
        """The versions of everything that a decision looks at, when one found nothing: nor would another."""
        self._over_budget: set[tuple[str, LineKey]] = set()
        """Lines of the book whose first was over a budget when last looked at."""
        self._limits_of: tuple[int, Limits] | None = None
        self._sorted: dict[tuple[str, str], tuple[float, list[tuple[float, ...]]]] = {}
        """By namespace and queue: the places of what waits, and when they were sorted."""

    def ask(self, key: Key, want: Want) -> Hold | None:
        """Enter a wish; None if its slot was granted at once, else what it waits for."""
        self.book.put(key, want)
        self.dispatch(visiting=key)
        if want.queue in self.granted(key):
            return None
        full = room(want, key, self._load(), self.limits())
        return full or Hold(HoldReason.QUEUE_FULL, f"It is not yet its turn in queue {want.queue}.")

    def granted(self, key: Key) -> frozenset[str]:
        """Name the queues of the slots that an object was granted."""
        return frozenset(self._grants.get(key, ()))

    def is_probe(self, key: Key) -> bool:
        """Tell whether what an object was granted is a probe of an open circuit."""
        return any(want.probe for want in self._grants.get(key, {}).values())

    def release(self, key: Key) -> None:
        """Forget what an object was granted: it is in status now, or was not used; unless nobody knows."""
        if key in self._grants and not self.in_doubt(key):
            del self._grants[key]
            self._released += 1

    def recall(self, key: Key) -> None:
        """Take back what an object was granted before a circuit opened that it goes through: it has not begun."""
        wants = self._grants.get(key, {})
        through = {k for w in wants.values() if not w.probe for k in circuits_of(key.namespace, w.queue, w.provider)}
        if any(not self.breakers.now(circuit).is_closed for circuit in through):
            self.release(key)

    def doubt(self, key: Key, version: str) -> None:
        """Note that a write of a status was not answered, which is taken in only at a version of its object."""
        if key in self._grants:
            self._doubts[key] = _Doubt(version, self._clock() + _DOUBT_SECONDS)

    def in_doubt(self, key: Key) -> bool:
        """Tell whether an unanswered write may have taken an object's slots, or may still take them.

        Not once the object is known at another version: then the write is in it, or is refused.
        """
        doubt, obj = self._doubts.get(key), self._snapshot.objects.get(key)
        if doubt and (obj is None or obj.metadata.resource_version != doubt.version):
            del self._doubts[key]
            return False
        return doubt is not None

    def reread(self, key: Key) -> float | None:
        """Note that an object in doubt was just read; give when to read it again if it still is."""
        if not self.in_doubt(key):
            return None
        until = self._doubts[key].until
        if self._clock() >= until:
            del self._doubts[key]
            return None
        return until

    def has_room_for_all(self, queue: str, namespace: str, provider: str | None) -> bool:
        """Tell whether there are slots for all work that is known: then it does not matter who asks first."""
        if self._snapshot.books.budgets:
            return False
        known = self._snapshot.wanted + self._snapshot.load.jobs
        return limits.fits(known, queue, namespace, provider or "", self._of_specs())

    def position(self, key: Key, usual_seconds: float | None = None) -> Position | None:
        """Say how many go before a waiting object, and how long that takes; None if it waits for no slot."""
        return of_waiting(key, self.book, self._load(), self.limits(), self._clock(), usual_seconds)

    def turn(self, namespace: str, queue: str, place: tuple[float, ...]) -> Turn | None:
        """Say how soon work of a namespace gets slots of a queue, by its place in the order; None if it gets none."""
        ahead = bisect.bisect_left(self._places(namespace, queue), place)
        return turn_of(queue, namespace, ahead, self.book, self._snapshot.load, self._of_specs())

    def _places(self, namespace: str, queue: str) -> list[tuple[float, ...]]:
        """Give the places of what waits in a namespace's queue, in order, as they were a moment ago."""
        if queue not in self.book.lines:
            self._sorted.pop((namespace, queue), None)
            return []
        now, (since, places) = self._clock(), self._sorted.get((namespace, queue), (-math.inf, []))
        if not 0 <= now - since < min(_SORTED_SECONDS, _SORTED_SECONDS_EACH * len(places)):
            places = self.book.places(namespace, queue)
            self._sorted[namespace, queue] = now, places
        return places

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
            self._grants[key][want.queue] = want
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
        granted = [circuits_of(k.namespace, w.queue, w.provider) for k, w in self._granted() if w.probe]
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
        """Give the present capacity of an elastic queue, within its bounds; after a start, what its status says."""
        found = self._snapshot.queues[queue]
        if elasticity := found.spec.elasticity:
            known = found.spec.capacity if found.status.capacity is None else found.status.capacity
            held = self._capacities.get(queue) or capacity.start(elasticity, known)
            self._capacities[queue] = capacity.within(elasticity, held)
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
        for key, want in self._granted():
            load.take(want, key)
        return load

    def _granted(self) -> Iterator[tuple[Key, Want]]:
        return ((key, want) for key, wants in self._grants.items() for want in wants.values())

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
        self._capacities = {name: held for name, held in self._capacities.items() if name in self._snapshot.queues}
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
