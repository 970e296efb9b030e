"""What people ask of an object (retry, cancel, regenerate): accepted once each, acknowledged in status.

Whoever asks for a course asks for its children: a child looks at what its course has accepted, so
that no object but the one that a person touched is ever edited.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coursegen_api import names
from coursegen_api.base import ObjectStatus, Outcome, Regeneration, Requests
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration, FailurePolicy
from coursegen_api.kinds import ObjectMeta

from . import conditions
from .world import TaskObject

_NOTHING = Requests()
_ANNOTATIONS = (names.ANNOTATION_RETRY, names.ANNOTATION_CANCEL, names.ANNOTATION_STOP)

_OF_COURSE = ("course_retry", "course_regeneration", "quality_round")
"""What an object's course was asked for."""

IN_VAIN = (Outcome.FAILED, Outcome.CANCELLED)
"""How work ends that delivers nothing."""

COURSE_OVER = "CourseOver"
"""Why a child ended that its course never let begin."""


def ended(obj: TaskObject | CourseGeneration) -> Outcome | None:
    """Say how the object's present revision ended; None while it goes on."""
    found = conditions.find(obj.status.conditions, "Finished")
    return Outcome(found.reason) if found and found.status == "True" else None


def is_open(course: CourseGeneration) -> bool:
    """Tell whether a course has its slot and is not over, so that its children may work."""
    return course.status.start_time is not None and ended(course) is None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a visit accepts."""

    requests: Requests
    restart: bool = False
    """Begin a new revision."""
    cancel: bool = False
    """End what is going on."""
    stop: bool = False
    """Write no more, and deliver what has succeeded."""


def _asked(meta: ObjectMeta, regeneration: Regeneration | None) -> Requests:
    if regeneration is None and not any(a in meta.annotations for a in _ANNOTATIONS):
        return _NOTHING
    return Requests(
        retry=_cut(meta.annotations.get(names.ANNOTATION_RETRY)),
        cancel=_cut(meta.annotations.get(names.ANNOTATION_CANCEL)),
        stop=_cut(meta.annotations.get(names.ANNOTATION_STOP)),
        regeneration=regeneration.request_id if regeneration else None,
    )


def _cut(value: str | None) -> str | None:
    return value[:256] if value else None


def _of_task(obj: TaskObject, course: CourseGeneration | None) -> Requests:
    wish = obj.spec.regeneration if isinstance(obj, ChapterGeneration) else None
    asked = _asked(obj.metadata, wish)
    accepted = course.status.requests if course else None
    if course is None or accepted is None or (accepted == _NOTHING and course.status.quality_round is None):
        return asked
    of_course: dict[str, Any] = {"course_retry": accepted.retry}
    if isinstance(obj, ChapterGeneration):
        of_course["course_regeneration"] = accepted.regeneration
        of_course["quality_round"] = _round_for(obj, course)
    return asked.model_copy(update=of_course)


def _round_for(obj: ChapterGeneration, course: CourseGeneration) -> str | None:
    made = course.status.quality_round
    return round_id(course) if made and obj.spec.index in made.chapters else None


def accept(obj: TaskObject, course: CourseGeneration | None) -> Accepted:
    """Decide what a task's object accepts now; `course` is the one that owns it, if one does."""
    asked = _of_task(obj, course)
    status: ObjectStatus = obj.status
    if status.observed_generation == 0:
        return Accepted(_at_first(asked), cancel=asked.cancel is not None)
    seen = status.requests or _NOTHING
    how = ended(obj)
    cancel = asked.cancel is not None and asked.cancel != seen.cancel
    seen = seen.model_copy(update={"cancel": asked.cancel})
    if cancel and how is None:
        return Accepted(asked, cancel=True)  # a wish that was to follow is over as well: it would begin at once
    if course and not is_open(course):
        return Accepted(seen)
    if course and course.status.stopped and isinstance(obj, ChapterGeneration):
        seen = seen.model_copy(update={field: getattr(asked, field) for field in _OF_COURSE})  # heard, and let be
    again = _wants_again(asked, seen, how) or (course is not None and _waits_for(obj, course))
    if how is None:
        retries = {"retry": asked.retry, "course_retry": asked.course_retry}
        return Accepted(seen.model_copy(update=retries))
    return Accepted(asked, restart=again)


def _at_first(asked: Requests) -> Requests:
    """Give what an object that is new accepts: its regeneration follows once there is something to make anew.

    So an object that is created again, as from a backup, asks for the content that it had: what was before, and from
    that what was wished. Of one that is cancelled at once nothing follows.
    """
    return asked if asked.cancel is not None else asked.model_copy(update={"regeneration": None})


def _wants_again(asked: Requests, seen: Requests, how: Outcome | None) -> bool:
    if how is None:
        return False
    return _wishes(asked, seen) or (how is not Outcome.SUCCEEDED and _retries(asked, seen))


def _wishes(asked: Requests, seen: Requests) -> bool:
    of_people = (asked.regeneration not in (None, seen.regeneration)) or (
        asked.course_regeneration not in (None, seen.course_regeneration)
    )
    return of_people or asked.quality_round not in (None, seen.quality_round)


def has_wish(obj: TaskObject | CourseGeneration, course: CourseGeneration | None = None) -> bool:
    """Tell whether a regeneration was asked for while the object was at work: it is accepted after the end."""
    asked = _asked(obj.metadata, obj.spec.regeneration) if isinstance(obj, CourseGeneration) else _of_task(obj, course)
    return _wishes(asked, obj.status.requests or _NOTHING)


def _retries(asked: Requests, seen: Requests) -> bool:
    return (asked.retry not in (None, seen.retry)) or (asked.course_retry not in (None, seen.course_retry))


def _left_undone(obj: TaskObject) -> bool:
    """Tell whether a child was never run because its course was over; it goes on when the course does."""
    found = conditions.find(obj.status.conditions, "Succeeded")
    return found is not None and found.reason == COURSE_OVER


def pending(obj: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether an ended child has been asked to go on, and has not acted on it yet."""
    return _wants_again(_of_task(obj, course), obj.status.requests or _NOTHING, ended(obj))


def is_bad(child: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether an open course has to do without a child."""
    failed = ended(child) in IN_VAIN
    return failed and not unfinished(child, course) and not has_content(child, course)


def fails(chapters: Sequence[ChapterGeneration], course: CourseGeneration) -> ChapterGeneration | None:
    """Give the chapter for which an open course fails; None if it goes on, if only until what was asked again ends.

    One that a person stopped fails for none: it waits for all that still end.
    """
    if course.spec.failure_policy is not FailurePolicy.FAIL or course.status.stopped:
        return None
    bad = next((c for c in chapters if is_bad(c, course) and not _left_out(c, course)), None)
    return None if bad is None or _asked_again(chapters, course) else bad


def _asked_again(chapters: Sequence[ChapterGeneration], course: CourseGeneration) -> bool:
    """Tell whether a chapter that a person asked for again is still to end: the course is judged after it."""
    return any(unfinished(c, course) and (c.status.revision > 0 or pending(c, course)) for c in chapters)


def has_content(child: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether a child has something to deliver.

    A quality round that fails leaves the version before, and so does whatever was cancelled. A regeneration that fails
    does as well, unless the course's policy is to fail with it.
    """
    how = ended(child)
    if how is Outcome.SUCCEEDED:
        return True
    if how is None or child.status.artifact is None:
        return False
    seen, made = child.status.requests, round_id(course)
    in_round = made is not None and seen is not None and seen.quality_round == made
    return how is Outcome.CANCELLED or in_round or course.spec.failure_policy is not FailurePolicy.FAIL


def round_id(course: CourseGeneration) -> str | None:
    """Name the last quality round of a course, if it has made one."""
    made = course.status.quality_round
    if made is None:
        return None
    return f"r{course.status.revision if made.revision is None else made.revision}-{made.number}"


def owned_by(obj: TaskObject, course: CourseGeneration | None) -> bool:
    """Tell whether an object is a child of a course."""
    return course is not None and obj.metadata.controller_uid() == course.metadata.uid


def unfinished(obj: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether an open course has to wait for a child."""
    return undone(obj, course) or pending(obj, course)


def undone(obj: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether a child of a course that is over has not ended, or was left to go on with the course."""
    return ended(obj) is None or _waits_for(obj, course)


def _waits_for(obj: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether a child goes on with its course: one that was stopped lets none begin."""
    return _left_undone(obj) and not course.status.stopped and not _left_out(obj, course)


def _left_out(obj: TaskObject, course: CourseGeneration) -> bool:
    """Tell whether a course has been delivered without a chapter, and stays so until it is asked for more."""
    return isinstance(obj, ChapterGeneration) and obj.spec.index in course.status.missing_chapters


def accept_course(course: CourseGeneration, child_pending: bool) -> Accepted:
    """Decide what a course accepts now; a request to one of its children opens it again, unless it was cancelled."""
    asked = _asked(course.metadata, course.spec.regeneration)
    if course.status.observed_generation == 0:
        return Accepted(_at_first(asked), cancel=asked.cancel is not None, stop=asked.stop is not None)
    seen = course.status.requests or _NOTHING
    how = ended(course)
    cancel = asked.cancel is not None and asked.cancel != seen.cancel
    stop = asked.stop is not None and asked.stop != seen.stop
    if how is None:
        kept = asked if cancel else asked.model_copy(update={"regeneration": seen.regeneration})
        return Accepted(kept, cancel=cancel, stop=stop)
    again = _wants_again(asked, seen, how) or (bool(course.status.missing_chapters) and _retries(asked, seen))
    if stop and how is not Outcome.SUCCEEDED and not again:
        return Accepted(asked, restart=True, stop=True)
    return Accepted(asked, restart=again or (child_pending and how is not Outcome.CANCELLED))


def fresh(status: ObjectStatus, requests: Requests) -> dict[str, Any]:
    """Give the changes that begin a new revision; the last artifact stays until a new one is there."""
    return {
        "revision": status.revision + 1,
        "requests": requests,
        "attempts": [],
        "retry_count": 0,
        "withdrawn_attempts": 0,
        "lost_results": None,
        "queued_time": None,
        "next_retry_time": None,
        "error_details": None,
        "progress_percentage": 0,
        "progress_time": None,
        "stage": None,
        "start_time": None,
        "completion_time": None,
    }
