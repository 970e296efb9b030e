"""The page of a unit that a learning platform launches: its chapters as HTML, everything from the course escaped.

Without JavaScript it is one long, readable page; `course.js` turns it into chapters with a menu. What it tells the
platform goes through `PlatformFor`, of which each kind of package brings its own script.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from string import Template
from typing import Any

from coursegen_worker.documents import Chapter, Course
from coursegen_worker.exporters import html, language
from coursegen_worker.exporters.describe import chapter_facts, course_facts, language_of, without_marks

MASTERY_SCORE = 70
"""Percent of right answers from which a unit is passed."""
_MAX_OBJECTIVES = 100
"""So many objectives a platform must keep; more are reported as one for each chapter."""
_HASH_CHARS = 8
_SPOKEN = ("opened", "answered", "right", "wrong", "choose")
"""What `course.js` says; a script that speaks with a platform may say more."""
_FOLDER = resources.files("coursegen_worker.exporters.page")


@dataclass(frozen=True)
class Unit:
    """A unit before it is written: the chapters at these places of the course."""

    course: Course
    places: list[int]
    script: str
    """The file that speaks with the platform."""
    facts: Mapping[str, str | int]
    """What that script must know."""
    spoken: tuple[str, ...] = ()
    """The phrases that it says."""

    @property
    def chapters(self) -> list[Chapter]:
        return [self.course.chapters[place] for place in self.places]

    @property
    def whole(self) -> bool:
        """True for the unit that is the whole course."""
        return len(self.places) == len(self.course.chapters)

    @cached_property
    def writer(self) -> html.Writer:
        return html.Writer(language_of(self.course))


def render(unit: Unit) -> str:
    """Write the unit's page."""
    template = _FOLDER.joinpath("index.html").read_text("utf-8")
    write, course = unit.writer, unit.course
    told = write.notes(course)
    title = html.text(without_marks(course.course.title))
    return Template(template).substitute(
        lang=write.lang,
        dir=language.direction(write.lang),
        ours=write.ours,
        skip=write.said("skip"),
        contents=write.said("chapters"),
        opened=write.said("chapters_opened"),
        back=write.said("back"),
        next=write.said("next"),
        title=title,
        start=_start(unit, told) if unit.whole else "",
        home=f'<a class="home" href="#start" data-page="start">{title}</a>'
        if unit.whole
        else f'<p class="home">{title}</p>',
        menu="".join(
            f'<li><a href="#chapter-{c.index}" data-page="chapter-{c.index}"><span class="number">{c.index}</span>'
            f"<span>{write.short(c.title)}</span></a></li>"
            for c in unit.chapters
        ),
        chapters="\n".join(_chapter(write, chapter, "" if unit.whole else told) for chapter in unit.chapters),
        data=_script_data(_data(unit)),
        script=unit.script,
    )


def state_chars(chapters: Sequence[Chapter]) -> int:
    """Give how many characters `course.js` has a platform remember of a unit of these chapters."""
    return _HASH_CHARS + 1 + len(chapters) + 1 + sum(len(chapter.questions) for chapter in chapters)


def static() -> dict[str, bytes]:
    """Give the files that each page needs beside it, but for the script that speaks with the platform."""
    return {name: _FOLDER.joinpath(name).read_bytes() for name in ("course.css", "course.js")}


def _start(unit: Unit, told: str) -> str:
    write, course = unit.writer, unit.course
    facts = "".join(f"<li>{html.text(fact)}</li>" for fact in course_facts(course, write.words))
    items = "".join(f"<li>{html.inline(o.text)}</li>" for o in course.objectives)
    spoken = write.mark(" ".join(o.text for o in course.objectives))
    goals = f"<h2 {write.ours}>{write.said('objectives')}</h2><ul{spoken}>{items}</ul>" if items else ""
    return (
        f'<article id="start" data-page="start"><header><h1 tabindex="-1"{write.mark(course.course.title)}>'
        f'{html.inline(course.course.title)}</h1><ul class="facts" {write.ours}>{facts}</ul></header>'
        f"{goals}{told}</article>"
    )


def _chapter(write: html.Writer, chapter: Chapter, told: str) -> str:
    name = f"chapter-{chapter.index}"
    sections = "\n".join(write.section(section, f"{name}-{n}") for n, section in enumerate(chapter.sections, start=1))
    questions = "\n".join(write.question(q, f"{chapter.index}.{n}") for n, q in enumerate(chapter.questions, start=1))
    quiz = (
        f'<section class="quiz"><h2 {write.ours}>{write.said("questions")}</h2>{questions}</section>'
        if questions
        else ""
    )
    return (
        f'<article id="{name}" data-page="{name}" data-chapter><header><p class="facts" {write.ours}>'
        f"{write.said('chapter', number=chapter.index)} · {html.text(chapter_facts(chapter, write.words))}</p>"
        f'<h1 tabindex="-1"{write.mark(chapter.title)}>{html.inline(chapter.title)}</h1></header>'
        f"{sections}{quiz}{told}</article>"
    )


def _data(unit: Unit) -> dict[str, Any]:
    return {
        **unit.facts,
        "mastery": MASTERY_SCORE,
        "hash": _hash(unit.chapters),
        "words": {name: unit.writer.words.template(name) for name in _SPOKEN + unit.spoken},
        "objectives": _objectives(unit),
        "questions": {
            f"{chapter.index}.{n}": {
                "answer": question.answer,
                "feedback": [option.feedback for option in question.options],
            }
            for chapter in unit.chapters
            for n, question in enumerate(chapter.questions, start=1)
        },
    }


def _hash(chapters: Sequence[Chapter]) -> str:
    """Name what is asked, so that answers that a platform remembers are never taken for those to other questions."""
    asked = [[c.index, [[q.stem, *(o.text for o in q.options)] for q in c.questions]] for c in chapters]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:_HASH_CHARS]


def _objectives(unit: Unit) -> list[dict[str, Any]]:
    """Give what is reported on by itself: with its page, and the questions that ask for it."""
    if sum(len(chapter.objectives) for chapter in unit.chapters) > _MAX_OBJECTIVES:
        return [_objective(chapter, None) for chapter in unit.chapters]
    return [_objective(chapter, n) for chapter in unit.chapters for n in range(len(chapter.objectives))]


def _objective(chapter: Chapter, place: int | None) -> dict[str, Any]:
    page = f"chapter-{chapter.index}"
    own = None if place is None else chapter.objectives[place]
    return {
        "id": page if own is None else f"{page}-objective-{(place or 0) + 1}",
        "page": page,
        "text": without_marks(chapter.title if own is None else own.text)[:250],
        "questions": [
            f"{chapter.index}.{n}"
            for n, question in enumerate(chapter.questions, start=1)
            if own is None or question.objective_id == own.id
        ],
    }


def _script_data(data: dict[str, Any]) -> str:
    """Give JSON for the page's script; `<` is escaped, so that no text can end the element."""
    text = html.clean(json.dumps(data, ensure_ascii=False))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
