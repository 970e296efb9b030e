"""The structure of a cmi5 course (cmi5.xml): what a platform imports."""

from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from coursegen_worker import words
from coursegen_worker.documents import Course, LearningObjective
from coursegen_worker.exporters import html
from coursegen_worker.exporters.describe import (
    chapter_facts,
    course_facts,
    language_of,
    notes,
    shortened,
    without_marks,
)
from coursegen_worker.exporters.page import MASTERY_SCORE

_TITLE_CHARS = 200
_COURSE = """\
<?xml version="1.0" encoding="UTF-8"?>
<courseStructure xmlns="https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd">
  <course id="{id}">
{named}
  </course>
{objectives}{units}
</courseStructure>
"""
_UNIT = """\
  <au id="{id}" moveOn="{move_on}"{mastery} launchMethod="AnyWindow">
{named}
{objectives}    <url>{page}</url>
  </au>"""


@dataclass(frozen=True)
class Unit:
    """An assignable unit: what a platform launches, and follows the learner through."""

    name: str
    """Its part of the id: the same for each export of a course, so that a platform sees an update."""
    title: str
    page: str
    places: list[int]
    """Of its chapters in the course."""
    objectives: list[LearningObjective]


def render(course: Course, units: list[Unit]) -> str:
    """Write what the platform imports."""
    lang = language_of(course)
    said = words.of(lang)
    identifier = f"https://coursegen.dev/courses/{quote(course.course_id, safe='')}"
    about = " ".join([*(f"{fact}." for fact in course_facts(course, said)), *notes(course, said)])
    objectives = "".join(
        f'    <objective id="{aim}">\n{_text("title", text, lang)}\n{_text("description", text, lang)}\n'
        "    </objective>\n"
        for unit in units
        for aim, text in _aims(identifier, unit, units)
    )
    return _COURSE.format(
        id=identifier,
        named=f"{_text('title', course.course.title, lang)}\n{_text('description', about, said.lang)}",
        objectives=f"  <objectives>\n{objectives}  </objectives>\n" if objectives else "",
        units="\n".join(_unit(course, identifier, unit, units) for unit in units),
    )


def _unit(course: Course, identifier: str, unit: Unit, units: list[Unit]) -> str:
    lang = language_of(course)
    said = words.of(lang)
    chapters = [course.chapters[place] for place in unit.places]
    assessed = any(chapter.questions for chapter in chapters)
    whole = len(units) == 1
    facts = course_facts(course, said) if whole else [chapter_facts(chapters[0], said)]
    about = " ".join([*(f"{fact}." for fact in facts), *notes(course, said)])
    references = "".join(f'      <objective idref="{aim}"/>\n' for aim, _ in _aims(identifier, unit, units))
    return _UNIT.format(
        id=f"{identifier}/{unit.name}",
        move_on="CompletedAndPassed" if assessed else "Completed",
        mastery=f' masteryScore="{MASTERY_SCORE / 100}"' if assessed else "",
        named=f"{_text('title', unit.title, lang)}\n{_text('description', about, said.lang)}",
        objectives=f"    <objectives>\n{references}    </objectives>\n" if references else "",
        page=unit.page,
    )


def _aims(identifier: str, unit: Unit, units: list[Unit]) -> list[tuple[str, str]]:
    """Give id and text of a unit's objectives; those of the one unit of a course are the course's own."""
    base = identifier if len(units) == 1 else f"{identifier}/{unit.name}"
    return [(f"{base}/objectives/{n}", objective.text) for n, objective in enumerate(unit.objectives, start=1)]


def _text(tag: str, plain: str, lang: str) -> str:
    told = without_marks(plain)
    cut = told if tag == "description" else shortened(told, _TITLE_CHARS)
    shown = escape(html.clean(cut).strip(), quote=False) or words.of(lang)("untitled")
    return f'    <{tag}><langstring lang="{lang}">{shown}</langstring></{tag}>'
