"""Throughput, success rate and durations, worked out from the statuses of what exists."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from coursegen_api.base import Attempt, Outcome, Phase, TaskStatus
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration

from . import times
from .kinds import Work


@dataclass(frozen=True)
class Target:
    """What share of the tasks shall succeed (B1)."""

    percent: float = 95
    source: str = "the default"
    """Where it is from, in words."""


CHAPTER_LIMIT_SECONDS = 120
"""FR-021: a chapter takes less."""

KINDS = ("course", "outline", "chapter", "validation", "export", "cleanup")
_NAMES = {
    "ChapterGeneration": "chapter",
    "QualityValidation": "validation",
    "CourseExport": "export",
    "ArtifactCleanup": "cleanup",
}


@dataclass(frozen=True)
class Ended:
    """A task or course that has ended."""

    kind: str
    succeeded: bool
    time: datetime
    seconds: float | None
    """What its last attempt took, or the course, from the slot to the end, as Prometheus has it. None if it failed."""
    retries: int


@dataclass(frozen=True)
class Row:
    """The figures of one kind."""

    kind: str
    succeeded: int
    failed: int
    an_hour: float
    """Succeeded in an hour."""
    mean_seconds: float | None
    p95_seconds: float | None
    over_limit: int | None
    """Chapters that took more than CHAPTER_LIMIT_SECONDS; None for other kinds."""
    retries: int

    @property
    def success_percent(self) -> float | None:
        """Succeeded of what succeeded or failed; None if nothing ended."""
        total = self.succeeded + self.failed
        return 100 * self.succeeded / total if total else None


@dataclass(frozen=True)
class Report:
    """The figures of all kinds since a time."""

    since: datetime
    rows: Sequence[Row]
    total: Row
    """All tasks, courses left out: a course is the sum of its tasks."""
    target: Target = field(default_factory=Target)

    @property
    def meets_target(self) -> bool | None:
        """Whether the success rate reaches the target; None if nothing ended."""
        rate = self.total.success_percent
        return None if rate is None else rate >= self.target.percent


def ends(objects: Iterable[Work | ArtifactCleanup]) -> Iterator[Ended]:
    """Give what has ended, cancelled work left out: a person's word is neither success nor failure."""
    for obj in objects:
        if isinstance(obj, CourseGeneration):
            status = obj.status
            if status.outline and status.outline.attempts:
                yield from _ended("outline", status.outline, status.phase)
            if status.phase in (Phase.SUCCEEDED, Phase.FAILED) and status.completion_time:
                done = status.phase is Phase.SUCCEEDED
                took = times.seconds_since(status.start_time, times.parse(status.completion_time)) if done else None
                yield Ended("course", done, times.parse(status.completion_time), took, status.retry_count)
        elif obj.status.phase in (Phase.SUCCEEDED, Phase.FAILED):
            yield from _ended(_NAMES[type(obj).__name__], obj.status, obj.status.phase)


def _ended(kind: str, task: TaskStatus, phase: Phase | None) -> Iterator[Ended]:
    last = task.attempts[-1] if task.attempts else None
    if last is None or last.completion_time is None:
        return
    succeeded = last.outcome is Outcome.SUCCEEDED
    if succeeded or phase is Phase.FAILED:
        took = _took(last) if succeeded else None
        yield Ended(kind, succeeded, times.parse(last.completion_time), took, task.retry_count)


def _took(attempt: Attempt) -> float | None:
    if not attempt.completion_time:
        return None
    return times.seconds_since(attempt.admission_time, times.parse(attempt.completion_time))


def report(objects: Iterable[Work | ArtifactCleanup], now: datetime, window: timedelta) -> Report:
    """Work out the figures of the last `window`."""
    since = now - window
    recent = [e for e in ends(objects) if e.time >= since]
    hours = window.total_seconds() / 3600
    rows = [_row(kind, [e for e in recent if e.kind == kind], hours) for kind in KINDS]
    return Report(since, rows, _row("all tasks", [e for e in recent if e.kind != "course"], hours))


def _row(kind: str, found: Sequence[Ended], hours: float) -> Row:
    succeeded = [e for e in found if e.succeeded]
    took = sorted(e.seconds for e in succeeded if e.seconds is not None)
    return Row(
        kind=kind,
        succeeded=len(succeeded),
        failed=len(found) - len(succeeded),
        an_hour=len(succeeded) / hours,
        mean_seconds=sum(took) / len(took) if took else None,
        p95_seconds=quantile(took, 0.95),
        over_limit=sum(s > CHAPTER_LIMIT_SECONDS for s in took) if kind == "chapter" else None,
        retries=sum(e.retries for e in found),
    )


def quantile(ordered: Sequence[float], q: float) -> float | None:
    """Give the smallest value that at least a share of `q` does not exceed; None of nothing."""
    if not ordered:
        return None
    rank = max(1, -(-int(q * 100) * len(ordered) // 100))
    return ordered[rank - 1]
