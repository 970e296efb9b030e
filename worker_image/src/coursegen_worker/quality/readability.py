"""Flesch reading ease (Flesch, 1948): how easy English prose is to read, higher is easier.

206.835 - 1.015 * words/sentences - 84.6 * syllables/words. About 90 is plain talk, 60 to 70 a newspaper,
30 an academic paper; the scale has no ends, and scores are neither clamped nor rounded up.
Inline code, code, tables and headings do not count. The score says nothing about whether a text is right.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass

from coursegen_worker.documents import LearningObjective
from coursegen_worker.quality import syllables
from coursegen_worker.quality.language import looks_english
from coursegen_worker.quality.prose import Sentence
from coursegen_worker.quality.stem import stem
from coursegen_worker.quality.targets import Target

METHOD = "flesch-cmudict/v1"
EXEMPT_METHOD = "flesch-cmudict-exempt/v1"
"""The same without the syllables of the objectives' long words; not to be compared with the other."""
_LONG = 3
"""Syllables from which a word of the objectives is exempt; a short one makes nothing harder."""
MIN_WORDS = 100
"""Below this the score jumps with every word: not applicable."""


@dataclass(frozen=True)
class Readability:
    """The score, or why there is none, and what was counted."""

    score: float | None
    words: int
    sentences: int
    syllables: int
    not_applicable: str | None = None
    exempt_score: float | None = None
    """The score without the syllables of the objectives' long words."""


def measure(prose: Sequence[Sentence], glossary: Set[str] = frozenset()) -> Readability:
    """Give the Flesch reading ease of the sentences together.

    Arguments:
        glossary: stems of words that learners are there to learn; the syllables of the long ones are left out of
            `exempt_score`, as if they were read as easily as the rest. Sentences are as long as they are.
    """
    found = [s.words for s in prose]
    flat = [word for sentence in found for word in sentence]
    spoken = sum(map(_syllables, flat))
    counted = (len(flat), len(found), spoken)
    if len(flat) < MIN_WORDS:
        return Readability(None, *counted, f"under {MIN_WORDS} words of prose")
    if not looks_english(flat):
        return Readability(None, *counted, "does not look like English prose")
    counts = [_syllables(w) for w in flat if _syllables(w) < _LONG or stem(w) not in glossary]
    exempt = _flesch(len(flat) / len(found), sum(counts) / len(counts)) if counts else None
    return Readability(flesch(*counted), *counted, exempt_score=exempt)


def glossary(objectives: Sequence[LearningObjective]) -> frozenset[str]:
    """Give the stems of the objectives' words that carry their subject, the verbs left out."""
    return frozenset(s for o in objectives for s in Target.of(o).stems)


def flesch(words: int, sentences: int, spoken: int) -> float:
    """Apply the formula, to one hundredth."""
    return _flesch(words / sentences, spoken / words)


def _flesch(words_a_sentence: float, syllables_a_word: float) -> float:
    return round(206.835 - 1.015 * words_a_sentence - 84.6 * syllables_a_word, 2)


def of_text(sentences: Sequence[Sentence]) -> float:
    """Give the formula's value for one sentence or a few: of use to find the hardest, not as a score."""
    words = [word for sentence in sentences for word in sentence.words]
    return flesch(len(words), len(sentences), sum(map(_syllables, words)))


def _syllables(word: str) -> int:
    return sum(syllables.count(part) for part in word.split("-"))
