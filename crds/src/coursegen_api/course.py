"""CourseGeneration: a course, from its outline to its exports."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import (
    CMI5_ONLY,
    QTI_IS_ASSESSMENTS,
    SCORM_ONLY,
    Artifact,
    Certainty,
    Cmi5Options,
    Condition,
    DeadlineTime,
    ErrorDetails,
    ExportFormat,
    HoldReason,
    IsoDuration,
    Language,
    ManagedBy,
    Model,
    Objectives,
    ObjectName,
    OwnerId,
    Phase,
    ProficiencyLevel,
    Regeneration,
    Requests,
    Rule,
    ScormOptions,
    StoreKey,
    TaskStatus,
    Time,
    Title,
    Usage,
    cel,
)
from .budget import CourseBudget
from .kinds import (
    AGE,
    ERROR,
    MESSAGE,
    PHASE,
    PROGRESS,
    RETRIES_WIDE,
    SELECT_PHASE,
    STAGE,
    WAITING,
    Column,
    Kind,
    Meta,
    immutable_fields,
    queue_name_rule,
)
from .task import ChapterIndexes, ChapterScore, QualityBar, QualitySummary

MAX_OBJECTIVES_SIZE = 200_000
"""Characters of the objectives of all given chapters: 100 chapters, each with 20 objectives of 100 characters."""


class TargetAudience(Model):
    """Who the course is for."""

    proficiency_level: ProficiencyLevel = Field(
        default=ProficiencyLevel.BEGINNER, description="How much the learners know already. Default: beginner."
    )


class Chapter(Model):
    """A chapter that the author has planned already."""

    id: OwnerId = Field(description="Your id of the chapter, unique in the course. Example: chapter-7.")
    title: Title = Field(description="Title of the chapter, one line. Example: Loops.")
    learning_objectives: Objectives = Field(
        description="What learners can do after the chapter, a line each. Example: [Write a for loop]."
    )
    estimated_duration: IsoDuration | None = Field(
        default=None, description="Learning time as an ISO 8601 duration. Example: PT2H."
    )
    complexity_level: ProficiencyLevel | None = Field(
        default=None, description="How hard the chapter is. Default: the course's proficiencyLevel."
    )


class Export(Model):
    """A file that is made of the finished course."""

    model_config = Model.model_config | {"json_schema_extra": cel(SCORM_ONLY, CMI5_ONLY, QTI_IS_ASSESSMENTS)}

    format: ExportFormat = Field(
        description="The file's format: pdf, scorm, json, epub, qti (the questions alone), markdown, html or cmi5."
    )
    include_assessments: bool = Field(
        default=True,
        description="True puts the questions and answers into the file; qti holds nothing else. Default: true.",
    )
    scorm: ScormOptions | None = Field(
        default=None,
        description="How the SCORM package is made; only with format scorm. Default: SCORM 1.2 with one unit.",
    )
    cmi5: Cmi5Options | None = Field(
        default=None, description="How the cmi5 package is made; only with format cmi5. Default: one unit."
    )


class BelowBar(StrEnum):
    """What happens to a course that misses its quality bar."""

    DELIVER = "Deliver"
    FAIL = "Fail"


class Quality(QualityBar):
    """What the content must reach, and what happens if it does not."""

    enabled: bool = Field(
        default=True, description="True validates the chapters before the exports are made. Default: true."
    )
    max_regenerations: Annotated[int, Field(ge=0, le=3)] = Field(
        default=1,
        description=(
            "Rounds in which chapters below the bar are made anew from the findings; the better version is kept. "
            "0 makes none. Default: 1."
        ),
    )
    below_bar: BelowBar = Field(
        default=BelowBar.DELIVER,
        description=(
            "What happens below the bar. Deliver: the course succeeds and says QualityPassed=False. Fail: the course "
            "fails. Default: Deliver."
        ),
    )


class QualityRound(Model):
    """Chapters below the bar that the operator has made anew, with the validator's findings as feedback."""

    number: int = Field(ge=1, description="Which round, from 1; counted anew when other chapters are asked for.")
    revision: int | None = Field(default=None, ge=0, description="The course's revision in which the round began.")
    report_key: StoreKey = Field(description="Key of the quality report with the findings.")
    chapters: ChapterIndexes = Field(description="Indexes of the chapters that are made anew.")
    earlier: ChapterIndexes = Field(
        default_factory=list, description="Those of them whose version before the last round was the better one."
    )
    scores: Annotated[list[ChapterScore], Field(max_length=100)] = Field(
        default_factory=list, description="Their scores before the round, as far as the validation gave them."
    )
    judged: bool = Field(default=False, description="True once the new versions have been compared with the old ones.")


class FailurePolicy(StrEnum):
    """What happens to a course of which a chapter fails for good."""

    FAIL = "Fail"
    EXPORT_PARTIAL = "ExportPartial"


class CourseSpec(Model):
    """The course that is wanted."""

    course_id: OwnerId | None = Field(
        default=None, description="Your id of the course. Default: metadata.name. Example: course-123."
    )
    title: Title = Field(description="Title of the course, one line. Example: Python Programming.")
    language: Language | None = Field(
        default=None,
        description="Language that the course is written in, as a BCP 47 code. Another than English needs a model, "
        "which providerName names. Default: English. Example: de.",
    )
    subject_domain: Title | None = Field(default=None, description="Field of knowledge. Example: Computer Science.")
    target_audience: TargetAudience = Field(
        default_factory=TargetAudience,
        description="Who the course is for. Default: beginners.",
        json_schema_extra={"default": {}},
    )
    learning_objectives: Objectives = Field(
        description="What learners can do after the course, a line each. Example: [Learn Python basics]."
    )
    estimated_duration: IsoDuration | None = Field(
        default=None, description="Learning time of the whole course as an ISO 8601 duration. Example: PT20H."
    )
    difficulty_score: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None, description="Difficulty from 0 (easiest) to 10. Example: 2.0."
    )
    chapter_count: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description=(
            "Number of chapters that the outline shall have, 1 to 100. Default: about one for two hours of "
            "estimatedDuration. Example: 12."
        ),
    )
    chapters: Annotated[list[Chapter], Field(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="The chapters, 1 to 100, if you have planned them. Default: the outline decides.",
        json_schema_extra=cel(
            Rule(
                rule="self.all(c, self.exists_one(d, d.id == c.id))",
                message="two chapters have the same id: give each its own",
            ),
            # Every bound at once would make 2.4 MB, which etcd refuses in words that name no field.
            Rule(
                rule=f"self.map(c, c.learningObjectives.map(o, o.size()).sum()).sum() <= {MAX_OBJECTIVES_SIZE}",
                message=f"the objectives have more than {MAX_OBJECTIVES_SIZE} characters in all chapters: shorten them",
            ),
        ),
    )
    exports: Annotated[list[Export], Field(max_length=len(ExportFormat))] = Field(
        default_factory=list,
        description=(
            "Files to make of the finished course, at most one for each format. You can add one at any time. "
            "Default: none."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["format"]},
    )
    quality: Quality = Field(
        default_factory=Quality,
        description="What the content must reach. Default: the defaults of its fields.",
        json_schema_extra={"default": {}},
    )
    failure_policy: FailurePolicy = Field(
        default=FailurePolicy.FAIL,
        description=(
            "What happens when a chapter fails for good. Fail: the course fails. ExportPartial: the course delivers "
            "the other chapters and says which are missing. Default: Fail."
        ),
    )
    budget: CourseBudget | None = Field(
        default=None,
        description="What the course may cost; beyond it, its work is held until you raise it. Default: no limit.",
    )
    provider_name: ObjectName | None = Field(
        default=None,
        description=(
            "The ModelProvider, in the same namespace, that writes. Default: the embedded composer, which asks no "
            "model."
        ),
    )
    queue_name: ObjectName | None = Field(
        default=None,
        description=(
            "The GenerationQueue that the outline goes through. You can change it until the course is admitted, and "
            "after its end. Default: course-generation."
        ),
    )
    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=10 * 365 * 24 * 3600)] | None = Field(
        default=None,
        description=(
            "Seconds after its end in which the course, with all that it owns, is deleted; files in the object store "
            "stay. Never done to a course that a GitOps tool tracks. Default: never. Example: 604800."
        ),
    )
    deadline_time: DeadlineTime | None = Field(
        default=None,
        description=(
            "When the course should be finished; its children go by it. What has least time to spare goes first among "
            "the waiting work of a namespace; a deadline that passes ends nothing. You can change it at any time. "
            "Default: none. Example: 2027-03-01T08:00:00Z."
        ),
    )
    managed_by: ManagedBy = None
    suspend: bool = Field(
        default=False,
        description="True starts nothing new; what runs ends normally. You can change it at any time. Default: false.",
    )
    regeneration: Regeneration | None = Field(
        default=None,
        description="A wish to make every chapter anew, from your feedback. Each new requestId is a new wish.",
    )


class ChapterCounts(Model):
    """The course's chapters by state."""

    total: int = Field(default=0, ge=0, description="All chapters of the course.")
    succeeded: int = Field(default=0, ge=0, description="Chapters whose content is in the store.")
    running: int = Field(default=0, ge=0, description="Chapters whose Job has been created and has not ended.")
    held: int = Field(default=0, ge=0, description="Chapters that wait; each says why.")
    failed: int = Field(default=0, ge=0, description="Chapters that have failed or were cancelled.")
    summary: str | None = Field(default=None, max_length=16, description="Succeeded of total, for people: 7/12.")


class ExportState(Model):
    """One export of the course."""

    format: ExportFormat = Field(description="The format.")
    name: str = Field(max_length=63, description="The CourseExport that makes it.")
    phase: Phase | None = Field(default=None, description="Its phase.")
    artifact: Artifact | None = Field(default=None, description="The file in the object store.")


class CourseStatus(Model):
    """What is known of the course; rolled up from the outline step and the children."""

    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that this status was made from.")
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list,
        description="Ready, Reconciling, Stalled, Admitted, Succeeded, Finished and QualityPassed.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    phase: Phase | None = Field(default=None, description="One word for people, derived from the conditions.")
    stage: str | None = Field(
        default=None, max_length=63, description="Outline, Chapters, Validation, Exports or Done."
    )
    revision: int = Field(
        default=0, ge=0, description="Counts accepted regenerations and manual retries, the chapters' among them."
    )
    requests: Requests | None = Field(default=None, description="The last request of each kind acted on.")
    progress_percentage: int = Field(default=0, ge=0, le=100, description="How far the course is, in percent.")
    progress_time: Time | None = Field(
        default=None, description="When percentage and counts were rolled up; at most every five seconds."
    )
    hold_reason: HoldReason | None = Field(default=None, description="Why the course does not go on now.")
    hold_message: str | None = Field(
        default=None, max_length=1024, description="What it waits for and what would free it."
    )
    start_time: Time | None = Field(default=None, description="When the course was given a course slot.")
    completion_time: Time | None = Field(default=None, description="When this revision reached its end.")
    estimated_completion_time: Time | None = Field(
        default=None,
        description="When the course should be finished, from what was measured; changes only if it moved noticeably.",
    )
    estimate_certainty: Certainty | None = Field(
        default=None,
        description=(
            "How good that estimate is. High: much was measured, and all work has its slot. Low: something waits, or "
            "little was measured. Unknown: no estimate, since of work that lies ahead hardly anything was measured, or "
            "it waits for people."
        ),
    )
    outline: TaskStatus | None = Field(default=None, description="The outline step; absent with given chapters.")
    outline_titles: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)] = Field(
        default_factory=list, description="The outline's chapter titles, as many as fit into a worker's result."
    )
    chapters: ChapterCounts | None = Field(default=None, description="The chapters by state.")
    missing_chapters: Annotated[list[int], Field(max_length=100)] = Field(
        default_factory=list, description="Indexes of chapters that are left out of the exports."
    )
    stopped: bool | None = Field(
        default=None, description="True if a person stopped it: what had not succeeded by then is left out."
    )
    validation: QualitySummary | None = Field(default=None, description="Result of the last validation.")
    quality_round: QualityRound | None = Field(
        default=None, description="The last round in which chapters below the bar were made anew."
    )
    kept_chapters: ChapterIndexes = Field(
        default_factory=list,
        description="Indexes of chapters whose version before their last round is used.",
    )
    exports: Annotated[list[ExportState], Field(max_length=len(ExportFormat))] = Field(
        default_factory=list,
        description="The exports by format.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["format"]},
    )
    usage: Usage | None = Field(default=None, description="What the course has cost so far, all attempts together.")
    retry_count: int = Field(default=0, ge=0, description="Counted failures of this revision, over all its work.")
    error_details: ErrorDetails | None = Field(default=None, description="The last failure.")


class CourseGeneration(Kind):
    """A course: outline, then its chapters, then validation, then exports."""

    spec: CourseSpec = Field(description="The course that is wanted.")
    status: CourseStatus = Field(default_factory=CourseStatus, description="What is known of it.")

    meta = Meta(
        plural="coursegenerations",
        short="coursegen",
        columns=(
            PHASE,
            PROGRESS,
            STAGE,
            Column("Chapters", "string", ".status.chapters.summary"),
            WAITING,
            ERROR,
            AGE,
            Column("Running", "integer", ".status.chapters.running", wide=True),
            Column("Held", "integer", ".status.chapters.held", wide=True),
            Column("Failed", "integer", ".status.chapters.failed", wide=True),
            RETRIES_WIDE,
            Column("Quality", "string", ".status.conditions[?(@.type=='QualityPassed')].status", wide=True),
            Column("Estimate", "string", ".status.estimatedCompletionTime", wide=True),
            Column("Title", "string", ".spec.title", wide=True),
            MESSAGE,
        ),
        rules=(queue_name_rule(),),
        spec_rules=(
            *immutable_fields(
                "courseId",
                "title",
                "language",
                "subjectDomain",
                "targetAudience",
                "learningObjectives",
                "estimatedDuration",
                "difficultyScore",
                "chapterCount",
                "chapters",
                "providerName",
                "managedBy",
            ),
            Rule(
                rule="!has(self.language) || self.language.startsWith('en') || has(self.providerName)",
                message="the embedded composer writes English only: name a ModelProvider in providerName",
                field_path=".language",
            ),
            Rule(
                rule="!(has(self.chapters) && has(self.chapterCount))",
                message="chapterCount is for a course whose outline is to be made: leave it out with given chapters",
                field_path=".chapterCount",
            ),
            Rule(
                rule="!has(oldSelf.exports) || (has(self.exports) && oldSelf.exports.all(o, self.exports.exists(n, "
                "n.format == o.format && n.includeAssessments == o.includeAssessments && "
                "has(n.scorm) == has(o.scorm) && (!has(o.scorm) || n.scorm == o.scorm) && "
                "has(n.cmi5) == has(o.cmi5) && (!has(o.cmi5) || n.cmi5 == o.cmi5))))",
                message="an export cannot be changed or taken away: add another format",
                field_path=".exports",
            ),
        ),
        selectable=(SELECT_PHASE,),
    )
