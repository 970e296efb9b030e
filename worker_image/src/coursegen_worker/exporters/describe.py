"""What every export for people says about a course: its facts, who wrote it, what is missing."""

import re
from collections.abc import Iterator
from typing import Any

from coursegen_worker.documents import Chapter, CodeBlock, Course, Generator, ListBlock, Paragraph
from coursegen_worker.exporters import language
from coursegen_worker.words import ENGLISH, Words

LABELLED = frozenset({"example", "exercise", "misconception", "recap"})
"""Kinds of sections that say what they are."""
LETTERS = "ABCDEFGHIJ"
"""The names of a question's options."""
_FENCED = re.compile(
    r"(^[ \t]*|)(?<!`)(`{3,}+)[ \t]*+([\w+-]*+)[ \t]*+\n(.*?)(?:^(?!\1[ \t]{4})[ \t]*|(?<=[^\s`])[ \t]*)\2`*\s*",
    re.DOTALL | re.MULTILINE,
)
"""Begins and ends also within a line, as models write it. No run of spaces or backticks is gone through twice."""


def course_facts(course: Course, words: Words) -> list[str]:
    """Give the course's facts as short lines: field, level, time, difficulty."""
    context = course.course
    score = context.difficulty_score
    facts = [
        context.subject_domain or "",
        words("level", level=words(context.proficiency_level.value)),
        words("time", time=words.time(course.estimated_duration)) if course.estimated_duration else "",
        words("difficulty", score=f"{score:g}") if score is not None else "",
    ]
    return [fact for fact in facts if fact]


def chapter_facts(chapter: Chapter, words: Words) -> str:
    """Give a chapter's level and time in one line."""
    level = words(chapter.complexity_level.value)
    time = words("about", time=words.time(chapter.estimated_duration)) if chapter.estimated_duration else ""
    revised = words("revision", number=len(chapter.revisions)) if chapter.revisions else ""
    return " · ".join(part for part in (level[:1].upper() + level[1:], time, revised) if part)


def notes(course: Course, words: Words) -> list[str]:
    """Give what a reader must know: who wrote the text, and which chapters are missing."""
    found = [_written_by(generator, words) for generator in course.generators]
    if course.missing_chapters:
        found.append(words("missing", numbers=", ".join(map(str, course.missing_chapters))))
    return found


def _written_by(generator: Generator, words: Words) -> str:
    """Say it in the course's language of a model; else in the writer's own words, where it has some."""
    if generator.llm and generator.model and words.lang != ENGLISH:
        return words("by_model", model=generator.model)
    return generator.note or words("written_by", name=generator.model or generator.writer)


def language_of(course: Course) -> str:
    """Give the BCP 47 code of the course's language: the one that was asked for, else what its texts tell."""
    return (course.course.language or "").partition("-")[0] or language.of(course_texts(course))


def course_texts(course: Course) -> Iterator[str]:
    """Give the running texts of a course, by which its language is known; code speaks no language."""
    yield course.course.title
    for chapter in course.chapters:
        yield chapter.title
        for section in chapter.sections:
            yield section.title
            for block in section.blocks:
                if isinstance(block, ListBlock):
                    yield from block.items
                elif isinstance(block, Paragraph):
                    yield block.text


def shortened(text: str, limit: int) -> str:
    """Give at most `limit` characters, the last one an ellipsis where more were there."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def around_code(text: str) -> list[str | CodeBlock]:
    """Divide a text at its fences, which are as those of Markdown: code of its own lines, and the text around it."""
    found: list[str | CodeBlock] = []
    at = 0
    for fence in _FENCED.finditer(text):
        lines = re.sub(rf"(?m)^[ \t]{{0,{len(fence[1])}}}", "", fence[4]).removesuffix("\n")
        code = CodeBlock(language=fence[3][:30], text=lines)
        found += [text[at : fence.start()].rstrip(), *([code] if code.text else [])]
        at = fence.end()
    return [part for part in (*found, text[at:]) if part]


def spans(text: str) -> list[dict[str, Any]]:
    """Divide a text at its backticks into plain text and code; a `block` is code of its own lines, from a fence."""
    found: list[dict[str, Any]] = []
    for part in around_code(text):
        found += _inline(part) if isinstance(part, str) else [{"text": part.text, "code": True, "block": True}]
    return [part for part in found if part["text"]]


def without_marks(text: str) -> str:
    """Give a text for a place that knows no code, such as a menu of a platform: the words without backticks."""
    return "".join(part["text"] for part in spans(text))


def _inline(text: str) -> list[dict[str, Any]]:
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one backtick has no partner: it is a sign like others
        parts[-2:] = ["`".join(parts[-2:])]
    return [{"text": part, "code": number % 2 == 1, "block": False} for number, part in enumerate(parts)]
