"""How many Jobs an elastic queue may run now: more while their Pods find nodes, fewer when they do not.

A state machine over what is seen of the queue's active Jobs. It aims at what fits on the nodes, and `headroom` Jobs
more: those stay pending, so that a cluster autoscaler sees that there is demand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from coursegen_api.queue import Elasticity

from .world import JobView, Reading

GROW_SECONDS = 10.0
"""Between two steps up: by then the Pods of the last step have been looked at."""

SETTLE_SECONDS = 60.0
"""After a step down: what did not fit a moment ago is not tried again at once."""

CALM_SECONDS = 20.0
"""After the headroom was seen pending: the Pod that takes the place of one that has just been given a node is not seen
at once."""

PROMPT_SECONDS = 30.0
"""A Pod that does not run by then is stuck if no node takes it, and otherwise late (its image is being pulled)."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The active Jobs of a queue, as far as they are known."""

    active: int = 0
    unschedulable: int = 0
    """Those whose Pod no node takes."""
    stuck: int = 0
    """Those among them that have been so for a while."""
    late: int = 0
    """Those whose Pod has long had a node and does not run, or of which nothing is known: nothing grows meanwhile."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a queue may run, and from when on it may grow."""

    jobs: int
    grows_from: float = 0.0


def start(elasticity: Elasticity, jobs: int) -> Capacity:
    """Begin with a capacity, as far as the bounds allow it."""
    return Capacity(_bounded(elasticity, jobs))


def within(elasticity: Elasticity, held: Capacity) -> Capacity:
    """Keep a capacity within bounds that may have been moved since."""
    return replace(held, jobs=_bounded(elasticity, held.jobs))


def step(elasticity: Elasticity, before: Capacity, seen: Seen, waiting: int, now: float) -> Capacity:
    """Take the capacity a step further."""
    bounded = _bounded(elasticity, before.jobs)
    if seen.stuck > elasticity.headroom:
        fits = _bounded(elasticity, seen.active - seen.unschedulable + elasticity.headroom)
        return Capacity(min(bounded, fits), max(before.grows_from, now + SETTLE_SECONDS))
    if seen.unschedulable >= max(1, elasticity.headroom):
        return Capacity(bounded, max(before.grows_from, now + CALM_SECONDS))
    full = waiting > 0 and seen.active >= bounded
    if full and not seen.late and now >= before.grows_from:
        return Capacity(_bounded(elasticity, bounded + max(1, elasticity.headroom, bounded // 4)), now + GROW_SECONDS)
    return Capacity(bounded, before.grows_from)


def _bounded(elasticity: Elasticity, jobs: int) -> int:
    return max(elasticity.min_capacity, min(elasticity.max_capacity, jobs))


def look(jobs: Iterable[JobView], readings: Mapping[str, Reading], now: float) -> dict[str, Seen]:
    """Give what is seen of the active Jobs, by queue."""
    counts: dict[str, list[int]] = {}
    for job in jobs:
        if job.finished:
            continue
        found = counts.setdefault(job.queue, [0, 0, 0, 0])
        found[0] += 1
        if job.ready or job.suspended:
            continue
        reading, long = readings.get(job.uid), now - job.begun > PROMPT_SECONDS
        pods = [p for p in reading.pods if p.job_uid == job.uid] if reading else []
        if pods and not max(pods, key=lambda p: p.created).scheduled:
            found[1] += 1
            found[2] += long
        elif long and not any(p.running for p in pods):
            found[3] += 1
    return {queue: Seen(*found) for queue, found in counts.items()}
