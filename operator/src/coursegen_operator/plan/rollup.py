"""What a course says of its children: counts, progress, cost, and the hold that they share."""

from collections.abc import Sequence

from coursegen_api.base import ErrorDetails, HoldReason, TaskStatus, Usage
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import ChapterCounts, CourseGeneration, CourseStatus

from . import clock, eta, requests
from .step import Hold, open_attempt, works
from .world import Defaults, TaskObject

_SHARES = {"Outline": (0, 5), "Chapters": (5, 85), "Validation": (85, 90), "Exports": (90, 100), "Done": (100, 100)}
"""From which percentage to which a course goes in each stage."""


def counts(
    chapters: Sequence[ChapterGeneration], course: CourseGeneration, total: int, over: bool = False
) -> ChapterCounts:
    """Count the chapters by state; one that is not created yet is held. Of a course that is over no more is to come."""
    goes_on = requests.undone if over else requests.unfinished
    succeeded = running = failed = 0
    for child in chapters:
        if goes_on(child, course):
            running += works(child.status)
        elif requests.has_content(child, course):
            succeeded += 1
        else:
            failed += 1
    return ChapterCounts(
        total=total,
        succeeded=succeeded,
        running=running,
        failed=failed,
        held=total - succeeded - running - failed,
        summary=f"{succeeded}/{total}",
    )


def hold(children: Sequence[TaskObject], course: CourseGeneration) -> Hold | None:
    """Give the hold of a course none of whose work runs: what keeps its children, the worst first."""
    held = [
        (c.status.hold_reason is not HoldReason.MISCONFIGURED, c.metadata.name, c)
        for c in children
        if c.status.hold_reason and requests.unfinished(c, course)
    ]
    if not held:
        return None
    _, name, child = min(held, key=lambda h: h[:2])
    assert child.status.hold_reason is not None
    return Hold(child.status.hold_reason, f"{name}: {child.status.hold_message or ''}")


def stuck(outline: TaskStatus | None, children: Sequence[TaskObject]) -> ErrorDetails | None:
    """Say what keeps every open attempt from starting; None if one works, or none is open."""
    opened = [s for s in (outline, *(c.status for c in children)) if s and open_attempt(s)]
    if any(works(s) for s in opened):
        return None
    return next((s.error_details for s in opened if s.error_details), None)


def percentage(status: CourseStatus, children: Sequence[TaskObject], course: CourseGeneration) -> int:
    """Give the course's progress in percent: the stage's share, filled by what its children report."""
    low, high = _SHARES.get(status.stage or "Outline", (0, 0))
    kinds = {"Chapters": "ChapterGeneration", "Validation": "QualityValidation", "Exports": "CourseExport"}
    kind = kinds.get(status.stage or "")
    current = [c for c in children if type(c).__name__ == kind and c.metadata.deletion_timestamp is None]
    total = status.chapters.total if status.chapters and kind == "ChapterGeneration" else len(current)
    if status.stage == "Outline":
        share = (status.outline.progress_percentage if status.outline else 0) / 100
    elif total:
        done = sum(c.status.progress_percentage if requests.unfinished(c, course) else 100 for c in current)
        share = done / 100 / total
    else:
        share = 0.0
    return min(100, int(low + (high - low) * min(1.0, share)))


def may_write(status: CourseStatus, old: CourseStatus, now: float, defaults: Defaults) -> bool:
    """Tell whether a course may be written now.

    A change of state is written at once, taking the figures with it; figures alone wait until five seconds after the
    last write.
    """
    if clock.has_passed(old.progress_time, defaults.progress_seconds, now):
        return True
    return _state_of(status) != _state_of(old)


def paced(
    status: CourseStatus,
    old: CourseStatus,
    children: Sequence[TaskObject],
    course: CourseGeneration,
    now: float,
    may_write: bool,
) -> tuple[CourseStatus, bool]:
    """Lay progress, counts and cost over a status, and say whether to write now."""
    if status.stage != "Done":
        rising = percentage(status, children, course)
        if status.revision == old.revision and status.start_time == old.start_time:
            rising = max(rising, old.progress_percentage)
        status = status.model_copy(update={"progress_percentage": rising})
    status = status.model_copy(
        update={
            "usage": _usage(status, children) or old.usage,
            "retry_count": sum(c.status.retry_count for c in children)
            + (status.outline.retry_count if status.outline else 0),
        }
    )
    if status == old or (eta.without(status) == eta.without(old) and not _may_tell_estimate(old, now)):
        return old, True
    if may_write:
        return status.model_copy(update={"progress_time": clock.stamp(now)}), True
    return status, False


def _may_tell_estimate(old: CourseStatus, now: float) -> bool:
    """Tell whether a course may be written for its estimate alone."""
    return clock.has_passed(old.progress_time, eta.ALONE_SECONDS, now)


def _state_of(status: CourseStatus) -> CourseStatus:
    """Give the status without its figures."""
    outline = status.outline
    if outline:
        outline = outline.model_copy(update={"progress_percentage": 0, "progress_time": None, "stage": None})
    figures = {
        "chapters": status.chapters and ChapterCounts(total=status.chapters.total),
        "progress_percentage": 0,
        "progress_time": None,
        "usage": None,
        "retry_count": 0,
        "outline": outline,
        "estimated_completion_time": None,
        "estimate_certainty": None,
        "exports": [e.model_copy(update={"phase": None}) for e in status.exports],
    }
    return status.model_copy(update=figures)


def _usage(status: CourseStatus, children: Sequence[TaskObject]) -> Usage | None:
    used = [c.status.usage for c in children if c.status.usage]
    if status.outline and status.outline.usage:
        used.append(status.outline.usage)
    return Usage.total(used) if used else None
