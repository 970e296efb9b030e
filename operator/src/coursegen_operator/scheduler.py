"""Grants slots: keeps the book of the waiting, and asks the pure `admission` who is next.

What runs is always recounted from the snapshot. Only a grant whose status write is on its way is
kept in memory, and a crash that loses it loses nothing: the object is still waiting.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from coursegen_api.base import HoldReason
from coursegen_api.circuit import CircuitState

from .breakers import Breakers
from .plan import probing
from .plan.admission import Limits, Load, QueueLimits, WaitingBook, choose, room, take
from .plan.recent import circuits_of
from .plan.world import Defaults, Key, Want
from .purses import Purses
from .snapshot import Snapshot
from .workqueue import WorkQueue

_TOLD = 1000
"""Tasks of a line that are told of a change at once; the others hear of it at the next full list."""


class Scheduler:
    """Who may start now."""

    def __init__(
        self, snapshot: Snapshot, queue: WorkQueue, defaults: Defaults, clock: Callable[[], float] = time.time
    ) -> None:
        self._snapshot, self._queue, self._defaults = snapshot, queue, defaults
        self.breakers = Breakers(snapshot, clock)
        self.purses = Purses(snapshot, clock)
        self.book = WaitingBook()
        self._grants: dict[Key, Want] = {}
        self._over_budget: set[tuple[str, str, str]] = set()
        """Lines of the book whose head was over a budget when last looked at."""

    def ask(self, key: Key, want: Want) -> HoldReason | None:
        """Enter a wish; None if its slot was granted at once, else what it waits for."""
        self._grants.pop(key, None)
        self.book.put(key, want)
        self.dispatch(visiting=key)
        if key in self._grants:
            return None
        return room(want, key, self._load(), self._limits()) or HoldReason.QUEUE_FULL

    def granted(self, key: Key) -> frozenset[str]:
        """Name the queue of the slot that an object was granted, if it was."""
        want = self._grants.get(key)
        return frozenset({want.queue}) if want else frozenset()

    def is_probe(self, key: Key) -> bool:
        """Tell whether what an object was granted is a probe of an open circuit."""
        return key in self._grants and self._grants[key].probe

    def release(self, key: Key) -> None:
        """Forget a grant: it is in status now, or was not used."""
        self._grants.pop(key, None)

    def leave(self, key: Key) -> None:
        """Take an object out of the book: it waits for no slot."""
        self.book.drop(key)

    def dispatch(self, visiting: Key | None = None) -> None:
        """Grant what can be granted; each that is granted is visited, but for the one whose visit this is."""
        if not self.book.wants:
            return
        load, limits = self._load(), self._limits()
        probes = probing.choose(self.book, load, limits, self._ready()) if _shut(limits) else []
        for key, want in probes + choose(self.book, load, limits):
            self._grants[key] = want
            if key != visiting:
                self._queue.add(key)
        if self._snapshot.books.budgeted:
            self._tell_of_budgets(load, limits)

    def _tell_of_budgets(self, load: Load, limits: Limits) -> None:
        """Have a line visited whose budget has just been used up, or has room again, so that status says so."""
        heads = {line: entries[0][1] for line, entries in self.book.lines.items()}
        over = {
            line
            for line, key in heads.items()
            if room(self.book.wants[key], key, load, limits) is HoldReason.BUDGET_EXCEEDED
        }
        for line in over ^ self._over_budget:
            for _, key in self.book.lines.get(line, ())[:_TOLD]:
                self._queue.add(key)
        self._over_budget = over

    def _load(self) -> Load:
        now = self._snapshot.load
        load = replace(now, by_queue=dict(now.by_queue), by_provider=dict(now.by_provider), promised={})
        for key, want in self._grants.items():
            take(load, want, key)
        return load

    def _limits(self) -> Limits:
        providers = {
            f"{namespace}/{name}": provider.spec.concurrency
            for namespace, named in self._snapshot.providers.items()
            for name, provider in named.items()
            if provider.spec.concurrency is not None
        }
        queues = {name: QueueLimits(q.spec.priority, q.spec.capacity) for name, q in self._snapshot.queues.items()}
        shut = [key for key, circuit in self.breakers.all().items() if not circuit.is_closed]
        return Limits(
            self._defaults.max_courses,
            self._defaults.max_jobs,
            queues,
            providers,
            over_budget=self.purses.lacks,
            shut_queues=frozenset(k.name for k in shut if k.kind == "GenerationQueue"),
            shut_providers=frozenset(f"{k.namespace}/{k.name}" for k in shut if k.kind == "ModelProvider"),
        )

    def _ready(self) -> probing.Ready:
        """Say which circuits may be probed: those whose time has come, and that no probe is under way for."""
        half_open = [k for k, c in self.breakers.all().items() if c.state is CircuitState.HALF_OPEN]
        granted = [circuits_of(k.namespace, w.queue, w.provider) for k, w in self._grants.items() if w.probe]
        probed = set(self._snapshot.books.recent.probing).union(*granted)
        return probing.Ready(frozenset(half_open), frozenset(probed))


def _shut(limits: Limits) -> bool:
    return bool(limits.shut_queues or limits.shut_providers)
