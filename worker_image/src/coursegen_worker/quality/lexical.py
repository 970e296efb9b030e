"""Lexical alignment: are the objectives taught and assessed, as far as words can tell?

- Coverage looks at windows of two neighbouring sentences. A window speaks about the objective if it
  has one of its words and at least `_OTHER_STEMS` other words that carry meaning; sentences that
  repeat the objective are left out first, so a text that parrots its objectives covers nothing. Each
  word of the objective counts as covered with two such windows; words that only one objective has weigh
  more. All of it is scaled down where less than `_MIN_SHARE` of the chapter is about the objective.
- Assessed: one question or more is tied to the objective by its id and shares a word with it.
- Verb: the chapter lets learners do what the objective's verb says, or one of the same level.

It compares words, not meaning: a right chapter in other words scores low, nonsense in the right words
high. That is why the method has its own name, and its figure is not to be compared with another method's.
"""

from collections.abc import Sequence

from coursegen_worker.documents import Chapter, Question
from coursegen_worker.quality.alignment import Alignment, ObjectiveAlignment
from coursegen_worker.quality.prose import Sentence
from coursegen_worker.quality.stem import content_stems
from coursegen_worker.quality.targets import Target, acted_verbs, windows_beside

NAME = "lexical/v1"
_OTHER_STEMS = 3
_WINDOWS_A_WORD = 2
_MIN_SHARE = 0.05
_MIN_WINDOWS = 3


class Lexical:
    """The method by words."""

    name = NAME

    def measure(self, chapter: Chapter, prose: Sequence[Sentence]) -> Alignment:
        """Compare a chapter with its own objectives."""
        targets = Target.all_of(chapter)
        windows = [frozenset(content_stems(w)) for w in windows_beside(targets, prose)]
        acted = acted_verbs(chapter)
        return Alignment.of(
            [
                ObjectiveAlignment(
                    t.objective.id,
                    _coverage(t, targets, windows),
                    _assessed(t, chapter.questions),
                    float(bool(acted & t.verbs)),
                )
                for t in targets
            ]
        )

    def swapped(self) -> dict[int, int]:
        """Give nothing: neighbours of one course share too many words."""
        return {}


def _coverage(target: Target, targets: Sequence[Target], windows: Sequence[frozenset[str]]) -> float:
    about = [w for w in windows if w & target.stems and len(w - target.stems) >= _OTHER_STEMS]
    if not about or not target.stems:
        return 0.0
    weights = {s: 1 / sum(s in t.stems for t in targets) for s in target.stems}
    covered = sum(weight * min(1.0, sum(s in w for w in about) / _WINDOWS_A_WORD) for s, weight in weights.items())
    enough = min(1.0, len(about) / max(_MIN_WINDOWS, _MIN_SHARE * len(windows)))
    return round(enough * covered / sum(weights.values()), 4)


def _assessed(target: Target, questions: Sequence[Question]) -> float:
    return float(
        any(
            q.objective_id == target.objective.id
            and target.stems & set(content_stems(" ".join([q.stem, *(o.text for o in q.options)])))
            for q in questions
        )
    )
