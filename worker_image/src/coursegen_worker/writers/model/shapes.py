"""The forms that a model answers in, and what makes an answer of the right form a bad one.

A form has no bounds of its own: strict servers refuse them, and a server that keeps to a form gives empty strings all
the same. What counts is checked here, in sentences that tell the model what to do better.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from coursegen_worker import markdown
from coursegen_worker.exporters import language as scripts
from coursegen_worker.quality import language, prose
from coursegen_worker.words import ENGLISH
from coursegen_worker.writers.model import prompts

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CODE = re.compile(r"```.*?(?:```|$)|`[^`]*`", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"\n]{1,300}\"|“[^”\n]{1,300}”|„[^“”\n]{1,300}[“”]|«[^»\n]{1,300}»|「[^」\n]{1,300}」")
"""What a course about a language shows of it."""
_CATCH_ALL = re.compile(r"\b(all|none|both|neither) of the (above|others|options)\b", re.IGNORECASE)
MAX_TEXT, MAX_LINES = 12_000, 400
MAX_BLOCKS, MAX_STEP_BLOCKS = 60, 5
"""Paragraphs, lists and pieces of code in one text, and in one step of an example: a section holds 200 of them."""
MAX_LINE = 300
_LEAST_FOR_SCRIPT = 100
"""Characters: a shorter text may be a name."""
_SIGNS_A_WORD = 2
"""Of Chinese, Japanese, Thai and their like, which put no spaces between words."""


def _text(value: Any) -> Any:
    """Take out what no text of ours may have: control characters, and what XML and UTF-8 do not know."""
    if not isinstance(value, str):
        return value
    if len(value) > MAX_TEXT or value.count("\n") > MAX_LINES:
        raise ValueError(f"must have at most {MAX_TEXT} characters and {MAX_LINES} lines")
    plain = value.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return unicodedata.normalize("NFC", _NOT_TEXT.sub("", plain)).strip()


def _line(value: Any) -> Any:
    return " ".join(_text(value).split()) if isinstance(value, str) else value


Long = Annotated[str, BeforeValidator(_text)]
Line = Annotated[str, BeforeValidator(_line)]


class Shape(BaseModel):
    """Base of the forms: camelCase, and deaf to fields that were not asked for."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class SharedBrief(Shape):
    """Answers prompts.BRIEF."""

    class Entry(Shape):
        term: Line
        definition: Line

    audience: Line
    tone: Line
    running_example: Line
    glossary: list[Entry]


class Contents(Shape):
    """Answers prompts.CONTENTS."""

    class Entry(Shape):
        title: Line
        objectives: list[int]

    chapters: list[Entry]


class Contracts(Shape):
    """Answers prompts.CONTRACTS."""

    class Entry(Shape):
        number: int
        objectives: list[Line]
        teaches: list[Line]
        assumes: list[Line]
        must_not_cover: list[Line]

    chapters: list[Entry]


class Opening(Shape):
    """Answers prompts.OPENING."""

    text: Long


class Lesson(Shape):
    """Answers prompts.LESSON."""

    title: Line
    explanation: Long
    example_title: Line
    example_problem: Long
    example_steps: list[Long]
    example_result: Long


class Practice(Shape):
    """Answers prompts.PRACTICE."""

    exercise_title: Line
    exercise: Long
    solution: Long
    misconception_title: Line
    belief: Long
    correction: Long


class Closing(Shape):
    """Answers prompts.CLOSING."""

    points: list[Line]
    next: Line


class Quiz(Shape):
    """Answers prompts.QUIZ."""

    class Item(Shape):
        class Choice(Shape):
            text: Line
            feedback: Line

        objective: int
        stem: Long
        options: list[Choice]
        answer: int

    questions: list[Item]


class Rewritten(Shape):
    """Answers prompts.REWRITE."""

    title: Line
    text: Long
    change: Line


class RewrittenExercise(Rewritten):
    """Answers prompts.REWRITE_EXERCISE."""

    solution: Long


class Plainer(Shape):
    """Answers prompts.PLAINER."""

    class Entry(Shape):
        number: int
        text: Line

    sentences: list[Entry]


# ---- what is wrong with an answer -----------------------------------------------------------------------


def length(text: str) -> int:
    """Count words, roughly where a script does not divide them."""
    return len(text.split()) + sum(map(scripts.has_no_spaces, text)) // _SIGNS_A_WORD


def short(**fields: tuple[str, int]) -> list[str]:
    """Name the texts that have fewer words than they must, or are in pieces."""
    found = []
    for name, (text, least) in fields.items():
        count = length(text)
        if count < least:
            found.append(f"{to_camel(name)} has {count} words: write at least {least}.")
        found += crowded(to_camel(name), text, MAX_BLOCKS)
    return found


def crowded(name: str, text: str, most: int) -> list[str]:
    """Say so if a text falls into too many pieces."""
    count = len(markdown.blocks(text))
    return [f"{name} has {count} paragraphs: write at most {most}."] if count > most else []


def headless(**lines: str) -> list[str]:
    """Name the titles that are empty, or no title."""
    return [
        f"{to_camel(name)} must be a title of 1 to {MAX_LINE} characters."
        for name, text in lines.items()
        if not 1 <= len(text) <= MAX_LINE
    ]


def foreign(answer: BaseModel, wanted: str) -> list[str]:
    """Say so if one of an answer's texts, or all together, are not in the language wanted.

    Code does not count, nor do quotations: a Spanish course for English people has Spanish in it.
    Of a language other than English what can be told is that English is not it, and what is in another script.
    """
    texts = [_QUOTED.sub(" ", _CODE.sub(" ", text)) for text in _texts(answer.model_dump())]
    if any(_is_foreign(text, wanted) for text in (*texts, " ".join(texts))):
        name = prompts.language(wanted)
        return [f"The answer is not in {name}: write all of it in {name}."]
    return []


def _is_foreign(text: str, wanted: str) -> bool:
    words = prose.words(text)
    if len(words) >= language.LEAST_WORDS:
        if wanted == ENGLISH and not language.looks_english(words):
            return True
        if wanted != ENGLISH and language.plainly_english(words):
            return True
    return len(text) >= _LEAST_FOR_SCRIPT and scripts.is_in_another_script(text, wanted)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def many(name: str, count: int, least: int, most: int) -> list[str]:
    """Say so if there are too few or too many of something."""
    return [] if least <= count <= most else [f"{name} has {count} entries: give {least} to {most}."]


def of_lesson(answer: Lesson, words: int) -> list[str]:
    """Say what is wrong with a lesson."""
    return [
        *headless(title=answer.title, example_title=answer.example_title),
        *short(
            explanation=(answer.explanation, words * 2 // 3),  # a lesson that is a little short is no bad lesson
            example_problem=(answer.example_problem, 12),
            example_result=(answer.example_result, 8),
        ),
        *many("exampleSteps", len(answer.example_steps), 2, 12),
        *[f"exampleSteps.{n} is empty." for n, step in enumerate(answer.example_steps) if not step],
        *[
            flaw
            for n, step in enumerate(answer.example_steps)
            for flaw in crowded(f"exampleSteps.{n}", step, MAX_STEP_BLOCKS)
        ],
    ]


def of_practice(answer: Practice) -> list[str]:
    """Say what is wrong with an exercise and a misconception."""
    return [
        *headless(exercise_title=answer.exercise_title, misconception_title=answer.misconception_title),
        *short(
            exercise=(answer.exercise, 25),
            solution=(answer.solution, 30),
            belief=(answer.belief, 12),
            correction=(answer.correction, 20),
        ),
    ]


def of_closing(answer: Closing) -> list[str]:
    """Say what is wrong with a recap."""
    return [
        *many("points", len(answer.points), 3, 12),
        *[f"points.{n} has under 4 words." for n, point in enumerate(answer.points) if length(point) < 4],
        *short(next=(answer.next, 4)),
    ]


def of_quiz(answer: Quiz, objectives: int, each: int) -> list[str]:
    """Say what is wrong with questions; objectives are numbered from 1."""
    found = [flaw for n, item in enumerate(answer.questions) for flaw in _of_item(n, item, objectives)]
    for number in range(1, objectives + 1):
        count = sum(item.objective == number for item in answer.questions)
        if count < each:
            found.append(f"Objective {number} has {count} questions: write {each}.")
    stems = [item.stem for item in answer.questions]
    if len(set(stems)) < len(stems):
        found.append("Two questions are the same.")
    return found


def _of_item(number: int, item: Quiz.Item, objectives: int) -> list[str]:
    name = f"questions.{number}"
    texts = [option.text for option in item.options]  # `True` and `true`, Co and CO: capitals may be what is asked for
    found = many(f"{name}.options", len(texts), 3, 6)
    if not 1 <= item.objective <= objectives:
        found.append(f"{name}.objective must be a number from 1 to {objectives}.")
    if not 0 <= item.answer < len(texts):
        found.append(f"{name}.answer must be an index from 0 to {len(texts) - 1}.")
    if len(set(texts)) < len(texts) or not all(texts):
        found.append(f"{name}: all options must differ, and none may be empty.")
    if any(_CATCH_ALL.search(text) for text in texts):
        found.append(f"{name}: no option may speak of the others.")
    if any(length(option.feedback) < 3 for option in item.options):
        found.append(f"{name}: each option needs feedback of 3 words or more.")
    if length(item.stem) < 4:
        found.append(f"{name}.stem has under 4 words.")
    return found
