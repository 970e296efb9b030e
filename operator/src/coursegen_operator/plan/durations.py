"""How long work of a queue usually takes, and when the last of several pieces of it ends.

A usual duration is no number: the last of eight that run side by side is one of the slow, and what has run for long
already is likely to be slow as well. Both follow from the quantiles of what was measured.
"""

import bisect
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

POINTS = 20
"""Quantiles that stand for a distribution."""

_TAIL = 0.15
"""What has run longer than all that was measured has this share of its time still before it, on average."""

_STEPS = 24
"""Of an integral: its error is a few per cent of a duration."""

_GRAIN = 0.05
"""Pieces that begin within this share of a usual duration count as beginning together."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What was measured of the work of a queue that succeeded, in seconds."""

    run: float
    """Median time of an attempt, from its slot to its end."""
    slot: float
    """Mean of the same: how long a slot is in use."""
    took: tuple[float, ...]
    """From a task's first slot to its end, retries included: durations that are equally likely, ascending."""
    count: int
    """How many tasks that is of."""

    def share_open(self, seconds: float) -> float:
        """Give the share of all work that has not ended so long after its first slot; at least a trace of it."""
        if seconds <= 0:
            return 1.0
        number, at = len(self.took), bisect.bisect_left(self.took, seconds)
        if at == number:
            return 0.5 / number
        before, ended = (self.took[at - 1], (at - 0.5) / number) if at else (0.0, 0.0)
        return 1.0 - ended - ((at + 0.5) / number - ended) * (seconds - before) / (self.took[at] - before)

    def likely_open(self, elapsed: float, seconds: float) -> float:
        """Give the likelihood that what has not ended after some time has not ended at a later time either."""
        longest = max(self.took[-1], elapsed)
        after_that = math.exp((longest - seconds) / (_TAIL * longest)) if seconds > longest else 1.0
        return after_that * self.share_open(seconds) / self.share_open(elapsed)

    @property
    def mean(self) -> float:
        """Give the mean time from the first slot to the end."""
        return sum(self.took) / len(self.took)


@dataclass(frozen=True, slots=True)
class Piece:
    """Work that has not ended."""

    start: float = 0.0
    """When it begins, in seconds from now; negative: it has run for so long, and has not ended."""
    scale: float = 1.0
    """How long it takes, as a share of the usual: what has half of its way behind it takes half as long from there."""


def last_end(pieces: Iterable[Piece], usual: Usual) -> float:
    """Give the expected time, in seconds from now, until all pieces have ended.

    It is the integral of the likelihood that one of them has not: 1 until the last has begun.
    """
    listed, grain = list(pieces), _GRAIN * usual.took[len(usual.took) // 2]
    if not listed:
        return 0.0
    begun = max(0.0, *(p.start for p in listed))
    groups = Counter((round(p.start / grain) * grain, round(p.scale, 2) or 0.01) for p in listed)
    span = (1 + 4 * _TAIL) * max(scale * usual.took[-1] - min(0.0, start) * _TAIL for start, scale in groups)
    step = span / _STEPS
    open_for = sum(1.0 - _all_ended(groups, usual, begun + (n + 0.5) * step) for n in range(_STEPS))
    return begun + step * open_for


def _all_ended(groups: Counter[tuple[float, float]], usual: Usual, at: float) -> float:
    """Give the likelihood that all have ended by a time, of what is known not to have ended yet."""
    likely = 1.0
    for (start, scale), count in groups.items():
        likely *= (1.0 - usual.likely_open(-start / scale, (at - start) / scale)) ** count
    return likely
