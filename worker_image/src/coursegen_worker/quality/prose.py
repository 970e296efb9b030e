"""The prose of a chapter, sentence by sentence, each with its place.

Prose is what a learner reads as running text: paragraphs and list items, model solutions included. Code,
tables (kept as code), headings and inline code are no prose. A list item ends like a sentence.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coursegen_worker.documents import Block, Chapter, ListBlock, Paragraph

_INLINE_CODE = re.compile(r"`[^`]*`")
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
_DOTTED = re.compile(r"\b(e\.g|i\.e|etc|vs|Mr|Mrs|Ms|Dr|St|No|approx)\.", re.IGNORECASE)
_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[^\sa-z])")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")


@dataclass(frozen=True)
class Sentence:
    """One sentence and the section that it stands in."""

    section_id: str
    block: int
    """Number of the block within the chapter; sentences of one block follow each other."""
    text: str

    @property
    def words(self) -> list[str]:
        """The words, without digits and signs."""
        return words(self.text)


def of_chapter(chapter: Chapter) -> list[Sentence]:
    """Give the sentences of all sections, in order."""
    found: list[Sentence] = []
    number = 0
    for section in chapter.sections:
        for text in texts([*section.blocks, *(section.solution or [])]):
            number += 1
            found.extend(Sentence(section.id, number, s) for s in sentences(text))
    return found


def texts(blocks: Iterable[Block]) -> Iterator[str]:
    """Give the prose of blocks: one text a paragraph or list item."""
    for block in blocks:
        if isinstance(block, Paragraph):
            yield block.text
        elif isinstance(block, ListBlock):
            yield from block.items


def without_code(text: str) -> str:
    """Take out inline code and addresses."""
    return _URL.sub(" ", _INLINE_CODE.sub(" ", text))


def sentences(text: str) -> list[str]:
    """Split running text into sentences; what has no word is none."""
    text = without_code(text)
    text = _DOTTED.sub(lambda m: m[0].replace(".", ""), text)
    return [s.strip() for s in _END.split(text.strip()) if _WORD.search(s)]


def as_written(text: str) -> list[str]:
    """Split running text into sentences and leave them as they stand, inline code whole and included."""
    text = text.strip()
    hidden = _INLINE_CODE.sub(lambda code: "`" * len(code[0]), text)
    edges = [0, *(edge for end in _END.finditer(hidden) for edge in end.span()), len(text)]
    found = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    return [s for s in found if _WORD.search(without_code(s))]


def code_of(text: str) -> list[str]:
    """Give the pieces of inline code, sorted."""
    return sorted(_INLINE_CODE.findall(text))


def words(text: str) -> list[str]:
    """Give the words of a text; parts joined by a hyphen or an apostrophe are one word."""
    return _WORD.findall(text)
