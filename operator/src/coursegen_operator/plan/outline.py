"""The outline step of a course: a task of its own, kept in the course's status."""

from dataclasses import replace

from coursegen_api import names
from coursegen_api.base import Outcome, TaskStatus
from coursegen_api.course import (
    ChapterCounts,
)
from coursegen_api.task import OutlineSummary

from . import assignments, conditions, place
from .coursestep import CourseStep
from .jobs import Identity
from .step import Task, open_attempt
from .task import advance

_MAX_CHAPTERS = 100


def known(step: CourseStep) -> bool:
    """Take the outline step further; True as soon as the chapters are known."""
    if step.course.spec.chapters is not None:
        if step.status.chapters is None:
            step.change(chapters=ChapterCounts(total=len(step.course.spec.chapters)))
        return True
    status = step.status.outline or TaskStatus()
    if status.attempts and status.attempts[-1].outcome is Outcome.SUCCEEDED:
        return True
    task = _outline_task(step, status)
    outline = advance(task, step.view.around, step.now, task.queue_name in step.granted, step.decline)
    step.draft.effects += outline.draft.effects
    step.draft.wakes += outline.draft.wakes
    step.want, step.hold, step.running = outline.want, outline.hold, outline.running
    shown = conditions.State(outline.ended, hold=outline.hold.reason if outline.hold else None, running=outline.running)
    step.change(outline=outline.status.model_copy(update={"phase": conditions.phase(shown)}), stage="Outline")
    if outline.ended is Outcome.SUCCEEDED and outline.result:
        return _take_outline(step, outline.result.outline)
    if outline.ended:
        step.fail("OutlineFailed", None, f"The outline failed: {outline.end_message}")
        step.change(error_details=outline.status.error_details)
    return False


def _outline_task(step: CourseStep, status: TaskStatus) -> Task:
    course, meta = step.course, step.course.metadata
    last = status.attempts[-1] if status.attempts else None
    failed = last is not None and last.outcome is Outcome.FAILED and status.next_retry_time is None
    queue = status.queue_name if open_attempt(status) else None
    return Task(
        identity=Identity(
            "CourseGeneration",
            meta.name,
            meta.namespace,
            meta.uid,
            meta.name,
            meta.uid,
            names.kueue_labels(meta.labels),
        ),
        label="outline",
        status=status,
        ended=Outcome.FAILED if failed else None,
        queue_name=queue or course.spec.queue_name or names.QUEUE_COURSE,
        provider_name=course.spec.provider_name,
        assign=lambda: assignments.outline(course),
        place=place.of_course(course, step.status.start_time, step.view.around),
        suspended=course.spec.suspend,
    )


def _take_outline(step: CourseStep, summary: OutlineSummary | None) -> bool:
    count = summary.chapter_count if summary else 0
    if summary is None or not 1 <= count <= _MAX_CHAPTERS:
        step.fail("OutlineFailed", None, f"The outline has {count} chapters; a course has 1 to {_MAX_CHAPTERS}.")
        return False
    step.change(chapters=ChapterCounts(total=count), outline_titles=[t[:200] for t in summary.titles[:count]])
    return True


def stop(step: CourseStep) -> None:
    """End the outline's open attempt with the course."""
    status = step.status.outline
    if status and open_attempt(status):
        task = _outline_task(step, status)
        stopped = advance(replace(task, cancelled=True), step.view.around, step.now, granted=False)
        step.draft.effects += stopped.draft.effects
        step.change(outline=stopped.status)
