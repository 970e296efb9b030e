"""What is seen of a day: waits, what was full and for how long, how much was done."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SATURATED_SECONDS = 1.0
"""What comes waits longer than this for its turn at a station that is full."""


def quantile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of all lies; 0 of none."""
    return values[round(share * (len(values) - 1))] if values else 0.0


def floats() -> "array[float]":
    """Give a list of many numbers."""
    return array("d")


@dataclass(slots=True)
class Sample:
    """The day at one moment."""

    time: float
    waiting: int
    """Tasks and courses that wait for a slot."""
    running: int
    kept: int
    """Objects that have ended and stay."""
    late: float
    """Seconds that a visit waits, at the shard where that is longest."""


@dataclass(slots=True)
class Seen:
    """Gathered while the day goes by."""

    waits: "dict[tuple[int, str], array[float]]" = field(default_factory=lambda: defaultdict(floats))
    """For a slot, by band and kind of tenant."""
    starts: "array[float]" = field(default_factory=floats)
    """From the slot to the worker."""
    heard: "array[float]" = field(default_factory=floats)
    """From a Job's end to its outcome in status."""
    lives: "dict[str, array[float]]" = field(default_factory=lambda: defaultdict(floats))
    """Of courses, from order to end, by kind of tenant."""
    courses: Counter[str] = field(default_factory=Counter)
    """Came, succeeded, failed; and `cut`, those that failed having come within or just before an outage of theirs."""
    tasks: Counter[str] = field(default_factory=Counter)
    """Succeeded, failed, and attempts, failures, refunds."""
    chapters: int = 0
    """That succeeded."""
    full: Counter[str] = field(default_factory=Counter)
    """By resource: samples in which it was full while somebody waited for it."""
    samples: list[Sample] = field(default_factory=list)
    last_end: float = 0.0
    events: int = 0

    def share_full(self, resource: str) -> float:
        """Give the share of all samples in which a resource was full."""
        return self.full[resource] / max(1, len(self.samples))

    def ranked(self) -> list[tuple[str, float]]:
        """Give what was full at all, the longest first."""
        return [(name, self.share_full(name)) for name, _ in self.full.most_common()]

    def of_band(self, band: int | None, kind: str | None = None) -> Sequence[float]:
        """Give the waits of a band and a kind of tenants, or of all, sorted."""
        return merged(w for (b, k), w in self.waits.items() if band in (None, b) and kind in (None, k))


def merged(several: Iterable[Sequence[float]]) -> list[float]:
    """Give the values of several lists, sorted."""
    return sorted(value for one in several for value in one)
