"""The life of one task: waiting, an attempt, its end, a retry after some time, and so on until it ends for good.

A task is anything that runs as Jobs: a chapter, a validation, an export, and a course's outline step.
The intent of an attempt is in status before its Job is created, and its outcome is in status before
the Job is removed; so a crash between two steps is finished by the next visit.
"""

from coursegen_api.base import HoldReason

from . import clock, ending, outage, running, waiting
from .step import Hold, Step, Task, open_attempt
from .world import Surroundings

_WAITS_FOR_A_SLOT = (HoldReason.QUOTA_EXCEEDED, HoldReason.QUEUE_PAUSED)


def advance(task: Task, around: Surroundings, now: float, granted: bool, decline: Hold | None = None) -> Step:
    """Take a task one step further; the same arguments give the same step."""
    fair = outage.settled(task, around.circuits)
    step = Step(fair, around, now, granted, decline, ended=task.ended)
    if fair is not task:
        step.changes |= {"attempts": fair.status.attempts, "retry_count": fair.status.retry_count}
        step.urgent = True
    attempt = open_attempt(task.status)
    ending.stop_strays(step, attempt)
    if task.ended:
        ending.tidy(step)
        return step
    if attempt:
        running.watch(step, attempt)
    else:
        waiting.begin(step)
    _close(step)
    return step


def _queued_time(step: Step) -> str | None:
    """Give since when the task has waited for a slot; waiting for a person or for other work is not counted."""
    waits = step.want is not None or (step.hold is not None and step.hold.reason in _WAITS_FOR_A_SLOT)
    if not waits or step.ended or open_attempt(step.status):
        return None
    return step.status.queued_time or clock.stamp(step.now)


def _close(step: Step) -> None:
    """Bring hold reason and queue name into line with what the step found."""
    hold = step.hold
    if hold is None and step.changes.get("next_retry_time") and not step.ended:
        at = step.changes["next_retry_time"]
        cause = step.changes["error_details"].failure_class.value
        hold = step.hold = Hold(HoldReason.RETRY_BACKOFF, f"Retry after {cause} is due at {at}.")
    wanted = {
        "hold_reason": hold.reason if hold else None,
        "hold_message": hold.message[:1024] if hold else None,
        "queue_name": step.task.queue_name,
        "queued_time": _queued_time(step),
    }
    for name, value in wanted.items():
        if getattr(step.task.status, name) != value:
            step.changes[name] = value
            step.urgent = True
