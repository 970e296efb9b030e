"""What the HTTP API answers: fields in snake_case, times in RFC 3339, amounts with their unit in the name."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

_UID, _TIME = "0acb5d2e-7f0b-4c57-9a31-2f6a1f0f9d11", "2026-01-01T09:00:00Z"
"""Of a field's examples; examples.py has those of whole answers."""

_CERTAINTY = (
    "How good that time is. High: much was measured, and all work has its slot. Low: something waits, or little was "
    "measured. Unknown: there is no time."
)

Kind = Literal["course", "chapter", "validation", "export"]
Phase = Literal["Pending", "Held", "Running", "Succeeded", "Failed", "Cancelled", "Suspended"]


class Answer(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(extra="ignore")


class Artifact(Answer):
    """The result, to be had from `/api/v1/tasks/{task_id}/artifact`."""

    sha256: str = Field(description="SHA-256 of the bytes, in hex.")
    bytes: int = Field(description="Size in bytes.")
    media_type: str = Field(description="Media type, for example application/pdf.")


class ErrorDetails(Answer):
    """The last failure."""

    failure_class: str = Field(description="Why, from the closed list of failure classes.")
    message: str = Field(description="What happened.")
    attempt: int = Field(description="Number of the attempt that failed.")
    time: str = Field(description="When it was recorded.")


class Usage(Answer):
    """What the work cost at the model provider."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_micro_usd: int = 0
    cached: bool = False


class ChapterCounts(Answer):
    """A course's chapters by state."""

    total: int = 0
    succeeded: int = 0
    running: int = 0
    held: int = 0
    failed: int = 0


class Task(Answer):
    """One piece of work: a course, chapter, validation or export."""

    task_id: str = Field(description="metadata.uid of the object: the id in every call and WebSocket.", examples=[_UID])
    kind: Kind = Field(examples=["chapter"])
    name: str = Field(description="metadata.name of the object.", examples=["course-123-chapter-03"])
    namespace: str = Field(examples=["courses"])
    title: str = Field(examples=["Loops and lists"])
    course_id: str | None = Field(
        default=None, description="The owner's id of the course that it belongs to.", examples=["course-123"]
    )
    course_task_id: str | None = Field(default=None, description="The course's task_id.")
    chapter_id: str | None = None
    index: int | None = Field(default=None, description="Place of a chapter in its course.")
    format: str | None = Field(default=None, description="Format of an export.")
    phase: Phase = Field(examples=["Running"])
    progress_percentage: int = Field(default=0, ge=0, le=100, examples=[62])
    progress_time: str | None = Field(default=None, examples=[_TIME])
    stage: str | None = Field(default=None, examples=["Writing sections"])
    queue_name: str | None = Field(default=None, examples=["chapter-generation"])
    suspended: bool = False
    hold_reason: str | None = None
    hold_message: str | None = None
    revision: int = 0
    attempt: int = Field(default=0, description="Number of the last attempt; 0 before the first.")
    retry_count: int = 0
    next_retry_time: str | None = None
    created_time: str = Field(examples=[_TIME])
    queued_time: str | None = None
    start_time: str | None = None
    completion_time: str | None = None
    runtime_seconds: float | None = Field(default=None, description="How long the last attempt took, from slot to end.")
    estimated_completion_time: str | None = Field(
        default=None, description="When a course should be finished; null as long as that is not known."
    )
    estimate_certainty: str | None = Field(default=None, description=_CERTAINTY)
    error_details: ErrorDetails | None = None
    usage: Usage | None = None
    artifact: Artifact | None = None
    chapters: ChapterCounts | None = Field(default=None, description="A course's chapters by state.")
    missing_chapters: list[int] | None = Field(
        default=None, description="Numbers of the chapters that a course was delivered without: a retry writes them."
    )


class Attempt(Answer):
    """One Job."""

    number: int
    job_name: str
    admission_time: str
    start_time: str | None = None
    completion_time: str | None = None
    outcome: str | None = Field(default=None, description="Absent while it runs.")
    failure_class: str | None = None
    counted: bool | None = None
    message: str | None = None


class TaskDetail(Task):
    """A piece of work with everything that is known of it."""

    attempts: list[Attempt] = Field(default_factory=list, description="The last ten attempts of this revision.")
    conditions: list[dict[str, Any]] = Field(default_factory=list)
    spec: dict[str, Any] = Field(default_factory=dict, description="What was asked for.")
    pods: list[str] = Field(default_factory=list, description="Worker Pods that still exist.")
    outline: dict[str, Any] | None = Field(default=None, description="A course's outline step.")
    quality: dict[str, Any] | None = Field(default=None, description="What a validation measured.")


class Position(Answer):
    """Where a task stands among what waits for a slot, if nobody comes before it meanwhile."""

    available: bool = Field(description="Whether the operator said it; if not, `reason` says why.")
    reason: str = ""
    waiting: bool = Field(default=False, description="Whether it waits for a slot at all.")
    queue_name: str | None = Field(
        default=None,
        description="The queue; null for a course that waits for a course slot.",
        examples=["chapter-generation"],
    )
    ahead: int | None = Field(default=None, description="How many are given a slot before it.", examples=[12])
    ahead_is_at_least: bool = Field(default=False, description="Whether more may go before it than were counted.")
    wait_seconds: float | None = Field(
        default=None,
        description="How long that takes, by what the last hour's work took; null if nothing was measured, or if "
        "something else than its turn keeps it.",
        examples=[95.0],
    )
    estimated_start_time: str | None = Field(default=None, examples=[_TIME])


class Course(TaskDetail):
    """A course with its chapters, validations and exports."""

    chapter_tasks: list[Task] = Field(default_factory=list)
    validation_tasks: list[Task] = Field(default_factory=list)
    export_tasks: list[Task] = Field(default_factory=list)


class GenerationStatus(Answer):
    """How far a course is."""

    course_id: str = Field(examples=["course-123"])
    task_id: str = Field(examples=[_UID])
    namespace: str = Field(examples=["courses"])
    status: Phase = Field(examples=["Running"])
    stage: str | None = Field(default=None, examples=["Chapters"])
    progress_percentage: int = Field(examples=[41])
    chapters: ChapterCounts = Field(
        examples=[{"total": 10, "succeeded": 3, "running": 2, "held": 5, "failed": 0}],
    )
    chapter_tasks: list[Task]
    export_tasks: list[Task]
    retry_count: int
    hold_reason: str | None = None
    hold_message: str | None = None
    error_details: ErrorDetails | None = None
    start_time: str | None = None
    completion_time: str | None = None
    estimated_completion_time: str | None = None
    estimate_certainty: str | None = Field(default=None, description=_CERTAINTY)


class Accepted(Answer):
    """A wish that was written down; the operator acts on it."""

    task_id: str = Field(examples=[_UID])
    kind: Kind = Field(examples=["chapter"])
    name: str = Field(examples=["course-123-chapter-03"])
    namespace: str = Field(examples=["courses"])
    request_id: str | None = Field(default=None, description="The id of a regeneration: the same id asks once.")
    status_url: str = Field(description="Where to look, relative to the gateway.", examples=[f"api/v1/tasks/{_UID}"])
    websocket_url: str = Field(description="Where to listen, relative to the gateway.", examples=[f"ws/tasks/{_UID}"])


class Upload(Answer):
    """Content that was kept, for a validation or an export."""

    artifact_key: str = Field(
        description="What `POST /api/v1/validations` and `/exports` take as artifact_key.",
        examples=["6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10/upload/9c1d2f.md"],
    )
    namespace: str = Field(examples=["courses"])
    sha256: str = Field(description="SHA-256 of the bytes, in hex.")
    bytes: int = Field(description="Size in bytes.", examples=[5120])
    media_type: str = Field(examples=["text/markdown"])


class LastHour(Answer):
    """What was measured in the last hour."""

    succeeded: int = Field(default=0, description="Tasks that succeeded.")
    failed: int = Field(default=0, description="Tasks that failed for good.")
    retried: int | None = Field(
        default=None,
        description="Attempts that failed and are followed by another; null where the operator is too old to say.",
    )
    success_rate_percent: int | None = None
    wait_p50_seconds: int | None = None
    wait_p95_seconds: int | None = None
    run_p50_seconds: int | None = None
    run_p95_seconds: int | None = None


class Queue(Answer):
    """Who runs when, and what goes on."""

    name: str
    priority: int
    capacity: int
    active: int
    pending: int
    oldest_pending_time: str | None = None
    stop_policy: str
    circuit: str
    max_retries: int
    timeout_seconds: int
    last_hour: LastHour | None = None


class Worker(Answer):
    """A worker Pod."""

    name: str
    namespace: str
    node: str | None = None
    phase: str
    start_time: str | None = None
    task_id: str | None = None
    title: str | None = None
    component: str | None = None
    queue: str | None = None
    attempt: int | None = None


class Page(Answer, Generic[T]):
    """Part of a list."""

    items: list[T]
    total: int = Field(description="All that match.")
    offset: int
    limit: int


class TaskHealth(Answer):
    """Whether tasks are done as they should be."""

    status: Literal["healthy", "degraded", "unhealthy"]
    problems: list[str] = Field(description="What is not as it should be, a sentence each.")
    active: int = Field(description="Jobs that hold a slot.")
    pending: int = Field(description="Tasks that could run if there were a slot.")
    success_rate_percent: float | None = Field(description="Of the last hour; null if nothing ended.")
    success_rate_target_percent: int
    progress: Literal["connected", "disconnected", "off"] = Field(description="The way to Redis; off: none is set.")
    queues: list[Queue]


class Demand(Answer):
    """Waiting work, for KEDA's metrics-api scaler (valueLocation: pending)."""

    pending: int
    active: int
    capacity: int
    queues: dict[str, dict[str, int]]


class Ticket(Answer):
    """Lets a browser open one WebSocket, once."""

    ticket: str
    expires_in_seconds: int


class Who(Answer):
    """Who the caller is, and what the gateway lets do."""

    user: str
    groups: list[str]
    read_only: bool
    can_download: bool


class Series(Answer):
    """One line of a graph."""

    name: str
    points: list[tuple[float, float | None]] = Field(description="Seconds since the epoch, and the value.")


class Graph(Answer):
    """One graph."""

    name: str
    title: str
    unit: str
    series: list[Series]


class Graphs(Answer):
    """The graphs, or why there are none."""

    available: bool
    reason: str = ""
    graphs: list[Graph] = Field(default_factory=list)
