"""A task without an open attempt: it waits for something, or its next attempt is announced."""

from dataclasses import dataclass
from typing import Any

from coursegen_api import names
from coursegen_api.base import Attempt, HoldReason, Outcome, TaskStatus
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import TaskInput, Writer

from . import assignments, clock, ending, history, jobs
from .requests import COURSE_OVER
from .step import MISCONFIGURED_SECONDS, Assignment, Hold, Step, missing_provider, missing_queue, refusal_of, refused
from .world import Count, CreateJob, Measured, Want

_REFUSED = 1000
"""More than any attempts."""
_KEPT_ATTEMPTS = 10
_CLOCK_STEP_SECONDS = 60.0
"""An end that lies further ahead was written before the clock was set back."""
_LOOK_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Means:
    """What an attempt needs."""

    queue: GenerationQueue
    provider: ModelProvider | None
    assignment: Assignment


def begin(step: Step) -> None:
    """Start the next attempt if it may start now, else say what it waits for."""
    task = step.task
    if task.cancelled:
        return ending.end(step, Outcome.CANCELLED, "Cancelled", "Cancelled on request.")
    if task.abandoned:
        return ending.end(step, Outcome.CANCELLED, COURSE_OVER, task.abandoned)
    if task.suspended:
        return step.held(HoldReason.SUSPENDED, "Suspended: set spec.suspend to false to go on.")
    due = retry_due(task.status, step.now)
    if due > step.now:
        step.draft.wake(due)
        _hold_for_retry(step)
        return None
    found = means(step)
    if isinstance(found, Hold):
        step.hold = found
        if found.reason is HoldReason.MISCONFIGURED:
            step.draft.wake(step.now + MISCONFIGURED_SECONDS)
        return None
    if step.granted:
        return _intend(step, found)
    queued = task.status.queued_time
    since = clock.parse(queued) if queued else step.now
    step.want = Want(
        task.queue_name,
        task.provider_name or "",
        since,
        task.place,
        task.identity.uid,
        effort=(_told_by(task.status), assignments.size(found.assignment.work)),
        purses=step.around.purses,
        label=task.label,
        line=step.around.budget_line,
    )
    step.hold = step.decline or Hold(HoldReason.QUEUE_FULL, f"Waits for a slot of queue {task.queue_name}.")
    return None


def _told_by(status: TaskStatus) -> int:
    """Count the attempts of the revision that were not withdrawn; one that Kubernetes refuses tells least of all."""
    made = status.attempts[-1].number - status.withdrawn_attempts if status.attempts else 0
    return made + _REFUSED if refusal_of(status) else made


def retry_due(status: TaskStatus, now: float) -> float:
    """Give the time of the next retry, 0 if none is due; at once if the clock was set back since it was reckoned.

    Else a clock that was a day ahead for a moment would keep the work for a day.
    """
    if status.next_retry_time is None:
        return 0.0
    ended = status.attempts[-1].completion_time if status.attempts else None
    if ended and clock.parse(ended) > now + _CLOCK_STEP_SECONDS:
        return 0.0
    return clock.parse(status.next_retry_time)


def _hold_for_retry(step: Step) -> None:
    status = step.task.status
    if hold := refused(status):
        step.hold = hold
        return
    last = status.error_details
    why = f" after {last.failure_class.value}" if last else ""
    # None was counted where nothing so far was the work's fault.
    what = f"Retry {status.retry_count}{why}" if status.retry_count else f"The next attempt{why}, which cost no retry,"
    step.held(HoldReason.RETRY_BACKOFF, f"{what} is due at {status.next_retry_time}.")


def means(step: Step) -> Means | Hold:
    """Gather what an attempt needs, or say what is missing."""
    task = step.task
    queue = step.around.queues.get(task.queue_name)
    if queue is None:
        return missing_queue(task.queue_name)
    provider = None
    if task.provider_name:
        provider = step.around.providers.get(task.provider_name)
        if provider is None:
            return missing_provider(task.provider_name, task.identity.namespace)
    assigned = task.assign()
    return assigned if isinstance(assigned, Hold) else Means(queue, provider, assigned)


def _intend(step: Step, found: Means) -> None:
    """Announce the next attempt in status, then create its Job."""
    before = step.task.status
    number = before.attempts[-1].number + 1 if before.attempts else 1
    manifest = manifest_of(step, found, number, step.around.probe)
    attempt = Attempt(
        number=number,
        job_name=manifest["metadata"]["name"],
        spec_hash=hash_of(manifest),
        queued_time=before.queued_time,
        admission_time=clock.stamp(step.now),
        probe=step.around.probe or None,
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
    measured = Measured(step.task.queue_name, waited=history.waited(attempt), kind=step.task.label)
    step.draft.effects += [create(step, manifest), Count("attempts", (step.task.label,)), measured]
    if step.around.refused:
        step.draft.wake(step.now + _LOOK_AGAIN_SECONDS)  # a second refusal in the same words brings no visit
    if attempt.job_name in step.around.jobs:
        step.draft.wake(step.now)  # somebody has taken the name: no event will come of our creating it


def manifest_of(step: Step, found: Means, number: int, probe: bool) -> dict[str, Any]:
    """Give the Job of an attempt."""
    owner, queue, provider = step.task.identity, found.queue, found.provider
    task = TaskInput(
        uid=owner.uid,
        namespace_uid=step.around.namespace_uid,
        name=owner.name,
        revision=step.task.status.revision,
        attempt=number,
        deadline_seconds=queue.spec.timeout_seconds,
        writer=_writer(provider) if provider else Writer(),
        probe=probe,
        work=found.assignment.work,
    )
    secret = provider.spec.secret_name if provider and provider.spec.endpoint else None
    order = jobs.Order(task, queue, secret, found.assignment.config_map_name)
    return jobs.build(owner, order, step.around.defaults)


def _writer(provider: ModelProvider) -> Writer:
    spec = provider.spec
    return Writer(
        type=spec.writer.value,
        provider=provider.metadata.name[:63],
        endpoint=spec.endpoint,
        model=spec.model,
        prices=spec.prices,
        token_limit=spec.task_token_limit,
        parallel_requests=spec.parallel_requests,
    )


def create(step: Step, manifest: dict[str, Any]) -> CreateJob:
    """Give the effect that creates a Job."""
    return CreateJob(manifest, step.around.defaults.unready_seconds)


def hash_of(manifest: dict[str, Any]) -> str:
    """Give the hash of what a Job of ours runs, as it goes into the attempt's status."""
    return str(manifest["metadata"]["annotations"][names.ANNOTATION_SPEC_HASH])
