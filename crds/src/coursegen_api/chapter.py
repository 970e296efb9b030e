"""ChapterGeneration: one chapter, of a course or alone."""

from typing import Annotated

from pydantic import Field

from .base import (
    Artifact,
    IsoDuration,
    ManagedBy,
    Objective,
    ObjectName,
    ObjectStatus,
    OwnerId,
    ProficiencyLevel,
    Regeneration,
    Rule,
    StoreKey,
    TaskDeadline,
    Title,
)
from .base import Model as Base
from .kinds import (
    AGE,
    ERROR,
    MESSAGE,
    PHASE,
    PROGRESS,
    RETRIES,
    SELECT_PHASE,
    STAGE,
    WAITING,
    Column,
    Kind,
    Meta,
    immutable_fields,
    queue_name_rule,
)
from .task import CourseContext


class ChapterSpec(Base):
    """The chapter that is wanted."""

    chapter_id: OwnerId | None = Field(
        default=None, description="Your id of the chapter. Default: metadata.name. Example: chapter-7."
    )
    course_name: ObjectName | None = Field(
        default=None,
        description=(
            "The CourseGeneration, in the same namespace, that the chapter belongs to; leave it out for a chapter that "
            "stands alone, and set courseContext. Example: course-123."
        ),
    )
    course_context: CourseContext | None = Field(
        default=None, description="What the writer has to know of the course, for a chapter that stands alone."
    )
    index: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Place of the chapter in its course, from 1 to 100. Default: 1."
    )
    title: Title | None = Field(default=None, description="Title of the chapter, one line. Example: Loops.")
    learning_objectives: Annotated[list[Objective], Field(min_length=1, max_length=20)] | None = Field(
        default=None, description="What learners can do after the chapter, a line each. Example: [Write a for loop]."
    )
    estimated_duration: IsoDuration | None = Field(
        default=None, description="Learning time as an ISO 8601 duration. Example: PT2H."
    )
    complexity_level: ProficiencyLevel | None = Field(
        default=None, description="How hard the chapter is. Default: the course's proficiencyLevel."
    )
    outline_key: StoreKey | None = Field(
        default=None,
        description=(
            "Key of the outline in the object store that describes this chapter at its index; the operator sets it on "
            "the chapters that it creates. Example: 6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10/outline/3b1f.json."
        ),
    )
    provider_name: ObjectName | None = Field(
        default=None,
        description=(
            "The ModelProvider, in the same namespace, that writes. Default: the course's, else the embedded composer, "
            "which asks no model."
        ),
    )
    queue_name: ObjectName | None = Field(
        default=None,
        description="The GenerationQueue that the work goes through. You can change it until the work is admitted, and "
        "after its end. Default: chapter-generation.",
    )
    deadline_time: TaskDeadline = None
    managed_by: ManagedBy = None
    suspend: bool = Field(
        default=False,
        description="True starts nothing new; a running attempt ends normally. You can change it at any time. "
        "Default: false.",
    )
    regeneration: Regeneration | None = Field(
        default=None,
        description="A wish to make the chapter anew, from your feedback. Each new requestId is a new wish.",
    )


class ChapterStatus(ObjectStatus):
    """What is known of the chapter."""

    previous_artifact: Artifact | None = Field(
        default=None, description="The version from which a quality round made the present one."
    )
    title: str | None = Field(default=None, max_length=200, description="Title, as the chapter's document has it.")


class ChapterGeneration(Kind):
    """One chapter, of a course (courseName) or alone (courseContext); also its regeneration from feedback."""

    spec: ChapterSpec = Field(description="The chapter that is wanted.")
    status: ChapterStatus = Field(default_factory=ChapterStatus, description="What is known of it.")

    meta = Meta(
        plural="chaptergenerations",
        short="chaptergen",
        columns=(
            PHASE,
            PROGRESS,
            STAGE,
            WAITING,
            RETRIES,
            ERROR,
            AGE,
            Column("Course", "string", ".spec.courseName", wide=True),
            Column("Queue", "string", ".status.queueName", wide=True),
            Column("Next-Retry", "string", ".status.nextRetryTime", wide=True),
            Column("Title", "string", ".status.title", wide=True),
            MESSAGE,
        ),
        rules=(queue_name_rule(),),
        spec_rules=(
            *immutable_fields(
                "chapterId",
                "courseName",
                "courseContext",
                "title",
                "learningObjectives",
                "estimatedDuration",
                "complexityLevel",
                "outlineKey",
                "providerName",
                "managedBy",
            ),
            Rule(
                rule="self.index == oldSelf.index",
                message="index is immutable: create another object instead",
                field_path=".index",
            ),
            Rule(
                rule="has(self.courseName) != has(self.courseContext)",
                message=(
                    "set exactly one of courseName (a CourseGeneration) and courseContext (a chapter that stands alone)"
                ),
                field_path=".courseName",
            ),
            Rule(
                rule="has(self.outlineKey) || (has(self.title) && has(self.learningObjectives))",
                message="title and learningObjectives are needed, unless outlineKey names an outline that has them",
                field_path=".title",
            ),
        ),
        selectable=(".spec.courseName", SELECT_PHASE),
    )
