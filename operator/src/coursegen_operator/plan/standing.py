"""What queues and providers say of themselves: how much of them is in use, how much waits, and how it went lately."""

from dataclasses import dataclass
from typing import Any

from coursegen_api.base import Condition
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue, LastHour

from . import clock, conditions
from .history import Figures
from .limits import QueueLimits


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What is known of a queue at one time."""

    limits: QueueLimits
    active: int = 0
    pending: int = 0
    oldest: float | None = None
    """Since when the longest wait has lasted."""
    figures: Figures | None = None


def of_queue(queue: GenerationQueue, facts: QueueFacts, now: float) -> dict[str, Any]:
    """Give the status of a queue, as it goes over the wire."""
    changes = {
        "capacity": facts.limits.capacity,
        "pending": facts.pending,
        "oldest_pending_time": clock.stamp(facts.oldest) if facts.oldest is not None else None,
        "last_hour": _last_hour(facts.figures) if facts.figures else None,
    }
    return _status(queue, facts.active, changes, now)


def of_provider(provider: ModelProvider, active: int, now: float) -> dict[str, Any]:
    """Give the status of a provider, as it goes over the wire."""
    return _status(provider, active, {}, now)


def _status(obj: GenerationQueue | ModelProvider, active: int, changes: dict[str, Any], now: float) -> dict[str, Any]:
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
    changes = changes | {"observed_generation": generation, "conditions": [ready], "active": active}
    return obj.status.model_copy(update=changes).wire()


def _last_hour(figures: Figures) -> LastHour:
    ended = figures.succeeded + figures.failed
    return LastHour(
        succeeded=figures.succeeded,
        failed=figures.failed,
        retried=figures.retried,
        success_rate_percent=100 * figures.succeeded // ended if ended else None,
        wait_p50_seconds=_whole(figures.wait_p50),
        wait_p95_seconds=_whole(figures.wait_p95),
        run_p50_seconds=_whole(figures.run_p50),
        run_p95_seconds=_whole(figures.run_p95),
    )


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
