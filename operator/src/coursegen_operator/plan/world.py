"""What the planner sees of Jobs and Pods, and what it may ask to be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coursegen_api import names
from coursegen_api.base import ObjectStatus, Outcome, Usage
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration, CourseStatus
from coursegen_api.export import CourseExport
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import Progress, TaskKind
from coursegen_api.validation import QualityValidation

from .breaker import Circuit
from .durations import Usual
from .turn import Turn

TaskObject = ChapterGeneration | QualityValidation | CourseExport | ArtifactCleanup
AnyObject = TaskObject | CourseGeneration
Gate = GenerationQueue | ModelProvider
"""What an attempt goes through, and what has a circuit."""


@dataclass(frozen=True, slots=True)
class Key:
    """Names one object; the unit of the work queue."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}"


def key_of(obj: AnyObject | Gate) -> Key:
    """Name an object."""
    return Key(type(obj).__name__, obj.metadata.namespace, obj.metadata.name)


Owner = tuple[str, str]
"""Namespace and UID of a course. Anybody may write any UID down as that of an owner, and what the garbage collector
then removes a finalizer keeps: so a course has no child, no Job and no bill in another namespace than its own."""


def as_owner(obj: AnyObject) -> Owner:
    """Name a course as what belongs to it names it; nothing belongs to other objects."""
    return obj.metadata.namespace, obj.metadata.uid


def owner_of(obj: AnyObject) -> Owner | None:
    """Name the course that an object says it belongs to."""
    uid = obj.metadata.controller_uid()
    return (obj.metadata.namespace, uid) if uid else None


def is_managed_here(obj: AnyObject) -> bool:
    """Tell whether an object is this operator's to work on."""
    return obj.spec.managed_by in (None, names.CONTROLLER)


@dataclass(frozen=True, slots=True)
class JobView:
    """What is read of a Job."""

    namespace: str
    name: str
    uid: str
    owner_uid: str
    """UID of the controller; empty if there is none."""
    object_uid: str
    """The label that finds it; proves nothing."""
    course_uid: str
    """The label of the course that it is removed with."""
    queue: str
    spec_hash: str
    """The annotation; equals `fingerprint` unless somebody forged or changed it."""
    fingerprint: str
    """Hash of what the Job runs, computed from the Job itself (jobs.fingerprint)."""
    created: float
    begun: float = 0.0
    """When the Job controller began it: its creation, or the time when Kueue let it go on."""
    suspended: bool = False
    ready: int = 0
    finished: Literal["", "Complete", "Failed"] = ""
    ended: float = 0.0
    message: str = ""
    deleting: bool = False
    resource_version: int = 0
    generation: int = 0
    """Moves when the spec changes."""


@dataclass(frozen=True, slots=True)
class PodView:
    """What is read of a Pod of one of our Jobs."""

    uid: str
    name: str
    job_uid: str
    """UID of the controller; a Pod of another controller is nobody's result."""
    created: float
    phase: str
    reason: str = ""
    """The Pod's own reason, for example DeadlineExceeded or Evicted."""
    message: str = ""
    scheduled: bool = True
    running: bool = False
    began: float = 0.0
    """When its container began, if that runs; else 0."""
    waiting_reason: str = ""
    waiting_message: str = ""
    exit_code: int | None = None
    terminated_reason: str = ""
    """The container's, for example OOMKilled."""
    never_ran: bool = False
    """Its container has not begun, and if the Pod has ended it never will."""
    termination_message: str = ""
    disrupted: bool = False
    """Condition DisruptionTarget: evicted, preempted, or its node is gone."""
    to_be_gone: float = 0.0
    """By when a Pod that is being deleted was to have ended, its grace period included; 0 if it is not."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The Pods of one Job at one time."""

    time: float
    pods: tuple[PodView, ...] = ()
    troubles: tuple[str, ...] = ()
    """Warnings of Kubernetes about the Job or its Pods (FailedCreate, FailedMount), newest first."""
    final: bool = False
    """Made after the Job was seen ended: what is not in it will never be."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """Settings of the operator that the planner needs."""

    image: str
    image_pull_policy: str = "IfNotPresent"
    max_courses: int = 100
    max_jobs: int = 400
    progress_seconds: float = 5.0
    """A status is written for progress alone at most this often."""
    keep_jobs_seconds: float = 300.0
    """Ended Jobs stay so long: people read logs, and two lease durations have to pass."""
    not_started_seconds: float = 300.0
    """A Pod that has not started by then never will."""
    unready_seconds: float = 5.0
    """An active Job without a ready Pod has its Pods read after this time, then ever more seldom."""
    pull_grace_seconds: int = 180
    """A Pod's deadline is the task's plus this, for pulling the image."""
    validation_image: str = ""
    """The variant of the image that has the embedding model; empty: `image`."""

    def image_for(self, kind: TaskKind) -> str:
        """Give the image that does a kind of task: nothing but a validation pulls the model."""
        return self.validation_image if kind is TaskKind.VALIDATION and self.validation_image else self.image


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a task depends on besides itself: how it may run, where it belongs, what it waits for."""

    defaults: Defaults
    namespace_uid: str
    queues: Mapping[str, GenerationQueue]
    providers: Mapping[str, ModelProvider]
    """The namespace's."""
    jobs: Mapping[str, JobView]
    """By name: the Jobs that say they are this object's, by label or by controller."""
    readings: Mapping[str, Reading]
    """By Job UID."""
    gone: frozenset[str] = frozenset()
    """Names of Jobs of this object that were seen, and then were deleted."""
    progress: Progress | None = None
    usual: Mapping[str, Usual] = field(default_factory=dict)
    """By queue: how long its work takes; a queue of which nothing is measured is not in here."""
    turn: Callable[[str, tuple[float, ...]], Turn | None] = lambda queue, place: Turn()
    """Says how soon work of this namespace gets a slot of a queue, by its place in the order; None if it gets none."""
    refused: str = ""
    """What Kubernetes said when it last refused to create something for the object."""
    circuits: Mapping[Key, Circuit] = field(default_factory=dict)
    """By provider or queue: those of which something is known."""
    probe: bool = False
    """The slot that was granted is for a probe."""
    purses: tuple[Key, ...] = ()
    """The course and the provider that pay for it, if it asks a model."""
    budget_line: str = ""
    """The course among them, if it has a budget."""


# ---- effects: done after the status write that announces them, in order -----------------------------


@dataclass(frozen=True, slots=True)
class CreateJob:
    """Create a Job; one that exists already is looked at by the next visit."""

    manifest: dict[str, Any]
    look_seconds: float
    """A new Job has its Pods read after so long, if none is ready by then."""


@dataclass(frozen=True, slots=True)
class DeleteJob:
    """Delete one Job and, in the background, its Pods."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class DeleteCourseJobs:
    """Delete every Job of a course in one request."""

    namespace: str
    course_uid: str


@dataclass(frozen=True, slots=True)
class CreateChild:
    """Create a custom resource that a course owns."""

    manifest: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Delete a custom resource that a course owns."""

    key: Key
    uid: str


@dataclass(frozen=True, slots=True)
class DeleteSelf:
    """Delete the object that is visited, unless it has changed meanwhile."""


@dataclass(frozen=True, slots=True)
class ReadPods:
    """Read the Pods of a Job; the object is visited again with the reading."""

    namespace: str
    job_name: str
    job_uid: str
    with_events: bool = False
    at: float = 0.0
    """When; a Job that is gone by then is not read any more, nor one that is ready."""
    though_ready: bool = False
    """One that is ready is read all the same: its Pod may be another by now."""
    again: bool = False
    """It was looked at before, and nothing has happened to it since: it can wait where thousands are to be read."""


@dataclass(frozen=True, slots=True)
class PostEvent:
    """Tell people, by a Kubernetes Event on the object."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Count:
    """Count a fact that has just been written to status, for /metrics."""

    metric: Literal[
        "tasks_finished", "retries", "attempts", "attempts_failed", "attempts_withdrawn", "artifacts_removed"
    ]
    labels: tuple[str, ...] = ()
    amount: float = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """What a visit measured of work of a queue, in seconds, and how the work ended for good."""

    queue: str
    """COURSE_SLOTS for a course as a whole."""
    waited: float | None = None
    """For its slot, of an attempt that begins."""
    ran: float | None = None
    """Of an attempt or course that succeeded, from its slot to its end."""
    took: float | None = None
    """Of a task that succeeded, from its first slot to its end; None if that says nothing of other work."""
    ended: Outcome | None = None
    retried: bool = False
    """Whether an attempt failed that is followed by another."""
    kind: str = ""
    """Of the task, or course; empty where status is read again, which is not measured twice."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What an attempt has cost that has just ended."""

    kind: str
    provider: str
    """Empty if no model was asked."""
    model: str
    usage: Usage


Effect = (
    CreateJob
    | DeleteJob
    | DeleteCourseJobs
    | CreateChild
    | DeleteChild
    | DeleteSelf
    | ReadPods
    | PostEvent
    | Count
    | Measured
    | Paid
)


@dataclass(frozen=True, slots=True)
class Want:
    """A wish for a slot: the queue (or COURSE_SLOTS), the provider, and the place in the order."""

    queue: str
    provider: str
    since: float
    """Since when it waits."""
    order: tuple[float, ...]
    """Latest start, course's start, own creation, index: the least goes first."""
    uid: str
    effort: tuple[int, int] = (0, 0)
    """Attempts made so far, and the size of the work: the least is tried first where a probe is needed."""
    probe: bool = False
    """Granted as a probe of an open circuit."""
    purses: tuple[Key, ...] = ()
    """The course and the provider whose budgets it is charged to."""
    label: str = ""
    """The kind of task: what it is likely to cost follows from it."""
    line: str = ""
    """The course whose own budget may hold it: a line of its own, so that nobody waits behind it."""


COURSE_SLOTS = ""
"""The queue name of a course slot."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a visit shall do: at most one status write, then the effects that it announces."""

    status: ObjectStatus | CourseStatus
    """The whole new status; the one that is there already if nothing changes."""
    effects: tuple[Effect, ...] = ()
    wake_at: float | None = None
    want: Want | None = None
    writes: bool = True
    """False: what is new in status (progress) may wait until wake_at."""


@dataclass(slots=True)
class Draft:
    """Effects and wake-ups, gathered while a plan is made."""

    effects: list[Effect] = field(default_factory=list)
    wakes: list[float] = field(default_factory=list)

    def wake(self, at: float) -> None:
        """Ask for a visit at a time."""
        self.wakes.append(at)

    @property
    def wake_at(self) -> float | None:
        """Give the earliest time asked for."""
        return min(self.wakes) if self.wakes else None
