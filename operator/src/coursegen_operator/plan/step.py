"""A task as a visit finds it, and what a visit makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coursegen_api.base import Attempt, HoldReason, Outcome, TaskStatus
from coursegen_api.course import CourseGeneration
from coursegen_api.task import TaskResult, Work

from . import jobs
from .world import AnyObject, Draft, JobView, Surroundings, Want

CHILD_REFUSED_SECONDS = 10.0
"""A child of a course that Kubernetes refuses to create is tried again this often."""

MISCONFIGURED_SECONDS = 30.0
"""What a missing thing keeps is looked at again this often, should its appearance be missed."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a task does not run now, and the sentence that says what would free it."""

    reason: HoldReason
    message: str


def missing_queue(name: str) -> Hold:
    """Give the hold of what names a queue that is not there."""
    return Hold(
        HoldReason.MISCONFIGURED,
        f"GenerationQueue {name} does not exist: create it, or name another in spec.queueName.",
    )


def missing_provider(name: str, namespace: str) -> Hold:
    """Give the hold of what names a provider that is not there."""
    return Hold(HoldReason.MISCONFIGURED, f"ModelProvider {name} does not exist in namespace {namespace}: create it.")


def refusal(said: str) -> Hold:
    """Give the hold of an object for which Kubernetes refuses to create something, in Kubernetes' words."""
    if _is_of_quota(said):
        return Hold(HoldReason.QUOTA_EXCEEDED, f"{said}. It goes on when the quota has room.")
    return Hold(HoldReason.MISCONFIGURED, f"Kubernetes refuses what the operator creates: {said}")


def _is_of_quota(said: str) -> bool:
    return "exceeded quota" in said or "status unknown for quota" in said


@dataclass(frozen=True, slots=True)
class Assignment:
    """What an attempt is to do."""

    work: Work
    config_map_name: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as a visit finds it."""

    identity: jobs.Identity
    label: str
    """The kind of task, for metrics."""
    status: TaskStatus
    ended: Outcome | None
    queue_name: str
    provider_name: str | None
    assign: Callable[[], Assignment | Hold]
    place: tuple[float, ...]
    """Where it stands in its queue (place.py)."""
    suspended: bool = False
    cancelled: bool = False
    """A person ended it: running attempts are stopped."""
    abandoned: str = ""
    """Why nothing new shall start (the course is over); a running attempt ends normally."""


@dataclass(slots=True)
class Step:
    """What a visit made of a task; `changes` are fields of its status."""

    task: Task
    around: Surroundings
    now: float
    granted: bool
    decline: Hold | None = None
    """Why the slot that it asked for was not granted."""
    changes: dict[str, Any] = field(default_factory=dict)
    draft: Draft = field(default_factory=Draft)
    ended: Outcome | None = None
    end_reason: str = ""
    end_message: str = ""
    hold: Hold | None = None
    running: bool = False
    want: Want | None = None
    result: TaskResult | None = None
    """The result of an attempt that has just succeeded."""
    urgent: bool = False
    """Something other than progress changed: write now."""

    @property
    def status(self) -> TaskStatus:
        """Give the status as it is after the step so far."""
        return self.task.status.model_copy(update=self.changes)

    def held(self, reason: HoldReason, message: str) -> None:
        """Say why the task does not run."""
        self.hold = Hold(reason, message)


def open_attempt(status: TaskStatus) -> Attempt | None:
    """Give the attempt that has not ended, if there is one."""
    last = status.attempts[-1] if status.attempts else None
    return last if last and last.completion_time is None else None


def awaits(obj: AnyObject, job: JobView) -> bool:
    """Tell whether a Job is that of an object's open attempt, so that its end is the attempt's."""
    status = obj.status.outline if isinstance(obj, CourseGeneration) else obj.status
    attempt = open_attempt(status) if status else None
    return attempt is not None and attempt.job_name == job.name


def works(status: TaskStatus) -> bool:
    """Tell whether an attempt is open that nothing is known to keep from running."""
    attempt, note = open_attempt(status), status.error_details
    if attempt is None or status.hold_reason:
        return False
    return attempt.start_time is not None or note is None or note.attempt != attempt.number


def refusal_of(status: TaskStatus) -> HoldReason | None:
    """Say what refused the last attempt, until the next one begins: a quota, or something else; None of other work."""
    last = status.attempts[-1] if status.attempts else None
    if last is None or last.outcome is not Outcome.WITHDRAWN or status.next_retry_time is None:
        return None
    return HoldReason.QUOTA_EXCEEDED if _is_of_quota(last.message or "") else HoldReason.MISCONFIGURED


def refused(status: TaskStatus) -> Hold | None:
    """Give the hold of work whose last attempt Kubernetes refused, until the next one begins; None of other work."""
    reason = refusal_of(status)
    if reason is None:
        return None
    said = (status.attempts[-1].message or "")[:900].rstrip(". ")
    return Hold(reason, f"{said}. It is tried again at {status.next_retry_time}.")
