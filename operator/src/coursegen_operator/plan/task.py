"""The life of one task: waiting, an attempt, its end, a retry after some time, and so on until it ends for good.

A task is anything that runs as Jobs: a chapter, a validation, an export, and a course's outline step.
The intent of an attempt is in status before its Job is created, and its outcome is in status before
the Job is removed; so a crash between two steps is finished by the next visit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coursegen_api.base import (
    Attempt,
    ErrorDetails,
    FailureClass,
    HoldReason,
    Outcome,
    TaskStatus,
)
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import TaskInput, TaskResult, Work, Writer

from . import clock, failure, jobs
from .failure import Verdict
from .requests import COURSE_OVER
from .world import Count, CreateJob, DeleteJob, Draft, JobView, ReadPods, Surroundings, Want

MAX_ATTEMPTS = 20
"""Of one revision, free ones included."""

MAX_LOST = 3
"""Results that may be lost in one revision before the task fails."""

_KEPT_ATTEMPTS = 10
_MISCONFIGURED_SECONDS = 30.0
_DEFAULT_RATE_LIMIT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a task does not run now, and the sentence that says what would free it."""

    reason: HoldReason
    message: str


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
    place: tuple[float, float, int]
    """Course's start, own creation, index: the order in the queue."""
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
    decline: HoldReason = HoldReason.QUEUE_FULL
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


def advance(
    task: Task, around: Surroundings, now: float, granted: bool, decline: HoldReason = HoldReason.QUEUE_FULL
) -> Step:
    """Take a task one step further; the same arguments give the same step."""
    step = Step(task, around, now, granted, decline, ended=task.ended)
    attempt = open_attempt(task.status)
    _stop_strays(step, attempt)
    if task.ended:
        _tidy(step)
        return step
    if attempt:
        _watch(step, attempt)
    else:
        _start(step)
    _close(step)
    return step


def open_attempt(status: TaskStatus) -> Attempt | None:
    """Give the attempt that has not ended, if there is one."""
    last = status.attempts[-1] if status.attempts else None
    return last if last and last.completion_time is None else None


# ---- waiting ----------------------------------------------------------------------------------------


def _start(step: Step) -> None:
    task = step.task
    if task.cancelled:
        return _end(step, Outcome.CANCELLED, "Cancelled", "Cancelled on request.")
    if task.abandoned:
        return _end(step, Outcome.CANCELLED, COURSE_OVER, task.abandoned)
    if task.suspended:
        return step.held(HoldReason.SUSPENDED, "Suspended: set spec.suspend to false to go on.")
    due = clock.parse(task.status.next_retry_time) if task.status.next_retry_time else 0.0
    if due > step.now:
        step.draft.wake(due)
        _hold_for_retry(step)
        return None
    found = _means(step)
    if isinstance(found, Hold):
        step.hold = found
        if found.reason is HoldReason.MISCONFIGURED:
            step.draft.wake(step.now + _MISCONFIGURED_SECONDS)
        return None
    queue, provider = found
    if step.granted:
        return _intend(step, queue, provider)
    step.want = Want(task.queue_name, task.provider_name or "", (*task.place, task.identity.uid))
    return _hold_for_slot(step, queue)


def _hold_for_retry(step: Step) -> None:
    status = step.task.status
    last = status.error_details
    why = f" after {last.failure_class.value}" if last else ""
    step.held(HoldReason.RETRY_BACKOFF, f"Retry {status.retry_count}{why} is due at {status.next_retry_time}.")


def _hold_for_slot(step: Step, queue: GenerationQueue) -> None:
    task = step.task
    if step.decline is HoldReason.PROVIDER_BUSY:
        return step.held(
            step.decline, f"Provider {task.provider_name} is used up to spec.concurrency: waits for a Job to end."
        )
    return step.held(
        HoldReason.QUEUE_FULL,
        f"Queue {task.queue_name} (capacity {queue.spec.capacity}) or the operator's limit of "
        f"{step.around.defaults.max_jobs} Jobs is used up: waits for a Job to end.",
    )


def _means(step: Step) -> tuple[GenerationQueue, ModelProvider | None] | Hold:
    task = step.task
    queue = step.around.queues.get(task.queue_name)
    if queue is None:
        return Hold(
            HoldReason.MISCONFIGURED,
            f"GenerationQueue {task.queue_name} does not exist: create it, or name another in spec.queueName.",
        )
    provider = None
    if task.provider_name:
        provider = step.around.providers.get(task.provider_name)
        if provider is None:
            return Hold(
                HoldReason.MISCONFIGURED,
                f"ModelProvider {task.provider_name} does not exist in namespace {task.identity.namespace}: create it.",
            )
    assigned = task.assign()
    return assigned if isinstance(assigned, Hold) else (queue, provider)


def _intend(step: Step, queue: GenerationQueue, provider: ModelProvider | None) -> None:
    """Announce the next attempt in status, then create its Job."""
    before = step.task.status
    number = before.attempts[-1].number + 1 if before.attempts else 1
    manifest = _manifest(step, queue, provider, number)
    attempt = Attempt(
        number=number,
        job_name=manifest["metadata"]["name"],
        spec_hash=_hash_of(manifest),
        admission_time=clock.stamp(step.now),
    )
    step.changes |= {
        "attempts": [*before.attempts, attempt][-_KEPT_ATTEMPTS:],
        "next_retry_time": None,
        "progress_percentage": 0,
        "progress_time": None,
        "stage": None,
        "queue_name": step.task.queue_name,
    }
    step.urgent = True
    step.draft.effects += [CreateJob(manifest), Count("attempt", (step.task.label,))]


def _manifest(step: Step, queue: GenerationQueue, provider: ModelProvider | None, number: int) -> dict[str, Any]:
    assigned = step.task.assign()
    if isinstance(assigned, Hold):
        raise TypeError(assigned.message)
    owner = step.task.identity
    task = TaskInput(
        uid=owner.uid,
        namespace_uid=step.around.namespace_uid,
        name=owner.name,
        revision=step.task.status.revision,
        attempt=number,
        deadline_seconds=queue.spec.timeout_seconds,
        writer=Writer(type=provider.spec.writer.value) if provider else Writer(),
        work=assigned.work,
    )
    secret = provider.spec.secret_name if provider else None
    order = jobs.Order(task, queue, secret, assigned.config_map_name)
    return jobs.build(owner, order, step.around.defaults)


def _hash_of(manifest: dict[str, Any]) -> str:
    return jobs.fingerprint(manifest["spec"]["template"]["spec"])


# ---- an attempt is open -----------------------------------------------------------------------------


def _watch(step: Step, attempt: Attempt) -> None:
    job = step.around.jobs.get(attempt.job_name)
    if step.task.cancelled:
        _stop(step, job)
        return _conclude(step, attempt, Verdict(Outcome.CANCELLED, message="Cancelled on request."))
    if job is None:
        return _without_job(step, attempt)
    if not jobs.ours(job, step.task.identity.uid, attempt.spec_hash):
        return _foreign(step, attempt, job)
    if job.finished:
        return _read_end(step, attempt, job)
    if job.deleting:
        step.draft.wake(step.now + step.around.defaults.unready_seconds)
        return None
    return _running(step, attempt, job)


def _without_job(step: Step, attempt: Attempt) -> None:
    """Create the Job that status announces, or see that it was there and is gone."""
    if attempt.start_time or attempt.job_name in step.around.gone:
        lost = "The Job was deleted before its result was read."
        return _conclude(step, attempt, failure.failed(FailureClass.RESULT_LOST, lost))
    found = _means(step)
    if isinstance(found, Hold):
        step.hold = found
        step.draft.wake(step.now + _MISCONFIGURED_SECONDS)
        return None
    manifest = _manifest(step, *found, attempt.number)
    if _hash_of(manifest) != attempt.spec_hash:
        renewed = attempt.model_copy(update={"spec_hash": _hash_of(manifest)})
        step.changes["attempts"] = [*step.task.status.attempts[:-1], renewed]
        step.urgent = True
    step.draft.effects.append(CreateJob(manifest))
    return None


def _foreign(step: Step, attempt: Attempt, job: JobView) -> None:
    step.held(
        HoldReason.MISCONFIGURED,
        f"Job {job.name} exists and is not ours (another owner, or changed): it is not adopted. Delete it to go on.",
    )
    step.draft.wake(step.now + _MISCONFIGURED_SECONDS)
    found = _means(step)
    if not isinstance(found, Hold):
        step.draft.effects.append(CreateJob(_manifest(step, *found, attempt.number)))


def _running(step: Step, attempt: Attempt, job: JobView) -> None:
    queue = step.around.queues.get(step.task.queue_name)
    defaults = step.around.defaults
    report = step.around.progress
    fresh = report and (report.revision, report.attempt) == (step.task.status.revision, attempt.number)
    if job.ready or fresh:
        step.running = True
        if attempt.start_time is None:
            begun = attempt.model_copy(update={"start_time": clock.stamp(step.now)})
            step.changes["attempts"] = [*step.task.status.attempts[:-1], begun]
            step.urgent = True
    step.running = step.running or attempt.start_time is not None
    if fresh:
        _report(step)
    if queue and (step.running or _pod_runs(job, step)):
        limit = job.created + jobs.give_up_after(queue, defaults)
        if step.now >= limit:
            _stop(step, job)
            late = "The Pod neither ended nor answered by its deadline; its Job was deleted."
            return _conclude(step, attempt, failure.failed(FailureClass.TIMEOUT, late))
        step.draft.wake(limit)
    if not job.ready:
        _unready(step, attempt, job)
    return None


def _report(step: Step) -> None:
    """Take over what the worker reported; a percentage never falls within an attempt."""
    status, report = step.task.status, step.around.progress
    if report is None:
        return
    changes: dict[str, Any] = {
        "progress_percentage": max(status.progress_percentage, report.percentage),
        "stage": report.stage,
        "progress_time": clock.stamp(report.time),
    }
    if all(getattr(status, k) == v for k, v in changes.items() if k != "progress_time"):
        return
    step.changes |= changes
    if status.progress_time and not step.urgent:
        step.draft.wake(clock.parse(status.progress_time) + step.around.defaults.progress_seconds)


def _unready(step: Step, attempt: Attempt, job: JobView) -> None:
    """Look at the Pods of a Job that has none ready, and say what keeps them."""
    defaults = step.around.defaults
    age = step.now - job.created
    if age < defaults.unready_seconds:
        return step.draft.wake(job.created + defaults.unready_seconds)
    reading = step.around.readings.get(job.uid)
    next_reading = reading.time + min(defaults.unready_seconds, 30.0) if reading else step.now
    if next_reading <= step.now:
        step.draft.effects.append(ReadPods(job.namespace, job.name, job.uid, with_events=True))
    else:
        step.draft.wake(next_reading)
    trouble = failure.not_started(job, reading) if reading else None
    overdue = age >= defaults.not_started_seconds and not step.running and not _pod_runs(job, step)
    if trouble is None and not overdue:
        return None
    message = trouble.message if trouble else "No Pod of the Job has started, and Kubernetes gives no reason."
    if trouble and trouble.quota:
        return step.held(HoldReason.QUOTA_EXCEEDED, f"{message} It starts when the quota has room.")
    if (trouble and trouble.hopeless) or overdue:
        _stop(step, job)
        return _conclude(step, attempt, failure.failed(FailureClass.POD_NOT_STARTED, message))
    if trouble and trouble.misconfigured:
        step.held(HoldReason.MISCONFIGURED, message)
    _note(step, attempt, message)
    return None


def _pod_runs(job: JobView, step: Step) -> bool:
    reading = step.around.readings.get(job.uid)
    return reading is not None and any(p.running for p in reading.pods if p.job_uid == job.uid)


def _note(step: Step, attempt: Attempt, message: str) -> None:
    """Show in errorDetails why the Pod has not started, before it costs anything."""
    old = step.task.status.error_details
    if old and (old.attempt, old.message) == (attempt.number, message[:1024]):
        return
    step.changes["error_details"] = _details(step, FailureClass.POD_NOT_STARTED, message, attempt.number)
    step.urgent = True


def _details(step: Step, failure_class: FailureClass, message: str, number: int) -> ErrorDetails:
    return ErrorDetails(failure_class=failure_class, message=message[:1024], attempt=number, time=clock.stamp(step.now))


def _read_end(step: Step, attempt: Attempt, job: JobView) -> None:
    reading = step.around.readings.get(job.uid)
    if reading is None or not reading.final:
        step.running = attempt.start_time is not None
        step.draft.effects.append(ReadPods(job.namespace, job.name, job.uid))
        return None
    return _conclude(step, attempt, failure.judge(job, reading, step.around.namespace_uid))


# ---- an attempt ends --------------------------------------------------------------------------------


def _stop(step: Step, job: JobView | None) -> None:
    if job and job.owner_uid == step.task.identity.uid and not job.deleting:
        step.draft.effects.append(DeleteJob(job.namespace, job.name, job.uid))


def _conclude(step: Step, attempt: Attempt, verdict: Verdict) -> None:
    """Record how an attempt ended, and what follows: success, a retry, or the end."""
    step.urgent = True
    step.running = False
    attempt = attempt.model_copy(
        update={
            "completion_time": clock.stamp(step.now),
            "outcome": verdict.outcome,
            "failure_class": verdict.failure_class,
            "counted": verdict.counted if verdict.failure_class else None,
            "message": verdict.message[:1024] or None,
        }
    )
    step.changes["attempts"] = [*step.task.status.attempts[:-1], attempt]
    if verdict.result and verdict.result.usage:
        step.changes["usage"] = verdict.result.usage
    if verdict.outcome is Outcome.SUCCEEDED and verdict.result:
        step.result = verdict.result
        step.changes |= {
            "artifact": verdict.result.artifact,
            "progress_percentage": 100,
            "stage": None,
            "error_details": None,
        }
        return _end(step, Outcome.SUCCEEDED, "Succeeded", verdict.message)
    if verdict.failure_class is None:
        return _end(step, Outcome.CANCELLED, "Cancelled", verdict.message)
    return _fail(step, attempt, verdict, verdict.failure_class)


def _fail(step: Step, attempt: Attempt, verdict: Verdict, cause: FailureClass) -> None:
    step.changes["error_details"] = _details(step, cause, verdict.message, attempt.number)
    after = retry_after(step, attempt, verdict)
    if after is None or step.task.abandoned:
        return _end(step, Outcome.FAILED, cause.value, verdict.message)
    step.changes["next_retry_time"] = clock.stamp(step.now + after)
    step.draft.effects.append(Count("retry", (step.task.label, cause.value)))
    if verdict.counted:
        step.changes["retry_count"] = step.task.status.retry_count + 1
    step.draft.wake(step.now + after)
    return None


def retry_after(step: Step, attempt: Attempt, verdict: Verdict) -> float | None:
    """Give the seconds until the next attempt; None if there is none."""
    status, cause = step.task.status, verdict.failure_class
    queue = step.around.queues.get(step.task.queue_name)
    if cause in failure.NEVER_RETRIED or attempt.number >= MAX_ATTEMPTS or queue is None:
        return None
    if (
        cause is FailureClass.RESULT_LOST
        and sum(a.failure_class is FailureClass.RESULT_LOST for a in step.status.attempts) > MAX_LOST
    ):
        return None
    share = 1 + clock.jitter(step.task.identity.uid, status.revision, attempt.number)
    if cause is FailureClass.RATE_LIMITED:
        told = verdict.result.retry_after_seconds if verdict.result else None
        return max(1.0, told if told is not None else _DEFAULT_RATE_LIMIT_SECONDS) * share
    if not verdict.counted:
        return 0.0
    if status.retry_count >= queue.spec.max_retries:
        return None
    ladder = queue.spec.backoff_seconds
    return ladder[min(status.retry_count, len(ladder) - 1)] * share


def _end(step: Step, outcome: Outcome, reason: str, message: str) -> None:
    step.ended, step.end_reason, step.end_message = outcome, reason, message
    step.changes |= {"next_retry_time": None, "stage": None}
    step.urgent = True
    step.draft.effects.append(Count("finished", (step.task.label, outcome.value)))
    _tidy(step)


def _close(step: Step) -> None:
    """Bring hold reason and queue name into line with what the step found."""
    hold = step.hold
    if step.task.status.next_retry_time is None and step.changes.get("next_retry_time") and not step.ended:
        at = step.changes["next_retry_time"]
        cause = step.changes["error_details"].failure_class.value
        hold = step.hold = Hold(HoldReason.RETRY_BACKOFF, f"Retry after {cause} is due at {at}.")
    wanted = {
        "hold_reason": hold.reason if hold else None,
        "hold_message": hold.message[:1024] if hold else None,
        "queue_name": step.task.queue_name,
    }
    for name, value in wanted.items():
        if getattr(step.task.status, name) != value:
            step.changes[name] = value
            step.urgent = True


def _tidy(step: Step) -> None:
    """Remove the Jobs of a task that has ended, once they have been kept long enough.

    A course's Jobs are left to the course, which removes them all in one request.
    """
    if step.task.identity.course_uid:
        return
    for job in step.around.jobs.values():
        if job.owner_uid != step.task.identity.uid or job.deleting:
            continue
        due = job.ended + step.around.defaults.keep_jobs_seconds
        if job.finished and due <= step.now:
            step.draft.effects.append(DeleteJob(job.namespace, job.name, job.uid))
        elif job.finished:
            step.draft.wake(due)


def _stop_strays(step: Step, attempt: Attempt | None) -> None:
    """Stop Jobs of ours that no open attempt speaks for: a crash came between an outcome and its Job's end."""
    for job in step.around.jobs.values():
        if not (job.finished or job.deleting or (attempt and job.name == attempt.job_name)):
            _stop(step, job)
