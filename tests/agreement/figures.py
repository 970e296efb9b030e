"""Figures, where each was read, and what counts as the same."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

KINDS = ("course", "outline", "chapter", "validation", "export", "cleanup")
"""As metrics name them; a course is the sum of the others, which are tasks."""


class Source(StrEnum):
    """Where people read; the first is the truth that all others are held against."""

    OBJECTS = "Kubernetes"
    PLUGIN = "plugin"
    PLUGIN_PROMETHEUS = "plugin, Prometheus"
    HTTP = "HTTP API"
    PAGE = "page"
    GRAPHS = "page's graphs"
    RULES = "recording rules"
    PANELS = "Grafana's panels"


class Unit(StrEnum):
    """What a figure is, and with it how exactly two of the same can be alike."""

    COUNT = "count"
    PERCENT = "%"
    SECONDS = "s"
    P95 = "s, p95"
    """As kinds have it: a value that was measured, or an estimate within the bucket of a histogram that it lies in."""
    SKETCH = "s, p95 of a queue"
    """As queues have it: right to within 5 %, in whole seconds."""


@dataclass(frozen=True)
class Figure:
    """One figure."""

    name: str
    unit: Unit
    buckets: tuple[float, ...] = ()
    """Upper bounds of the histogram that an estimate is from."""

    def same(self, truth: float, said: float) -> bool:
        """Tell whether what a place says is what is true, as exactly as that place can say it."""
        match self.unit:
            case Unit.COUNT:
                return abs(said - truth) < 1e-6
            case Unit.PERCENT:
                return abs(said - truth) <= 0.05 + 1e-9
            case Unit.SECONDS:
                return abs(said - truth) <= 0.001 * truth + 1e-6
            case Unit.P95:
                return abs(said - truth) < 1e-3 or bucket(said, self.buckets) == bucket(truth, self.buckets)
            case Unit.SKETCH:
                return abs(said - truth) <= 0.05 * truth + 0.6


def bucket(value: float, bounds: Sequence[float]) -> int:
    """Number the bucket of a histogram that a value lies in."""
    return next((n for n, bound in enumerate(bounds) if value <= bound + 1e-9), len(bounds))


def nearest_rank(values: Iterable[float], share: float = 0.95) -> float:
    """Give the smallest value that a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share * len(ordered) - 1e-9)) - 1]


Readings = Mapping[Source, Mapping[Figure, float]]
"""What each place says."""


def differences(readings: Readings) -> list[str]:
    """Say where a place does not say what Kubernetes does; nothing if all agree."""
    truth = readings[Source.OBJECTS]
    out = []
    for source, said in readings.items():
        for figure, value in said.items():
            if figure not in truth:
                out.append(f"{source} has {figure.name} {value:g}, which no object says")
            elif not figure.same(truth[figure], value):
                out.append(f"{figure.name} is {truth[figure]:g}, and {source} says {value:g}")
    return out


def table(readings: Readings) -> list[str]:
    """Give a table of Markdown: a line for each figure that two places or more show."""
    lines = [f"| Figure | {' | '.join(readings)} |", f"|---|{'---|' * len(readings)}"]
    for figure in readings[Source.OBJECTS]:
        said = [readings[source].get(figure) for source in readings]
        if sum(value is not None for value in said) > 1:
            lines.append(f"| {figure.name} | {' | '.join(_shown(figure, value) for value in said)} |")
    return lines


def _shown(figure: Figure, value: float | None) -> str:
    if value is None:
        return ""
    match figure.unit:
        case Unit.COUNT:
            return f"{value:.0f}"
        case Unit.PERCENT:
            return f"{value:.1f} %"
        case _:
            return f"{value:.1f} s"
