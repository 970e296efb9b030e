"""Plans a visit to a course: its slot, its outline, then its chapters, validation and exports.

A course does no work itself. It creates children, waits for them, and rolls up what they say.
"""

from collections.abc import Sequence

from coursegen_api import names
from coursegen_api.base import FailureClass, HoldReason, Outcome, Requests, TaskStatus
from coursegen_api.chapter import ChapterGeneration, ChapterSpec
from coursegen_api.course import (
    CourseStatus,
    ExportState,
)
from coursegen_api.export import CourseExport

from . import (
    assignments,
    children,
    clock,
    conditions,
    eta,
    outline,
    place,
    quality,
    requests,
    retention,
    rollup,
    stopping,
    telling,
)
from .coursestep import CourseStep, CourseView
from .step import MISCONFIGURED_SECONDS, Hold, missing_provider, missing_queue, works
from .world import (
    COURSE_SLOTS,
    Count,
    DeleteChild,
    DeleteCourseJobs,
    Measured,
    Plan,
    Want,
)


def plan(
    view: CourseView,
    now: float,
    granted: frozenset[str] = frozenset(),
    decline: Hold | None = None,
) -> Plan:
    """Plan a visit; the same arguments give the same plan.

    Arguments:
        granted: the queues of the slots that the course has been granted (COURSE_SLOTS for its own).
        decline: why the last wish was not granted.
    """
    course = view.course
    over = requests.ended(course)
    accepted = requests.accept_course(course, _asked_by_children(view))
    status = course.status.model_copy(update={"requests": accepted.requests})
    if accepted.restart:
        status = _reopened(status, forgets_rounds=_asks_for_content(view))
        if accepted.requests != (
            course.status.requests or Requests()
        ):  # it was asked itself, and not one of its children
            status = status.model_copy(update={"missing_chapters": []})
        over = None
    if accepted.stop:
        status = status.model_copy(update={"stopped": True})
    step = CourseStep(view, now, granted, status, decline)
    if over:
        before = conditions.find(course.status.conditions, "Succeeded")
        step.end(over, before.reason if before else over.value, before.message if before else "")
    elif accepted.cancel:
        step.end(Outcome.CANCELLED, "Cancelled", "Cancelled on request; its Jobs are stopped.")
    else:
        _go_on(step)
    if step.ended:
        _tidy(step)
    return _finish(step, over)


def _asked_by_children(view: CourseView) -> bool:
    """Tell whether a child has been asked to go on, or an export has been added."""
    course = view.course
    made = {e.format for e in course.status.exports}
    added = requests.ended(course) is Outcome.SUCCEEDED and any(e.format not in made for e in course.spec.exports)
    return added or any(requests.pending(c, course) for c in view.children)


def _asks_for_content(view: CourseView) -> bool:
    """Tell whether a course is opened again for other chapters than it has, which may be below the bar again.

    It is not for an export that was added, nor for what failed and is tried again, unless that was the quality.
    """
    error = view.course.status.error_details
    if error and error.failure_class is FailureClass.QUALITY_BELOW_BAR:
        return True
    return requests.has_wish(view.course) or any(requests.has_wish(c, view.course) for c in view.children)


def _reopened(status: CourseStatus, forgets_rounds: bool) -> CourseStatus:
    outline = status.outline
    if outline and status.chapters is None:  # it failed, or what it made could not be used
        outline = TaskStatus(revision=outline.revision + 1, usage=outline.usage)
    return status.model_copy(
        update={
            "revision": status.revision + 1,
            "start_time": None,
            "completion_time": None,
            "error_details": None,
            "outline": outline,
            "stopped": None,
            "quality_round": None if forgets_rounds else quality.carried_over(status),
        }
    )


def _go_on(step: CourseStep) -> None:
    """Take the course as far as it goes now."""
    wrong = _misconfigured(step)
    if step.status.stopped and step.status.chapters is None:
        step.end(Outcome.CANCELLED, stopping.STOPPED, "Stopped on request before its chapters were known.")
    elif wrong:
        step.hold = wrong
        step.draft.wake(step.now + MISCONFIGURED_SECONDS)
    elif _has_slot(step) and outline.known(step) and _has_chapters(step) and quality.is_validated(step):
        _is_exported(step)
    if step.ended is None:
        if step.hold is None and not step.running:
            step.hold = rollup.hold(step.view.children, step.course)
        step.change(error_details=rollup.stuck(step.status.outline, step.view.children))


def _misconfigured(step: CourseStep) -> Hold | None:
    spec, around = step.course.spec, step.view.around
    if spec.provider_name and spec.provider_name not in around.providers:
        return missing_provider(spec.provider_name, step.course.metadata.namespace)
    queue = spec.queue_name or names.QUEUE_COURSE
    if spec.chapters is None and queue not in around.queues:
        return missing_queue(queue)
    return None


def _has_slot(step: CourseStep) -> bool:
    if step.status.start_time:
        return True
    if step.course.spec.suspend:
        step.hold = Hold(HoldReason.SUSPENDED, "Suspended: set spec.suspend to false to go on.")
        return False
    if COURSE_SLOTS not in step.granted:
        step.want = _wish_for_slot(step)
        limit = step.view.around.defaults.max_courses
        full = Hold(HoldReason.COURSE_LIMIT, f"{limit} courses are being generated, the limit: waits for one to end.")
        over_budget = step.decline is not None and step.decline.reason is HoldReason.BUDGET_EXCEEDED
        step.hold = step.decline if over_budget else full
        return False
    step.change(start_time=clock.stamp(step.now), stage="Outline")
    return True


def _wish_for_slot(step: CourseStep) -> Want:
    """Give the wish for a course slot; it says what the course begins with, since a budget may not allow for that."""
    course, around = step.course, step.view.around
    return Want(
        COURSE_SLOTS,
        course.spec.provider_name or "",
        clock.parse(course.metadata.creation_timestamp),
        place.of_course(course, None, around),
        course.metadata.uid,
        purses=around.purses,
        label="outline" if course.spec.chapters is None else "chapter",
        line=around.budget_line,
    )


def _has_chapters(step: CourseStep) -> bool:
    """Create what is missing; True as soon as every chapter has ended as the failure policy allows."""
    step.change(stage="Chapters")
    planned = list(children.planned_chapters(step.course, step.status))
    if step.status.stopped:
        return stopping.gathered(step, [name for name, _ in planned])
    left_out = _left_out(step, planned)
    found = [step.child("ChapterGeneration", n, spec, "chapter") for n, spec in planned if spec.index not in left_out]
    chapters = [c for c in found if isinstance(c, ChapterGeneration)]
    step.change(chapters=rollup.counts(chapters, step.course, len(planned)))
    step.running = step.running or any(works(c.status) for c in chapters)
    if fatal := requests.fails(chapters, step.course):
        step.fail("ChapterFailed", fatal, f"Chapter {fatal.metadata.name} failed.")
        return False
    if len(chapters) < len(found) or any(requests.unfinished(c, step.course) for c in chapters):
        return False
    bad = [c for c in chapters if requests.is_bad(c, step.course)]
    if bad and len(bad) + len(left_out) == len(planned):
        step.fail("ChapterFailed", bad[0], "Every chapter failed.")
        return False
    step.change(missing_chapters=sorted({c.spec.index for c in bad} | left_out))
    return True


def _left_out(step: CourseStep, planned: Sequence[tuple[str, ChapterSpec]]) -> set[int]:
    """Give the chapters that the course was delivered without, and that are gone: they are not made again unasked."""
    missing = step.status.missing_chapters
    if not missing:
        return set()
    there = {c.metadata.name for c in _chapters_of(step)}
    return {spec.index for name, spec in planned if spec.index in missing and name not in there}


def _chapters_of(step: CourseStep) -> list[ChapterGeneration]:
    return [c for c in step.view.children if isinstance(c, ChapterGeneration)]


def _is_exported(step: CourseStep) -> None:
    step.change(stage="Exports")
    refs = assignments.chapter_refs(_chapters_of(step), step.course)
    states, done = [], True
    for wanted in step.course.spec.exports:
        name, spec = children.export(step.course, wanted, refs, step.status.missing_chapters)
        child = step.child("CourseExport", name, spec, "export")
        if not isinstance(child, CourseExport):
            done = False
            continue
        step.running = step.running or works(child.status)
        if requests.is_bad(child, step.course):
            return step.fail("ExportFailed", child, f"Export {name} failed.")
        finished = not requests.unfinished(child, step.course)
        done = done and finished
        states.append(
            ExportState(
                format=wanted.format,
                name=name,
                phase=child.status.phase,
                artifact=child.status.artifact if finished else None,
            )
        )
    step.change(exports=states)
    if done:
        step.change(stage="Done", progress_percentage=100)
        count = step.status.chapters.total if step.status.chapters else 0
        left = len(step.status.missing_chapters)
        words = f"{count - left} of {count} chapters" if left else f"{count} chapters"
        reason, how = (stopping.STOPPED, "Stopped on request: ") if step.status.stopped else ("Succeeded", "")
        step.end(Outcome.SUCCEEDED, reason, f"{how}{words} and {len(states)} exports are in the store.")
    return None


def _finish(step: CourseStep, over: Outcome | None) -> Plan:
    """Bring conditions, phase and counts into line, and announce an end."""
    old, course, now = step.view.course.status, step.view.course, step.now
    if step.ended and not over:
        step.change(completion_time=clock.stamp(now))
        step.draft.effects.append(Count("tasks_finished", ("course", step.ended.value)))
        if step.ended is Outcome.SUCCEEDED and step.status.start_time:
            lasted = max(0.0, now - clock.parse(step.status.start_time))
            step.draft.effects.append(Measured(COURSE_SLOTS, ran=lasted, took=lasted, kind="course"))
        if requests.has_wish(step.course):
            step.draft.wake(now)
    if step.ended:
        retention.retire(step)
    if step.ended and telling.is_due(step.status.completion_time, now):
        step.draft.effects.append(telling.event("course", step.ended, step.end_reason, step.end_message))
    state = conditions.State(
        ended=step.ended,
        reason=step.end_reason,
        message=step.end_message or (step.hold.message if step.hold else ""),
        hold=step.hold.reason if step.hold else None,
        admitted=step.status.start_time is not None,
        running=step.status.start_time is not None and step.hold is None and not step.status.error_details,
        quality_passed=step.status.validation.passed if step.status.validation else None,
    )
    generation = course.metadata.generation
    step.change(
        observed_generation=generation,
        hold_reason=step.hold.reason if step.hold else None,
        hold_message=step.hold.message[:1024] if step.hold else None,
        phase=conditions.phase(state),
        conditions=conditions.build(state, old.conditions, generation, clock.stamp(now)),
    )
    may_write = rollup.may_write(step.status, old, now, step.view.around.defaults)
    if may_write:
        step.status = _with_estimate(step, old)
    status, writes = rollup.paced(step.status, old, step.view.children, course, now, may_write)
    if not writes and status.progress_time:
        step.draft.wake(clock.parse(status.progress_time) + step.view.around.defaults.progress_seconds)
    if overdue := eta.next_look(status):
        step.draft.wake(overdue)
    return Plan(status, tuple(step.draft.effects), step.draft.wake_at, step.want, writes)


def _with_estimate(step: CourseStep, old: CourseStatus) -> CourseStatus:
    """Say in a status when the course should be finished, unless it is."""
    if step.ended:
        return eta.without(step.status)
    estimate = eta.of_course(step.course, step.view.children, step.view.around, step.now)
    return eta.laid_over(step.status, old, estimate, step.now)


def _recount(step: CourseStep) -> None:
    """Count the chapters of a course that failed or was cancelled: some still run, and end after it."""
    counts = step.status.chapters
    if counts:
        chapters = [c for c in _chapters_of(step) if c.spec.index <= counts.total]
        step.change(chapters=rollup.counts(chapters, step.course, counts.total, over=True))


def _tidy(step: CourseStep) -> None:
    """Remove what a course that is over leaves: its ended Jobs in one request, and superseded children."""
    outline.stop(step)
    jobs = [j for j in step.view.course_jobs if not j.deleting]
    if jobs and all(j.finished for j in jobs):
        due = max(j.ended for j in jobs) + step.view.around.defaults.keep_jobs_seconds
        if due <= step.now:
            step.draft.effects.append(DeleteCourseJobs(step.course.metadata.namespace, step.course.metadata.uid))
        else:
            step.draft.wake(due)
    if step.ended is not Outcome.SUCCEEDED:
        _recount(step)
        return
    refs = assignments.chapter_refs(_chapters_of(step), step.course)
    missing = step.status.missing_chapters
    if len(refs) < assignments.chapters_wanted(step.status):
        return  # a chapter was deleted since: nothing new is made of the rest, so nothing is superseded
    current = {children.validation(step.course, refs, missing)[0]}
    current |= {children.export(step.course, e, refs, missing)[0] for e in step.course.spec.exports}
    for child in step.view.children:
        stale = not isinstance(child, ChapterGeneration) and child.metadata.name not in current
        if stale and requests.ended(child) and child.metadata.deletion_timestamp is None:
            key = children.key(step.course, type(child).__name__, child.metadata.name)
            step.draft.effects.append(DeleteChild(key, child.metadata.uid))
