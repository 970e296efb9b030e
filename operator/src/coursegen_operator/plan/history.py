"""What was measured: how long work of each queue waited and ran, and how it ended. Bounded, however much there was.

Everything here can be read again from the attempts in status, and is, at the start: `refill`. What was deleted before
is not known any more.
"""

import bisect
import itertools
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from coursegen_api.base import Attempt, Outcome, TaskStatus
from coursegen_api.course import CourseGeneration
from coursegen_api.names import QUEUE_COURSE

from . import clock, requests
from .durations import POINTS, Usual
from .world import COURSE_SLOTS, AnyObject, Measured

HOUR_SECONDS = 3600.0
_PERIODS = 12
_RECENT = 200
"""Durations are those of the last 200 to 400 runs: what was usual last week does not count."""

_GROWTH = 1.1
"""Of the bounds of a sketch's buckets: a quantile is right to within 5 %."""

_LEAST_SECONDS = 0.1


@dataclass(slots=True)
class Sketch:
    """Quantiles of durations, from counts in buckets whose bounds grow by a tenth (as in DDSketch, VLDB 2019)."""

    counts: dict[int, int] = field(default_factory=dict)
    total: int = 0

    def add(self, seconds: float) -> None:
        """Take in a duration."""
        bucket = max(0, math.ceil(math.log(max(seconds, _LEAST_SECONDS) / _LEAST_SECONDS, _GROWTH)))
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.total += 1


def quantile(share: float, sketches: Iterable[Sketch]) -> float | None:
    """Give the duration under which a share of all of them lies; None if there are none."""
    counts: dict[int, int] = {}
    for sketch in sketches:
        for bucket, count in sketch.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
    rank = max(1, math.ceil(share * sum(counts.values())))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return _seconds_in(bucket)
    return None


def _seconds_in(bucket: int) -> float:
    """Give the duration that stands for a bucket."""
    return _LEAST_SECONDS * _GROWTH ** (bucket - 0.5) if bucket else 0.0


@dataclass(slots=True)
class Recent:
    """The last durations of a kind, and nothing of what was before."""

    earlier: Sketch = field(default_factory=Sketch)
    latest: Sketch = field(default_factory=Sketch)

    def add(self, seconds: float) -> None:
        """Take in a duration."""
        if self.latest.total >= _RECENT:
            self.earlier, self.latest = self.latest, Sketch()
        self.latest.add(seconds)

    def quantile(self, share: float) -> float:
        """Give the duration under which a share of them lies."""
        return quantile(share, (self.earlier, self.latest)) or 0.0

    def mean(self) -> float:
        """Give the mean of what there is; there has to be something."""
        return sum(_seconds_in(b) * n for s in (self.earlier, self.latest) for b, n in s.counts.items()) / self.count

    def points(self) -> tuple[float, ...]:
        """Give durations that are equally likely, ascending; there has to be something."""
        counts = Counter(self.earlier.counts) + Counter(self.latest.counts)
        buckets = sorted(counts)
        ranks = list(itertools.accumulate(counts[bucket] for bucket in buckets))
        found = (buckets[bisect.bisect_left(ranks, (n + 0.5) / POINTS * self.count)] for n in range(POINTS))
        return tuple(max(_LEAST_SECONDS, _seconds_in(bucket)) for bucket in found)

    @property
    def count(self) -> int:
        """Give how many there are."""
        return self.earlier.total + self.latest.total


@dataclass(slots=True)
class Period:
    """A twelfth of an hour."""

    number: int
    waits: Sketch = field(default_factory=Sketch)
    runs: Sketch = field(default_factory=Sketch)
    succeeded: int = 0
    failed: int = 0
    retried: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of a queue in the last hour; None where nothing was."""

    succeeded: int
    failed: int
    retried: int
    wait_p50: float | None
    wait_p95: float | None
    run_p50: float | None
    run_p95: float | None


@dataclass(slots=True)
class QueueHistory:
    """What was measured of one queue."""

    periods: list[Period] = field(default_factory=list)
    """The last ones in which something was measured, ascending."""
    runs: Recent = field(default_factory=Recent)
    took: Recent = field(default_factory=Recent)

    def at(self, time: float) -> Period:
        """Give the period of a time, and let go of what is over an hour older."""
        number = int(time // (HOUR_SECONDS / _PERIODS))
        found = next((p for p in self.periods if p.number == number), None)
        if found is None:
            found = Period(number)
            newest = max([number, *(p.number for p in self.periods)])
            kept = [p for p in (*self.periods, found) if p.number > newest - _PERIODS]
            self.periods = sorted(kept, key=lambda p: p.number)
        return found

    def figures(self, now: float) -> Figures | None:
        """Give the last hour's; None if nothing was measured in it."""
        oldest = int(now // (HOUR_SECONDS / _PERIODS)) - _PERIODS
        periods = [p for p in self.periods if p.number > oldest]
        if not periods:
            return None
        waits, runs = [p.waits for p in periods], [p.runs for p in periods]
        return Figures(
            sum(p.succeeded for p in periods),
            sum(p.failed for p in periods),
            sum(p.retried for p in periods),
            quantile(0.5, waits),
            quantile(0.95, waits),
            quantile(0.5, runs),
            quantile(0.95, runs),
        )


@dataclass(slots=True)
class History:
    """What was measured of every queue."""

    queues: dict[str, QueueHistory] = field(default_factory=dict)
    usual: dict[str, Usual] = field(default_factory=dict)
    """By queue (or COURSE_SLOTS): how long its work takes, of what was measured last; nothing if nothing was."""

    def take(self, what: Measured, now: float) -> None:
        """Take in what a visit measured."""
        queue = self.queues.setdefault(what.queue, QueueHistory())
        period = queue.at(now)
        if what.waited is not None:
            period.waits.add(what.waited)
        if what.ended is not None:
            period.succeeded += what.ended is Outcome.SUCCEEDED
            period.failed += what.ended is Outcome.FAILED
        period.retried += what.retried
        if what.ran is not None:
            period.runs.add(what.ran)
            queue.runs.add(what.ran)
            if what.took is not None:
                queue.took.add(what.took)
            if queue.took.count:
                runs, took = queue.runs, queue.took
                self.usual[what.queue] = Usual(runs.quantile(0.5), runs.mean(), took.points(), took.count)

    def figures(self, queue: str, now: float) -> Figures | None:
        """Give what was measured of a queue in the last hour; None if nothing was."""
        found = self.queues.get(queue)
        return found.figures(now) if found else None

    def refill(self, objects: Iterable[AnyObject]) -> None:
        """Take in what the attempts in status tell, in the order of time."""
        told: list[tuple[float, Measured]] = []
        for obj in objects:
            if isinstance(obj, CourseGeneration):
                told += _told_of_course(obj)
                if obj.status.outline:
                    told += _told_of_outline(obj.status.outline)
            elif obj.status.queue_name:
                told += _told(obj.status, obj.status.queue_name, requests.ended(obj), obj.status.completion_time)
        for time, what in sorted(told, key=lambda t: t[0]):
            self.take(what, time)


def waited(attempt: Attempt) -> float:
    """Give how long an attempt waited for its slot."""
    queued = attempt.queued_time
    return max(0.0, clock.parse(attempt.admission_time) - clock.parse(queued)) if queued else 0.0


def ran(attempt: Attempt) -> float | None:
    """Give how long an attempt ran, from its slot to its end, if it ended well."""
    if attempt.outcome is not Outcome.SUCCEEDED or attempt.completion_time is None:
        return None
    return max(0.0, clock.parse(attempt.completion_time) - clock.parse(attempt.admission_time))


def took(status: TaskStatus) -> float | None:
    """Give how long a task took from its first slot to its success, retries included.

    None if it has not succeeded, and for what was found in the store: that says nothing of work that has to be done.
    """
    attempts = [a for a in status.attempts if a.outcome is not Outcome.WITHDRAWN]
    last = attempts[-1] if attempts else None
    if last is None or ran(last) is None or (status.usage and status.usage.cached):
        return None
    return max(0.0, clock.parse(last.completion_time or "") - clock.parse(attempts[0].admission_time))


def _told_of_course(course: CourseGeneration) -> list[tuple[float, Measured]]:
    started, completed = course.status.start_time, course.status.completion_time
    if requests.ended(course) is not Outcome.SUCCEEDED or not started or not completed:
        return []
    lasted = max(0.0, clock.parse(completed) - clock.parse(started))
    return [(clock.parse(completed), Measured(COURSE_SLOTS, ran=lasted, took=lasted))]


def _told_of_outline(outline: TaskStatus) -> list[tuple[float, Measured]]:
    """Without a condition of its own an outline has ended with its last attempt, unless another follows."""
    last = outline.attempts[-1] if outline.attempts else None
    over = last is not None and outline.next_retry_time is None
    ended = last.outcome if last and over and last.outcome in (Outcome.SUCCEEDED, Outcome.FAILED) else None
    return _told(outline, outline.queue_name or QUEUE_COURSE, ended, last.completion_time if last else None)


def _told(
    status: TaskStatus, queue: str, ended: Outcome | None, completion_time: str | None
) -> list[tuple[float, Measured]]:
    out = []
    for attempt in status.attempts:
        out.append((clock.parse(attempt.admission_time), Measured(queue, waited=waited(attempt))))
        if attempt.completion_time:
            is_last = attempt is status.attempts[-1]
            followed = not is_last or status.next_retry_time is not None
            told = Measured(
                queue,
                ran=ran(attempt),
                took=took(status) if is_last else None,
                retried=followed and attempt.outcome is Outcome.FAILED,
            )
            out.append((clock.parse(attempt.completion_time), told))
    if ended and completion_time:
        out.append((clock.parse(completion_time), Measured(queue, ended=ended)))
    return out
