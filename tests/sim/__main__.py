"""`python -m tests.sim`: random loads through the real decision; prints how long work waits, by band and by tenant.

Three tenants of weights 3, 1 and 1. The first sends everything it has at once, the second sends as much over time, the
third little, now and then. Half of the work has a deadline.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from coursegen_api.names import QUEUE_PRIORITIES
from coursegen_api.queue import Tenant
from coursegen_operator.plan.limits import Limits, QueueLimits

from .turnover import Turnover, Work

TENANTS = {"flood": 3, "steady": 1, "small": 1}
AGEING_SECONDS = 1800.0
HORIZON_SECONDS = 4 * 3600
_ALL = 99
"""In place of a band: more urgent than any."""

SHARES = {
    "chapter-generation": 0.7,
    "quality-validation": 0.1,
    "course-generation": 0.05,
    "export": 0.1,
    "default": 0.05,
}
MEAN_SECONDS = {
    "chapter-generation": 60,
    "quality-validation": 20,
    "course-generation": 30,
    "export": 40,
    "default": 60,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: how long the work of a namespace waited, in one band or in all; in seconds."""

    band: int | None
    namespace: str
    waits: Sequence[float]
    """Sorted."""
    late: int
    dated: int

    @property
    def p50(self) -> float:
        return self.waits[len(self.waits) // 2]

    @property
    def p95(self) -> float:
        return self.waits[int(0.95 * (len(self.waits) - 1))]

    def __str__(self) -> str:
        band = f"band {self.band}" if self.band else "all bands"
        name = f"{band:<12}{self.namespace} (weight {TENANTS[self.namespace]})"
        kept = f"{self.dated - self.late}/{self.dated}" if self.dated else "-"
        return f"{name:<34}{len(self.waits):>7}{self.p50:>9.0f}{self.p95:>9.0f}{self.waits[-1]:>9.0f}{kept:>13}"


def random_load(chance: random.Random, slots: int, pressure: float) -> list[Work]:
    """Give work for some hours, `pressure` times what the slots can do."""
    mean = sum(SHARES[q] * MEAN_SECONDS[q] for q in SHARES)
    count = int(pressure * slots * HORIZON_SECONDS / mean)
    works = []
    for namespace, part in (("flood", 0.5), ("steady", 0.4), ("small", 0.1)):
        for _ in range(int(count * part)):
            comes = 0.0 if namespace == "flood" else chance.uniform(0, HORIZON_SECONDS)
            queue = chance.choices(list(SHARES), list(SHARES.values()))[0]
            seconds = chance.lognormvariate(0, 0.5) * MEAN_SECONDS[queue]
            deadline = comes + chance.uniform(600, 4 * 3600) if chance.random() < 0.5 else None
            works.append(Work(comes, seconds, queue, namespace, deadline=deadline))
    return works


def rows(works: Sequence[Work], started: dict[int, float]) -> Iterable[Row]:
    """Give the waits by band and tenant."""
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for n in started:
        groups[-QUEUE_PRIORITIES[works[n].queue], works[n].namespace].append(n)
        groups[-_ALL, works[n].namespace].append(n)
    for (band, namespace), numbers in sorted(groups.items()):
        dated = [n for n in numbers if works[n].deadline is not None]
        late = sum(started[n] + works[n].seconds > (works[n].deadline or 0) for n in dated)
        waits = sorted(started[n] - works[n].comes for n in numbers)
        yield Row(-band if band != -_ALL else None, namespace, waits, late, len(dated))


def simulate(seed: int, slots: int, pressure: float) -> list[Row]:
    """Let a random load go through so many slots, the one limit that all bands share."""
    tenants = {n: Tenant(namespace=n, weight=w) for n, w in TENANTS.items()}
    queues = {n: QueueLimits(p, 10_000, AGEING_SECONDS, tenants=tenants) for n, p in QUEUE_PRIORITIES.items()}
    works = random_load(random.Random(seed), slots, pressure)
    return list(rows(works, Turnover(Limits(0, slots, queues, {})).run(works)))


def main() -> None:
    """Print a table for each pressure."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slots", type=int, default=40, help="Jobs in all (the one limit that all bands share)")
    parser.add_argument("--pressure", type=float, nargs="*", default=[0.8, 1.2])
    arguments = parser.parse_args()
    for pressure in arguments.pressure:
        found = simulate(arguments.seed, arguments.slots, pressure)
        count = sum(len(row.waits) for row in found if row.band is None)
        print(f"\nseed {arguments.seed}, {arguments.slots} slots, {count} pieces of work: {pressure} of what fits in")
        print(f"{'':<34}{'began':>7}{'p50 s':>9}{'p95 s':>9}{'max s':>9}{'in time':>13}")
        for row in found:
            print(row)


if __name__ == "__main__":
    main()
