"""A course as a visit finds it, and what a visit makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coursegen_api.base import ErrorDetails, FailureClass, HoldReason, Model, Outcome
from coursegen_api.course import (
    CourseGeneration,
    CourseStatus,
)

from . import children, clock, requests
from .step import CHILD_REFUSED_SECONDS, MISCONFIGURED_SECONDS, Hold, refusal
from .world import (
    AnyObject,
    CreateChild,
    Draft,
    JobView,
    Key,
    Surroundings,
    TaskObject,
    Want,
)


@dataclass(frozen=True, slots=True)
class CourseView:
    """A course as a visit finds it."""

    course: CourseGeneration
    children: Sequence[TaskObject]
    """What the course owns."""
    objects: Mapping[Key, AnyObject]
    """Everything, by name: to see whether somebody else has a child's name."""
    course_jobs: Sequence[JobView]
    """The Jobs of the course and its children."""
    around: Surroundings


@dataclass(slots=True)
class CourseStep:
    """What a visit makes of a course."""

    view: CourseView
    now: float
    granted: frozenset[str]
    status: CourseStatus
    decline: Hold | None = None
    draft: Draft = field(default_factory=Draft)
    ended: Outcome | None = None
    end_reason: str = ""
    end_message: str = ""
    hold: Hold | None = None
    want: Want | None = None
    running: bool = False

    @property
    def course(self) -> CourseGeneration:
        """Give the course as it is after the step so far: its children are judged by what it has accepted."""
        return self.view.course.model_copy(update={"status": self.status})

    def child(self, kind: str, name: str, spec: Model, component: str) -> TaskObject | None:
        """Give a child, or ask for it to be created; None if it is not there yet or is somebody else's."""
        found = self.view.objects.get(children.key(self.course, kind, name))
        if found is None:
            self.draft.effects.append(CreateChild(children.manifest(self.course, kind, name, spec, component)))
            if self.view.around.refused:
                self.hold = refusal(self.view.around.refused)
                self.draft.wake(self.now + CHILD_REFUSED_SECONDS)
            return None
        if isinstance(found, CourseGeneration) or not requests.owned_by(found, self.course):
            self.hold = Hold(
                HoldReason.MISCONFIGURED,
                f"{kind} {name} exists and belongs to somebody else: it is not adopted. Delete or rename it to go on.",
            )
            self.draft.wake(self.now + MISCONFIGURED_SECONDS)
            return None
        return found

    def change(self, **changes: Any) -> None:
        """Change fields of the status."""
        self.status = self.status.model_copy(update=changes)

    def end(self, outcome: Outcome, reason: str, message: str) -> None:
        """End the course's present revision."""
        self.ended, self.end_reason, self.end_message = outcome, reason, message

    def fail(self, reason: str, child: TaskObject | None, message: str) -> None:
        """End it as failed, with the failure that did it."""
        cause = child.status.error_details if child else None
        self.change(
            error_details=cause
            or ErrorDetails(
                failure_class=_class_of(reason, child),
                message=message[:1024],
                attempt=0,
                time=clock.stamp(self.now),
            )
        )
        self.end(Outcome.FAILED, reason, f"{message} {cause.message if cause else ''}".strip())


def _class_of(reason: str, child: TaskObject | None) -> FailureClass:
    if reason == FailureClass.QUALITY_BELOW_BAR:
        return FailureClass.QUALITY_BELOW_BAR
    return FailureClass.INTERNAL if child else FailureClass.BAD_OUTPUT
