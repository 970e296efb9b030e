"""Pedagogical alignment: are the objectives taught and assessed, and do learners do what they say?

For each objective: 0.6 * coverage + 0.3 * assessed + 0.1 * verb; the chapter's score is the mean. Methods differ in
how they see coverage and assessment: `embedding.py` by meaning, where its model is installed, `lexical.py` by words.
Each has its own name, and figures of different methods are not to be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from coursegen_worker.documents import Chapter
from coursegen_worker.quality.prose import Sentence

COVERAGE, ASSESSED, VERB = 0.6, 0.3, 0.1


@dataclass(frozen=True)
class ObjectiveAlignment:
    """The three parts of one objective's score, each 0 to 1."""

    objective_id: str
    coverage: float
    assessed: float
    verb: float

    @property
    def score(self) -> float:
        """The weighted sum, 0 to 1."""
        return COVERAGE * self.coverage + ASSESSED * self.assessed + VERB * self.verb


@dataclass(frozen=True)
class Alignment:
    """The mean over the objectives; None without objectives."""

    score: float | None
    objectives: list[ObjectiveAlignment]

    @classmethod
    def of(cls, found: list[ObjectiveAlignment]) -> "Alignment":
        """Give the mean, to four places."""
        return cls(round(sum(o.score for o in found) / len(found), 4) if found else None, found)


class Method(Protocol):
    """One way to measure alignment."""

    name: str
    """With a version: what it counts, and its constants."""

    def measure(self, chapter: Chapter, prose: Sequence[Sentence]) -> Alignment:
        """Compare a chapter with its own objectives."""

    def swapped(self) -> dict[int, int]:
        """Of the chapters measured so far, name those to whose objectives another one's text is clearly nearer.

        By index: the chapter, and that other one. Empty where the method cannot tell.
        """


def best() -> Method:
    """Give the method by meaning where its packages are installed (the -quality image), else the one by words.

    Looks for the packages without importing them; the model is loaded with the first measurement.
    """
    from coursegen_worker.quality import encoder

    if encoder.is_installed():
        from coursegen_worker.quality import embedding

        return embedding.Embedding()
    return by_words()


def by_words() -> Method:
    """Give the method that needs no model."""
    from coursegen_worker.quality import lexical

    return lexical.Lexical()
