"""The Markdown export: the whole course as one CommonMark document, to edit, to publish, or to keep in Git.

Nothing of a course is read as markup: what Markdown, or the HTML that it lets through, would take for some is escaped.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from coursegen_worker import words
from coursegen_worker.documents import Block, Chapter, CodeBlock, Course, ListBlock, Paragraph, Question, Section
from coursegen_worker.exporters import Exported, html
from coursegen_worker.exporters.describe import (
    LABELLED,
    LETTERS,
    around_code,
    chapter_facts,
    course_facts,
    language_of,
    notes,
    spans,
)
from coursegen_worker.progress import Advance
from coursegen_worker.words import Words

MEDIA_TYPE = "text/markdown"
_MARKS = re.compile(r"([\\`*_\[\]<#~$]|&(?=#?\w+;))")
"""Signs that mean something wherever they stand, to CommonMark or to GitHub."""
_NUMBER_AT_START = re.compile(r"^(\d{1,9})([.)])")
_SIGN_AT_START = re.compile(r"^([-+>])")
"""What begins a list, a quotation or a rule."""
_INFO = re.compile(r"[^A-Za-z0-9_+.-]")


def export(course: Course, advance: Advance) -> Exported:
    """Write the document."""
    said = words.of(language_of(course))
    parts = [_title_page(course, said)]
    for number, chapter in enumerate(course.chapters, start=1):
        parts.append(_chapter(chapter, said))
        advance(number / len(course.chapters), f"writing chapter {number} of {len(course.chapters)}")
    if answers := "\n\n".join(part for chapter in course.chapters if (part := _answers(chapter, said))):
        parts.append(f"## {line(said('answers'))}\n\n{answers}")
    data = ("\n\n".join(parts) + "\n").encode()
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of Markdown, {len(course.chapters)} chapters")


def _title_page(course: Course, said: Words) -> str:
    parts = [f"# {_title(course.course.title, said)}", " · ".join(map(line, course_facts(course, said)))]
    if course.objectives:
        parts += [f"## {line(said('objectives'))}", _list(ListBlock(items=[o.text for o in course.objectives]), "-")]
    return "\n\n".join([*parts, "\n>\n".join(f"> {line(note)}" for note in notes(course, said))])


def _chapter(chapter: Chapter, said: Words) -> str:
    parts = [f"## {chapter.index}. {_title(chapter.title, said)}", line(chapter_facts(chapter, said))]
    parts += (_section(section, said) for section in chapter.sections)
    if chapter.questions:
        parts.append(f"### {line(said('questions'))} {chapter.index}")
        parts += [
            _question(question, f"{chapter.index}.{n}", said) for n, question in enumerate(chapter.questions, start=1)
        ]
    return "\n\n".join(parts)


def _section(section: Section, said: Words) -> str:
    label = line(said(section.kind)) if section.kind in LABELLED else ""
    heading = f"### {f'{label}: ' if label else ''}{_title(section.title, said)}"
    return "\n\n".join([heading, *_blocks(section.blocks, said)])


def _question(question: Question, number: str, said: Words) -> str:
    """Write a question; its options are counted by letters, which Markdown's own lists cannot."""
    options = "\n".join(f"- {letter}. {line(o.text)}" for letter, o in zip(LETTERS, question.options, strict=False))
    parts = [Paragraph(text=part) if isinstance(part, str) else part for part in around_code(question.stem)]
    stem = list(_blocks(parts, said))
    begins_with_code = not stem or stem[0].startswith("```")
    first = f"**{number}**" if begins_with_code else f"**{number}** {stem.pop(0)}"
    return "\n\n".join([first, *stem, options])


def _answers(chapter: Chapter, said: Words) -> str:
    parts = []
    for section in chapter.sections:
        if section.solution:
            parts += [f"#### {_title(section.title, said)}", *_blocks(section.solution, said)]
    for number, question in enumerate(chapter.questions, start=1):
        parts += _answer(question, f"{chapter.index}.{number}")
    return "\n\n".join([f"### {line(said('chapter', number=chapter.index))}", *parts]) if parts else ""


def _answer(question: Question, number: str) -> list[str]:
    right = question.options[question.answer]
    told = [
        f"- {letter}. {line(option.feedback)}"
        for letter, option in zip(LETTERS, question.options, strict=False)
        if option.feedback.strip()
    ]
    answer = f"**{number} {LETTERS[question.answer]}.** {line(right.text)}"
    return [answer, "\n".join(told)] if told else [answer]


def _blocks(blocks: Sequence[Block], said: Words) -> Iterator[str]:
    """Write blocks; a list that follows another has another mark, or the two would be one."""
    mark = ""
    for block in blocks:
        if isinstance(block, ListBlock):
            first, second = (".", ")") if block.ordered else ("-", "*")
            mark = second if mark == first else first
            yield _list(block, mark)
            continue
        mark = ""
        yield from _code_block(block, said) if isinstance(block, CodeBlock) else filter(None, [line(block.text)])


def _list(block: ListBlock, mark: str) -> str:
    numbered = zip(block.numbers, block.items, strict=True)
    return "\n".join(f"{n if block.ordered else ''}{mark} {line(item)}" for n, item in numbered)


def _code_block(block: CodeBlock, said: Words) -> Iterator[str]:
    yield _fenced(block.text, _INFO.sub("", block.language) or "text")
    if block.output is not None:
        yield line(said("prints"))
        yield _fenced(block.output, "text")


def _fenced(text: str, info: str) -> str:
    """Fence a text with more backticks than it has in a row."""
    shown = html.clean(text).removesuffix("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence}{info}\n{shown}\n{fence}"


def _title(text: str, said: Words) -> str:
    return line(text) or said("untitled")


def line(marked: str) -> str:
    """Give a text on one line, in which backticks mark code and nothing else is markup.

    Code beside code becomes one: the backticks between them would be signs of it.
    """
    found = ""
    for code, parts in groupby(spans(" ".join(html.clean(marked).split())), key=lambda part: bool(part["code"])):
        text = "".join(part["text"] for part in parts)
        found += f"`{text}`" if code else escape(text)
    return escape_start(found)


def escape(plain: str) -> str:
    """Escape every sign that could be markup within a line."""
    return _MARKS.sub(r"\\\1", plain)


def escape_start(text: str) -> str:
    """Escape the sign that would make a line something else than a paragraph."""
    return _SIGN_AT_START.sub(r"\\\1", _NUMBER_AT_START.sub(r"\1\\\2", text))
