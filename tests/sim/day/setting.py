"""What is simulated: the load, the cluster's limits, the operators, and what goes wrong when."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from coursegen_api import names
from coursegen_api.circuit import CircuitBreaker
from coursegen_api.queue import GenerationQueue

from .figures import Figures

HOUR = 3600.0
DAY = 24 * HOUR

CURVE = (
    0.25, 0.2, 0.15, 0.15, 0.15, 0.2, 0.4, 0.8, 1.5, 2.3, 3.0, 2.4,
    1.5, 1.7, 2.0, 1.6, 1.2, 0.9, 0.8, 0.8, 0.7, 0.6, 0.4, 0.3,
)  # fmt: skip
"""How much comes in each hour of the day, of the mean: three times as much in the busy hour."""

CHAPTERS, EXPORTS = 12, 3
"""Of a course, on average."""

OTHERS = 0.01
"""Pieces of work of the queue `default` for each chapter."""

TASKS = OTHERS + (2 + CHAPTERS + EXPORTS) / CHAPTERS
"""Jobs for each chapter: the outline, the validation and the exports of its course come with it."""

_AROUND_SECONDS = Figures.pod_start_seconds + Figures.pod_end_seconds + 1.0
"""A slot is in use before the worker begins and after it has ended, and while the API server answers."""

_SPREAD, _SLOWEST, _CATALOGUES = 1.1, 1.3, 1.5
"""More than by medians: since durations vary, since the slowest of a stage counts, and since courses come together."""

_SHIPPED = Path(__file__).parents[3] / "deploy/base/queues.yaml"
_STAMP = "2026-01-01T00:00:00Z"


def shipped_queues() -> dict[str, GenerationQueue]:
    """Read the queues as they are delivered."""
    meta = {"uid": "queue", "resourceVersion": "1", "generation": 1, "creationTimestamp": _STAMP}
    listed = [q for q in yaml.safe_load_all(_SHIPPED.read_text()) if q]
    read = (GenerationQueue.model_validate(q | {"metadata": q["metadata"] | meta}) for q in listed)
    return {queue.metadata.name: queue for queue in read}


@dataclass(frozen=True)
class Operators:
    """What each shard has: the capacities of its queues, and the limits of the operator."""

    capacity: Mapping[str, int] = field(
        default_factory=lambda: {n: q.spec.capacity for n, q in shipped_queues().items()}
    )
    max_jobs: int = 400
    max_courses: int = 100
    memory_bytes: float = 2 * 2**30
    resync_seconds: float = 300.0
    ttl_seconds: float | None = None
    """After so long what has ended is deleted; None: never, as delivered."""


@dataclass(frozen=True)
class Cluster:
    """What all shards share."""

    api_cores: float = 4.0
    controller_rate: float = 20.0
    """Requests a second of the Job controller; kube-controller-manager as shipped."""
    scheduler_rate: float = 50.0
    accounts: int = 4
    """Accounts with model providers, each of some tenants."""
    tokens_a_minute: float = float("inf")
    """Of each account."""
    requests_a_minute: float = float("inf")
    concurrency: int | None = None
    """Of each tenant's ModelProvider."""
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    """The same."""


@dataclass(frozen=True)
class Trouble:
    """What goes wrong; times in seconds of the day."""

    failing: float = 0.02
    """Share of attempts that fail for a reason of their own."""
    outage_from: float = -1.0
    outage_seconds: float = 0.0
    outage_accounts: int = 2
    """So many accounts cannot be reached."""
    lost_from: float = -1.0
    """The first shard is gone, both replicas."""
    lost_seconds: float = 0.0
    moved_after: float | None = None
    """Somebody gives its namespaces to the other shards so long after; None: nobody does."""

    @property
    def over(self) -> float:
        """Give when the last of it that has a time is over; 0 if nothing has."""
        ends = (self.outage_from + self.outage_seconds, self.lost_from + self.lost_seconds)
        return max(0.0, *ends)

    def is_out(self, account: int, now: float) -> bool:
        """Tell whether an account's provider is down."""
        return account < self.outage_accounts and self.outage_from <= now < self.outage_from + self.outage_seconds


@dataclass(frozen=True)
class Setting:
    """One day."""

    chapters: int
    """A day."""
    shards: int = 1
    tenants: int = 40
    seed: int = 1
    hours: tuple[float, float] = (0.0, 24.0)
    """What comes in this part of the day; it runs on until all is done, or for `patience` seconds more."""
    patience: float = 24 * HOUR
    operators: Operators = field(default_factory=Operators)
    cluster: Cluster = field(default_factory=Cluster)
    trouble: Trouble = field(default_factory=Trouble)
    figures: Figures = field(default_factory=Figures)


def needed(chapters: float, shards: int, room: float = 1.25) -> tuple[Operators, Cluster]:
    """Give what a load needs in its busy hour by arithmetic, and a quarter more.

    The simulation tells whether that is enough.
    """
    a_second = max(CURVE) * chapters / DAY * room
    return _operators(a_second, shards), _cluster(a_second, shards)


def _operators(a_second: float, shards: int) -> Operators:
    """Give the slots of each shard for so many chapters a second, at least a few of each."""
    figures, courses = Figures(), a_second / CHAPTERS
    usual = {
        names.QUEUE_CHAPTER: (a_second, figures.chapter_seconds),
        names.QUEUE_COURSE: (courses * _SPREAD, figures.outline_seconds),
        names.QUEUE_VALIDATION: (courses * _SPREAD, figures.validation_seconds),
        names.QUEUE_EXPORT: (courses * EXPORTS * _SPREAD, figures.export_seconds),
        names.QUEUE_DEFAULT: (a_second * OTHERS * _SPREAD, figures.other_seconds),
    }
    slots = {name: rate * (seconds + _AROUND_SECONDS) for name, (rate, seconds) in usual.items()}
    capacity = {name: max(8, round(number / shards)) for name, number in slots.items()}
    stages = [seconds for name, (_, seconds) in usual.items() if name != names.QUEUE_DEFAULT]
    open_seconds = sum(seconds * _SLOWEST + _AROUND_SECONDS for seconds in stages) * _CATALOGUES
    return Operators(
        capacity=capacity,
        max_jobs=sum(capacity.values()),
        max_courses=max(20, round(courses * open_seconds / shards)),
        memory_bytes=16 * 2**30,
        ttl_seconds=HOUR,
    )


def _cluster(a_second: float, shards: int) -> Cluster:
    """Give what all shards share for so many chapters a second, not less than as delivered."""
    figures, courses, tasks = Figures(), a_second / CHAPTERS, a_second * TASKS
    looks = a_second * (figures.chapter_seconds + _AROUND_SECONDS) / figures.progress_seconds
    cores = (tasks * figures.api_cpu + looks * figures.api_patch_cpu) * (1 + figures.api_watch * (shards - 1))
    tokens = a_second * figures.chapter_tokens + courses * figures.outline_tokens
    requests = a_second * figures.chapter_requests + courses * figures.outline_requests
    return Cluster(
        api_cores=max(1.0, round(cores, 1)),
        controller_rate=max(20.0, tasks * (figures.controller_begin + figures.controller_end)),
        scheduler_rate=max(50.0, tasks * figures.scheduler_requests),
        tokens_a_minute=tokens * 60 / Cluster.accounts,
        requests_a_minute=requests * 60 / Cluster.accounts,
    )
