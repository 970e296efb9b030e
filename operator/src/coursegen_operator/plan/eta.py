"""When a course should be finished, from what was measured of each queue: how long its work waits and runs.

An estimate is a guess with a word on how good it is. It is written with other news of the course, and alone only if it
has moved noticeably.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from coursegen_api import names
from coursegen_api.base import Attempt, Certainty, HoldReason, TaskStatus
from coursegen_api.course import CourseGeneration, CourseStatus

from . import clock, history, requests
from .admission import latest_start
from .durations import Piece, Usual, last_end
from .place import queues_after, seconds_of
from .step import open_attempt
from .turn import Turn
from .world import Surroundings, TaskObject

ALONE_SECONDS = 30.0
"""Between two writes of a course that tell nothing else."""

LEAST = 3
"""Tasks of every queue on the way that have to be measured, or nothing is said."""

_ENOUGH = 20
"""Tasks of a queue that make its quantiles something to build on."""

_NOTICEABLE_SECONDS = 5.0
_NOTICEABLE_SHARE = 0.1

_USUAL_CHAPTERS = 8
_USUAL_WEIGHT = 4
"""So many tasks of a course that have ended say as much about its pace as all that was measured of others."""

SLOT_HOLDS = (HoldReason.QUEUE_FULL, HoldReason.PROVIDER_BUSY, HoldReason.RETRY_BACKOFF, HoldReason.DEPENDENCY_PENDING)
"""Holds that end by themselves in a time that can be guessed."""

_KINDS = {"Chapters": "ChapterGeneration", "Validation": "QualityValidation", "Exports": "CourseExport"}
QUEUES = {
    "Outline": names.QUEUE_COURSE,
    "Chapters": names.QUEUE_CHAPTER,
    "Validation": names.QUEUE_VALIDATION,
    "Exports": names.QUEUE_EXPORT,
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a course still takes, and how good that guess is."""

    seconds: float = 0.0
    certainty: Certainty = Certainty.UNKNOWN


def of_course(course: CourseGeneration, children: Sequence[TaskObject], around: Surroundings, now: float) -> Estimate:
    """Estimate how long a course takes from now on.

    Unknown where it waits for people, or where too little was measured of any of the queues that it still goes through.
    """
    stage = course.status.stage or "Outline"
    if course.status.start_time is None or course.spec.suspend or stage not in QUEUES:
        return Estimate()
    works = _works(course, children, stage)
    holds = {course.status.hold_reason, *(s.hold_reason for s in works)}
    if holds - {None, *SLOT_HOLDS}:
        return Estimate()
    queue = next((s.queue_name for s in works if s.queue_name), QUEUES[stage])
    first, *after = (_leg(q, course, around) for q in (queue, *queues_after(stage, course)))
    if not (first and all(after)):
        return Estimate()
    pace = _pace(course, children, around)
    seconds = last_end(_pieces(works, first, pace, now), first.usual)
    for leg in filter(None, after):
        seconds += last_end([Piece(leg.begins(n), pace) for n in range(_width(leg.queue, course))], leg.usual)
    legs = [leg for leg in (first, *after) if leg]
    sure = all(leg.usual.count >= _ENOUGH and not leg.turn.ahead for leg in legs)
    return Estimate(seconds, Certainty.HIGH if sure and all(map(open_attempt, works)) else Certainty.LOW)


@dataclass(frozen=True, slots=True)
class _Leg:
    """A queue on a course's way: how long its work takes, and how soon it gets slots."""

    queue: str
    usual: Usual
    turn: Turn

    def begins(self, number: int) -> float:
        """Give in how many seconds work has its slot, if `number` of the course's go before it."""
        return self.turn.turnovers(number) * self.usual.slot


def _leg(queue: str, course: CourseGeneration, around: Surroundings) -> _Leg | None:
    """Describe a queue on the way; None if it is stopped, or too little of it was measured."""
    usual, turn = around.usual.get(queue), around.turn(queue, _place(course, queue, around))
    return _Leg(queue, usual, turn) if usual and usual.count >= LEAST and turn else None


def _place(course: CourseGeneration, queue: str, around: Surroundings) -> tuple[float, float]:
    """Give where a course's work stands in a queue: before all that has the same beginning."""
    started, deadline = clock.parse(course.status.start_time or ""), course.spec.deadline_time
    stage = next((stage for stage, name in QUEUES.items() if name == queue), "Outline")
    left = sum(seconds_of(q, around) for q in (queue, *queues_after(stage, course)))
    return latest_start(clock.parse(deadline) if deadline else None, started, left), started


def _pace(course: CourseGeneration, children: Sequence[TaskObject], around: Surroundings) -> float:
    """Give how long this course's work takes as a share of the usual: the more of it has ended, the surer that is."""
    own: list[TaskStatus] = [c.status for c in children]
    own += [course.status.outline] if course.status.outline else []
    told = [(history.took(s), around.usual.get(s.queue_name or "")) for s in own]
    shares = [seconds / usual.mean for seconds, usual in told if seconds is not None and usual]
    return (_USUAL_WEIGHT + sum(shares)) / (_USUAL_WEIGHT + len(shares))


def _pieces(works: Iterable[TaskStatus], leg: _Leg, pace: float, now: float) -> Iterator[Piece]:
    """Give what a stage waits for: what runs, what is to be tried again, and what waits for its turn."""
    numbers = count()
    for status in works:
        if attempt := open_attempt(status):
            yield _running(attempt, status, leg.usual, pace, now)
        elif status.next_retry_time:
            yield Piece(max(0.0, clock.parse(status.next_retry_time) - now), pace)
        else:
            yield Piece(leg.begins(next(numbers)), pace)


def _running(attempt: Attempt, status: TaskStatus, usual: Usual, pace: float, now: float) -> Piece:
    """Give the rest of what runs: the more it says it has done, the more its own pace counts."""
    began, done = clock.parse(attempt.admission_time), status.progress_percentage / 100
    if not 0 < done < 1 or not status.progress_time:
        return Piece(began - now, pace)
    told = clock.parse(status.progress_time)
    return Piece(told - now, (1 - done) * ((1 - done) * pace + (told - began) / usual.mean))


def _works(course: CourseGeneration, children: Sequence[TaskObject], stage: str) -> list[TaskStatus]:
    """Give the status of what the course's present stage waits for."""
    if stage == "Outline":
        return [course.status.outline or TaskStatus()]
    mine = [c for c in children if type(c).__name__ == _KINDS[stage] and c.metadata.deletion_timestamp is None]
    left: list[TaskStatus] = [c.status for c in mine if requests.unfinished(c, course)]
    if stage == "Chapters":
        total = course.status.chapters.total if course.status.chapters else 0
        left += [TaskStatus()] * max(0, total - len(mine))
    return left


def _width(queue: str, course: CourseGeneration) -> int:
    """Give how many of a course's tasks go through a queue side by side, as far as is known."""
    if queue == names.QUEUE_CHAPTER:
        return course.spec.chapter_count or len(course.spec.chapters or ()) or _USUAL_CHAPTERS
    return len(course.spec.exports) if queue == names.QUEUE_EXPORT else 1


def laid_over(status: CourseStatus, old: CourseStatus, new: Estimate, now: float) -> CourseStatus:
    """Put an estimate into a status, if it tells something new."""
    at = now + new.seconds if new.certainty is not Certainty.UNKNOWN else None
    before = clock.parse(old.estimated_completion_time) if old.estimated_completion_time else None
    if at is not None and before is not None and before > now and old.estimate_certainty is new.certainty:
        noticeable = max(_NOTICEABLE_SECONDS, _NOTICEABLE_SHARE * abs(before - now))
        if abs(at - before) < noticeable:
            at = before
    told = {"estimated_completion_time": clock.stamp(at) if at else None, "estimate_certainty": new.certainty}
    return status.model_copy(update=told)


def next_look(status: CourseStatus) -> float | None:
    """Give when a course has to be looked at again, so that its estimate does not lie in the past for long."""
    if not status.estimated_completion_time or not status.progress_time:
        return None
    return max(clock.parse(status.estimated_completion_time), clock.parse(status.progress_time) + ALONE_SECONDS)


def without(status: CourseStatus) -> CourseStatus:
    """Give a status without its estimate."""
    return status.model_copy(update={"estimated_completion_time": None, "estimate_certainty": None})
