"""What is seen of a day: waits, what was full and for how long, how much was done."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

SATURATED_SECONDS = 1.0
"""What comes waits longer than this for its turn at a station that is full."""


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of all lies; 0 of none."""
    return values[round(share * (len(values) - 1))] if values else 0.0


def floats() -> "array[float]":
    """Give a list of many numbers."""
    return array("d")


@dataclass(frozen=True, slots=True)
class Sample:
    """The day at one moment; what is used, in the ten seconds before."""

    time: float
    open: int
    """Courses that have come and not ended."""
    waiting: int
    """Tasks and courses that wait for a slot."""
    running: int
    """Workers that ask a model."""
    kept: int
    """Objects that have ended and stay."""
    late: float
    """Seconds that a visit waits, at the shard where that is longest."""
    operator: float
    """Cores, of the shard that uses most of its one."""
    api: float
    """Cores."""
    tokens: float
    """A second."""
    memory: float
    """Bytes, of the operator that takes most."""


@dataclass(slots=True)
class Seen:
    """Gathered while the day goes by."""

    waits: "dict[tuple[int, str], array[float]]" = field(default_factory=lambda: defaultdict(floats))
    """For the first slot of a task, by band and kind of tenant."""
    starts: "array[float]" = field(default_factory=floats)
    """From the slot to the worker."""
    heard: "array[float]" = field(default_factory=floats)
    """From a Job's end to its outcome in status."""
    lives: "dict[str, array[float]]" = field(default_factory=lambda: defaultdict(floats))
    """Of courses, from order to end, by kind of tenant."""
    courses: Counter[str] = field(default_factory=Counter)
    """Came, succeeded, failed; and failed, by kind of tenant."""
    tasks: Counter[str] = field(default_factory=Counter)
    """Succeeded, failed; attempts, failures, refunds."""
    chapters: int = 0
    """That succeeded."""
    in_time: int = 0
    """Those of them that did before the last hour was over in which something came."""
    full: Counter[str] = field(default_factory=Counter)
    """By resource: samples in which it was full while somebody waited for it, before that hour was over."""
    looks: int = 0
    """Such samples in all."""
    samples: list[Sample] = field(default_factory=list)
    last_end: float = 0.0
    tokens: float = 0.0
    """That were asked for."""
    events: int = 0

    def share_full(self, resource: str) -> float:
        """Give the share of all samples in which a resource was full."""
        return self.full[resource] / max(1, self.looks)

    def ranked(self) -> list[tuple[str, float]]:
        """Give what was full at all, the longest first."""
        return [(name, self.share_full(name)) for name, _ in self.full.most_common()]

    def busiest(self, name: str, count: int = 30) -> float:
        """Give the mean of a figure of the samples over the five minutes in which it was largest."""
        values = [float(getattr(sample, name)) for sample in self.samples]
        sums = list(accumulate(values, initial=0.0))
        spans = (sums[n] - sums[max(0, n - count)] for n in range(min(count, len(values)), len(sums)))
        return max(spans, default=0.0) / max(1, min(count, len(values)))

    def of_band(self, band: int | None, kind: str | None = None) -> Sequence[float]:
        """Give the waits of a band and a kind of tenants, or of all, sorted."""
        return merged(w for (b, k), w in self.waits.items() if band in (None, b) and kind in (None, k))


def drained(seen: Seen, usual: Seen, since: float) -> float | None:
    """Give how many seconds after a time no more courses were open than on a day without trouble; None: never seen.

    A few more are none: nothing takes exactly as long as on the other day.
    """
    usually = {sample.time: sample.open for sample in usual.samples}
    late = [s.time for s in seen.samples if s.time >= since and s.open > 1.05 * usually.get(s.time, 0) + 5]
    if not late:
        return 0.0
    return late[-1] - since if late[-1] < seen.samples[-1].time else None


def merged(several: Iterable[Sequence[float]]) -> list[float]:
    """Give the values of several lists, sorted."""
    return sorted(value for one in several for value in one)
