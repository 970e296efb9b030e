"""The PDF export, set by typst.

Content goes to the layout (`course.typ`) as JSON and is shown as text; no source is ever made from it. The
file is tagged for screen readers (PDF/UA-1); where a text has signs that the fonts lack, typst cannot
promise that, and the file is made untagged and said to be so.
"""

import json
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import typst

from coursegen_api.base import FailureClass
from coursegen_worker.documents import Block, Chapter, CodeBlock, Course, ListBlock, Question, Section
from coursegen_worker.exporters import Exported
from coursegen_worker.exporters.describe import chapter_facts, course_facts, notes, spans
from coursegen_worker.failures import TaskFailedError, one_line
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/pdf"
ACCESSIBLE = "accessible (PDF/UA-1)"
NOT_ACCESSIBLE = "not tagged as accessible: the text has signs that the fonts lack"
_SHORT_TITLE = 70
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""The same bytes for the same course: no clock goes into the file."""


def export(course: Course, include_assessments: bool, advance: Advance) -> Exported:
    """Set the course as a PDF with contents, page numbers, and the answers at the end."""
    advance(0.1, "laying out pages")
    layout = resources.files("coursegen_worker.exporters").joinpath("course.typ").read_bytes()
    data = json.dumps(describe(course, include_assessments), ensure_ascii=False)
    try:
        pdf = _compile(layout, data, ["ua-1"])
        note = ACCESSIBLE
    except typst.TypstError:
        advance(0.6, "laying out pages without tags")
        pdf, note = _untagged(layout, data), NOT_ACCESSIBLE
    advance(1.0, "laid out")
    return Exported(pdf, MEDIA_TYPE, f"{len(pdf)} bytes of PDF, {note}")


def _untagged(layout: bytes, data: str) -> bytes:
    try:
        return _compile(layout, data, [])
    except typst.TypstError as error:
        raise TaskFailedError(
            FailureClass.BAD_OUTPUT, f"the PDF cannot be set: {one_line(error.message, 300)}"
        ) from error


def _compile(layout: bytes, data: str, standards: list[Any]) -> bytes:
    """Run typst once; a compiler that has failed cannot be used again, so each run has its own."""
    compiler = typst.Compiler(layout, ignore_system_fonts=True, sys_inputs={"course": data})
    pdf = compiler.compile(format="pdf", pdf_standards=standards, timestamp=_EPOCH)
    if not isinstance(pdf, bytes):
        raise TypeError("typst gave no PDF")
    return pdf


def describe(course: Course, include_assessments: bool) -> dict[str, Any]:
    """Give what the layout needs: texts in order, numbered, with code marked."""
    title = course.course.title
    return {
        "title": title,
        "short-title": title if len(title) <= _SHORT_TITLE else f"{title[: _SHORT_TITLE - 1]}…",
        "facts": course_facts(course),
        "objectives": [objective.text for objective in course.objectives],
        "notes": notes(course),
        "chapters": [_chapter(chapter) for chapter in course.chapters],
        "answers": [_answers(chapter) for chapter in course.chapters] if include_assessments else [],
    }


def _chapter(chapter: Chapter) -> dict[str, Any]:
    return {
        "heading": _heading(chapter),
        "facts": chapter_facts(chapter),
        "sections": [_section(section) for section in chapter.sections],
        "questions": [
            {
                "number": _number(chapter, n),
                "stem": spans(question.stem),
                "options": [spans(option.text) for option in question.options],
            }
            for n, question in enumerate(chapter.questions, start=1)
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "kind": section.kind,
        "title": section.title,
        "blocks": _blocks(section.blocks),
        "solution-at": "A model solution is at the end of this document." if section.solution else "",
    }


def _answers(chapter: Chapter) -> dict[str, Any]:
    return {
        "heading": _heading(chapter),
        "solutions": [
            {"title": section.title, "blocks": _blocks(section.solution)}
            for section in chapter.sections
            if section.solution
        ],
        "answers": [_answer(chapter, n, question) for n, question in enumerate(chapter.questions, start=1)],
    }


def _answer(chapter: Chapter, number: int, question: Question) -> dict[str, Any]:
    return {
        "number": _number(chapter, number),
        "letter": _letter(question.answer),
        "text": spans(question.options[question.answer].text),
        "feedback": [
            {"letter": _letter(n), "spans": spans(option.feedback)}
            for n, option in enumerate(question.options)
            if option.feedback
        ],
    }


def _blocks(blocks: list[Block]) -> list[dict[str, Any]]:
    return [_block(block) for block in blocks]


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, ListBlock):
        return {"type": "list", "ordered": block.ordered, "items": [spans(item) for item in block.items]}
    if isinstance(block, CodeBlock):
        output = {} if block.output is None else {"output": block.output}
        return {"type": "code", "language": block.language, "text": block.text, **output}
    return {"type": "paragraph", "spans": spans(block.text)}


def _heading(chapter: Chapter) -> str:
    return f"{chapter.index}  {chapter.title}"


def _number(chapter: Chapter, number: int) -> str:
    return f"{chapter.index}.{number}"


def _letter(index: int) -> str:
    return "ABCDEFGHIJ"[index]
