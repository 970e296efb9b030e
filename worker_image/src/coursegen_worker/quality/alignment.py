"""Lexical alignment: are the objectives taught and assessed, as far as words can tell?

For each objective: 0.6 * coverage + 0.3 * assessed + 0.1 * verb; the chapter's score is the mean.

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
from dataclasses import dataclass
from itertools import pairwise

from coursegen_worker import bloom
from coursegen_worker.documents import Chapter, LearningObjective, Question
from coursegen_worker.objectives import key_words, parse
from coursegen_worker.quality.prose import Sentence, words
from coursegen_worker.quality.stem import content_stems, stem, stems

METHOD = "lexical/v1"
_COVERAGE, _ASSESSED, _VERB = 0.6, 0.3, 0.1
_OTHER_STEMS = 3
_WINDOWS_A_WORD = 2
_MIN_SHARE = 0.05
_MIN_WINDOWS = 3
_REPEATS, _OF_SENTENCE = 0.8, 0.6
"""A sentence repeats an objective if it has this share of its words, and they are this share of the sentence."""


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
        return _COVERAGE * self.coverage + _ASSESSED * self.assessed + _VERB * self.verb


@dataclass(frozen=True)
class Alignment:
    """The mean over the objectives; None without objectives."""

    score: float | None
    objectives: list[ObjectiveAlignment]


def measure(chapter: Chapter, prose: Sequence[Sentence]) -> Alignment:
    """Compare a chapter with its own objectives."""
    if not chapter.objectives:
        return Alignment(None, [])
    targets = [_Target.of(objective) for objective in chapter.objectives]
    windows = _windows([s for s in prose if not any(t.repeated_by(s.text) for t in targets)])
    acted = _acted_verbs(chapter)
    found = [
        ObjectiveAlignment(
            t.objective.id,
            _coverage(t, targets, windows),
            _assessed(t, chapter.questions),
            float(bool(acted & t.verbs)),
        )
        for t in targets
    ]
    return Alignment(round(sum(o.score for o in found) / len(found), 4), found)


@dataclass(frozen=True)
class _Target:
    objective: LearningObjective
    stems: frozenset[str]
    phrase: frozenset[str]
    verbs: frozenset[str]

    @classmethod
    def of(cls, objective: LearningObjective) -> "_Target":
        parsed = parse(objective.text)
        own = frozenset(stems(key_words(parsed.text.split(maxsplit=1)[-1]) if parsed.verb else parsed.words))
        level = bloom.VERBS[objective.bloom_level]
        return cls(
            objective,
            own or frozenset(content_stems(parsed.text)),
            frozenset(content_stems(parsed.text)),
            frozenset(map(stem, level | {parsed.verb})),
        )

    def repeated_by(self, sentence: str) -> bool:
        found = content_stems(sentence)
        hits = self.phrase & set(found)
        return bool(self.phrase) and (
            len(hits) >= _REPEATS * len(self.phrase) and sum(s in hits for s in found) >= _OF_SENTENCE * len(found)
        )


def _windows(prose: Sequence[Sentence]) -> list[frozenset[str]]:
    """Give the stems of each pair of neighbours in a block, and of blocks of one sentence; repeats once."""
    seen: dict[str, Sentence] = {}
    for sentence in prose:
        seen.setdefault(sentence.text.lower(), sentence)
    kept = list(seen.values())
    single = {s.block for s in kept} - {a.block for a, b in pairwise(kept) if a.block == b.block}
    pairs = [content_stems(f"{a.text} {b.text}") for a, b in pairwise(kept) if a.block == b.block]
    return [frozenset(w) for w in pairs + [content_stems(s.text) for s in kept if s.block in single]]


def _coverage(target: _Target, targets: Sequence[_Target], windows: Sequence[frozenset[str]]) -> float:
    about = [w for w in windows if w & target.stems and len(w - target.stems) >= _OTHER_STEMS]
    if not about or not target.stems:
        return 0.0
    weights = {s: 1 / sum(s in t.stems for t in targets) for s in target.stems}
    covered = sum(weight * min(1.0, sum(s in w for w in about) / _WINDOWS_A_WORD) for s, weight in weights.items())
    enough = min(1.0, len(about) / max(_MIN_WINDOWS, _MIN_SHARE * len(windows)))
    return round(enough * covered / sum(weights.values()), 4)


def _assessed(target: _Target, questions: Sequence[Question]) -> float:
    return float(
        any(
            q.objective_id == target.objective.id
            and target.stems & set(content_stems(" ".join([q.stem, *(o.text for o in q.options)])))
            for q in questions
        )
    )


def _acted_verbs(chapter: Chapter) -> set[str]:
    """Give the stems of what learners are asked to do: in exercises and examples, and in questions."""
    asked = [q.stem for q in chapter.questions]
    for section in chapter.sections:
        if section.kind in ("exercise", "example", "concept"):
            for block in section.blocks:
                asked.extend(getattr(block, "items", None) or [block.text])  # type: ignore[union-attr]
    return {stem(w) for text in asked for w in words(text)}
