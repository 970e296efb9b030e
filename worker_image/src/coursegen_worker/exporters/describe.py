"""What every export for people says about a course: its facts, who wrote it, what is missing."""

from collections.abc import Iterator
from typing import Any

from coursegen_worker import durations
from coursegen_worker.documents import Chapter, Course, ListBlock, Paragraph

LABELS = {"example": "Example", "exercise": "Exercise", "misconception": "Watch out", "recap": "Recap"}
"""What the layout calls the kinds of sections that stand out."""
LETTERS = "ABCDEFGHIJ"
"""The names of a question's options."""


def course_facts(course: Course) -> list[str]:
    """Give the course's facts as short lines: field, level, time, difficulty."""
    context = course.course
    facts = [
        context.subject_domain or "",
        f"For {context.proficiency_level.value} learners",
        f"About {_time(course.estimated_duration)} of study" if course.estimated_duration else "",
        f"Difficulty {context.difficulty_score:g} of 10" if context.difficulty_score is not None else "",
    ]
    return [fact for fact in facts if fact]


def chapter_facts(chapter: Chapter) -> str:
    """Give a chapter's level and time in one line."""
    time = f"about {_time(chapter.estimated_duration)}" if chapter.estimated_duration else ""
    revised = f"revision {len(chapter.revisions)}" if chapter.revisions else ""
    return " · ".join(part for part in (chapter.complexity_level.value.capitalize(), time, revised) if part)


def notes(course: Course) -> list[str]:
    """Give what a reader must know: who wrote the text, and which chapters are missing."""
    found = [generator.note or f"Written by {generator.model or generator.writer}." for generator in course.generators]
    if course.missing_chapters:
        several = len(course.missing_chapters) > 1
        numbers = ", ".join(map(str, course.missing_chapters))
        found.append(
            f"This course is not complete: chapter{'s' if several else ''} {numbers} could not be made and "
            f"{'are' if several else 'is'} left out."
        )
    return found


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


def spans(text: str) -> list[dict[str, Any]]:
    """Divide a text at its backticks into plain text and code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one backtick has no partner: it is a sign like others
        parts[-2:] = ["`".join(parts[-2:])]
    return [{"text": part, "code": number % 2 == 1} for number, part in enumerate(parts) if part]


def _time(duration: str) -> str:
    return durations.words(duration)
