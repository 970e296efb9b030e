"""The attempts that have ended of late, by what they speak for or against: each provider, each queue.

A function of what is in the objects' status, kept up to date as that changes.
"""

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from coursegen_api.base import Attempt, FailureClass, Outcome, TaskStatus

from . import clock
from .breaker import AGAINST_PROVIDER, AGAINST_QUEUE, WINDOW_ATTEMPTS, Ended
from .world import Key

_KEPT = 2 * WINDOW_ATTEMPTS
"""Attempts of one provider or queue; older ones are in no window."""

AGAINST = {"ModelProvider": AGAINST_PROVIDER, "GenerationQueue": AGAINST_QUEUE}
"""By the kind of what an attempt goes through: the failures that speak against it."""


def provider_key(namespace: str, name: str) -> Key:
    """Name a provider's circuit."""
    return Key("ModelProvider", namespace, name)


def queue_key(name: str) -> Key:
    """Name a queue's circuit."""
    return Key("GenerationQueue", "", name)


def circuits_of(namespace: str, queue: str, provider: str | None) -> tuple[Key, ...]:
    """Name the circuits that a task goes through."""
    return (queue_key(queue), provider_key(namespace, provider)) if provider else (queue_key(queue),)


@dataclass(slots=True)
class Recent:
    """Ended attempts in the order of their ends, and the probes that run."""

    lines: dict[Key, list[Ended]] = field(default_factory=dict)
    probing: dict[Key, set[str]] = field(default_factory=dict)
    """UIDs of the tasks whose open attempt is a probe."""
    version: dict[Key, int] = field(default_factory=dict)
    """Counts the changes of a line: what was computed from it is as old as this."""
    failing: dict[Key, int] = field(default_factory=dict)
    """Number of failures in a line; a circuit without one, and never open, is closed."""
    _put: dict[str, tuple[tuple[Key, Ended], ...]] = field(default_factory=dict)

    def put(self, uid: str, circuits: Sequence[Key], status: TaskStatus | None) -> set[Key]:
        """Take in a task as it is now, None if it is gone; give the circuits that may change by it."""
        before = self._put.get(uid, ())
        after = tuple(_ended(uid, circuits, status)) if status and status.attempts else ()
        moved = self._note_probes(uid, circuits if status and _probes(status) else ())
        if before == after:
            return moved
        for key, one in set(before) - set(after):
            self._drop(key, one)
        for key, one in set(after) - set(before):
            self._enter(key, one)
        if after:
            self._put[uid] = after
        else:
            self._put.pop(uid, None)
        return moved | {key for key, one in set(after) ^ set(before) if one.failure or one.probe}

    def _note_probes(self, uid: str, circuits: Sequence[Key]) -> set[Key]:
        """Note which circuits a task probes, if any; give those that it no longer does."""
        over = {key for key, uids in self.probing.items() if uid in uids and key not in circuits}
        for key in over:
            self.probing[key].discard(uid)
            if not self.probing[key]:
                del self.probing[key]
        for key in circuits:
            self.probing.setdefault(key, set()).add(uid)
        return over

    def _enter(self, key: Key, one: Ended) -> None:
        line = self.lines.setdefault(key, [])
        bisect.insort(line, one, key=_order)
        self._changed(key, one, +1)
        if len(line) > _KEPT:
            oldest = line.pop(0)
            self._changed(key, oldest, -1)

    def _drop(self, key: Key, one: Ended) -> None:
        line = self.lines.get(key, [])
        at = bisect.bisect_left(line, _order(one), key=_order)
        if at < len(line) and line[at] == one:
            del line[at]
            self._changed(key, one, -1)

    def _changed(self, key: Key, one: Ended, by: int) -> None:
        self.version[key] = self.version.get(key, 0) + 1
        if one.failure:
            self.failing[key] = self.failing.get(key, 0) + by
            if not self.failing[key]:
                del self.failing[key]


def _order(one: Ended) -> tuple[float, str, int]:
    return one.time, one.uid, one.number


def _probes(status: TaskStatus) -> bool:
    last = status.attempts[-1] if status.attempts else None
    return last is not None and last.completion_time is None and bool(last.probe)


def _ended(uid: str, circuits: Sequence[Key], status: TaskStatus) -> Iterator[tuple[Key, Ended]]:
    """Give what each ended attempt says about each circuit; most failures say nothing about most circuits."""
    for attempt in status.attempts:
        if attempt.completion_time is None:
            continue
        for key in circuits:
            if _says(key, attempt, status):
                yield key, _read(uid, attempt, attempt.completion_time)


def _says(key: Key, attempt: Attempt, status: TaskStatus) -> bool:
    if attempt.outcome is Outcome.SUCCEEDED:  # always the last one: `usage` is its
        found_in_store = status.usage is not None and status.usage.cached
        return key.kind == "GenerationQueue" or not found_in_store
    return attempt.failure_class in AGAINST[key.kind]


def _read(uid: str, attempt: Attempt, completion_time: str) -> Ended:
    limited = attempt.failure_class is FailureClass.RATE_LIMITED
    return Ended(
        clock.parse(completion_time),
        uid,
        attempt.number,
        attempt.failure_class,
        attempt.retry_after_seconds if limited else None,
        bool(attempt.probe),
        bool(attempt.counted),
    )
