"""What an open circuit means for a task: it is held, and the retries that the outage cost are given back.

What failed in the window that opened a circuit, or while it was open, says nothing about the task. Whether
that is so may turn out after the failure was counted, so every visit looks again, and once is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from coursegen_api.base import Attempt, FailureClass, HoldReason

from . import breaker, clock
from .breaker import Circuit
from .recent import AGAINST, circuits_of
from .step import Hold, Task
from .world import Key


@dataclass(frozen=True, slots=True)
class Outage:
    """The circuits that one task goes through."""

    circuits: tuple[tuple[Key, Circuit], ...]

    def excuses(self, failure: FailureClass | None, failed: float) -> str:
        """Say in words what a failure at a time is put down to; empty if to the task itself."""
        for key, circuit in self.circuits:
            if failure in AGAINST[key.kind] and circuit.refunds(failed):
                return f"Not counted: {label(key)} failed as a whole."
        return ""


def label(key: Key) -> str:
    """Name what a circuit is about, for people."""
    return f"{'provider' if key.kind == 'ModelProvider' else 'queue'} {key.name}"


def outage(task: Task, circuits: Mapping[Key, Circuit]) -> Outage:
    """Gather the circuits that a task goes through and that have ever opened."""
    names = circuits_of(task.identity.namespace, task.queue_name, task.provider_name)
    return Outage(tuple((k, circuits[k]) for k in names if k in circuits and circuits[k].opened))


def shut(circuits: Mapping[Key, Circuit]) -> dict[Key, Hold]:
    """Give what work is held with, by provider or queue, where the circuit is not closed."""
    return {key: _hold(key, circuit) for key, circuit in circuits.items() if not circuit.is_closed}


def _hold(key: Key, circuit: Circuit) -> Hold:
    reason = HoldReason.PROVIDER_CIRCUIT_OPEN if key.kind == "ModelProvider" else HoldReason.QUEUE_PAUSED
    return Hold(reason, f"The circuit of {label(key)} is open: {breaker.words(circuit)}")


def settled(task: Task, circuits: Mapping[Key, Circuit]) -> Task:
    """Give the task with the retries given back that an outage has cost it."""
    found = outage(task, circuits)
    if task.ended or not found.circuits or not any(a.counted for a in task.status.attempts):
        return task
    attempts = [_excused(a, found) for a in task.status.attempts]
    back = sum(bool(a.counted) for a in task.status.attempts) - sum(bool(a.counted) for a in attempts)
    if not back:
        return task
    count = max(0, task.status.retry_count - back)
    return replace(task, status=task.status.model_copy(update={"attempts": attempts, "retry_count": count}))


def _excused(attempt: Attempt, found: Outage) -> Attempt:
    if not attempt.counted or not attempt.completion_time:
        return attempt
    words = found.excuses(attempt.failure_class, clock.parse(attempt.completion_time))
    if not words:
        return attempt
    return attempt.model_copy(update={"counted": False, "message": joined(attempt.message, words)})


def joined(message: str | None, words: str) -> str:
    """Add a sentence to a message, within the bounds of one."""
    return f"{(message or '')[: 1023 - len(words)]} {words}".strip()
