"""The rewrite loop: the hardest sentences of a chapter, and no others, are put into plainer words.

Two rounds at most. A sentence is taken over only if it is easier than before and kept its inline code, a round only
if the chapter is easier and no less aligned than before. What comes out is measured like any text: a chapter that
stays below its bar says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from coursegen_api.base import Usage
from coursegen_api.task import GlossaryTerms
from coursegen_worker.documents import Block, Chapter, ListBlock, Paragraph, Section
from coursegen_worker.progress import Advance
from coursegen_worker.quality import alignment, prose, readability
from coursegen_worker.writers import Rewriter, Writer

ROUNDS = 2
_SENTENCES = 30
"""So many a round: more would be another chapter."""
_LONGEST = 3
"""A plainer sentence has at most so many times the letters."""


@dataclass(frozen=True)
class Target:
    """How easy the chapter is to be, and which of its two scores says so."""

    least: float
    glossary_terms: GlossaryTerms = GlossaryTerms.COUNT

    def missed_by(self, chapter: Chapter) -> bool:
        """Tell whether the chapter is too hard; what has no score is not."""
        score = self.score(chapter)
        return score is not None and score < self.least

    def score(self, chapter: Chapter) -> float | None:
        """Give the chapter's score that counts."""
        found = readability.measure(prose.of_chapter(chapter), readability.glossary(chapter.objectives))
        return found.exempt_score if self.glossary_terms is GlossaryTerms.EXEMPT else found.score


@dataclass(frozen=True)
class Rewritten:
    """The chapter, what was done for people, and what the writer has cost so far; None if it was not asked."""

    chapter: Chapter
    changes: list[str] = field(default_factory=list)
    usage: Usage | None = None


def until_readable(chapter: Chapter, writer: Writer, target: Target, advance: Advance) -> Rewritten:
    """Have the hardest sentences rewritten while the chapter misses the target; a writer that cannot is not asked."""
    if not isinstance(writer, Rewriter):
        return Rewritten(chapter)
    changes: list[str] = []
    usage: Usage | None = None
    for number in range(1, ROUNDS + 1):
        if not target.missed_by(chapter):
            break
        advance((number - 1) / ROUNDS, f"rewriting hard sentences, round {number}")
        hardest = _hardest(chapter)
        answers, usage = writer.plainer(hardest, chapter)
        plainer = {old: new for old, new in zip(hardest, answers, strict=False) if new and _is_plainer(old, new)}
        rewritten = _with(chapter, plainer)
        if not plainer or not _is_better(chapter, rewritten, target):
            break
        before, chapter = target.score(chapter), rewritten
        many = f"{len(plainer)} hard sentences" if len(plainer) > 1 else "a hard sentence"
        changes.append(f"Put {many} into plainer words: {before:g} became {target.score(chapter):g}.")
    return Rewritten(chapter, changes, usage)


def _hardest(chapter: Chapter) -> list[str]:
    """Give the hardest sentences as they stand in the text, inline code included; each once."""
    texts = (text for section in chapter.sections for text in prose.texts(_blocks(section)))
    found = {sentence for text in texts for sentence in prose.as_written(text)}
    return sorted(found, key=lambda s: (_ease(s), s))[:_SENTENCES]


def _blocks(section: Section) -> list[Block]:
    return [*section.blocks, *(section.solution or [])]


def _ease(text: str) -> float:
    """Give the formula's value for some sentences, however few."""
    return readability.of_text([prose.Sentence("", 0, s) for s in prose.sentences(text)])


def _is_plainer(old: str, new: str) -> bool:
    code = prose.code_of(old) == prose.code_of(new)
    return code and bool(prose.sentences(new)) and len(new) <= _LONGEST * len(old) and _ease(new) > _ease(old)


def _is_better(old: Chapter, new: Chapter, target: Target) -> bool:
    before, after = _aligned(old), _aligned(new)
    return (target.score(new) or 0) > (target.score(old) or 0) and (before is None or (after or 0) >= before)


def _aligned(chapter: Chapter) -> float | None:
    return alignment.by_words().measure(chapter, prose.of_chapter(chapter)).score


def _with(chapter: Chapter, plainer: dict[str, str]) -> Chapter:
    def block(old: Block) -> Block:
        if isinstance(old, Paragraph):
            return Paragraph(text=_replaced(old.text, plainer))
        if isinstance(old, ListBlock):
            return old.model_copy(update={"items": [_replaced(item, plainer) for item in old.items]})
        return old

    def blocks(old: Sequence[Block]) -> list[Block]:
        return [block(b) for b in old]

    sections = [
        s.model_copy(
            update={"blocks": blocks(s.blocks), "solution": None if s.solution is None else blocks(s.solution)}
        )
        for s in chapter.sections
    ]
    return chapter.model_copy(update={"sections": sections, "digest": ""})


def _replaced(text: str, plainer: dict[str, str]) -> str:
    for sentence in prose.as_written(text):
        if new := plainer.get(sentence):
            text = text.replace(sentence, new)
    return text
