"""Who runs next: the waiting, in order, and the limits that they wait for.

Order: the queue's priority (8 before 6 before 5 before 4 before 3), then the course that started
first, then the object that was created first, then the chapter's index. A queue or provider that is
full is skipped and never blocks the others. Fair share between namespaces and ageing will change
the order here, and nowhere else.
"""

import bisect
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from coursegen_api.base import HoldReason

from .world import COURSE_SLOTS, Key, Want

_Place = tuple[float, float, int, str]
_Line = tuple[str, str, str]


@dataclass(slots=True)
class WaitingBook:
    """Everything that waits for a slot, kept in order as it comes and goes.

    A decision reads the head of each line and not the lines: it costs the same with ten waiting as
    with a hundred thousand.
    """

    lines: dict[_Line, list[tuple[_Place, Key]]] = field(default_factory=dict)
    """By queue, provider (`namespace/name`) and budget, ascending; the head is first."""
    wants: dict[Key, Want] = field(default_factory=dict)

    def put(self, key: Key, want: Want) -> None:
        """Enter a wish, in place of an earlier one of the same object."""
        if self.wants.get(key) == want:
            return
        self.drop(key)
        self.wants[key] = want
        bisect.insort(self.lines.setdefault(_line(want, key), []), (want.order, key), key=_order)

    def drop(self, key: Key) -> None:
        """Take an object out, if it is in."""
        want = self.wants.pop(key, None)
        if want is None:
            return
        line = self.lines[_line(want, key)]
        at = bisect.bisect_left(line, _order((want.order, key)), key=_order)
        del line[at]
        if not line:
            del self.lines[_line(want, key)]

    def counts(self) -> dict[str, int]:
        """Count the waiting by queue."""
        out: dict[str, int] = {}
        for (queue, *_), line in self.lines.items():
            out[queue] = out.get(queue, 0) + len(line)
        return out


def _line(want: Want, key: Key) -> _Line:
    return want.queue, _provider(want, key), f"{key.namespace}/{want.line}" if want.line else ""


def _order(entry: tuple[_Place, Key]) -> tuple[_Place, str]:
    return entry[0], str(entry[1])


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """What a queue allows."""

    priority: int
    capacity: int


@dataclass(slots=True)
class Load:
    """Slots in use, recounted from what exists; `choose` adds what it grants."""

    courses: int = 0
    jobs: int = 0
    by_queue: dict[str, int] = field(default_factory=dict)
    by_provider: dict[str, int] = field(default_factory=dict)
    """By `namespace/name`."""
    promised: dict[Key, Counter[str]] = field(default_factory=dict)
    """By course and provider, then by kind: the granted, whose cost is not in status yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What all that runs must stay under."""

    max_courses: int
    max_jobs: int
    queues: Mapping[str, QueueLimits]
    providers: Mapping[str, int]
    """Concurrency by `namespace/name`; one that is not in here has no limit of its own."""
    shut_queues: frozenset[str] = frozenset()
    """Queues whose circuit is not closed: nothing but a probe starts (`probing`)."""
    shut_providers: frozenset[str] = frozenset()
    """The same for providers, by `namespace/name`."""
    over_budget: Callable[[Want, Mapping[Key, Counter[str]]], bool] = lambda want, promised: False
    """Tells whether a wish is over a budget, with what has been promised to others besides."""


def room(want: Want, key: Key, load: Load, limits: Limits) -> HoldReason | None:
    """Say what a wish would have to wait for; None if there is a slot."""
    if want.queue == COURSE_SLOTS:
        return None if load.courses < limits.max_courses else HoldReason.COURSE_LIMIT
    queue = limits.queues.get(want.queue)
    if queue is None:
        return HoldReason.MISCONFIGURED
    if want.queue in limits.shut_queues:
        return HoldReason.QUEUE_PAUSED
    provider = _provider(want, key)
    if provider in limits.shut_providers:
        return HoldReason.PROVIDER_CIRCUIT_OPEN
    if load.jobs >= limits.max_jobs or load.by_queue.get(want.queue, 0) >= queue.capacity:
        return HoldReason.QUEUE_FULL
    if want.purses and limits.over_budget(want, load.promised):
        return HoldReason.BUDGET_EXCEEDED
    if provider and load.by_provider.get(provider, 0) >= limits.providers.get(provider, limits.max_jobs):
        return HoldReason.PROVIDER_BUSY
    return None


def _provider(want: Want, key: Key) -> str:
    return f"{key.namespace}/{want.provider}" if want.provider else ""


def choose(book: WaitingBook, load: Load, limits: Limits, most: int = 1000) -> list[tuple[Key, Want]]:
    """Grant slots to whoever is next, in order; the granted leave the book and are added to the load.

    Arguments:
        most: grants of one call, so that a flood is taken in portions.
    """
    granted: list[tuple[Key, Want]] = []
    while len(granted) < most:
        best: tuple[int, _Place, Key] | None = None
        for (queue_name, *_), line in book.lines.items():
            key = line[0][1]
            want = book.wants[key]
            if room(want, key, load, limits):
                continue
            queue = limits.queues.get(queue_name)
            candidate = (-(queue.priority if queue else 0), line[0][0], key)
            if best is None or candidate[:2] < best[:2]:
                best = candidate
        if best is None:
            break
        key = best[2]
        want = book.wants[key]
        book.drop(key)
        take(load, want, key)
        granted.append((key, want))
    return granted


def take(load: Load, want: Want, key: Key) -> None:
    """Add one slot to a load."""
    if want.queue == COURSE_SLOTS:
        load.courses += 1
        return
    load.jobs += 1
    load.by_queue[want.queue] = load.by_queue.get(want.queue, 0) + 1
    provider = _provider(want, key)
    if provider:
        load.by_provider[provider] = load.by_provider.get(provider, 0) + 1
    for purse in want.purses:
        load.promised.setdefault(purse, Counter())[want.label] += 1
