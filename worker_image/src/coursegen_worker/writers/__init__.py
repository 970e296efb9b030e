"""Where the words come from: the interface of writers, and the choice of one.

Writers are synchronous. The embedded composer is pure computation and must not pay for an event loop;
a writer that asks a model runs one of its own inside its methods (`asyncio.run`) and has its calls in
parallel there. Nothing outside needs to know: stops and deadlines end the process from another thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from coursegen_api.base import ProficiencyLevel, Usage
from coursegen_api.task import CourseContext, OutlineTask
from coursegen_api.task import Writer as WriterChoice
from coursegen_worker.documents import (
    Chapter,
    Contract,
    CourseBrief,
    Generator,
    LearningObjective,
    Outline,
    Question,
    Section,
)
from coursegen_worker.progress import Advance

if TYPE_CHECKING:
    from coursegen_worker.meter import Meter
    from coursegen_worker.store import Store


@dataclass(frozen=True)
class ChapterBrief:
    """All that a writer needs for one chapter, from the outline or, for a chapter alone, from the task."""

    chapter_id: str
    course_id: str | None
    course: CourseContext
    index: int
    title: str
    level: ProficiencyLevel
    objectives: list[LearningObjective]
    course_objective_ids: list[str] = field(default_factory=list)
    estimated_duration: str | None = None
    contract: Contract = field(default_factory=Contract)
    course_brief: CourseBrief | None = None
    plan: dict[str, Any] = field(default_factory=dict)

    def chapter(self, generator: Generator, sections: list[Section], questions: list[Question], **more: Any) -> Chapter:
        """Give the document of this chapter with what was written; `more` are fields that only one writer fills."""
        return Chapter(
            chapter_id=self.chapter_id,
            course_id=self.course_id,
            course=self.course,
            index=self.index,
            title=self.title,
            complexity_level=self.level,
            objectives=self.objectives,
            course_objective_ids=self.course_objective_ids,
            estimated_duration=self.estimated_duration,
            contract=self.contract,
            generator=generator,
            sections=sections,
            questions=questions,
            **more,
        )


@dataclass(frozen=True)
class Flaw:
    """One finding of a quality report: which measure, at which section or objective, and what to do."""

    measure: str
    place: str
    suggestion: str


@dataclass(frozen=True)
class Wish:
    """What a regeneration is to change."""

    feedback: str | None
    focus_area: str | None
    findings: list[Flaw] = field(default_factory=list)
    """What a quality report found about the chapter."""
    sections: frozenset[str] | None = None
    """Ids of the sections that the wish concerns; None: all. A writer that changes others has it put back."""
    request_id: str = ""
    """Which wish it is: the same words asked again are another one."""


@dataclass(frozen=True)
class Written:
    """A chapter and what it cost; `changes` says what a revision did, for people."""

    chapter: Chapter
    usage: Usage = field(default_factory=Usage)
    changes: list[str] = field(default_factory=list)


class Writer(Protocol):
    """Writes outlines and chapters, and writes chapters anew."""

    def identity(self) -> dict[str, Any]:
        """Name everything about the writer that decides its words; a part of every artifact's key."""

    def outline(self, task: OutlineTask, advance: Advance) -> tuple[Outline, Usage]:
        """Divide a course into chapters."""

    def chapter(self, brief: ChapterBrief, advance: Advance) -> Written:
        """Write one chapter with its questions."""

    def revise(self, previous: Chapter, wish: Wish, advance: Advance) -> Written:
        """Change a chapter as wished, keeping the ids of what stays."""


@runtime_checkable
class Rewriter(Protocol):
    """What a writer may also be able to do: put single sentences into plainer words."""

    def plainer(self, sentences: Sequence[str], chapter: Chapter) -> tuple[list[str | None], Usage]:
        """Give each sentence in plainer words, in their order, or None for one that stays as it is.

        Inline code, in backticks, stays as it is. Usage is all that the writer has cost in this process so far.
        """


@dataclass(frozen=True)
class Desk:
    """What a writer that asks a model works with: earlier work, the bill, and the time."""

    store: "Store"
    meter: "Meter"
    deadline: float
    """When the words have to be there, on the monotonic clock."""
    probe: bool = False
    """Passing errors of the provider are reported at once: the attempt is there to see whether there are any."""


def create(choice: WriterChoice, desk: Desk) -> Writer:
    """Make the writer that the task names; each imports its libraries here, or later still."""
    if choice.type == "template":
        from coursegen_worker.writers.template import TemplateWriter

        return TemplateWriter()
    from coursegen_worker.writers.model import ModelWriter

    return ModelWriter(choice, desk)
