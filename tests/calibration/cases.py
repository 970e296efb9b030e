"""The labelled set as chapters: each text once for each objective list that it could be taken for."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from coursegen_api.task import CourseContext, OutlineTask
from coursegen_worker import markdown
from coursegen_worker.documents import (
    Chapter,
    Generator,
    LearningObjective,
    Option,
    Outline,
    OutlineChapter,
    Question,
    Section,
)
from coursegen_worker.objectives import parse
from coursegen_worker.writers import ChapterBrief
from coursegen_worker.writers.template import TemplateWriter

RIGHT = "right chapter"
WRONG = (
    "sibling chapter, own questions",
    "sibling chapter, right questions",
    "other subject, right questions",
    "filler, right questions",
    "parrot, right questions",
    "verbatim parrot, right questions",
)
"""All but the first have the questions of the right chapter, which is the hardest case: 0.3 of the score are theirs."""


@dataclass(frozen=True)
class Case:
    """One chapter, what it is, and the part of the set that it belongs to."""

    label: str
    split: str
    chapter: Chapter


@cache
def _labelled() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "labelled.toml").read_text("utf-8"))


def cases() -> Iterator[Case]:
    """Give every case: the short texts, and long chapters."""
    yield from short()
    yield from composed()


def short() -> Iterator[Case]:
    """Give the texts of labelled.toml."""
    courses = _labelled()["course"]
    for number, course in enumerate(courses):
        other = courses[(number + 1) % len(courses)]["chapter"][0]
        for own, sibling in (course["chapter"], course["chapter"][::-1]):
            for label, text, asked in _takes(own, sibling, other):
                yield Case(label, course["split"], _chapter(course, own, text, asked))


def _takes(own: dict[str, Any], sibling: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    asked = own["questions"]
    yield RIGHT, own["text"], asked
    yield WRONG[0], sibling["text"], sibling["questions"]
    yield WRONG[1], sibling["text"], asked
    yield WRONG[2], other["text"], asked
    for filler in _labelled()["filler"]:
        yield WRONG[3], filler, asked
    yield WRONG[4], own["parrot"], asked
    yield WRONG[5], " ".join(f"{o}." for o in own["objectives"] * 8), asked


def _chapter(course: dict[str, Any], own: dict[str, Any], text: str, asked: list[tuple[int, str, str]]) -> Chapter:
    goals = [
        LearningObjective(id=f"o{n}", text=t, bloom_level=parse(t).level) for n, t in enumerate(own["objectives"], 1)
    ]
    questions = [
        Question(
            id=f"q{n}",
            objective_id=f"o{goal}",
            stem=stem,
            options=[Option(text=answer, feedback=""), Option(text="None of these", feedback="")],
            answer=0,
        )
        for n, (goal, stem, answer) in enumerate(asked, start=1)
    ]
    return Chapter(
        chapter_id="c",
        course=CourseContext(title=course["title"]),
        index=1,
        title=own["title"],
        complexity_level="beginner",
        objectives=goals,
        generator=Generator(writer="test", version="1"),
        sections=[Section(id="s1", kind="concept", title=own["title"], blocks=markdown.blocks(text))],
        questions=questions,
    )


def composed() -> Iterator[Case]:
    """Give long chapters: those of the composer's Python course, each right, and with the text of three siblings."""
    writer = TemplateWriter()
    course = CourseContext(title="Python Programming", subject_domain="Computer Science")
    goals = ["Learn Python basics", "Build applications"]
    asked = OutlineTask(course_id="c", course=course, learning_objectives=goals, estimated_duration="PT20H")
    outline, _ = writer.outline(asked, _ignore)
    chapters = [writer.chapter(_brief(outline, planned), _ignore).chapter for planned in outline.chapters]
    for number, own in enumerate(chapters):
        yield Case(RIGHT, "composer", own)
        for step in (1, 4, 7):
            sibling = chapters[(number + step) % len(chapters)]
            yield Case(WRONG[1], "composer", own.model_copy(update={"sections": sibling.sections}))


def _brief(outline: Outline, planned: OutlineChapter) -> ChapterBrief:
    return ChapterBrief(
        chapter_id="c",
        course_id=outline.course_id,
        course=outline.course,
        index=planned.index,
        title=planned.title,
        level=outline.course.proficiency_level,
        objectives=planned.objectives,
        contract=planned.contract,
        plan=planned.plan,
    )


def _ignore(share: float, stage: str) -> None:
    """Take progress, and tell nobody."""
