"""Alignment by meaning: sentences and objectives are compared as vectors.

Raw similarity fails good chapters (the sentence nearest to an objective has 0.3 to 0.8) and passes parrots (over 0.9),
so it is not the score. Instead:

- Coverage looks at windows of two neighbouring sentences. Sentences that repeat an objective are left out first, and so
  is a window that says fewer than `_NEW_STEMS` things beyond the objectives' own words and the words in which chapters
  announce them. Coverage is the mean similarity of the nearest windows, half of an objective's even share of them
  (2 to 4), to the objective under the chapter's title; 0 at `_NOTHING` and 1 at `_WHOLE`.
- Assessed: a question that is tied to the objective by its id is, with its answer, at least `_ASKED` similar to it.
- Verb: the chapter lets learners do what the objective's verb says, or one of the same level.

The constants were chosen on part of the texts in tests/calibration and belong to the version in the name; `make
calibration` reports what they separate, and docs/quality.md what they do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursegen_worker import bloom
from coursegen_worker.documents import Chapter
from coursegen_worker.quality import encoder
from coursegen_worker.quality.alignment import Alignment, ObjectiveAlignment
from coursegen_worker.quality.prose import Sentence
from coursegen_worker.quality.stem import content_stems, stem
from coursegen_worker.quality.targets import Target, acted_verbs, windows_beside

if TYPE_CHECKING:
    import numpy

NAME = "minilm-int8/v1"
_NEW_STEMS = 4
_SHARE, _LEAST_WINDOWS, _MOST_WINDOWS = 0.5, 2, 4
_NOTHING, _WHOLE = 0.2, 0.36
_ASKED = 0.3
_CLEARLY = 0.05
"""Another chapter's text is clearly nearer by so much on average."""

_ANNOUNCING_TEXT = """
chapter lesson section course topic aim goal objective able afterwards end reader learner skill important
"""
_ANNOUNCING = frozenset(stem(w) for w in {*_ANNOUNCING_TEXT.split()}.union(*bloom.VERBS.values()))


class Embedding:
    """The method by meaning."""

    name = NAME

    def __init__(self) -> None:
        self._measured: dict[int, _Vectors] = {}
        """By the chapters' index."""

    def measure(self, chapter: Chapter, prose: Sequence[Sentence]) -> Alignment:
        """Compare a chapter with its own objectives."""
        targets = Target.all_of(chapter)
        if not targets:
            return Alignment.of([])
        windows = [w for w in windows_beside(targets, prose) if _says_more(w, targets)]
        asked = [f"{q.stem} {q.options[q.answer].text if q.answer < len(q.options) else ''}" for q in chapter.questions]
        vectors = encoder.encode([f"{chapter.title}: {t.objective.text}" for t in targets] + windows + asked)
        seen = _Vectors(vectors[: len(targets)], vectors[len(targets) : len(targets) + len(windows)])
        self._measured[chapter.index] = seen
        near = seen.nearness(seen)
        posed = (seen.aims @ vectors[len(targets) + len(windows) :].T).tolist()
        acted = acted_verbs(chapter)
        return Alignment.of(
            [
                ObjectiveAlignment(
                    t.objective.id,
                    _coverage(near[n]),
                    float(
                        any(
                            q.objective_id == t.objective.id and similar >= _ASKED
                            for q, similar in zip(chapter.questions, posed[n], strict=True)
                        )
                    ),
                    float(bool(acted & t.verbs)),
                )
                for n, t in enumerate(targets)
            ]
        )

    def swapped(self) -> dict[int, int]:
        """Compare every chapter's objectives with the other chapters' text."""
        found = {}
        for index, own in self._measured.items():
            means = {i: sum(own.nearness(v)) / len(own.aims) for i, v in self._measured.items()}
            nearest = max(means, key=lambda i: means[i])
            if means[nearest] > means[index] + _CLEARLY:
                found[index] = nearest
        return found


@dataclass(frozen=True)
class _Vectors:
    """A chapter's objectives and windows, a row each."""

    aims: "numpy.ndarray[Any, Any]"
    windows: "numpy.ndarray[Any, Any]"

    def nearness(self, text: "_Vectors") -> list[float]:
        """Give for each objective the mean similarity of the nearest windows of a text."""
        nearest = min(_MOST_WINDOWS, max(_LEAST_WINDOWS, round(_SHARE * len(text.windows) / len(self.aims))))
        similar = (self.aims @ text.windows.T).tolist()
        # Divided by what there should be: where there are fewer windows, less is taught.
        return [sum(sorted(row, reverse=True)[:nearest]) / nearest for row in similar]


def _says_more(window: str, targets: Sequence[Target]) -> bool:
    known = _ANNOUNCING.union(*(t.phrase for t in targets))
    return len(set(content_stems(window)) - known) >= _NEW_STEMS


def _coverage(nearness: float) -> float:
    return round(min(1.0, max(0.0, (nearness - _NOTHING) / (_WHOLE - _NOTHING))), 4)
