"""Regeneration: what a wish concerns is written anew, the rest stays, and a version that is worse is refused.

These rules hold for every writer. A writer gets the chapter and the wish; what it changed outside of the wish's scope
is put back, and the version before is kept if another objective lost coverage, or a simplification made nothing easier.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from coursegen_worker.documents import Chapter, Question, Section
from coursegen_worker.quality import alignment, prose, readability
from coursegen_worker.writers import Wish
from coursegen_worker.writers.template import wishes

T = TypeVar("T", Section, Question)
_LOSS = 0.06
"""A tenth of an objective's coverage can go with any change of words."""
_LEAST_TITLE = 10
"""Shorter titles, such as `In short`, stand in feedback by chance, and so do those of a single word."""
_LEAST_UNSPACED = 8
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0003ffff]")
"""Signs of scripts that do not set words apart by spaces, or tie particles to them."""
_QUOTE = "[\"'`“”„«»‘’「」]"


@dataclass(frozen=True)
class Scope:
    """The sections and objectives that a wish concerns; `whole` where it names none, but for what it wants kept."""

    whole: bool
    sections: frozenset[str] = frozenset()
    objectives: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    """Sections that are to stay as they are."""

    def has_section(self, section: Section) -> bool:
        """Tell whether the section may be written anew, or added."""
        if section.id in self.kept:
            return False
        return self.whole or section.id in self.sections or bool(self.objectives & set(section.objective_ids))

    def section_ids(self, chapter: Chapter) -> frozenset[str] | None:
        """Give the ids of the chapter's sections concerned; None for all."""
        return (
            None if self.whole and not self.kept else frozenset(s.id for s in chapter.sections if self.has_section(s))
        )

    def has_question(self, question: Question) -> bool:
        """Tell whether the question may be written anew, or added."""
        return self.whole or question.id in self.sections or question.objective_id in self.objectives


def scope(chapter: Chapter, wish: Wish) -> Scope:
    """Read from a wish what it concerns: sections and objectives by id or in their own words, or a report's findings.

    An id that is a plain word, and a short title, counts in quotes or beside `section`; the id as a focus area too.
    A finding about readability concerns the whole chapter: it names the hardest sentences only.
    """
    said = f" {wish.focus_area or ''} {wish.feedback or ''} ".lower()
    focus = (wish.focus_area or "").lower()
    kept = frozenset(s.id for s in chapter.sections if any(_keeps(said, n) for n in (s.id, s.title) if n))
    named = [s.id for s in chapter.sections if s.id.lower() == focus or _names(said, s.id, s.title)]
    named += [q.id for q in chapter.questions if _names(said, q.id, q.stem)]
    aims = [o.id for o in chapter.objectives if _names(said, o.id, o.text)]
    if not any(f.measure == "readability" for f in wish.findings):
        places = {f.place for f in wish.findings}
        named += [place for place in (*_ids(chapter.sections), *_ids(chapter.questions)) if place in places]
        aims += [o.id for o in chapter.objectives if o.id in places]
    named = [place for place in named if place not in kept]
    return Scope(not named and not aims, frozenset(named), frozenset(aims), kept)


def within(old: Chapter, new: Chapter, asked: Scope) -> tuple[Chapter, bool]:
    """Put back what changed outside of the scope; also tell whether anything had."""
    sections = _merged(old.sections, new.sections, asked.has_section)
    questions = _merged(old.questions, new.questions, asked.has_question)
    restored = sections != new.sections or questions != new.questions or old.objectives != new.objectives
    kept = {"sections": sections, "questions": questions, "objectives": old.objectives}
    return (new.model_copy(update=kept) if restored else new), restored


def rewritten(old: Chapter, new: Chapter) -> list[str]:
    """Name the sections and questions that are new or say something else than before."""
    sections = {s.id: s for s in old.sections}
    questions = {q.id: q for q in old.questions}
    return [
        *(s.id for s in new.sections if sections.get(s.id) != s),
        *(q.id for q in new.questions if questions.get(q.id) != q),
    ]


def refusal(old: Chapter, new: Chapter, wish: Wish, asked: Scope) -> str | None:
    """Say why the version before is kept; None for a version that is taken."""
    before, after = _scores(old), _scores(new)
    for objective in old.objectives:
        if objective.id in asked.objectives:
            continue
        was, now = before[objective.id], after.get(objective.id, 0.0)
        if now < was - _LOSS:
            return f"objective {objective.id} (“{objective.text[:80]}”) would fall from {was:.2f} to {now:.2f}"
    if wishes.Focus.SIMPLER in wishes.read(wish):
        was_easy, is_easy = _ease(old), _ease(new)
        if was_easy is not None and is_easy is not None and is_easy <= was_easy:
            return f"the text would be no easier to read: {was_easy:g} before, {is_easy:g} after"
    return None


def _names(said: str, identity: str, words: str) -> bool:
    identity, words = identity.lower(), words.lower().rstrip(" .?!")
    if _marked(said, identity) or (words and _marked(said, words)):
        return True
    return (not identity.isalpha() and _stands(said, identity)) or (_telling(words) and _stands(said, words))


def _keeps(said: str, name: str) -> bool:
    """Tell whether a section is to stay: `keep the introduction as it is`."""
    name = rf"(?:the |section )*{_QUOTE}?{re.escape(name.lower())}{_QUOTE}?(?: section)?(?![\w-])"
    ways = rf"\b(?:keep|leave) {name} (?:as it is|as is|as it was|unchanged|untouched|alone)\b"
    return re.search(rf"{ways}|\b(?:do not|don['’]t) (?:change|touch|rewrite) {name}", said) is not None


def _marked(said: str, name: str) -> bool:
    name = re.escape(name)
    ways = rf"{_QUOTE}\s*{name}[.?!]?\s*{_QUOTE}|\bsections? {name}(?![\w-])|(?<![\w-]){name} sections?\b"
    return re.search(ways, said) is not None


def _telling(words: str) -> bool:
    if _UNSPACED.search(words):
        return len(words) >= _LEAST_UNSPACED
    return len(words) >= _LEAST_TITLE and " " in words


def _stands(said: str, name: str) -> bool:
    """Tell whether a name stands in what was said, and not in the middle of a word."""
    if _UNSPACED.search(name):
        return name in said
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", said) is not None


def _ids(items: Sequence[Section] | Sequence[Question]) -> list[str]:
    return [item.id for item in items]


def _merged(old: Sequence[T], new: Sequence[T], may_change: Callable[[T], bool]) -> list[T]:
    """Give the new list, with the old version of what may not change, in its old place where it was taken out."""
    before = {item.id: item for item in old}
    kept = [
        item if may_change(before.get(item.id, item)) else before[item.id]
        for item in new
        if item.id in before or may_change(item)
    ]
    there = {item.id for item in kept}
    for place, item in enumerate(old):
        if item.id not in there and not may_change(item):
            kept.insert(min(place, len(kept)), item)
    return kept


def _scores(chapter: Chapter) -> dict[str, float]:
    """Give what is taught and assessed of each objective; whether its verb is used is too weak a sign to refuse by."""
    found = alignment.by_words().measure(chapter, prose.of_chapter(chapter)).objectives
    return {o.objective_id: o.score - alignment.VERB * o.verb for o in found}


def _ease(chapter: Chapter) -> float | None:
    return readability.measure(prose.of_chapter(chapter)).score
