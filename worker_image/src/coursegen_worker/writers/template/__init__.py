"""The embedded writer: a deterministic composer that needs no model, no key and no network.

It builds chapters from units that people wrote and from the course's own words. It knows a subject only
where `units/` has topics for it; elsewhere it teaches how to learn and practise the objective, which is
true for every subject. What it makes is a scaffold for a teacher, and says so to every reader.
"""

from collections.abc import Sequence
from typing import Any

from coursegen_api.base import Usage
from coursegen_api.task import CourseContext, OutlineTask
from coursegen_worker.documents import Chapter, Generator, Outline
from coursegen_worker.failures import invalid_input
from coursegen_worker.progress import Advance
from coursegen_worker.writers import ChapterBrief, Wish, Written

VERSION = "3"
"""Part of every artifact's key: raise it with any change of the units, of how they are put together, or of how wishes
are read."""

GENERATOR = Generator(
    writer="template",
    llm=False,
    version=VERSION,
    note="No language model wrote this text. The embedded composer built it from the course's objectives "
    "and a set of prepared study units. Take it as a scaffold: a teacher should check it and add to it.",
)


class TemplateWriter:
    """Composes outlines and chapters; the same input gives the same bytes."""

    def identity(self) -> dict[str, Any]:
        """Name the writer and the version of its units."""
        return {"writer": "template", "version": VERSION}

    def outline(self, task: OutlineTask, advance: Advance) -> tuple[Outline, Usage]:
        """Divide a course into chapters."""
        from coursegen_worker.writers.template import outline

        _english(task.course)
        return outline.compose(task, GENERATOR, advance), Usage()

    def chapter(self, brief: ChapterBrief, advance: Advance) -> Written:
        """Write one chapter with its questions."""
        from coursegen_worker.writers.template import chapter

        _english(brief.course)
        return Written(chapter.compose(brief, GENERATOR, advance))

    def revise(self, previous: Chapter, wish: Wish, advance: Advance) -> Written:
        """Change a chapter as wished."""
        from coursegen_worker.writers.template import revise

        _english(previous.course)
        return revise.revise(previous, wish, advance)

    def plainer(self, sentences: Sequence[str], chapter: Chapter) -> tuple[list[str | None], Usage]:
        """Split sentences and replace hard words by rule."""
        from coursegen_worker.writers.template import simplify

        found = [simplify.text(s, simplify.SHORT_WORDS) for s in sentences]
        return [new if new != old else None for old, new in zip(sentences, found, strict=True)], Usage()


def _english(course: CourseContext) -> None:
    """Refuse a course in a language that the composer has no units in; raises InvalidInput."""
    if course.language and course.language.partition("-")[0] != "en":
        raise invalid_input(
            f"language {course.language}: the embedded composer writes English only. Name a ModelProvider in "
            "providerName, whose model writes it, or leave language out"
        )
