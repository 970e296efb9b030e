"""The PDF export, set by typst.

Content goes to the layout (`course.typ`) as JSON and is shown as text; no source is ever made from it. The
file is tagged for screen readers (PDF/UA-1). A sign that no font here has is shown as �, and the result says so;
only a text of which many signs are lost is set untagged, and said to be so.
"""

import json
import re
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import typst

from coursegen_api.base import FailureClass
from coursegen_worker import words
from coursegen_worker.documents import Block, Chapter, CodeBlock, Course, ListBlock, Question, Section
from coursegen_worker.exporters import Exported, fonts, language
from coursegen_worker.exporters.describe import (
    chapter_facts,
    course_facts,
    language_of,
    notes,
    shortened,
    spans,
    without_marks,
)
from coursegen_worker.failures import TaskFailedError, one_line
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/pdf"
ACCESSIBLE = "accessible (PDF/UA-1)"
NOT_ACCESSIBLE = "not tagged as accessible: the text has signs that the fonts lack"
_SHORT_TITLE = 70
_LONGEST_HEADING = 200
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""The same bytes for the same course: no clock goes into the file."""
_REPLACEMENT = "\ufffd"
_ROUNDS = 12
"""So many different signs are replaced; each costs a run of typst, which names one at a time."""
_LOST = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_SPOKEN = ("contents", "objectives", "questions", "answers", "example", "exercise", "misconception", "recap", "prints")
"""What `course.typ` says."""
_REORDERING = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e"))
"""Signs that turn the order of the text after them, up to the end of a paragraph that is not theirs."""


def export(course: Course, include_assessments: bool, advance: Advance) -> Exported:
    """Set the course as a PDF with contents, page numbers, and the answers at the end."""
    advance(0.1, "laying out pages")
    layout = resources.files("coursegen_worker.exporters").joinpath("course.typ").read_bytes()
    data = json.dumps(describe(course, include_assessments), ensure_ascii=False).translate(_REORDERING)
    lost: list[str] = []
    while True:
        try:
            pdf, note = _compile(layout, data, ["ua-1"]), ACCESSIBLE
            break
        except typst.TypstError as error:
            sign = _LOST.search(error.message)
            if sign is None or len(lost) >= _ROUNDS or sign[1] not in data:
                advance(0.6, "laying out pages without tags")
                pdf, note, lost = _untagged(layout, data), NOT_ACCESSIBLE, []
                break
            lost.append(sign[1])
            data = data.replace(sign[1], _REPLACEMENT)
            advance(0.1 + 0.04 * len(lost), "laying out pages again")
    advance(1.0, "laid out")
    return Exported(pdf, MEDIA_TYPE, f"{len(pdf)} bytes of PDF, {note}{_told(lost)}")


def _told(lost: list[str]) -> str:
    if not lost:
        return ""
    named = ", ".join(" ".join(f"U+{ord(c):04X}" for c in sign) for sign in lost)
    return f"; no font here has {named}: shown as {_REPLACEMENT}"


def _untagged(layout: bytes, data: str) -> bytes:
    try:
        return _compile(layout, data, [])
    except typst.TypstError as error:
        raise TaskFailedError(
            FailureClass.BAD_OUTPUT, f"the PDF cannot be set: {one_line(error.message, 300)}"
        ) from error


def _compile(layout: bytes, data: str, standards: list[Any]) -> bytes:
    """Run typst once; a compiler that has failed cannot be used again, so each run has its own."""
    folders: list[Any] = fonts.folders()  # typst's stubs want them to be bytes, as the layout is
    compiler = typst.Compiler(layout, ignore_system_fonts=True, font_paths=folders, sys_inputs={"course": data})
    pdf = compiler.compile(format="pdf", pdf_standards=standards, timestamp=_EPOCH)
    if not isinstance(pdf, bytes):
        raise TypeError("typst gave no PDF")
    return pdf


def describe(course: Course, include_assessments: bool) -> dict[str, Any]:
    """Give what the layout needs: texts in order, numbered, with code marked, each with its language."""
    title = course.course.title
    layout = _Describer(language_of(course))
    told = [{"text": note, "lang": language.different(note, layout.lang)} for note in notes(course, layout.words)]
    return {
        "lang": layout.lang,
        "rtl": layout.lang in language.RIGHT_TO_LEFT,
        "name": without_marks(title),
        "title": layout.text(title),
        "short-title": shortened(without_marks(title), _SHORT_TITLE),
        "words": {name: layout.words.template(name) for name in _SPOKEN},
        "words-lang": layout.words.lang,
        "facts": course_facts(course, layout.words),
        "objectives": [layout.text(objective.text) for objective in course.objectives],
        "notes": told,
        "chapters": [layout.chapter(chapter) for chapter in course.chapters],
        "answers": [layout.answers(chapter) for chapter in course.chapters] if include_assessments else [],
    }


class _Describer:
    """Describes the parts of a course in one language; a text in another carries its own."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self.words = words.of(lang)

    def text(self, text: str) -> dict[str, Any]:
        """Give a text as spans."""
        return {"spans": spans(text), "lang": language.different(text, self.lang)}

    def chapter(self, chapter: Chapter) -> dict[str, Any]:
        """Give a chapter without its answers."""
        return {
            **self._heading(f"{chapter.index}  ", chapter.title),
            "facts": chapter_facts(chapter, self.words),
            "sections": [self._section(section) for section in chapter.sections],
            "questions": [
                {
                    "number": _number(chapter, n),
                    "stem": self.text(question.stem),
                    "options": [self.text(option.text) for option in question.options],
                }
                for n, question in enumerate(chapter.questions, start=1)
            ],
        }

    def answers(self, chapter: Chapter) -> dict[str, Any]:
        """Give what the appendix says of a chapter."""
        return {
            **self._heading(f"{chapter.index}  ", chapter.title),
            "solutions": [
                {**self._heading("", section.title), "blocks": self._blocks(section.solution)}
                for section in chapter.sections
                if section.solution
            ],
            "answers": [self._answer(chapter, n, question) for n, question in enumerate(chapter.questions, start=1)],
        }

    def _heading(self, number: str, title: str) -> dict[str, Any]:
        """Give a heading that bookmarks and contents can hold; the rest of a longer one follows as text."""
        short = shortened(title, _LONGEST_HEADING)
        whole = self.text(title)
        return {"heading": whole | {"spans": spans(number + short)}, "full-title": None if short == title else whole}

    def _section(self, section: Section) -> dict[str, Any]:
        return {
            **self._heading("", section.title),
            "kind": section.kind,
            "blocks": self._blocks(section.blocks),
            "solution-at": self.words("solution_at_end") if section.solution else "",
        }

    def _answer(self, chapter: Chapter, number: int, question: Question) -> dict[str, Any]:
        return {
            "number": _number(chapter, number),
            "letter": _letter(question.answer),
            "text": self.text(question.options[question.answer].text),
            "feedback": [
                {"letter": _letter(n), **self.text(option.feedback)}
                for n, option in enumerate(question.options)
                if option.feedback
            ],
        }

    def _blocks(self, blocks: list[Block]) -> list[dict[str, Any]]:
        return [self._block(block) for block in blocks]

    def _block(self, block: Block) -> dict[str, Any]:
        if isinstance(block, ListBlock):
            items = [self.text(item) for item in block.items]
            return {"type": "list", "ordered": block.ordered, "first": block.first, "items": items}
        if isinstance(block, CodeBlock):
            output = {} if block.output is None else {"output": block.output}
            return {"type": "code", "language": block.language, "text": block.text, **output}
        return {"type": "paragraph", **self.text(block.text)}


def _number(chapter: Chapter, number: int) -> str:
    return f"{chapter.index}.{number}"


def _letter(index: int) -> str:
    return "ABCDEFGHIJ"[index]
