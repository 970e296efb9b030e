"""The labelled set as chapters: each text once for each objective list that it could be taken for."""

import re
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
"""All but the first have the questions of the right chapter, the hardest case: each objective looks assessed."""
_SECTION = re.compile(r"^# (\w+)(?: \| (.+))?$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One chapter, what it is, and the part of the set that it belongs to."""

    label: str
    split: str
    chapter: Chapter


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / name).read_text("utf-8"))


def cases() -> Iterator[Case]:
    """Give every case: the short texts, and long chapters."""
    yield from short()
    yield from long("long.toml")
    yield from long("blind.toml")
    yield from composed()


def short() -> Iterator[Case]:
    """Give the texts of labelled.toml."""
    fillers = _read("labelled.toml")["filler"]
    for course, own, sibling, other in _neighbours("labelled.toml"):
        texts = [*_takes(own, sibling, other), *((WRONG[3], filler, own) for filler in fillers)]
        for label, text, asked in [*texts, (WRONG[4], own["parrot"], own)]:
            sections = [Section(id="s1", kind="concept", title=own["title"], blocks=markdown.blocks(text))]
            yield Case(label, course["split"], _chapter(course, own, sections, asked["questions"]))


def long(name: str) -> Iterator[Case]:
    """Give the chapters of a file of long ones, which have all sections that a chapter has."""
    filler = "\n".join(_read("labelled.toml")["filler"])
    for course, own, sibling, other in _neighbours(name):
        texts = [*_takes(own, sibling, other), (WRONG[3], filler, own), (WRONG[4], _parrot(own), own)]
        for label, text, asked in texts:
            yield Case(label, course["split"], _chapter(course, own, _sections(text), asked["questions"]))


def _neighbours(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]]:
    """Give course, chapter, the other chapter of its course, and one of the next course."""
    courses = _read(name)["course"]
    for number, course in enumerate(courses):
        other = courses[(number + 1) % len(courses)]["chapter"][0]
        for own, sibling in (course["chapter"], course["chapter"][::-1]):
            yield course, own, sibling, other


def _takes(own: dict[str, Any], sibling: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Give label, text, and the chapter whose questions stand below it."""
    yield RIGHT, own["text"], own
    yield WRONG[0], sibling["text"], sibling
    yield WRONG[1], sibling["text"], own
    yield WRONG[2], other["text"], own
    yield WRONG[5], " ".join(f"{o}." for o in own["objectives"] * 8), own


def _parrot(own: dict[str, Any]) -> str:
    """Announce each objective in the ways in which chapters do, and teach nothing."""
    said = (
        "In this chapter you will {aim}.",
        "It is important to be able to {aim}.",
        "Many learners ask why they should {aim}, and the answer is that it matters.",
        "By the end of the chapter, to {aim} will be easy for you.",
        "Remember the goal: {aim}.",
    )
    aims = [text[0].lower() + text[1:] for text in own["objectives"]]
    return "\n\n".join(" ".join(sentence.format(aim=aim) for sentence in said) for aim in aims)


def _sections(text: str) -> list[Section]:
    """Divide a text at its headings; a text without any is one section."""
    parts = _SECTION.split(text)
    if len(parts) == 1:
        return [Section(id="s1", kind="concept", title="", blocks=markdown.blocks(text))]
    found: list[Section] = []
    for kind, title, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        if kind == "solution":
            found[-1] = found[-1].model_copy(update={"solution": markdown.blocks(body)})
        else:
            given = {"id": f"s{len(found) + 1}", "kind": kind, "title": title, "blocks": markdown.blocks(body)}
            found.append(Section.model_validate(given))
    return found


def _chapter(
    course: dict[str, Any], own: dict[str, Any], sections: list[Section], asked: list[tuple[int, str, str]]
) -> Chapter:
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
        complexity_level=course.get("level", "beginner"),
        objectives=goals,
        generator=Generator(writer="test", version="1"),
        sections=sections,
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
