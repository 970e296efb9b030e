"""A task with an open attempt: what its Job and its Pods say."""

from typing import Any

from coursegen_api.base import Attempt, FailureClass, HoldReason, Outcome
from coursegen_api.names import LABEL_KUEUE_QUEUE
from coursegen_api.queue import GenerationQueue, StopPolicy

from . import clock, ending, failure, jobs, limits, waiting
from .failure import Verdict
from .step import MISCONFIGURED_SECONDS, Hold, Step, refusal
from .world import Defaults, JobView, PodView, Reading, ReadPods

_LONGEST_WAIT_SECONDS = 30.0
"""Between two looks at the Pods of a Job that has none ready."""
_UNCONFIRMED_SECONDS = 10.0
"""A Pod that was to have ended so long ago is taken for one on a node that is gone."""


def watch(step: Step, attempt: Attempt) -> None:
    """See how an open attempt goes: its Job may be missing, foreign, waiting for its Pod, running or ended."""
    job = step.around.jobs.get(attempt.job_name)
    if step.task.cancelled:
        ending.stop(step, job)
        return ending.conclude(step, attempt, Verdict(Outcome.CANCELLED, message="Cancelled on request."))
    queue = step.around.queues.get(step.task.queue_name)
    if queue and queue.spec.stop_policy is StopPolicy.HOLD_AND_DRAIN and not (job and job.finished):
        return _drained(step, attempt, job, queue)
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


def _drained(step: Step, attempt: Attempt, job: JobView | None, queue: GenerationQueue) -> None:
    """Stop an attempt with its queue, on an admin's word; the next one waits until the queue goes on."""
    ending.withdraw(step, attempt, job, limits.paused(step.task.queue_name, limits.of_queue(queue)))
    step.draft.wake(step.now)


def _without_job(step: Step, attempt: Attempt) -> None:
    """Create the Job that status announces, or see that it was there and is gone."""
    if attempt.start_time or attempt.job_name in step.around.gone:
        lost = "The Job was deleted before its result was read."
        return ending.conclude(step, attempt, failure.failed(FailureClass.RESULT_LOST, lost))
    if step.around.refused:
        return ending.withdraw_refused(step, attempt, None, refusal(step.around.refused))
    found = waiting.means(step)
    if isinstance(found, Hold):
        step.hold = found
        step.draft.wake(step.now + MISCONFIGURED_SECONDS)
        return None
    manifest = waiting.manifest_of(step, found, attempt.number, bool(attempt.probe))
    name, spec_hash = manifest["metadata"]["name"], waiting.hash_of(manifest)
    if (attempt.job_name, attempt.spec_hash) != (name, spec_hash):  # another name: a backup brought the status along
        renewed = attempt.model_copy(update={"job_name": name, "spec_hash": spec_hash})
        step.changes["attempts"] = [*step.task.status.attempts[:-1], renewed]
        step.urgent = True
    step.draft.effects.append(waiting.create(step, manifest))
    return None


def _foreign(step: Step, attempt: Attempt, job: JobView) -> None:
    step.held(
        HoldReason.MISCONFIGURED,
        f"Job {job.name} exists and is not ours (another owner, or changed): it is not adopted. Delete it to go on.",
    )
    step.draft.wake(step.now + MISCONFIGURED_SECONDS)
    found = waiting.means(step)
    if isinstance(found, Hold):
        return None
    if job.owner_uid == step.task.identity.uid and job.spec_hash == job.fingerprint:
        return _outdated(step, attempt, job)
    manifest = waiting.manifest_of(step, found, attempt.number, bool(attempt.probe))
    step.draft.effects.append(waiting.create(step, manifest))
    return None


def _outdated(step: Step, attempt: Attempt, job: JobView) -> None:
    """Take an attempt back whose Job was created, unanswered, and whose task has changed since.

    By an edit, an upgrade, or because the task is another at each moment. A Job that a tenant has made up to look so is
    removed likewise: nothing of it is read.
    """
    said = "The Job was created for what has changed since: another one is."
    ending.withdraw(step, attempt, job, Hold(HoldReason.QUEUE_FULL, said))
    step.draft.wake(step.now)


def _running(step: Step, attempt: Attempt, job: JobView) -> None:
    queue = step.around.queues.get(step.task.queue_name)
    defaults = step.around.defaults
    if job.suspended:
        return _suspended(step, job)
    if _is_lost(step, job):
        ending.stop(step, job)
        return ending.conclude(step, attempt, failure.silent(job, step.around.readings[job.uid]))
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
        limit = _began(step, attempt, job) + jobs.give_up_after(queue, defaults)
        reading = step.around.readings.get(job.uid)
        if step.now >= limit and (reading is None or reading.time < limit):
            step.draft.effects.append(ReadPods(job.namespace, job.name, job.uid, at=step.now, though_ready=True))
        elif step.now >= limit:
            ending.stop(step, job)
            return ending.conclude(step, attempt, failure.silent(job, reading))
        else:
            step.draft.wake(limit)
    if not job.ready:
        _unready(step, attempt, job)
    return None


def _began(step: Step, attempt: Attempt, job: JobView) -> float:
    """Give since when an attempt's clock runs: since its newest Pod began, as far as that is known.

    That is how the kubelet and the worker count, after a long wait for a node and in the place of an evicted Pod too.
    """
    reading = step.around.readings.get(job.uid)
    pod = _newest(job, reading)
    if reading and pod and _waits(pod):
        return max(job.begun, reading.time)
    if pod and pod.began:
        return max(job.begun, pod.began)
    started = clock.parse(attempt.start_time) if attempt.start_time else step.now
    return max(job.begun, started) if started <= step.now else job.begun  # or the clock was set back


def _is_lost(step: Step, job: JobView) -> bool:
    """Tell whether a Job's Pods are on a node that has not confirmed their end, long after it was due.

    By a reading that was made after that: a node that comes back in time has its say.
    """
    reading = step.around.readings.get(job.uid)
    due = failure.lost_since(job, reading) if reading else None
    return due is not None and reading is not None and reading.time >= due + _UNCONFIRMED_SECONDS


def _suspended(step: Step, job: JobView) -> None:
    """Say who keeps a Job; no clock runs for it meanwhile."""
    name = step.task.identity.kueue.get(LABEL_KUEUE_QUEUE)
    if name:
        return step.held(
            HoldReason.QUEUE_FULL, f"Kueue has not admitted the Job: it waits for room in LocalQueue {name}."
        )
    return step.held(
        HoldReason.SUSPENDED, f"Somebody has suspended Job {job.name}: set its spec.suspend to false to go on."
    )


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
    reading = step.around.readings.get(job.uid)
    step.draft.effects.append(_next_look(job, reading, defaults))
    trouble = failure.not_started(job, reading) if reading else None
    overdue = step.now - _waits_since(step, job) >= defaults.not_started_seconds and not _pod_runs(job, step)
    if trouble is None and not overdue:
        return None
    message = trouble.message if trouble else "No Pod of the Job has started, and Kubernetes gives no reason."
    if trouble and trouble.quota:
        return ending.withdraw_refused(step, attempt, job, Hold(HoldReason.QUOTA_EXCEEDED, message))
    queue = step.around.queues.get(step.task.queue_name)
    if overdue and trouble and trouble.unschedulable and queue and queue.spec.elasticity:
        ending.withdraw(step, attempt, job, Hold(HoldReason.QUEUE_FULL, f"{message} It is tried again."))
        return step.draft.wake(step.now)
    if (trouble and trouble.hopeless) or overdue:
        ending.stop(step, job)
        return ending.conclude(step, attempt, failure.failed(FailureClass.POD_NOT_STARTED, message))
    if trouble and trouble.misconfigured:
        step.held(HoldReason.MISCONFIGURED, message)
    _note(step, attempt, message)
    return None


def look_again(job: JobView, before: Reading | None, reading: Reading, defaults: Defaults) -> ReadPods | None:
    """Give the next look at a Job's Pods where this one shows nothing that a visit would act on.

    Most looks are such: a thousand Jobs wait for their Pods, and nothing is wrong with any of them.
    """
    overdue = reading.time - job.begun >= defaults.not_started_seconds
    if overdue or job.finished or job.ready or job.deleting or job.suspended:
        return None
    lost = failure.lost_since(job, reading) is not None
    return None if lost or _shows(job, before) != _shows(job, reading) else _next_look(job, reading, defaults)


def _shows(job: JobView, reading: Reading | None) -> tuple[failure.Trouble | None, bool]:
    """Give all of a reading that a plan for an active Job depends on, its time apart."""
    if reading is None:
        return None, False
    return failure.not_started(job, reading), _runs(job, reading)


def _next_look(job: JobView, reading: Reading | None, defaults: Defaults) -> ReadPods:
    """Ask for the next look at a Job's Pods: each comes after twice the age of the one before."""
    at = job.begun + defaults.unready_seconds if reading is None else _after(job, reading, defaults)
    return ReadPods(job.namespace, job.name, job.uid, with_events=True, at=at, again=reading is not None)


def _after(job: JobView, reading: Reading, defaults: Defaults) -> float:
    age = reading.time - job.begun
    wait = min(_LONGEST_WAIT_SECONDS, max(defaults.unready_seconds, age))
    due = failure.lost_since(job, reading)
    if due is not None and reading.time < due + _UNCONFIRMED_SECONDS:
        return min(reading.time + wait, due + _UNCONFIRMED_SECONDS)
    return reading.time + wait


def _pod_runs(job: JobView, step: Step) -> bool:
    reading = step.around.readings.get(job.uid)
    return reading is not None and _runs(job, reading)


def _waits_since(step: Step, job: JobView) -> float:
    """Give since when a Job waits for a Pod to begin; one that ran waits again if its Pod was replaced."""
    if not step.running:
        return job.begun
    pod = _newest(job, step.around.readings.get(job.uid))
    return max(job.begun, pod.created) if pod and _waits(pod) else step.now


def _newest(job: JobView, reading: Reading | None) -> PodView | None:
    pods = [p for p in reading.pods if p.job_uid == job.uid] if reading else []
    return max(pods, key=lambda p: p.created, default=None)


def _waits(pod: PodView) -> bool:
    return pod.phase == "Pending" and pod.never_ran


def _runs(job: JobView, reading: Reading) -> bool:
    return any(p.running for p in reading.pods if p.job_uid == job.uid)


def _note(step: Step, attempt: Attempt, message: str) -> None:
    """Show in errorDetails why the Pod has not started, before it costs anything."""
    old = step.task.status.error_details
    if old and (old.attempt, old.message) == (attempt.number, message[:1024]):
        return
    step.changes["error_details"] = ending.details(step, FailureClass.POD_NOT_STARTED, message, attempt.number)
    step.urgent = True


def _read_end(step: Step, attempt: Attempt, job: JobView) -> None:
    reading = step.around.readings.get(job.uid)
    if reading is None or not reading.final:
        step.running = attempt.start_time is not None
        step.draft.effects.append(ReadPods(job.namespace, job.name, job.uid))
        return None
    verdict = failure.judge(job, reading, step.around.namespace_uid)
    if verdict.failure_class is FailureClass.TIMEOUT and attempt.start_time is None and failure.never_ran(job, reading):
        note = step.task.status.error_details
        known = note.message if note and note.attempt == attempt.number else "Kubernetes gives no reason."
        verdict = failure.failed(FailureClass.POD_NOT_STARTED, f"The Pod had not started by its deadline. {known}")
    return ending.conclude(step, attempt, verdict)
