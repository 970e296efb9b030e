"""Regeneration by the composer: a few measured changes to the chapter as it was.

Every change is measured and kept only if it does not cost alignment, and simplification only if the
text is easier to read afterwards. Sections and questions that are not changed keep their ids and words.
"""

from collections.abc import Callable

from coursegen_api.base import ProficiencyLevel
from coursegen_worker.documents import Chapter, Scores, Section
from coursegen_worker.objectives import parse
from coursegen_worker.progress import Advance
from coursegen_worker.quality import measure
from coursegen_worker.writers import Wish, Written
from coursegen_worker.writers.template import additions, simplify, wishes
from coursegen_worker.writers.template.wishes import Focus


def revise(previous: Chapter, wish: Wish, advance: Advance) -> Written:
    """Change the chapter as wished; `changes` tells what was done, and what was tried in vain."""
    chapter = previous.model_copy(update={"digest": ""})
    changes: list[str] = []
    asked = wishes.read(wish)
    for number, focus in enumerate(asked, start=1):
        chapter, said = _STEPS[focus](chapter, wish)
        changes.extend(said)
        advance(number / len(asked), f"revising: {focus.value}")
    return Written(chapter, changes=changes or ["Nothing was changed: the composer has nothing to add here."])


def _simpler(chapter: Chapter, wish: Wish) -> tuple[Chapter, list[str]]:
    """Drop what goes deeper, add an easy example, split sentences; keep each only where it helps."""
    found: list[str] = []
    chapter, said = _keep_if_easier(chapter, _without_deeper(chapter, wish), "Left out the sections that go deeper.")
    found += said
    for longest in range(simplify.LONG_WORDS, simplify.SHORT_WORDS - 1, -1):
        rewritten = _map_sections(chapter, longest, wish)
        count = sum(a != b for a, b in zip(chapter.sections, rewritten.sections, strict=True))
        what = f"Made sentences of over {longest} words shorter in {count} sections."
        chapter, said = _keep_if_easier(chapter, rewritten, what)
        found += said
    with_example, names = additions.examples(chapter) if wish.sections is None else (chapter, [])
    chapter, said = _keep_if_easier(chapter, with_example, f"Added easy examples: {', '.join(names)}.")
    found += said
    if not found:
        return chapter, ["Tried to make the text easier; no rule of the composer could do it."]
    return chapter.model_copy(update={"complexity_level": ProficiencyLevel.BEGINNER}), found


def _keep_if_easier(old: Chapter, new: Chapter, what: str) -> tuple[Chapter, list[str]]:
    if new == old:
        return old, []
    before, after = measure(old), measure(new)
    easier = before.readability is None or (after.readability or 0) > before.readability
    return (new, [what]) if easier and _still_aligned(before, after) else (old, [])


def _still_aligned(before: Scores, after: Scores) -> bool:
    return before.alignment is None or (after.alignment or 0) >= before.alignment


def _without_deeper(chapter: Chapter, wish: Wish) -> Chapter:
    kept = [s for s in chapter.sections if not (s.id.endswith("-deeper") and _concerns(wish, s))]
    return chapter.model_copy(update={"sections": kept})


def _map_sections(chapter: Chapter, long_words: int, wish: Wish) -> Chapter:
    changed = [simplify.section(s, long_words) if _concerns(wish, s) else s for s in chapter.sections]
    return chapter.model_copy(update={"sections": changed})


def _concerns(wish: Wish, section: Section) -> bool:
    return wish.sections is None or section.id in wish.sections


def _examples(chapter: Chapter, _: Wish) -> tuple[Chapter, list[str]]:
    return _added(*additions.examples(chapter), "Added examples")


def _practice(chapter: Chapter, _: Wish) -> tuple[Chapter, list[str]]:
    return _added(*additions.practice(chapter), "Added exercises")


def _questions(chapter: Chapter, _: Wish) -> tuple[Chapter, list[str]]:
    return _added(*additions.questions(chapter), "Added questions")


def _depth(chapter: Chapter, _: Wish) -> tuple[Chapter, list[str]]:
    return _added(*additions.deeper(chapter), "Added sections that go deeper")


def _coverage(chapter: Chapter, wish: Wish) -> tuple[Chapter, list[str]]:
    """Add to each objective that the report names another way to work on it."""
    named = {flaw.place for flaw in wish.findings if flaw.measure == "alignment"}
    weak = [o for o in chapter.objectives if o.id in named] or chapter.objectives[:1]
    names: list[str] = []
    for objective in weak:
        chapter, added = additions.study(chapter, objective, parse(objective.text))
        names += added
    return _added(chapter, names, "Added work on the objectives")


def _added(chapter: Chapter, names: list[str], what: str) -> tuple[Chapter, list[str]]:
    return chapter, [f"{what}: {'; '.join(names)}."] if names else []


_STEPS: dict[Focus, Callable[[Chapter, Wish], tuple[Chapter, list[str]]]] = {
    Focus.SIMPLER: _simpler,
    Focus.EXAMPLES: _examples,
    Focus.PRACTICE: _practice,
    Focus.QUESTIONS: _questions,
    Focus.DEPTH: _depth,
    Focus.COVERAGE: _coverage,
}
