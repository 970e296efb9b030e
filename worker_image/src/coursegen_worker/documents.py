"""The documents that lie in the store: outline, chapter, quality report.

They are JSON in camelCase. Text is plain text in which `backticks` mark code; nothing else in it is
markup, wherever it came from. A document carries a digest of itself, so that a reader can tell
a whole one from a damaged one, and writing it in one piece is its commit.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from coursegen_api.base import Model, ProficiencyLevel, Usage
from coursegen_api.task import CourseContext

BloomLevel = Literal["remember", "understand", "apply", "analyse", "evaluate", "create"]
Text = Annotated[str, Field(max_length=20_000)]
Id = Annotated[str, Field(min_length=1, max_length=80)]


class DamagedError(Exception):
    """The bytes are not a whole document of the expected kind."""


class Document(Model):
    """Base of what is stored: sealed with the SHA-256 of its own canonical JSON."""

    schema_version: Literal[1] = 1
    digest: str = ""

    def seal(self) -> bytes:
        """Give the document's bytes, digest included; the same document gives the same bytes."""
        wire = self.wire()
        wire["digest"] = _digest(wire)
        return _canonical(wire)


D = TypeVar("D", bound=Document)


def unseal(data: bytes, kind: type[D]) -> D:
    """Read a sealed document; raises DamagedError if a byte of it is not what was sealed."""
    try:
        wire = json.loads(data)
        if not isinstance(wire, dict) or wire.get("digest") != _digest(wire):
            raise DamagedError("its digest does not match its content")
        return kind.model_validate(wire)
    except (ValueError, ValidationError) as error:
        raise DamagedError(f"it is not a {kind.__name__.lower()} document: {error}") from error


def _digest(wire: dict[str, Any]) -> str:
    return hashlib.sha256(_canonical({k: v for k, v in wire.items() if k != "digest"})).hexdigest()


def _canonical(wire: dict[str, Any]) -> bytes:
    return json.dumps(wire, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


# ---- what documents are made of ---------------------------------------------------------------------


class Generator(Model):
    """Who wrote it. `note` is shown to readers of every export."""

    writer: str
    llm: bool | None = None
    """Absent where it is not known: content that came from elsewhere."""
    version: str
    model: str | None = None
    note: str = ""


class LearningObjective(Model):
    """What a learner can do afterwards, with its level in Bloom's taxonomy."""

    id: Id
    text: Text
    bloom_level: BloomLevel


class Contract(Model):
    """What a chapter promises to its neighbours, so that chapters can be written apart."""

    teaches: list[Text] = Field(default_factory=list)
    assumes: list[Text] = Field(default_factory=list)
    must_not_cover: list[Text] = Field(default_factory=list)


class Paragraph(Model):
    """Running text."""

    type: Literal["paragraph"] = "paragraph"
    text: Text


class ListBlock(Model):
    """A list; `ordered` where the order matters, and `start` where its first number is not 1."""

    type: Literal["list"] = "list"
    ordered: bool = False
    start: Annotated[int, Field(ge=0)] | None = None
    """A list goes on behind the code or the text that stood between two of its items."""
    items: Annotated[list[Text], Field(min_length=1, max_length=100)]

    @property
    def first(self) -> int:
        """The number of the first item."""
        return 1 if self.start is None else self.start


class CodeBlock(Model):
    """Text in which every space counts; `output` is what running it prints."""

    type: Literal["code"] = "code"
    language: Annotated[str, Field(max_length=30)] = ""
    text: Text
    output: Text | None = None


Block = Annotated[Paragraph | ListBlock | CodeBlock, Field(discriminator="type")]
SectionKind = Literal["introduction", "concept", "example", "exercise", "misconception", "recap"]


class Section(Model):
    """One step of a chapter. `solution` is the model solution of an exercise."""

    id: Id
    kind: SectionKind
    title: Text
    objective_ids: list[Id] = Field(default_factory=list)
    blocks: Annotated[list[Block], Field(max_length=200)]
    solution: Annotated[list[Block], Field(max_length=100)] | None = None


class Option(Model):
    """One answer to choose, and what its chooser is told."""

    text: Text
    feedback: Text


class Question(Model):
    """A multiple-choice question; `answer` is the index of the right option."""

    id: Id
    objective_id: Id
    stem: Text
    options: Annotated[list[Option], Field(min_length=2, max_length=10)]
    answer: Annotated[int, Field(ge=0, le=9)]

    @field_validator("answer")
    @classmethod
    def _is_an_option(cls, answer: int, info: ValidationInfo) -> int:
        count = len(info.data.get("options", ()))
        if count and answer >= count:
            raise ValueError(f"{answer} is the index of no option: there are {count}, counted from 0")
        return answer


class Scores(Model):
    """The two measures of a chapter, each absent where it does not apply."""

    readability: float | None = None
    alignment: float | None = None
    alignment_method: str | None = None


class Revision(Model):
    """One regeneration: who asked for what, what was done, and what it did to the scores."""

    request_id: str
    focus_area: str | None = None
    feedback: Text | None = None
    changes: list[Text] = Field(default_factory=list)
    rewritten: list[Id] = Field(default_factory=list)
    """Sections and questions that are new or were written anew; the others are as they were."""
    before: Scores | None = None
    after: Scores
    refused: Text | None = None
    """Why the new version, whose scores are in `after`, was not taken: the chapter is as it was before."""


# ---- the documents -----------------------------------------------------------------------------------


class Term(Model):
    """One word of the course's glossary, with the one definition that every chapter keeps to."""

    term: Text
    definition: Text


class CourseBrief(Model):
    """What all chapters of a course share, frozen before any is written, so that they can be written apart."""

    audience: Text
    tone: Text
    running_example: Text
    glossary: Annotated[list[Term], Field(max_length=30)] = Field(default_factory=list)


class OutlineChapter(Model):
    """One chapter as planned."""

    index: Annotated[int, Field(ge=1, le=100)]
    title: Text
    objectives: list[LearningObjective]
    course_objective_ids: list[Id]
    estimated_duration: str | None = None
    contract: Contract
    plan: dict[str, Any] = Field(default_factory=dict)
    """What the writer of the outline leaves for the writer of the chapter; no one else reads it."""


class Outline(Document):
    """A course divided into chapters."""

    kind: Literal["outline"] = "outline"
    course_id: str
    course: CourseContext
    objectives: list[LearningObjective]
    estimated_duration: str | None = None
    generator: Generator
    brief: CourseBrief | None = None
    """Absent where the writer needs none."""
    chapters: Annotated[list[OutlineChapter], Field(min_length=1, max_length=100)]


class Chapter(Document):
    """One chapter, content and assessments."""

    kind: Literal["chapter"] = "chapter"
    chapter_id: str
    course_id: str | None = None
    course: CourseContext
    index: Annotated[int, Field(ge=1, le=100)]
    title: Text
    complexity_level: ProficiencyLevel
    objectives: list[LearningObjective]
    course_objective_ids: list[Id] = Field(default_factory=list)
    estimated_duration: str | None = None
    contract: Contract = Field(default_factory=Contract)
    generator: Generator
    sections: Annotated[list[Section], Field(min_length=1, max_length=200)]
    questions: Annotated[list[Question], Field(max_length=200)] = Field(default_factory=list)
    revisions: list[Revision] = Field(default_factory=list)
    brief: CourseBrief | None = None
    """What all chapters of the course share; absent where the writer needs none."""
    plan: dict[str, Any] = Field(default_factory=dict)
    """What the writer leaves for a later revision by itself; no one else reads it."""


class Course(Model):
    """A course as it is validated and exported: put together from chapters, never stored itself."""

    course_id: str
    course: CourseContext
    objectives: list[LearningObjective] = Field(default_factory=list)
    estimated_duration: str | None = None
    chapters: Annotated[list[Chapter], Field(min_length=1, max_length=100)]
    missing_chapters: list[int] = Field(default_factory=list)
    """Indexes of chapters that could not be made and are left out."""
    hashes: dict[int, str] = Field(default_factory=dict)
    """SHA-256 of each chapter's document in the store, by index."""
    usage: dict[int, Usage] = Field(default_factory=dict)
    """What each chapter has cost, by index, as far as it is known."""

    @property
    def generators(self) -> list[Generator]:
        """Who wrote the chapters, each once."""
        return list({g.model_dump_json(): g for g in (c.generator for c in self.chapters)}.values())
