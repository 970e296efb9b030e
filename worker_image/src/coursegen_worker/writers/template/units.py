"""Units: the building blocks of the composer, written by people and kept as TOML files.

A unit teaches one thing: its objectives, ideas, an example, an exercise with a model solution, a usual
misconception, a recap and questions. There are two families. Topic units (`units/python/`) teach a
subject. Study units (`units/study/`) teach how to learn and practise any objective; their text has
places such as {topic} that are filled from the course's own words.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from coursegen_worker import markdown
from coursegen_worker.documents import Block, BloomLevel, CodeBlock, ListBlock, Paragraph

_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_OUTPUT = "output"
"""A fenced block in this language is what the code above it prints."""

Values = Mapping[str, str]


@dataclass(frozen=True)
class Passage:
    """A titled text: an idea, an example, a misconception."""

    title: str
    text: str
    objective: int = 1

    def blocks(self, values: Values) -> list[Block]:
        """Give the text as blocks, its places filled."""
        return text_blocks(self.text, values)


@dataclass(frozen=True)
class Exercise:
    """A task for the learner, and one good solution."""

    title: str
    text: str
    solution: str
    objective: int = 1


@dataclass(frozen=True)
class Quiz:
    """A multiple-choice question: the right answer and the wrong ones, each with what its chooser is told."""

    objective: int
    stem: str
    right: tuple[str, str]
    wrong: list[tuple[str, str]]


@dataclass(frozen=True)
class Unit:
    """One building block. Objectives are (level, text), and are counted from 1."""

    name: str
    title: str
    about: str
    """What the unit is about, as a noun phrase: fits behind `you know about`."""
    objectives: list[tuple[BloomLevel, str]]
    opening: str
    ideas: list[Passage]
    example: Passage
    exercise: Exercise
    misconception: Passage | None
    recap: list[str]
    questions: list[Quiz]
    deeper: Passage | None = None
    """For learners who know more already."""
    extra: list[Passage] = field(default_factory=list)
    """Further examples in easy words, for a chapter that is made easier or fuller."""
    practice: list[Exercise] = field(default_factory=list)
    """Further exercises."""
    cues: list[str] = field(default_factory=list)
    """Words of an objective that call for this unit."""


@cache
def load(family: str, name: str) -> Unit:
    """Read one unit; raises KeyError or TypeError where the file is not a whole unit."""
    text = (
        resources.files("coursegen_worker.writers.template").joinpath(f"units/{family}/{name}.toml").read_text("utf-8")
    )
    raw = tomllib.loads(text)
    return Unit(
        name=name,
        title=raw["title"],
        about=raw["about"],
        objectives=[(level, words) for level, words in raw["objectives"]],
        opening=raw["opening"],
        ideas=[Passage(**idea) for idea in raw["ideas"]],
        example=Passage(**raw["example"]),
        exercise=Exercise(**raw["exercise"]),
        misconception=Passage(**raw["misconception"]),
        recap=raw["recap"],
        questions=[_quiz(q) for q in raw["questions"]],
        deeper=Passage(**raw["deeper"]) if "deeper" in raw else None,
        extra=[Passage(**p) for p in raw.get("extra", [])],
        practice=[Exercise(**p) for p in raw.get("practice", [])],
        cues=raw.get("cues", []),
    )


@cache
def catalogue() -> dict[str, Any]:
    """Read which units there are, in which order, and which subjects and fields they serve."""
    text = resources.files("coursegen_worker.writers.template").joinpath("units/catalogue.toml").read_text("utf-8")
    return tomllib.loads(text)


def calls(text: str, cues: list[str]) -> bool:
    """Tell whether a cue, or its plural, stands in the text as a word; `build*` also calls for `building`."""
    words = "|".join(_cue(cue) for cue in cues)
    return bool(words) and re.search(rf"\b(?:{words})\b", text, re.IGNORECASE) is not None


def _cue(cue: str) -> str:
    before = r"\w*" if cue.startswith("*") else ""
    return before + re.escape(cue.strip("*")) + (r"\w*" if cue.endswith("*") else "s?")


def fill(text: str, values: Values) -> str:
    """Put values into places such as {topic}, once: a value that looks like a place stays as it is.

    A sentence or item that begins with a place begins with a capital.
    """

    def put(match: re.Match[str]) -> str:
        value = values[match[1]]
        before = text[: match.start()].rstrip()
        return value[:1].upper() + value[1:] if not before or before[-1] in ".!?" else value

    return _PLACE.sub(put, text)


def text_blocks(text: str, values: Values) -> list[Block]:
    """Read a unit's Markdown, then fill its places: what is filled in is never read as Markdown."""
    found: list[Block] = []
    for block in markdown.blocks(text.strip()):
        if isinstance(block, Paragraph):
            found.append(Paragraph(text=fill(block.text, values)))
        elif isinstance(block, ListBlock):
            found.append(block.model_copy(update={"items": [fill(i, values) for i in block.items]}))
        elif block.language == _OUTPUT and found and isinstance(found[-1], CodeBlock):
            found[-1] = found[-1].model_copy(update={"output": block.text})
        else:
            found.append(block)
    return found


def _quiz(raw: dict[str, Any]) -> Quiz:
    return Quiz(
        raw["objective"],
        raw["stem"],
        (raw["right"][0], raw["right"][1]),
        [(text, feedback) for text, feedback in raw["wrong"]],
    )
