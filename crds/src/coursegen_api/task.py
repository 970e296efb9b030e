"""What operator and worker say to each other: the task, its result, its progress, and the exit codes.

The operator puts one `TaskInput` into the environment of a Pod. The worker answers with a
`TaskResult` in its termination message and an exit code, and on the way with `Progress` messages on
a Redis stream. Content never travels here: both name artifacts by key in the object store.
"""

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter

from .base import (
    Artifact,
    Cmi5Options,
    Count,
    ExportFormat,
    FailureClass,
    IsoDuration,
    Language,
    Model,
    ModelName,
    Objective,
    Objectives,
    OwnerId,
    ProficiencyLevel,
    ScormOptions,
    StoreKey,
    TaskTokens,
    Terms,
    Title,
    Usage,
)
from .budget import Prices
from .inuse import InUse

MAX_INPUT_BYTES = 64 * 1024
"""A task as JSON; the bounds of the schemas guarantee it (tests/unit/contract/test_task_bounds.py)."""

MAX_RESULT_BYTES = 4096
"""Kubernetes cuts a termination message here."""

MAX_CONTENT_BYTES = 10 * 1024 * 1024
"""Of content that this system did not make, in one file of the store; a ConfigMap holds less."""

MAX_RETRY_AFTER_SECONDS = 24 * 3600
"""No provider is waited for longer than this, whatever it says."""


_MAX_CHARACTER_BYTES = 6
"""What one character may take in JSON: an escape, like that of a control character."""


_EXPANDED = re.compile(r"\$[$(]")


class TaskKind(StrEnum):
    """The kinds of task that a worker knows."""

    OUTLINE = "outline"
    CHAPTER = "chapter"
    VALIDATION = "validation"
    EXPORT = "export"
    CLEANUP = "cleanup"


# ---- exit codes ---------------------------------------------------------------------------------

EXIT_OK = 0
EXIT_STOPPED = 30
"""The worker was told to stop (SIGTERM) and did."""

EXIT_CODES: dict[int, FailureClass] = {
    1: FailureClass.INTERNAL,
    10: FailureClass.INVALID_INPUT,
    11: FailureClass.REJECTED,
    20: FailureClass.RATE_LIMITED,
    21: FailureClass.PROVIDER_UNAVAILABLE,
    22: FailureClass.TIMEOUT,
    23: FailureClass.BAD_OUTPUT,
    24: FailureClass.STORAGE_UNAVAILABLE,
    25: FailureClass.QUALITY_BELOW_BAR,
    EXIT_STOPPED: FailureClass.STOPPED,
}
"""Failure class by exit code; the Job's podFailurePolicy ends the Job at once on each of them."""


def exit_code(failure: FailureClass) -> int:
    """Give the exit code of a class that a worker can report; KeyError for one only the operator sees."""
    return {v: k for k, v in EXIT_CODES.items()}[failure]


# ---- the task -------------------------------------------------------------------------------------


class Writer(Model):
    """Where the words come from. `template` is the embedded composer: no model, no key, no network.

    The key of a model's provider is not in here: it reaches the worker from its Secret.
    """

    type: Literal["template", "openai", "anthropic"] = Field(default="template", description="Which writer.")
    provider: Annotated[str, Field(max_length=63)] | None = None
    """The ModelProvider, to be named to people."""
    endpoint: Annotated[str, Field(max_length=256)] | None = None
    model: ModelName | None = None
    prices: Prices | None = None
    token_limit: TaskTokens = 200_000
    """Tokens that this attempt may send and receive."""
    parallel_requests: Annotated[int, Field(ge=1, le=32)] = 6


class CourseContext(Model):
    """What a chapter needs to know of its course."""

    title: Title = Field(description="Title of the course. Example: Python Programming.")
    language: Language | None = Field(
        default=None,
        description="Language that the text is written in, as a BCP 47 code. Another than English needs a model, which "
        "providerName names. Default: English. Example: de.",
    )
    subject_domain: Title | None = Field(default=None, description="Field of knowledge. Example: Computer Science.")
    proficiency_level: ProficiencyLevel = Field(
        default=ProficiencyLevel.BEGINNER, description="How much the learners know already. Default: beginner."
    )
    difficulty_score: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None, description="Difficulty from 0 (easiest) to 10. Example: 2.0."
    )


class OutlineTask(Model):
    """Divide a course into chapters; leaves an outline in the store."""

    kind: Literal[TaskKind.OUTLINE] = TaskKind.OUTLINE
    course_id: OwnerId
    course: CourseContext
    learning_objectives: Objectives
    estimated_duration: IsoDuration | None = None
    chapter_count: Annotated[int, Field(ge=1, le=100)] | None = None
    """Wanted number of chapters; the worker chooses one from duration and objectives where it is absent."""


class GlossaryTerms(StrEnum):
    """How the words of the learning objectives count for readability."""

    COUNT = "Count"
    EXEMPT = "Exempt"


class ChapterFeedback(Model):
    """Why a chapter is made anew, and from what."""

    request_id: OwnerId
    feedback: Annotated[str, Field(max_length=4000)] | None = None
    focus_area: Annotated[str, Field(max_length=63)] | None = None
    report_key: StoreKey | None = None
    """A quality report whose findings about this chapter are the feedback."""
    previous_key: StoreKey | None = None
    """The chapter as it was."""


class ChapterTask(Model):
    """Write one chapter, content and assessments; leaves a chapter document in the store."""

    kind: Literal[TaskKind.CHAPTER] = TaskKind.CHAPTER
    chapter_id: OwnerId
    course_id: OwnerId | None = None
    course: CourseContext
    index: Annotated[int, Field(ge=1, le=100)] = 1
    """Place in the course, from 1."""
    outline_key: StoreKey | None = None
    """The outline that has this chapter's contract at `index`; it wins over the fields below."""
    title: Title | None = None
    learning_objectives: Annotated[list[Objective], Field(max_length=20)] = Field(default_factory=list)
    estimated_duration: IsoDuration | None = None
    complexity_level: ProficiencyLevel | None = None
    min_readability_score: Annotated[float, Field(ge=0, le=100)] | None = None
    """The course's bar: the hardest sentences are rewritten until it is reached, twice at most. None: they are not."""
    glossary_terms: GlossaryTerms = GlossaryTerms.COUNT
    """Which score is held against that bar."""
    regeneration: ChapterFeedback | None = None


class ChapterRef(Model):
    """A finished chapter, by key."""

    index: Annotated[int, Field(ge=1, le=100)]
    key: StoreKey
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


ChapterIndexes = Annotated[list[Annotated[int, Field(ge=1, le=100)]], Field(max_length=100)]


class CourseMeta(Model):
    """What validation and export need to know of a course; its content comes by key."""

    course_id: OwnerId
    course: CourseContext
    learning_objectives: Annotated[list[Objective], Field(max_length=20)] = Field(default_factory=list)
    estimated_duration: IsoDuration | None = None
    missing_chapters: ChapterIndexes = Field(default_factory=list)
    """Indexes of chapters that failed and are left out (failurePolicy ExportPartial)."""


class QualityBar(Model):
    """What content must reach."""

    min_readability_score: Annotated[float, Field(ge=0, le=100)] = Field(
        default=80, description="Least Flesch reading ease, 0 to 100, higher is easier. Default: 80."
    )
    min_pedagogical_alignment: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.8, description="Least share of the objectives that is taught and assessed, 0 to 1. Default: 0.8."
    )
    check_bias: bool = Field(default=True, description="True looks for biased wording as well. Default: true.")
    allowed_terms: Terms = Field(
        default_factory=list,
        description=(
            "Words and phrases that the search for biased wording lets pass, such as the names of what the course is "
            "about. Default: none. Example: [freshman year]."
        ),
    )
    glossary_terms: GlossaryTerms = Field(
        default=GlossaryTerms.COUNT,
        description=(
            "How the long words of the learning objectives count for readability. Count: as all words do. Exempt: "
            "their syllables do not. The report has both scores. Default: Count."
        ),
    )


class Source(Model):
    """What is validated or exported: chapters of this system by key, or an artifact, or content mounted as a file."""

    meta: CourseMeta | None = None
    chapters: Annotated[list[ChapterRef], Field(max_length=100)] = Field(default_factory=list)
    artifact_key: StoreKey | None = None
    """A chapter or course document in the store, not necessarily made by this system."""
    content_path: Annotated[str, Field(max_length=200)] | None = None
    """A folder mounted from a ConfigMap: one chapter or course document (`*.json`), or Markdown (`*.md`)."""


class ValidationTask(Model):
    """Measure content against the bar; leaves a quality report in the store."""

    kind: Literal[TaskKind.VALIDATION] = TaskKind.VALIDATION
    source: Source
    bar: QualityBar


MAX_CHAPTER_COST = 10**12
"""Tokens or millionths of a dollar: no chapter costs more, and a hundred of them fit into one task."""
_Cost = Annotated[int, Field(ge=0, le=MAX_CHAPTER_COST)]


class ChapterUsage(Usage):
    """What a chapter has cost so far."""

    prompt_tokens: _Cost = 0
    completion_tokens: _Cost = 0
    cost_micro_usd: _Cost = Field(default=0, alias="costMicroUSD")


class ExportTask(Model):
    """Put content into one format; leaves the file in the store."""

    kind: Literal[TaskKind.EXPORT] = TaskKind.EXPORT
    source: Source
    format: ExportFormat
    include_assessments: bool = True
    scorm: ScormOptions | None = None
    """How a SCORM package is made; its defaults where absent."""
    cmi5: Cmi5Options | None = None
    """How a cmi5 package is made; its defaults where absent."""
    usage: Annotated[list[ChapterUsage | None], Field(max_length=100)] = Field(default_factory=list)
    """What each of the source's chapters has cost, in their order, for the format that tells it; else empty."""


class CleanupTask(Model):
    """Remove what is old and not in use from the namespace's part of the store; leaves a list of what it removed."""

    kind: Literal[TaskKind.CLEANUP] = TaskKind.CLEANUP
    retention_days: Annotated[int, Field(ge=2, le=3650)]
    in_use: InUse
    """What objects refer to; surely complete, perhaps with more in it."""


Work = Annotated[OutlineTask | ChapterTask | ValidationTask | ExportTask | CleanupTask, Field(discriminator="kind")]


class TaskInput(Model):
    """One task, whole: all that a worker is told, besides credentials."""

    v: Literal[1] = 1
    uid: str = Field(max_length=36)
    """metadata.uid of the object; the id of the task in progress messages."""
    namespace_uid: str = Field(pattern="^[0-9a-f-]{36}$")
    """First part of every store key of this task, read or written."""
    name: str = Field(max_length=63)
    revision: int = Field(ge=0)
    attempt: int = Field(ge=1)
    deadline_seconds: int = Field(ge=15, le=3600)
    """From the worker's own start; it ends itself as Timeout ten seconds before."""
    writer: Writer = Field(default_factory=Writer)
    probe: bool = False
    """The attempt probes an open circuit: what fails is reported at once, and not tried again within the attempt."""
    work: Work

    def to_json(self) -> str:
        """Give the compact JSON for the environment; raise ValueError over MAX_INPUT_BYTES.

        Kubernetes expands `$(NAME)` and shortens `$$` in a container's environment: neither is left as it is.
        """
        text = json.dumps(self.wire(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        text = _EXPANDED.sub(lambda found: r"\u0024(" if found[0] == "$(" else r"$\u0024", text)
        if len(text.encode()) > MAX_INPUT_BYTES:
            raise ValueError(f"task of {self.name} is {len(text.encode())} bytes, over {MAX_INPUT_BYTES}")
        return text


# ---- the result -------------------------------------------------------------------------------------


class OutlineSummary(Model):
    """What the operator needs of an outline to create the chapters."""

    chapter_count: Annotated[int, Field(ge=0, le=1000)]
    titles: list[str] = Field(default_factory=list)
    """The first titles, as many as fit; the others arrive with their chapters' results."""


Score = Annotated[float, Field(allow_inf_nan=False)]


class ChapterScore(Model):
    """Quality of one chapter, in short."""

    index: Annotated[int, Field(ge=1, le=100)] = Field(description="Place of the chapter in the course, from 1.")
    readability: Score | None = Field(
        default=None, description="Flesch reading ease; absent where it does not apply (under 100 words)."
    )
    alignment: Score | None = Field(
        default=None, description="Pedagogical alignment, 0 to 1; absent without objectives."
    )
    bias: Count = Field(default=0, description="Findings of biased wording that count against passing.")
    passed: bool = Field(description="True if each measure that applies reaches its bar.")


class QualitySummary(Model):
    """Quality of a source, in short; the report in the store has the findings."""

    passed: bool = Field(description="True if every chapter passed.")
    readability: Score | None = Field(default=None, description="Flesch reading ease of the worst chapter.")
    readability_method: str | None = Field(default=None, max_length=40, description="How readability was measured.")
    alignment: Score | None = Field(default=None, description="Pedagogical alignment of the worst chapter.")
    alignment_method: str | None = Field(default=None, max_length=40, description="How alignment was measured.")
    bias: Count = Field(default=0, description="Findings of biased wording, over all chapters.")
    bias_method: str | None = Field(default=None, max_length=40, description="How bias was looked for; absent if not.")
    below_bar: ChapterIndexes = Field(default_factory=list, description="Indexes of the chapters below the bar.")
    scores: Annotated[list[ChapterScore], Field(max_length=100)] = Field(
        default_factory=list, description="The chapters' scores, as many as fit."
    )


class CleanupSummary(Model):
    """What a clean-up did, in short; the list in the store (artifact) has the keys."""

    removed: Count = Field(description="Artifacts removed.")
    removed_bytes: Count = Field(description="Bytes that they had.")
    kept: Count = Field(description="Artifacts that stay: in use, too young, or perhaps in use.")
    complete: bool = Field(
        default=True, description="False if there was more to remove than time: the next run begins soon."
    )


def _without_surrogates(text: object) -> object:
    """Replace what no UTF-8 has, such as the undecodable part of a file's name in an exception."""
    return text.encode("utf-8", "replace").decode() if isinstance(text, str) else text


def _at_most_a_day(seconds: object) -> object:
    return min(seconds, MAX_RETRY_AFTER_SECONDS) if isinstance(seconds, int | float) else seconds


class TaskResult(Model):
    """A worker's last word: at most MAX_RESULT_BYTES of JSON in the termination message."""

    v: Literal[1] = 1
    failure_class: FailureClass | None = Field(default=None, alias="class")
    """Absent on success."""
    message: Annotated[str, BeforeValidator(_without_surrogates)] = ""
    retry_after_seconds: (
        Annotated[int, BeforeValidator(_at_most_a_day), Field(ge=0, le=MAX_RETRY_AFTER_SECONDS)] | None
    ) = None
    artifact: Artifact | None = None
    usage: Usage | None = None
    title: str | None = Field(default=None, max_length=200)
    """Title of a chapter that was written from an outline."""
    outline: OutlineSummary | None = None
    quality: QualitySummary | None = None
    cleanup: CleanupSummary | None = None

    def to_json(self) -> str:
        """Give at most MAX_RESULT_BYTES of UTF-8: scores, titles, then the message are cut to fit."""
        wire = self.wire()
        wire["message"] = _shortened(self.message, max(0, len(self.message) - MAX_RESULT_BYTES))
        while len(text := _compact(wire)) > MAX_RESULT_BYTES:
            if wire.get("quality", {}).get("scores"):
                wire["quality"]["scores"].pop()
            elif wire.get("outline", {}).get("titles"):
                wire["outline"]["titles"].pop()
            elif wire["message"] not in ("", "…"):
                excess = len(text) - MAX_RESULT_BYTES
                wire["message"] = _shortened(wire["message"], max(1, excess // _MAX_CHARACTER_BYTES))
            else:
                raise ValueError(f"result cannot be cut to {MAX_RESULT_BYTES} bytes")
        return text.decode()


def _shortened(text: str, by: int) -> str:
    """Cut at least `by` characters off the end, and say so."""
    return text[: max(0, len(text) - by - 1)].rstrip("…") + "…" if by else text


def _compact(wire: dict[str, Any]) -> bytes:
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode()


# ---- progress ----------------------------------------------------------------------------------------


class Progress(Model):
    """One message on the namespace's stream, in the stream's flat form of strings."""

    uid: str
    """metadata.uid of the object."""
    revision: int
    attempt: int
    pod_uid: str
    percentage: Annotated[int, Field(ge=0, le=100)]
    stage: Annotated[str, Field(max_length=63)]
    time: Annotated[float, Field(ge=0)]
    """Seconds since the epoch, by the worker's clock."""

    def fields(self) -> dict[str, str]:
        """Give the fields of the stream entry."""
        return {k: str(v) for k, v in self.model_dump(by_alias=True).items()}


TASK_INPUT = TypeAdapter(TaskInput)
TASK_RESULT = TypeAdapter(TaskResult)
