"""When a course should be finished, from what was measured of each queue: how long its work waits and runs.

An estimate is a guess with a word on how good it is. It is written with other news of the course, and alone only if it
has moved noticeably.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coursegen_api import names
from coursegen_api.base import Certainty, HoldReason, TaskStatus
from coursegen_api.course import CourseGeneration, CourseStatus

from . import clock, requests
from .place import queues_after, seconds_of
from .step import open_attempt
from .world import Surroundings, TaskObject

ALONE_SECONDS = 30.0
"""Between two writes of a course that tell nothing else."""

_ENOUGH = 20
"""Runs of a queue that make its median something to build on."""

_NOTICEABLE_SECONDS = 15.0
_NOTICEABLE_SHARE = 0.1
_DOUBLINGS_TO_SLOW = 3
"""Of eight that run side by side, the last is one of the slow."""

_USUAL_CHAPTERS = 8
_LEAST_LEFT = 0.1
"""Of a usual run: what runs longer than usual is always about to end."""

_SLOT_HOLDS = (HoldReason.QUEUE_FULL, HoldReason.PROVIDER_BUSY, HoldReason.RETRY_BACKOFF, HoldReason.DEPENDENCY_PENDING)
"""Holds that end by themselves in a time that can be guessed."""

_KINDS = {"Chapters": "ChapterGeneration", "Validation": "QualityValidation", "Exports": "CourseExport"}
_QUEUES = {
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
    """Estimate how long a course takes from now on; unknown where it waits for people, or nothing was measured."""
    status, stage = course.status, course.status.stage or "Outline"
    if status.start_time is None or stage not in _QUEUES:
        return Estimate()
    works = _works(course, children, stage)
    queue = next((s.queue_name for s in works if s.queue_name), _QUEUES[stage])
    if any(s.hold_reason and s.hold_reason not in _SLOT_HOLDS for s in works) or not around.measured.get(queue):
        return Estimate()
    after = list(queues_after(stage, course))
    seconds = _stage_seconds(works, queue, around, now)
    seconds += sum(_last_of(_width(q, course), q, around) + around.waits.get(q, 0.0) for q in after)
    sure = all(around.measured.get(q, 0) >= _ENOUGH for q in (queue, *after)) and _all_have_slots(works)
    return Estimate(seconds, Certainty.HIGH if sure else Certainty.LOW)


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


def _stage_seconds(works: Sequence[TaskStatus], queue: str, around: Surroundings, now: float) -> float:
    """Estimate a stage: what runs, and what waits for its slots, in waves as wide as now."""
    usual, last = seconds_of(queue, around), _last_of(len(works), queue, around)
    running = [s for s in works if open_attempt(s)]
    waiting = [s for s in works if not open_attempt(s)]
    if not waiting:
        return max((_left(s, last, now) for s in running), default=usual)
    later = max((clock.parse(s.next_retry_time) - now for s in waiting if s.next_retry_time), default=0.0)
    if not running:
        return max(later, _wait_left(waiting, around.waits.get(queue, 0.0), now)) + last
    waves = (sum(_left(s, usual, now) for s in running) + usual * len(waiting)) / len(running)
    return max(later + usual, waves + last / 2)


def _last_of(count: int, queue: str, around: Surroundings) -> float:
    """Estimate when the last of several ends that run side by side: the more they are, the slower it is."""
    usual = seconds_of(queue, around)
    slow = around.slow.get(queue, usual)
    return usual + (slow - usual) * min(1.0, math.log2(max(1, count)) / _DOUBLINGS_TO_SLOW)


def _width(queue: str, course: CourseGeneration) -> int:
    """Give how many of a course's tasks go through a queue side by side, as far as is known."""
    if queue == names.QUEUE_CHAPTER:
        return course.spec.chapter_count or len(course.spec.chapters or ()) or _USUAL_CHAPTERS
    return len(course.spec.exports) if queue == names.QUEUE_EXPORT else 1


def _left(status: TaskStatus, usual: float, now: float) -> float:
    attempt = open_attempt(status)
    elapsed = now - clock.parse(attempt.admission_time) if attempt else 0.0
    return max(usual * _LEAST_LEFT, usual - elapsed)


def _wait_left(waiting: Iterable[TaskStatus], usual: float, now: float) -> float:
    waited = max((now - clock.parse(s.queued_time) for s in waiting if s.queued_time), default=0.0)
    return max(0.0, usual - waited)


def _all_have_slots(works: Iterable[TaskStatus]) -> bool:
    return all(open_attempt(s) for s in works)


def laid_over(status: CourseStatus, old: CourseStatus, new: Estimate, now: float) -> CourseStatus:
    """Put an estimate into a status, if it tells something new."""
    at = now + new.seconds if new.certainty is not Certainty.UNKNOWN else None
    before = clock.parse(old.estimated_completion_time) if old.estimated_completion_time else None
    if at is not None and before is not None and old.estimate_certainty is new.certainty:
        noticeable = max(_NOTICEABLE_SECONDS, _NOTICEABLE_SHARE * abs(before - now))
        if abs(at - before) < noticeable:
            at = before
    told = {"estimated_completion_time": clock.stamp(at) if at else None, "estimate_certainty": new.certainty}
    return status.model_copy(update=told)


def without(status: CourseStatus) -> CourseStatus:
    """Give a status without its estimate."""
    return status.model_copy(update={"estimated_completion_time": None, "estimate_certainty": None})
