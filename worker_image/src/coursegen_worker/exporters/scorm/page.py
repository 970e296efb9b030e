"""The page of the SCO: every chapter as HTML, everything from the course escaped.

Without JavaScript it is one long, readable page; `course.js` turns it into chapters with a menu.
"""

import json
from html import escape
from importlib import resources
from string import Template
from typing import Any

from coursegen_worker.documents import Block, Chapter, CodeBlock, Course, ListBlock, Question, Section
from coursegen_worker.exporters.describe import chapter_facts, course_facts, notes, spans
from coursegen_worker.exporters.scorm.manifest import MASTERY_SCORE, xml_text
from coursegen_worker.progress import Advance

_LABELS = {"example": "Example", "exercise": "Exercise", "misconception": "Watch out", "recap": "Recap"}


def render(course: Course, include_assessments: bool, advance: Advance) -> str:
    """Write index.html."""
    template = resources.files("coursegen_worker.exporters.scorm").joinpath("static/index.html").read_text("utf-8")
    chapters = []
    for number, chapter in enumerate(course.chapters, start=1):
        chapters.append(_chapter(chapter))
        advance(0.9 * number / len(course.chapters), f"writing page {number} of {len(course.chapters)}")
    return Template(template).substitute(
        title=_text(course.course.title),
        facts="".join(f"<li>{_text(fact)}</li>" for fact in course_facts(course)),
        objectives=_objectives(course),
        notes="".join(f'<p class="note">{_text(note)}</p>' for note in notes(course)),
        menu="".join(
            f'<li><a href="#chapter-{c.index}" data-page="chapter-{c.index}"><span class="number">{c.index}</span>'
            f"<span>{_text(c.title)}</span></a></li>"
            for c in course.chapters
        ),
        chapters="\n".join(chapters),
        data=_data(course) if include_assessments else json.dumps({"mastery": MASTERY_SCORE, "questions": {}}),
    )


def _objectives(course: Course) -> str:
    if not course.objectives:
        return ""
    items = "".join(f"<li>{_text(objective.text)}</li>" for objective in course.objectives)
    return f"<h2>What you will be able to do</h2><ul>{items}</ul>"


def _chapter(chapter: Chapter) -> str:
    name = f"chapter-{chapter.index}"
    sections = "\n".join(_section(section, f"{name}-{n}") for n, section in enumerate(chapter.sections, start=1))
    questions = "\n".join(_question(q, f"{chapter.index}.{n}") for n, q in enumerate(chapter.questions, start=1))
    quiz = f'<section class="quiz"><h2>Questions</h2>{questions}</section>' if questions else ""
    return (
        f'<article id="{name}" data-page="{name}"><header><p class="facts">Chapter {chapter.index} · '
        f'{_text(chapter_facts(chapter))}</p><h1 tabindex="-1">{_text(chapter.title)}</h1></header>'
        f"{sections}{quiz}</article>"
    )


def _section(section: Section, name: str) -> str:
    label = _LABELS.get(section.kind)
    badge = f'<p class="label">{label}</p>' if label else ""
    solution = (
        f"<details><summary>Show a model solution</summary>{_blocks(section.solution)}</details>"
        if section.solution
        else ""
    )
    return (
        f'<section class="{section.kind}" aria-labelledby="{name}"><div class="box">{badge}'
        f'<h2 id="{name}">{_text(section.title)}</h2>{_blocks(section.blocks)}{solution}</div></section>'
    )


def _question(question: Question, number: str) -> str:
    name = f"q{number.replace('.', '-')}"
    options = "".join(
        f'<label><input type="radio" name="{name}" value="{n}"><span>{_inline(option.text)}</span></label>'
        for n, option in enumerate(question.options)
    )
    return (
        f'<form class="question" data-question="{number}"><fieldset><legend><span class="number">{number}</span> '
        f"{_inline(question.stem)}</legend>{options}</fieldset>"
        f'<button type="submit">Check</button><p class="feedback" role="status"></p></form>'
    )


def _blocks(blocks: list[Block]) -> str:
    return "".join(map(_block, blocks))


def _block(block: Block) -> str:
    if isinstance(block, ListBlock):
        tag = "ol" if block.ordered else "ul"
        return f"<{tag}>{''.join(f'<li>{_inline(item)}</li>' for item in block.items)}</{tag}>"
    if isinstance(block, CodeBlock):
        output = ""
        if block.output is not None:
            output = f'<figcaption>It prints:</figcaption><pre class="output"><samp>{_text(block.output)}</samp></pre>'
        return f'<figure class="code"><pre tabindex="0"><code>{_text(block.text)}</code></pre>{output}</figure>'
    return f"<p>{_inline(block.text)}</p>"


def _inline(text: str) -> str:
    return "".join(
        f"<code>{_text(part['text'])}</code>" if part["code"] else _text(part["text"]) for part in spans(text)
    )


def _text(text: str) -> str:
    return escape(xml_text(text), quote=True)


def _data(course: Course) -> str:
    """Give answers and feedback for the page's script; `<` is escaped, so that no text can end the element."""
    questions: dict[str, Any] = {
        f"{chapter.index}.{n}": {
            "page": f"chapter-{chapter.index}",
            "answer": question.answer,
            "feedback": [option.feedback for option in question.options],
        }
        for chapter in course.chapters
        for n, question in enumerate(chapter.questions, start=1)
    }
    text = json.dumps({"mastery": MASTERY_SCORE, "questions": questions}, ensure_ascii=False)
    return xml_text(text).replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
