"""What both methods of alignment look for: objectives as words, the prose beside their repetition, verbs acted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from coursegen_worker import bloom
from coursegen_worker.documents import Chapter, LearningObjective
from coursegen_worker.objectives import key_words, parse
from coursegen_worker.quality.prose import Sentence, words
from coursegen_worker.quality.stem import content_stems, stem, stems

_REPEATS, _OF_SENTENCE = 0.8, 0.6
"""A sentence repeats an objective if it has this share of its words, and they are this share of the sentence."""


@dataclass(frozen=True)
class Target:
    """One objective, by the stems of its words."""

    objective: LearningObjective
    stems: frozenset[str]
    """Of what it is about."""
    phrase: frozenset[str]
    """Of all its words that carry meaning, its verb included."""
    verbs: frozenset[str]

    @classmethod
    def all_of(cls, chapter: Chapter) -> "list[Target]":
        """Give the chapter's objectives."""
        return [cls.of(objective) for objective in chapter.objectives]

    @classmethod
    def of(cls, objective: LearningObjective) -> "Target":
        """Take one objective apart."""
        parsed = parse(objective.text)
        own = frozenset(stems(key_words(parsed.core.split(maxsplit=1)[-1]) if parsed.verb else parsed.words))
        level = bloom.VERBS[objective.bloom_level]
        return cls(
            objective,
            own or frozenset(content_stems(parsed.core)),
            frozenset(content_stems(parsed.core)),
            frozenset(map(stem, level | {parsed.verb})),
        )

    def repeated_by(self, sentence: str) -> bool:
        """Tell whether a sentence says little more than the objective does."""
        found = content_stems(sentence)
        hits = self.phrase & set(found)
        return bool(self.phrase) and (
            len(hits) >= _REPEATS * len(self.phrase) and sum(s in hits for s in found) >= _OF_SENTENCE * len(found)
        )


def windows_beside(targets: Sequence[Target], prose: Sequence[Sentence]) -> list[str]:
    """Give pairs of neighbouring sentences of a block, and blocks of one sentence, without what repeats an objective.

    A sentence that stands there twice counts once.
    """
    seen: dict[str, Sentence] = {}
    for sentence in prose:
        if not any(t.repeated_by(sentence.text) for t in targets):
            seen.setdefault(sentence.text.lower(), sentence)
    kept = list(seen.values())
    neighbours = [(a, b) for a, b in pairwise(kept) if a.block == b.block]
    single = {s.block for s in kept} - {a.block for a, _ in neighbours}
    return [f"{a.text} {b.text}" for a, b in neighbours] + [s.text for s in kept if s.block in single]


def acted_verbs(chapter: Chapter) -> set[str]:
    """Give the stems of what learners are asked to do: in exercises and examples, and in questions."""
    asked = [q.stem for q in chapter.questions]
    for section in chapter.sections:
        if section.kind in ("exercise", "example", "concept"):
            for block in section.blocks:
                asked.extend(getattr(block, "items", None) or [block.text])  # type: ignore[union-attr]
    return {stem(w) for text in asked for w in words(text)}
