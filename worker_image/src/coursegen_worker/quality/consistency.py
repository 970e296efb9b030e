"""Does a course, written chapter by chapter, speak with one voice? A cheap look over the whole, without a model.

It finds terms that are written in another way than the glossary has them, sections that say the same as one in an
earlier chapter, and words that a later chapter explains. What it finds is advice: no score, and no chapter fails by it.
"""

import re
from collections.abc import Iterator
from itertools import islice

from coursegen_api.base import Model
from coursegen_worker.documents import Chapter, Course, Section, Term
from coursegen_worker.quality import prose
from coursegen_worker.quality.stem import stems

METHOD = "consistency/v1"

SAME = 0.5
"""Of the shorter section's runs of four words: sections that share more say the same."""
_RUN = 4
_LEAST_RUNS = 20
_MOST = 50
"""A course that is told this much needs no more of it."""
_TOLD = ("concept", "example", "misconception")


class Remark(Model):
    """One thing that a teacher may want to look at."""

    chapter: int
    place: str
    """The id of a section."""
    kind: str
    """term, repetition or forward."""
    message: str


def remarks(course: Course) -> list[Remark]:
    """Look over a course, chapter by chapter, in order."""
    return list(islice(_found(sorted(course.chapters, key=lambda c: c.index)), _MOST))


def _found(chapters: list[Chapter]) -> Iterator[Remark]:
    glossary = {t.term.casefold(): t for c in chapters if c.brief for t in c.brief.glossary}
    seen: list[tuple[Chapter, Section, frozenset[str]]] = []
    for chapter in chapters:
        later = [c for c in chapters if c.index > chapter.index]
        own = " ".join([chapter.title, *chapter.contract.teaches, *chapter.contract.assumes])
        for section in chapter.sections:
            text = " ".join(prose.texts(section.blocks))
            yield from _drift(chapter, section, text, glossary)
            yield from _forward(chapter, section, text, [t for t in glossary.values() if not _has(own, t.term)], later)
            if section.kind in _TOLD:
                runs = _runs(text)
                yield from _repetition(chapter, section, runs, seen)
                seen.append((chapter, section, runs))


def _drift(chapter: Chapter, section: Section, text: str, glossary: dict[str, Term]) -> Iterator[Remark]:
    """Find `for-loop` where the glossary has `for loop`."""
    for term in glossary.values():
        parts = re.split(r"[\s-]+", term.term)
        if len(parts) < 2:
            continue
        pattern = re.compile(rf"\b{r'[ -]?'.join(map(re.escape, parts))}s?\b", re.IGNORECASE)
        for found in pattern.finditer(text):
            if found[0].casefold().removesuffix("s") != term.term.casefold().removesuffix("s"):
                said = f"“{found[0]}” is “{term.term}” in the glossary: write it in one way."
                yield Remark(chapter=chapter.index, place=section.id, kind="term", message=said)
                break


def _forward(
    chapter: Chapter, section: Section, text: str, terms: list[Term], later: list[Chapter]
) -> Iterator[Remark]:
    """Find a glossary's term that only a later chapter teaches."""
    for term in terms:
        teacher = next((c for c in later if any(_has(t, term.term) for t in c.contract.teaches)), None)
        if teacher and _has(text, term.term):
            said = f"“{term.term}” is used here, and chapter {teacher.index} explains it: explain it, or do without."
            yield Remark(chapter=chapter.index, place=section.id, kind="forward", message=said)


def _repetition(
    chapter: Chapter, section: Section, runs: frozenset[str], seen: list[tuple[Chapter, Section, frozenset[str]]]
) -> Iterator[Remark]:
    if len(runs) < _LEAST_RUNS:
        return
    for other, before, theirs in seen:
        if other.index == chapter.index or len(theirs) < _LEAST_RUNS:
            continue
        if len(runs & theirs) > SAME * min(len(runs), len(theirs)):
            said = f"This says much the same as “{before.title}” in chapter {other.index}."
            yield Remark(chapter=chapter.index, place=section.id, kind="repetition", message=said)
            return


def _runs(text: str) -> frozenset[str]:
    """Give each run of four meaningful words of a text."""
    words = stems(prose.words(text))
    return frozenset(" ".join(words[n : n + _RUN]) for n in range(len(words) - _RUN + 1))


def _has(text: str, term: str) -> bool:
    return re.search(rf"\b{re.escape(term)}s?\b", text, re.IGNORECASE) is not None
