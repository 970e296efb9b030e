"""Courses and their tasks, as far as the simulation keeps them; statuses and retries are the planner's own."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from coursegen_api import names
from coursegen_api.base import Attempt, FailureClass, Outcome, TaskStatus
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import TaskResult
from coursegen_operator.plan import clock, ending, failure, jobs, outage, recent
from coursegen_operator.plan.admission import latest_start
from coursegen_operator.plan.breaker import Circuit, Ended
from coursegen_operator.plan.step import Step, Task
from coursegen_operator.plan.world import COURSE_SLOTS, Defaults, Key, Surroundings, Want

from .load import Order

OUTLINE, CHAPTER, VALIDATION, EXPORT, OTHER = "outline", "chapter", "validation", "export", "other"
QUEUES = {
    OUTLINE: names.QUEUE_COURSE,
    CHAPTER: names.QUEUE_CHAPTER,
    VALIDATION: names.QUEUE_VALIDATION,
    EXPORT: names.QUEUE_EXPORT,
    OTHER: names.QUEUE_DEFAULT,
}
PROVIDER = "model"
ASKS_A_MODEL = (OUTLINE, CHAPTER)


class State(Enum):
    """Where a task stands."""

    NEW = "new"
    """It asks for a slot at its next visit."""
    WAITING = "waiting"
    """In the book."""
    GRANTED = "granted"
    RUNNING = "running"
    """Its Job is there; it holds its slot until its end is in status."""
    ENDED = "ended"
    """Its Job has ended, and no visit has seen that."""
    RETRY = "retry"
    OVER = "over"


@dataclass(slots=True, eq=False)
class Course:
    """A course, or in its place what owns a piece of other work."""

    order: Order
    key: Key
    uid: str
    start: float | None = None
    """When it was given its slot."""
    stage: int = -1
    tasks: list["Piece"] = field(default_factory=list)
    """Of its present stage."""
    open: int = 0
    """Tasks of the stage that are not over."""
    failed: bool = False
    end: float | None = None
    granted: bool = False
    """It has a course slot."""
    made: int = 1
    """Objects of ours, itself included."""

    def stages(self) -> tuple[tuple[str, int], ...]:
        """Give what it goes through."""
        if not self.order.chapters:
            return ((OTHER, 1),)
        return (OUTLINE, 1), (CHAPTER, self.order.chapters), (VALIDATION, 1), (EXPORT, self.order.exports)

    def want(self, seconds: float) -> Want:
        """Give the wish for a course slot."""
        return Want(COURSE_SLOTS, PROVIDER, self.order.time, self.place(self.order.time, seconds, 0), self.uid)

    def place(self, start: float, seconds: float, index: int) -> tuple[float, ...]:
        """Give a place in the order, as plan.place does."""
        return latest_start(self.order.deadline, start, seconds), start, self.order.time, float(index)


@dataclass(slots=True, eq=False)
class Piece:
    """One task of a course."""

    course: Course
    kind: str
    key: Key
    uid: str
    index: int
    asked: float
    """Since when it could run."""
    state: State = State.NEW
    attempts: int = 0
    probe: bool = False
    begun: float = 0.0
    """When its last attempt was given its slot."""
    started: float = 0.0
    """When its worker began."""
    ended: float = 0.0
    """When its Job had ended."""
    failure: FailureClass | None = None
    """How the attempt ends that runs."""
    retry_after: int | None = None
    refunded: int = 0
    status: TaskStatus | None = None
    """Once an attempt has failed."""

    @property
    def queue(self) -> str:
        """Name its queue."""
        return QUEUES[self.kind]

    @property
    def provider(self) -> str:
        """Name its provider; empty for work that asks no model."""
        return PROVIDER if self.kind in ASKS_A_MODEL else ""

    def want(self, seconds: float) -> Want:
        """Give its wish for a slot."""
        place = self.course.place(self.course.start or self.course.order.time, seconds, self.index)
        return Want(self.queue, self.provider, self.asked, place, self.uid, effort=(self.attempts, 1), label=self.kind)

    def circuits(self) -> tuple[Key, ...]:
        """Name the circuits that it goes through."""
        return recent.circuits_of(self.key.namespace, self.queue, self.provider)


def _surroundings(queues: dict[str, GenerationQueue], circuits: dict[Key, Circuit]) -> Surroundings:
    return Surroundings(Defaults(image="worker"), "namespace", queues, {}, {}, {}, circuits=circuits)


def _task(piece: Piece, status: TaskStatus) -> Task:
    owner = jobs.Identity(piece.key.kind, piece.key.name, piece.key.namespace, piece.uid)
    nothing: Any = None
    return Task(owner, piece.kind, status, None, piece.queue, piece.provider or None, nothing, ())


def settle(piece: Piece, circuits: dict[Key, Circuit]) -> None:
    """Give back what an outage has cost a task: each visit does so."""
    if piece.status is None:
        return
    settled = outage.settled(_task(piece, piece.status), circuits).status
    piece.refunded += piece.status.retry_count - settled.retry_count
    piece.status = settled


def conclude(
    piece: Piece, queues: dict[str, GenerationQueue], circuits: dict[Key, Circuit], now: float
) -> float | None:
    """End a failed attempt as the planner does; give when the next one is due, None if the task has failed for good."""
    assert piece.failure is not None
    before = piece.status or TaskStatus()
    attempt = Attempt(
        number=piece.attempts,
        job_name=piece.key.name,
        admission_time=clock.stamp(piece.begun),
        probe=piece.probe or None,
    )
    said = None
    if piece.retry_after is not None:
        said = TaskResult(retry_after_seconds=piece.retry_after)
    task = _task(piece, before.model_copy(update={"attempts": [*before.attempts, attempt][-10:]}))
    step = Step(task, _surroundings(queues, circuits), now, granted=False)
    ending.conclude(step, attempt, failure.failed(piece.failure, "", said))
    piece.status = step.status
    if step.ended is Outcome.FAILED:
        return None
    due = piece.status.next_retry_time
    assert due is not None
    return clock.parse(due)


def ended(piece: Piece, now: float) -> Ended:
    """Give what the attempt that has just ended says about a circuit."""
    limited = piece.failure is FailureClass.RATE_LIMITED
    return Ended(now, piece.uid, piece.attempts, piece.failure, piece.retry_after if limited else None, piece.probe)
