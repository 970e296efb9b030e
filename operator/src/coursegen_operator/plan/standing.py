"""What queues and providers say of themselves: how much of them is in use, and how much waits."""

from typing import Any

from coursegen_api.base import Condition
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue

from . import clock, conditions


def status(obj: GenerationQueue | ModelProvider, active: int, waiting: int, now: float) -> dict[str, Any]:
    """Give the status of a queue or provider, as it goes over the wire."""
    generation = obj.metadata.generation
    before = conditions.find(obj.status.conditions, "Ready")
    ready = Condition(
        type="Ready",
        status="True",
        reason="InUse" if active else "Idle",
        message="",
        observed_generation=generation,
        last_transition_time=before.last_transition_time if before else clock.stamp(now),
    )
    changes: dict[str, Any] = {"observed_generation": generation, "conditions": [ready], "active": active}
    if isinstance(obj, GenerationQueue):
        changes["waiting"] = waiting
    return obj.status.model_copy(update=changes).wire()
