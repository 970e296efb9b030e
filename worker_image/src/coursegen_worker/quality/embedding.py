"""Alignment by meaning: sentences, questions and objectives are compared as vectors.

Raw similarity fails good chapters (the sentence nearest to an objective has 0.3 to 0.8) and passes parrots (over 0.9),
and a chapter's neighbours in its course are about nearly the same. So text, questions and objective are held against
each other, all three:

- Coverage is the product of two. *Text and objective*: windows of two neighbouring sentences, without what repeats an
  objective or says fewer than `_NEW_STEMS` things beyond the objectives and the words in which chapters announce them;
  the mean similarity of the nearest, half of an objective's even share of them (2 to 4), to the objective under the
  chapter's title. *Text and questions*: how near the nearest window is to each of the objective's questions with its
  answer, on average: where the text does not say what is asked, it is about something else. An objective without
  questions has the first alone. A text that says fewer than `_RICH` different things for each objective covers less.
- Assessed: a question that is tied to the objective by its id speaks of it, and the text says what it asks.
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

NAME = "minilm-int8/v2"
_NEW_STEMS, _RICH = 4, 12
_SHARE, _LEAST_WINDOWS, _MOST_WINDOWS = 0.5, 2, 4
_TAUGHT, _ANSWERED, _ASKED = (0.18, 0.34), (0.3, 0.42), (0.15, 0.3)
"""Similarities that count nothing and all, in between in proportion: text and objective, text and question, question
and objective."""
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
        beside = windows_beside(targets, prose)
        new = [frozenset(content_stems(w)) - _known(targets) for w in beside]
        asked = [f"{q.stem} {q.options[q.answer].text if q.answer < len(q.options) else ''}" for q in chapter.questions]
        vectors = encoder.encode([f"{chapter.title}: {t.objective.text}" for t in targets] + beside + asked)
        aims, text, posed = (
            vectors[: len(targets)],
            vectors[len(targets) : len(targets) + len(beside)],
            vectors[len(targets) + len(beside) :],
        )
        seen = _Vectors(aims, text[[n for n, stems in enumerate(new) if len(stems) >= _NEW_STEMS]])
        self._measured[chapter.index] = seen
        near = seen.nearness(seen)
        rich = min(1.0, len(frozenset().union(*new)) / (_RICH * len(targets)))
        answered = [_share(max(row, default=0.0), _ANSWERED) for row in (posed @ text.T).tolist()]
        speaks = (aims @ posed.T).tolist()
        acted = acted_verbs(chapter)
        found = []
        for n, target in enumerate(targets):
            own = [i for i, q in enumerate(chapter.questions) if q.objective_id == target.objective.id]
            said = sum(answered[i] for i in own) / len(own) if own else 1.0
            coverage = rich * _share(near[n], _TAUGHT) * said
            assessed = max((_share(speaks[n][i], _ASKED) * answered[i] for i in own), default=0.0)
            verb = float(bool(acted & target.verbs))
            found.append(ObjectiveAlignment(target.objective.id, round(coverage, 4), round(assessed, 4), verb))
        return Alignment.of(found)

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


def _known(targets: Sequence[Target]) -> frozenset[str]:
    return _ANNOUNCING.union(*(t.phrase for t in targets))


def _share(similarity: float, ends: tuple[float, float]) -> float:
    nothing, whole = ends
    return min(1.0, max(0.0, (similarity - nothing) / (whole - nothing)))
