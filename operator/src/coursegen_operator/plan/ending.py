"""How an attempt ends, what follows from it, and what is removed afterwards."""

from coursegen_api.base import Attempt, ErrorDetails, FailureClass, Outcome, TaskStatus, Usage
from coursegen_api.queue import QueueSpec

from . import clock, failure, history, outage
from .budget import cost_of
from .failure import Verdict
from .step import Hold, Step, refused
from .world import Count, DeleteJob, JobView, Measured, Paid

MAX_ATTEMPTS = 20
"""Of one revision: free ones included, but not those that were withdrawn."""

MAX_LOST = 3
"""Results that may be lost in one revision before the task fails."""

_DEFAULT_RATE_LIMIT_SECONDS = 60

_WITHOUT_QUEUE = QueueSpec(priority=0)
"""The retries of work whose queue was deleted meanwhile: it is held, and goes on when there is a queue again."""

_REFUSED_SECONDS = 15.0
_LONGEST_REFUSED_SECONDS = 300.0
"""What Kubernetes refuses is tried again after the first, then twice as long each time up to the second."""


def details(step: Step, failure_class: FailureClass, message: str, number: int) -> ErrorDetails:
    """Give a failure as errorDetails shows it."""
    return ErrorDetails(failure_class=failure_class, message=message[:1024], attempt=number, time=clock.stamp(step.now))


def stop(step: Step, job: JobView | None) -> None:
    """End a Job of the task's, and its Pod; a Job of somebody else is left alone."""
    if job and job.owner_uid == step.task.identity.uid and not job.deleting:
        step.draft.effects.append(DeleteJob(job.namespace, job.name, job.uid))


def conclude(step: Step, attempt: Attempt, verdict: Verdict) -> None:
    """Record how an attempt ended, and what follows: success, a retry, or the end."""
    step.urgent = True
    step.running = False
    attempt = _ended(step, attempt, verdict)
    step.changes["attempts"] = [*step.task.status.attempts[:-1], attempt]
    if verdict.result and verdict.result.usage:
        step.changes["usage"] = _sum(step.task.status.usage, verdict.result.usage)
        step.draft.effects.append(_paid(step, verdict.result.usage))
    if verdict.outcome is Outcome.SUCCEEDED and verdict.result:
        ran, took = history.ran(attempt), history.took(step.status.model_copy(update={"usage": verdict.result.usage}))
        step.draft.effects.append(Measured(step.task.queue_name, ran=ran, took=took, kind=step.task.label))
        step.result = verdict.result
        step.changes |= {
            "artifact": verdict.result.artifact,
            "progress_percentage": 100,
            "stage": None,
            "error_details": None,
        }
        return end(step, Outcome.SUCCEEDED, "Succeeded", verdict.message)
    if verdict.failure_class is None:
        return end(step, Outcome.CANCELLED, "Cancelled", verdict.message)
    return _fail(step, attempt, verdict, verdict.failure_class)


def _paid(step: Step, usage: Usage) -> Paid:
    """Say what an attempt has cost, for metrics; a writer without a model is named itself."""
    name = step.task.provider_name or ""
    provider = step.around.providers.get(name)
    model = provider.spec.model or str(provider.spec.writer) if provider else ""
    return Paid(step.task.label, name, model, usage)


def _sum(before: Usage | None, last: Usage) -> Usage:
    """Give what a task has cost so far: what failed, and what was made anew, has been paid as well."""
    if before is None:
        return last
    return Usage(
        prompt_tokens=before.prompt_tokens + last.prompt_tokens,
        completion_tokens=before.completion_tokens + last.completion_tokens,
        cost_micro_usd=before.cost_micro_usd + last.cost_micro_usd,
        cached=last.cached,
    )


def _ended(step: Step, attempt: Attempt, verdict: Verdict) -> Attempt:
    """Give the attempt as status keeps it; what failed with its provider or queue as a whole is not counted."""
    message = verdict.message[:1024]
    excuse = outage.outage(step.task, step.around.circuits).excuses(verdict.failure_class, step.now)
    if excuse and verdict.counted:
        message = outage.joined(message, excuse)
    used = verdict.result.usage if verdict.result else None
    return attempt.model_copy(
        update={
            "usage": used if cost_of(used) else None,
            "completion_time": clock.stamp(step.now),
            "outcome": verdict.outcome,
            "failure_class": verdict.failure_class,
            "counted": verdict.counted and not excuse if verdict.failure_class else None,
            "retry_after_seconds": verdict.result.retry_after_seconds if verdict.result else None,
            "message": message or None,
        }
    )


def withdraw(step: Step, attempt: Attempt, job: JobView | None, hold: Hold) -> None:
    """Take an attempt back that its work is not to blame for: its Job goes, and with it the slot.

    The name of its Job is used up, so the next attempt has the next number; but neither maxRetries nor MAX_ATTEMPTS
    knows of it, or a quota that is full for a night would end the work.
    """
    stop(step, job)
    step.draft.effects.append(Count("attempts_withdrawn", (step.task.label,)))
    step.urgent, step.running, step.hold = True, False, hold
    ended = {"completion_time": clock.stamp(step.now), "outcome": Outcome.WITHDRAWN, "message": hold.message[:1024]}
    step.changes |= {
        "attempts": [*step.task.status.attempts[:-1], attempt.model_copy(update=ended)],
        "withdrawn_attempts": step.task.status.withdrawn_attempts + 1,
        "error_details": None,
        "progress_percentage": 0,
        "progress_time": None,
        "stage": None,
    }


def withdraw_refused(step: Step, attempt: Attempt, job: JobView | None, hold: Hold) -> None:
    """Take an attempt back that Kubernetes refuses, in its words; the next one comes later each time."""
    in_a_row = 1
    for earlier in reversed(step.task.status.attempts[:-1]):
        if earlier.outcome is not Outcome.WITHDRAWN:
            break
        in_a_row += 1
    share = 1 + clock.jitter(step.task.identity.uid, step.task.status.revision, attempt.number)
    due = step.now + min(_LONGEST_REFUSED_SECONDS, _REFUSED_SECONDS * 2 ** (in_a_row - 1)) * share
    withdraw(step, attempt, job, hold)
    step.changes["next_retry_time"] = clock.stamp(due)
    step.hold = refused(step.status)
    step.draft.wake(due)


def _fail(step: Step, attempt: Attempt, verdict: Verdict, cause: FailureClass) -> None:
    step.draft.effects.append(Count("attempts_failed", (step.task.label, cause.value)))
    step.changes["error_details"] = details(step, cause, verdict.message, attempt.number)
    if cause is FailureClass.RESULT_LOST:
        step.changes["lost_results"] = _lost(step.task.status) + 1
    after = retry_after(step, attempt, verdict)
    if after is None or step.task.abandoned:
        return end(step, Outcome.FAILED, cause.value, verdict.message)
    step.changes["next_retry_time"] = clock.stamp(step.now + after)
    step.draft.effects.append(Count("retries", (step.task.label, cause.value)))
    step.draft.effects.append(Measured(step.task.queue_name, retried=True))
    if attempt.counted:
        step.changes["retry_count"] = step.task.status.retry_count + 1
    step.draft.wake(step.now + after)
    return None


def retry_after(step: Step, attempt: Attempt, verdict: Verdict) -> float | None:
    """Give the seconds until the next attempt; None if there is none."""
    status, cause = step.task.status, verdict.failure_class
    queue = step.around.queues.get(step.task.queue_name)
    policy = queue.spec if queue else _WITHOUT_QUEUE
    made = attempt.number - status.withdrawn_attempts
    if cause in failure.NEVER_RETRIED or made >= MAX_ATTEMPTS:
        return None
    if cause is FailureClass.RESULT_LOST and _lost(step.status) > MAX_LOST:
        return None
    share = 1 + clock.jitter(step.task.identity.uid, status.revision, attempt.number)
    if cause is FailureClass.RATE_LIMITED:
        told = verdict.result.retry_after_seconds if verdict.result else None
        return max(1.0, told if told is not None else _DEFAULT_RATE_LIMIT_SECONDS) * share
    if not verdict.counted:
        return 0.0
    if attempt.counted and status.retry_count >= policy.max_retries:
        return None
    ladder = policy.backoff_seconds
    return ladder[min(status.retry_count, len(ladder) - 1)] * share


def _lost(status: TaskStatus) -> int:
    """Count the results that were lost in the revision; a version before counted none, and kept the last attempts."""
    listed = sum(a.failure_class is FailureClass.RESULT_LOST for a in status.attempts)
    return max(status.lost_results or 0, listed)


def end(step: Step, outcome: Outcome, reason: str, message: str) -> None:
    """End the task's present revision."""
    step.ended, step.end_reason, step.end_message = outcome, reason, message
    step.changes |= {"next_retry_time": None, "stage": None}
    step.urgent = True
    step.draft.effects.append(Count("tasks_finished", (step.task.label, outcome.value)))
    step.draft.effects.append(Measured(step.task.queue_name, ended=outcome))
    tidy(step)


def tidy(step: Step) -> None:
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


def stop_strays(step: Step, attempt: Attempt | None) -> None:
    """Stop Jobs of ours that no open attempt speaks for: a crash came between an outcome and its Job's end."""
    for job in step.around.jobs.values():
        if not (job.finished or job.deleting or (attempt and job.name == attempt.job_name)):
            stop(step, job)
