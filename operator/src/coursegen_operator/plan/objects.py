"""Plans a visit to an object that is one task: a chapter, a validation or an export."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from coursegen_api import names
from coursegen_api.base import ObjectStatus, Outcome, Requests
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.validation import QualityValidation, ValidationStatus

from . import assignments, children, cleanup, clock, conditions, place, quality, requests, telling
from .jobs import Identity
from .step import Assignment, Hold, Step, Task, open_attempt
from .task import advance
from .world import AnyObject, Count, Key, Plan, Surroundings, TaskObject

QUEUES = {
    "ChapterGeneration": names.QUEUE_CHAPTER,
    "QualityValidation": names.QUEUE_VALIDATION,
    "CourseExport": names.QUEUE_EXPORT,
    "ArtifactCleanup": names.QUEUE_DEFAULT,
}

_JUDGED_SECONDS = 30.0
"""By then a course has been visited of which a chapter has failed; and if not, its chapters are looked at again."""

LABELS = {
    "ChapterGeneration": "chapter",
    "QualityValidation": "validation",
    "CourseExport": "export",
    "ArtifactCleanup": "cleanup",
}


@dataclass(frozen=True, slots=True)
class ObjectView:
    """An object as a visit finds it."""

    obj: TaskObject
    course: CourseGeneration | None
    """The CourseGeneration that it names, if that exists."""
    chapters: Sequence[ChapterGeneration]
    """For a validation or export: the chapters of the course, or the chapter, that it names."""
    around: Surroundings
    beside: Collection[AnyObject] = ()
    """For a clean-up: everything of its namespace that can be read."""
    unreadable: Collection[Key] = ()
    """For a clean-up: what of its namespace cannot be read."""
    siblings: Callable[[], Sequence[ChapterGeneration]] = tuple
    """For a chapter of a course: gives all chapters of the course."""

    @property
    def owned(self) -> bool:
        """Tell whether the course created the object."""
        return requests.owned_by(self.obj, self.course)


def queue_of(obj: TaskObject) -> str:
    """Name the queue that an object goes through; fixed once an attempt is open."""
    if open_attempt(obj.status) and obj.status.queue_name:
        return obj.status.queue_name
    return obj.spec.queue_name or QUEUES[type(obj).__name__]


def provider_of(obj: TaskObject, course: CourseGeneration | None) -> str | None:
    """Name the provider of an object: its own, else its course's; only chapters need one."""
    if not isinstance(obj, ChapterGeneration):
        return None
    return obj.spec.provider_name or (course.spec.provider_name if course else None)


def plan(view: ObjectView, now: float, granted: bool, decline: Hold | None = None) -> Plan:
    """Plan a visit; the same arguments give the same plan."""
    obj, parent = view.obj, view.course if view.owned else None
    accepted = requests.accept(obj, parent)
    status = obj.status.model_copy(update={"requests": accepted.requests})
    ended = requests.ended(obj)
    if accepted.restart or (isinstance(obj, ArtifactCleanup) and cleanup.is_due(obj, now)):
        status = obj.status.model_copy(update=_anew(obj, parent, accepted.requests))
        ended = None
    obj = obj.model_copy(update={"status": status})
    if parent and ended is None and not accepted.cancel and _fails(obj, parent, view.siblings):
        return Plan(view.obj.status, wake_at=now + _JUDGED_SECONDS, writes=False)
    task = _task(view, obj, ended, parent, accepted.cancel)
    step = advance(task, view.around, now, granted, decline)
    return _finish(view, obj, step, now, ended)


def _anew(obj: TaskObject, parent: CourseGeneration | None, accepted: Requests) -> dict[str, Any]:
    """Give the changes that begin a new revision of an object."""
    changes = requests.fresh(obj.status, accepted)
    if isinstance(obj, ChapterGeneration):
        before = obj.status.requests
        in_round = accepted.quality_round not in (None, before.quality_round if before else None)
        changes |= quality.rebased(obj, parent, in_round)
    return changes


def _task(
    view: ObjectView, obj: TaskObject, ended: Outcome | None, parent: CourseGeneration | None, cancel: bool
) -> Task:
    meta = obj.metadata
    over = requests.ended(parent) if parent else None
    return Task(
        identity=Identity(
            type(obj).__name__,
            meta.name,
            meta.namespace,
            meta.uid,
            parent.metadata.name if parent else "",
            parent.metadata.uid if parent else "",
            names.kueue_labels(meta.labels),
        ),
        label=LABELS[type(obj).__name__],
        status=obj.status,
        ended=ended,
        queue_name=queue_of(obj),
        provider_name=provider_of(obj, view.course),
        assign=lambda: _assign(view, obj),
        place=place.of_task(obj, queue_of(obj), parent, view.around),
        suspended=obj.spec.suspend or (parent is not None and parent.spec.suspend),
        cancelled=cancel or over is Outcome.CANCELLED or _stopped(obj, parent),
        abandoned="The course has failed, so this was not started." if over is Outcome.FAILED else "",
    )


def _stopped(obj: TaskObject, parent: CourseGeneration | None) -> bool:
    """Tell whether a course that a person stopped wants no more of this: its chapters, not what delivers them."""
    return isinstance(obj, ChapterGeneration) and parent is not None and bool(parent.status.stopped)


def _assign(view: ObjectView, obj: TaskObject) -> Assignment | Hold:
    if isinstance(obj, ChapterGeneration):
        return assignments.chapter(obj, view.course)
    if isinstance(obj, ArtifactCleanup):
        return cleanup.assignment(obj, view.beside, view.unreadable)
    content = assignments.source(obj.spec, view.owned, view.course, view.chapters)
    if isinstance(obj, QualityValidation):
        return assignments.validation(obj, content)
    return assignments.export(obj, content, view.chapters)


def _finish(view: ObjectView, obj: TaskObject, step: Step, now: float, ended: Outcome | None) -> Plan:
    """Bring conditions, phase and times into line with the step, and announce an end."""
    old = view.obj.status
    changes: dict[str, Any] = dict(step.changes)
    if isinstance(obj, ChapterGeneration):
        changes["title"] = (step.result.title if step.result else None) or old_title(obj)
    if isinstance(obj, QualityValidation) and step.result and step.result.quality:
        changes["quality"] = step.result.quality
    if isinstance(obj, ArtifactCleanup) and step.result and (did := step.result.cleanup):
        changes["cleanup"] = did
        step.draft.effects.append(Count("artifacts_removed", amount=did.removed))
    generation = obj.metadata.generation
    changes["observed_generation"] = generation
    if obj.status.start_time is None and "attempts" in changes:
        changes["start_time"] = clock.stamp(now)
    if step.ended and not ended:
        changes["completion_time"] = clock.stamp(now)
        if requests.has_wish(obj, view.course if view.owned else None):
            step.draft.wake(now)
    status: ObjectStatus = obj.status.model_copy(update=changes)
    state = _state(status, step, ended)
    if step.ended and telling.is_due(status.completion_time, now):
        step.draft.effects.append(telling.event(step.task.label, step.ended, state.reason, state.message))
    told = {
        "phase": conditions.phase(state),
        "conditions": conditions.build(state, old.conditions, generation, clock.stamp(now)),
    }
    status = status.model_copy(update=told)
    if isinstance(obj, ArtifactCleanup) and step.ended and not obj.spec.suspend:
        step.draft.wake(cleanup.next_run(obj.model_copy(update={"status": status}), now))
    if status == old:
        return Plan(old, tuple(step.draft.effects), step.draft.wake_at, step.want)
    urgent = step.urgent or _without_progress(status) != _without_progress(old)
    return Plan(status, tuple(step.draft.effects), step.draft.wake_at, step.want, _writes(step, urgent, now))


def _fails(obj: TaskObject, course: CourseGeneration, siblings: Callable[[], Sequence[ChapterGeneration]]) -> bool:
    """Tell whether a chapter waits whose course fails at its next visit: what begins now would be paid for nothing."""
    if not isinstance(obj, ChapterGeneration) or open_attempt(obj.status) or not requests.is_open(course):
        return False
    found = siblings()
    if not any(requests.ended(c) in requests.IN_VAIN for c in found):
        return False
    planned = course.status.chapters.total if course.status.chapters else 0
    return requests.fails([c for c in found if children.is_planned(c, course, planned)], course) is not None


def old_title(obj: ChapterGeneration) -> str | None:
    """Give the title as known so far."""
    return obj.status.title or obj.spec.title


def _writes(step: Step, urgent: bool, now: float) -> bool:
    """Say whether what is new may be written now: progress alone waits its turn."""
    return urgent or clock.has_passed(step.task.status.progress_time, step.around.defaults.progress_seconds, now)


def _without_progress(status: ObjectStatus) -> ObjectStatus:
    return status.model_copy(update={"progress_percentage": 0, "progress_time": None, "stage": None})


def _state(status: ObjectStatus, step: Step, ended: Outcome | None) -> conditions.State:
    passed = status.quality.passed if isinstance(status, ValidationStatus) and status.quality else None
    if ended and step.ended is ended:
        before = conditions.find(status.conditions, "Succeeded")
        reason, message = (before.reason, before.message) if before else (ended.value, "")
    else:
        reason, message = step.end_reason, step.end_message
    return conditions.State(
        ended=step.ended,
        reason=reason if step.ended else "",
        message=message if step.ended else (step.hold.message if step.hold else ""),
        hold=step.hold.reason if step.hold else None,
        admitted=open_attempt(status) is not None or step.ended is Outcome.SUCCEEDED,
        running=step.running,
        quality_passed=passed if step.ended is Outcome.SUCCEEDED else None,
    )
