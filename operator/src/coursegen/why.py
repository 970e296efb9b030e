"""Why work does not go on, or what it does: one sentence from what is seen, with what would free it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from coursegen_api import names
from coursegen_api.base import HoldReason, Phase, TaskStatus
from coursegen_api.course import CourseGeneration
from coursegen_api.queue import GenerationQueue
from coursegen_operator.plan.position import MOST, Position

from . import finishing, kinds, times
from .kinds import Work

_ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


@dataclass(frozen=True)
class Around:
    """What else is known when somebody asks."""

    queues: Mapping[str, GenerationQueue] = field(default_factory=dict)
    children: Sequence[Work] = ()
    pod: str = ""
    """What Kubernetes says of the Pod of the open attempt, if it has not started."""
    operator: str = ""
    """Why the operator does not work, if it does not."""
    position: Position | None = None
    """Where the object stands among what waits for a slot, as far as the operator was asked and said so."""


def why(obj: Work, around: Around, now: datetime) -> str:
    """Say in one sentence which constraint binds an object now, and what would free it."""
    name, status = kinds.label(obj), obj.status
    if obj.spec.managed_by not in (None, names.CONTROLLER):
        return f"{name} is left to {obj.spec.managed_by} (spec.managedBy): this operator does not work on it."
    if around.operator and status.phase not in _ENDED:
        return f"{name} waits for the operator: {around.operator}"
    if status.observed_generation == 0:
        old = times.age(obj.metadata.creation_timestamp, now)
        return f"{name} is {old} old and no operator has seen it yet: look at `kubectl coursegen doctor`."
    if status.phase in _ENDED:
        return _ended(obj)
    return _constraint(obj, around, now) + _finish(obj, around, now)


def _constraint(obj: Work, around: Around, now: datetime) -> str:
    """Say what binds an object that has not ended."""
    name, status = kinds.label(obj), obj.status
    if status.hold_reason:
        held = _held(name, status.hold_reason, status.hold_message or "", queue_of(obj, around))
        return _until_retry(held, _task(obj), now) + _ahead(around.position)
    if isinstance(obj, CourseGeneration):
        return _course(obj, around, now)
    return _running(name, obj.status, around, now)


def _finish(obj: Work, around: Around, now: datetime) -> str:
    """Say when a course that has begun should be finished; one that is held is when somebody lets it go on."""
    if not isinstance(obj, CourseGeneration) or obj.status.start_time is None or obj.status.hold_reason:
        return ""
    when = finishing.when(obj, around.queues, around.children, now) or finishing.NOT_KNOWN
    known = not when.startswith(finishing.NOT_KNOWN)
    return f" It should be finished {when}." if known else f" When it will be finished is {when}."


def queue_of(obj: Work, around: Around) -> GenerationQueue | None:
    """Give the queue that an object goes through, as far as it is known."""
    task = _task(obj)
    return around.queues.get(task.queue_name or obj.spec.queue_name or "")


def _task(obj: Work) -> TaskStatus:
    return (obj.status.outline or TaskStatus()) if isinstance(obj, CourseGeneration) else obj.status


def _ended(obj: Work) -> str:
    name, status = kinds.label(obj), obj.status
    said = next((c.message for c in status.conditions if c.type == "Ready"), "")
    if status.phase is Phase.SUCCEEDED:
        return f"{name} has succeeded, nothing binds it: {_sentence(said or 'its artifact is in the store')}"
    if status.phase is Phase.CANCELLED:
        reason = said.rstrip(".") or "on request"
        return f"{name} was cancelled ({reason}): `kubectl coursegen retry {name}` starts it again."
    error = status.error_details
    retries = "1 retry" if status.retry_count == 1 else f"{status.retry_count} retries"
    reason = f"{error.failure_class.value}: {error.message.rstrip('.')}" if error else said.rstrip(".")
    return f"{name} has failed after {retries} ({reason}): mend that, then `kubectl coursegen retry {name}`."


def _held(name: str, reason: HoldReason, message: str, queue: GenerationQueue | None) -> str:
    said = message.removeprefix(f"{reason.value}: ")
    text = f"{name} is held as {reason.value}: {_sentence(said)}"
    if reason is HoldReason.QUEUE_FULL and queue is not None:
        of_queue, hour = queue.status, queue.status.last_hour
        usual = f", one takes {times.span(hour.run_p50_seconds)}" if hour and hour.run_p50_seconds is not None else ""
        text = text.rstrip(".") + f" ({of_queue.active} run, {of_queue.pending} wait{usual})."
    return text


def _ahead(position: Position | None) -> str:
    """Say how many go first, and how long that takes."""
    if position is None:
        return ""
    first = {0: "Nothing goes", 1: "1 goes"}.get(position.ahead, f"{position.ahead} go")
    if position.ahead >= MOST:
        return f" {position.ahead} or more go before it."
    takes = "" if position.seconds is None else f", and its turn comes in about {times.about(position.seconds)}"
    return f" {first} before it{takes}."


def _until_retry(held: str, task: TaskStatus, now: datetime) -> str:
    """Add how long it is until the next attempt, where that is what is waited for."""
    if task.hold_reason is not HoldReason.RETRY_BACKOFF or not task.next_retry_time:
        return held
    left = (times.parse(task.next_retry_time) - now).total_seconds()
    return f"{held.rstrip('.')}, {f'in {times.span(left)}' if left > 0 else 'now'}."


def _running(name: str, task: TaskStatus, around: Around, now: datetime) -> str:
    attempt = task.attempts[-1] if task.attempts else None
    if attempt is None or attempt.outcome is not None:
        return f"{name} waits for its turn: the operator has seen it and decides next."
    if attempt.start_time is None:
        waited = times.age(attempt.admission_time, now)
        reason = around.pod or "its Pod has not started yet, for no reason that Kubernetes tells"
        return f"{name} has had its slot for {waited}, and {reason}; after 300 s the attempt ends as PodNotStarted."
    queue = around.queues.get(task.queue_name or "")
    limit = f", and ends as Timeout after {queue.spec.timeout_seconds} s" if queue else ""
    stage = f" ({task.stage})" if task.stage else ""
    return (
        f"{name} runs, nothing binds it: attempt {attempt.number} has worked for {times.age(attempt.start_time, now)}, "
        f"is at {task.progress_percentage} %{stage}{limit}."
    )


def _course(course: CourseGeneration, around: Around, now: datetime) -> str:
    name, status = kinds.label(course), course.status
    if status.stage == "Outline" and status.outline:
        outline = status.outline
        if outline.hold_reason:
            held = _held(f"{name}'s outline", outline.hold_reason, outline.hold_message or "", None)
            return _until_retry(held, outline, now) + _ahead(around.position)
        return _running(f"{name}'s outline", outline, around, now)
    phases = Counter(child.status.phase or Phase.PENDING for child in around.children)
    open_children = [c for c in around.children if c.status.phase not in _ENDED]
    there = f"{phases[Phase.SUCCEEDED]} of {len(around.children)} parts are there"
    done = f"{name} is in stage {status.stage or 'Pending'}: {there}"
    if not open_children:
        return f"{done}, and the operator decides next."
    waiting = [c for c in open_children if c.status.hold_reason]
    busy = len(open_children) - len(waiting)
    if not waiting:
        return f"{done}, {busy} run or start, and nothing binds it."
    [(reason, count)] = Counter(c.status.hold_reason for c in waiting).most_common(1)
    first = next(c for c in waiting if c.status.hold_reason is reason)
    assert reason is not None
    words = _sentence(first.status.hold_message or "")
    return f"{done}, {busy} run, and {count} are held as {reason.value}: {words}"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text}."
