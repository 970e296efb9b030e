"""What each object says of itself, counted: phases, hold reasons, and what waits for a slot and since when.

Counted from status alone, so that whoever becomes leader shows the same figures before its first visit.
"""

from collections import Counter
from dataclasses import dataclass, field

from coursegen_api.base import HoldReason
from coursegen_api.course import CourseGeneration

from . import clock, requests
from .objects import LABELS, queue_of
from .step import open_attempt
from .world import COURSE_SLOTS, AnyObject, is_managed_here

KINDS = {"CourseGeneration": "course"} | LABELS
"""By kind: its name in metrics."""

_FOR_A_COURSE_SLOT = (HoldReason.COURSE_LIMIT, HoldReason.QUEUE_FULL, HoldReason.QUEUE_PAUSED)


@dataclass(frozen=True, slots=True)
class Said:
    """What one object says."""

    kind: str
    phase: str
    reason: str = ""
    """Of its hold; empty if it is not held."""
    waits: tuple[tuple[str, float], ...] = ()
    """The queues (or COURSE_SLOTS) that it waits for a slot of, and since when."""


def said(obj: AnyObject) -> Said | None:
    """Read an object; None for one that another controller manages."""
    if not is_managed_here(obj):
        return None
    status = obj.status
    reason = status.hold_reason.value if status.hold_reason else ""
    return Said(KINDS[type(obj).__name__], status.phase.value if status.phase else "Pending", reason, _waits(obj))


def _waits(obj: AnyObject) -> tuple[tuple[str, float], ...]:
    if requests.ended(obj):
        return ()
    if isinstance(obj, CourseGeneration):
        if obj.status.start_time is None and obj.status.hold_reason in _FOR_A_COURSE_SLOT:
            return ((COURSE_SLOTS, clock.parse(obj.metadata.creation_timestamp)),)
        task = obj.status.outline
        queue = task.queue_name if task else None
    else:
        task, queue = obj.status, queue_of(obj)
    if task is None or queue is None or task.queued_time is None or open_attempt(task):
        return ()
    return ((queue, clock.parse(task.queued_time)),)


@dataclass(slots=True)
class Tally:
    """Kept up to date object by object; a count never goes below zero, since each object takes out what it put in."""

    objects: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and phase."""
    held: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and reason."""
    waits: dict[str, dict[str, float]] = field(default_factory=dict)
    """By queue, then UID: since when."""
    _said: dict[str, Said] = field(default_factory=dict)

    def put(self, uid: str, now: Said | None) -> None:
        """Take in what an object says now; None if it is gone."""
        before = self._said.pop(uid, None)
        if before:
            self._count(uid, before, -1)
        if now:
            self._said[uid] = now
            self._count(uid, now, +1)

    def _count(self, uid: str, what: Said, sign: int) -> None:
        self.objects[what.kind, what.phase] += sign
        if what.reason:
            self.held[what.kind, what.reason] += sign
        for queue, since in what.waits:
            if sign > 0:
                self.waits.setdefault(queue, {})[uid] = since
            else:
                self.waits[queue].pop(uid, None)

    def waiting(self, queue: str) -> int:
        """Count what waits for a slot of a queue."""
        return len(self.waits.get(queue, ()))

    def oldest(self, queue: str) -> float | None:
        """Give since when the longest wait in a queue has lasted; None if nothing waits."""
        return min(self.waits.get(queue, {}).values(), default=None)
