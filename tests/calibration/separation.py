"""What a method of alignment makes of the labelled set, class by class."""

from collections import defaultdict
from dataclasses import dataclass

from coursegen_worker.quality import embedding, lexical, prose
from coursegen_worker.quality.alignment import Method

from .cases import RIGHT, WRONG, cases

BAR = 0.8
"""The bar that courses have by default."""
SPLITS = ("fit", "held-out", "blind", "fit-long", "blind-long", "composer")
"""Constants were chosen on the first four, the composer was seen, and `blind-long` was measured once, afterwards."""


@dataclass(frozen=True)
class Row:
    """One class of texts in one split."""

    method: str
    label: str
    split: str
    cases: int
    passed: int
    lowest: float
    mean: float
    highest: float


def measured() -> list[Row]:
    """Measure every case with every method."""
    methods: tuple[Method, ...] = (embedding.Embedding(), lexical.Lexical())
    return [row for method in methods for row in rows(method)]


def rows(method: Method) -> list[Row]:
    """Give the classes in their order, a row for each split."""
    scores: dict[tuple[str, str], list[float]] = defaultdict(list)
    for case in cases():
        scores[case.label, case.split].append(method.measure(case.chapter, prose.of_chapter(case.chapter)).score or 0.0)
    return [
        Row(
            method.name,
            label,
            split,
            len(found),
            sum(s >= BAR for s in found),
            round(min(found), 4),
            round(sum(found) / len(found), 4),
            round(max(found), 4),
        )
        for label in (RIGHT, *WRONG)
        for split in SPLITS
        if (found := scores.get((label, split), []))
    ]
