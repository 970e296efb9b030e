"""Looks at everything every ten seconds: what goes on in the background, and what is full while somebody waits."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from coursegen_operator.plan.limits import provider_key
from coursegen_operator.plan.world import COURSE_SLOTS

from .cluster import Cluster
from .homes import Homes
from .seen import SATURATED_SECONDS, Sample, Seen
from .setting import HOUR, Setting
from .shard import Shard
from .work import PROVIDER

SAMPLE_SECONDS = 10.0

LEASE_SECONDS = 10.0
"""A list that keeps the event loop so long busy costs the operator its lease: 15 s, the last 5 without a write."""


class Seeable(Protocol):
    """What is looked at."""

    now: float
    shards: list[Shard]
    cluster: Cluster
    homes: Homes
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Done:
    """What had been done at the last look: seconds of each shard and of the API server, and tokens."""

    shards: Sequence[float] = ()
    api: float = 0.0
    spent: float = 0.0


@dataclass(slots=True)
class Gauges:
    """Counts by tenant, from which the background of each shard follows."""

    setting: Setting
    tenants: Sequence[str]
    running: dict[str, int] = field(init=False)
    """Workers that report percentages."""
    begun: dict[str, int] = field(init=False)
    """Attempts since the last look."""
    kept: dict[str, int] = field(init=False)
    """Objects that have ended and stay."""
    _before: _Done = _Done()
    _ends: deque[tuple[float, str, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.running, self.begun, self.kept = (dict.fromkeys(self.tenants, 0) for _ in range(3))

    def keep(self, tenant: str, now: float, objects: int) -> None:
        """Note that so many objects have ended, and stay until their time has come."""
        self.kept[tenant] += objects
        self._ends.append((now, tenant, objects))

    def read(self, day: Seeable) -> None:
        """Look."""
        ttl = self.setting.operators.ttl_seconds
        while ttl is not None and self._ends and self._ends[0][0] + ttl <= day.now:
            _, tenant, objects = self._ends.popleft()
            self.kept[tenant] -= objects
        for shard in day.shards:
            shard.background = self._background(shard, day.homes)
        figures = self.setting.figures
        running = sum(self.running.values())
        day.cluster.api.background = running / figures.progress_seconds * figures.api_patch_cpu * day.cluster.heard
        day.seen.samples.append(self._sample(day, running))
        if day.now < self.setting.hours[1] * HOUR:
            day.seen.looks += 1
            for name in set(self._full(day)):
                day.seen.full[name] += 1
        self.begun = dict.fromkeys(self.tenants, 0)

    def _sample(self, day: Seeable, running: int) -> Sample:
        before = self._before
        done = [shard.busy for shard in day.shards]
        self._before = now = _Done(done, day.cluster.api.done, day.cluster.spent)
        used = (a - b for a, b in zip(done, before.shards or [0.0] * len(done), strict=True))
        return Sample(
            day.now,
            open=day.seen.courses["came"] - day.seen.courses["succeeded"] - day.seen.courses["failed"],
            waiting=sum(len(shard.book.wants) for shard in day.shards),
            running=running,
            kept=sum(self.kept.values()),
            late=max(shard.late() for shard in day.shards),
            operator=max(u / SAMPLE_SECONDS + s.background for u, s in zip(used, day.shards, strict=True)),
            api=(now.api - before.api) / SAMPLE_SECONDS + day.cluster.api.background,
            tokens=(now.spent - before.spent) / SAMPLE_SECONDS,
            memory=max(self.memory(shard, day.homes) for shard in day.shards),
        )

    def _background(self, shard: Shard, homes: Homes) -> float:
        figures, mine = self.setting.figures, [t for t in self.tenants if homes.of[t] is shard]

        def split(counts: dict[str, int]) -> tuple[int, int]:
            own = sum(counts[t] for t in mine)
            return own, sum(counts.values()) - own

        (own, others), (kept, foreign), (_, begun) = split(self.running), split(self.kept), split(self.begun)
        looks = (own + others * figures.operator_foreign) / figures.progress_seconds * figures.operator_progress_cpu
        heard = begun / SAMPLE_SECONDS * figures.operator_cpu * figures.operator_foreign
        lists = (kept * figures.kept_cpu + foreign * figures.kept_foreign_cpu) / self.setting.operators.resync_seconds
        return looks + heard + lists

    def memory(self, shard: Shard, homes: Homes) -> float:
        """Give the bytes that an operator takes."""
        figures = self.setting.figures
        return figures.operator_bytes + (self._kept_by(shard, homes) + len(shard.book.wants)) * figures.kept_bytes

    def _kept_by(self, shard: Shard, homes: Homes) -> int:
        return sum(number for tenant, number in self.kept.items() if homes.of[tenant] is shard)

    def _full(self, day: Seeable) -> Iterator[str]:
        cluster, figures = day.cluster, self.setting.figures
        waits = {
            "API server": cluster.api.late(day.now),
            "Job controller": cluster.controller.waited,
            "scheduler": cluster.scheduler.waited,
        }
        yield from (name for name, wait in waits.items() if wait > SATURATED_SECONDS)
        if any(account.wait(day.now, figures.chapter_tokens, 1) > SATURATED_SECONDS for account in cluster.accounts):
            yield "model provider"
        for shard in day.shards:
            if shard.late() > SATURATED_SECONDS:
                yield "operator"
            if self.memory(shard, day.homes) > self.setting.operators.memory_bytes:
                yield "operator's memory"
            if self._kept_by(shard, day.homes) * figures.kept_still > LEASE_SECONDS:
                yield "operator's lease"
            yield from _slots(shard)


def _slots(shard: Shard) -> Iterator[str]:
    limits, load = shard.limits, shard.load
    for queue, lines in shard.book.lines.items():
        if not lines:
            continue
        if queue == COURSE_SLOTS:
            if load.courses - load.parked >= limits.max_courses:
                yield "course slots"
        elif load.by_queue.get(queue, 0) >= limits.queues[queue].capacity:
            yield f"slots of {queue}"
        elif load.jobs >= limits.max_jobs:
            yield "Jobs in all"
        elif any(_is_busy(shard, line.namespace) for line in lines.values() if line.provider):
            yield "concurrency of providers"


def _is_busy(shard: Shard, namespace: str) -> bool:
    name = provider_key(PROVIDER, namespace)
    most = shard.limits.providers.get(name)
    return most is not None and shard.load.by_provider.get(name, 0) >= most
