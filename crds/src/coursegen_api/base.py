"""What the six kinds share: the pydantic base, bounded strings, conditions, and the status of a task."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from . import names


class Model(BaseModel):
    """Base of everything in the contract: camelCase on the wire, unknown fields refused, immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, use_enum_values=False
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy as pydantic does, for a fifth of the cost: the planner does little else."""
        if deep:
            return super().model_copy(update=update, deep=True)
        changes, given = update or {}, self.__pydantic_fields_set__
        new = object.__new__(type(self))
        put = object.__setattr__
        put(new, "__dict__", {**self.__dict__, **changes})
        put(new, "__pydantic_fields_set__", given if changes.keys() <= given else given | changes.keys())
        put(new, "__pydantic_extra__", self.__pydantic_extra__)
        put(new, "__pydantic_private__", None)
        return new

    def wire(self) -> dict[str, Any]:
        """Give the JSON form that the API server and the worker see, without what is unset."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def stored(self) -> dict[str, Any]:
        """Give the JSON form of what was read, without the defaults of what was not there."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


class Rule(BaseModel):
    """One CEL rule of a CRD: what must hold, the sentence for who breaks it, and the field at fault."""

    model_config = ConfigDict(frozen=True)

    rule: str
    message: str
    field_path: str | None = None

    def wire(self) -> dict[str, str]:
        """Give the rule as a CRD has it."""
        return {"rule": self.rule, "message": self.message} | (
            {"fieldPath": self.field_path} if self.field_path else {}
        )


def cel(*rules: Rule) -> dict[str, Any]:
    """Attach CEL rules to a field: `Field(json_schema_extra=cel(Rule(...)))`."""
    return {"x-kubernetes-validations": [r.wire() for r in rules]}


# Neither control characters nor the line breaks of Unicode: a title is one line wherever it is shown. U+FFFE and
# U+FFFF have no place in XML, and so none in a SCORM manifest. At least one character is no space.
_NOT_IN_A_LINE = r"\x00-\x1f\x7f-\x9f\x{2028}\x{2029}\x{fffe}\x{ffff}"
_LINE = rf"^[^{_NOT_IN_A_LINE}]*[^ {_NOT_IN_A_LINE}][^{_NOT_IN_A_LINE}]*$"
_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = rf"^{_DNS_LABEL}(\.{_DNS_LABEL})*$"
_ID = r"^[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$"

Title = Annotated[str, Field(min_length=1, max_length=200, pattern=_LINE)]
ObjectName = Annotated[str, Field(min_length=1, max_length=names.MAX_NAME, pattern=_NAME)]
"""metadata.name of an object of our kinds."""

ForeignName = Annotated[str, Field(min_length=1, max_length=253, pattern=_NAME)]
"""metadata.name of an object of Kubernetes' own kinds: a Secret, a ConfigMap, a class."""

OwnerId = Annotated[str, Field(min_length=1, max_length=63, pattern=_ID)]
NamespaceName = Annotated[str, Field(min_length=1, max_length=63, pattern=rf"^{_DNS_LABEL}$")]
Objective = Annotated[str, Field(min_length=1, max_length=300, pattern=_LINE)]
Language = Annotated[str, Field(min_length=2, max_length=29, pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""A BCP 47 code: de, pt-BR, zh-Hant."""
Terms = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60, pattern=_LINE)]],
    Field(max_length=40),
]
"""Words or phrases."""
Objectives = Annotated[list[Objective], Field(min_length=1, max_length=20)]
IsoDuration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=32,
        pattern=r"^P([0-9]{1,4}W|([0-9]{1,4}D)?(T([0-9]{1,4}H)?([0-9]{1,4}M)?([0-9]{1,5}S)?)?)$",
        json_schema_extra=cel(
            Rule(
                rule="!self.endsWith('P') && !self.endsWith('T')",
                message="must name at least one amount, for example PT20H (ISO 8601)",
            ),
            Rule(
                rule="!self.matches('^[^1-9]*0[^1-9]*$')",
                message="must be longer than zero, for example PT20H (ISO 8601)",
            ),
        ),
    ),
]
StoreKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[0-9a-f-]{36}/[a-z]+/[A-Za-z0-9][A-Za-z0-9._-]*$",
    ),
]
Count = Annotated[int, Field(ge=0, le=10**15)]
"""A count that a worker reports: bounded, since the API server refuses what no int64 holds, and JavaScript rounds."""


# A host that ends in .svc is one of this cluster: no public domain does. No user, query or fragment.
_HOST = r"[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?"
_INSIDE = rf"{_DNS_LABEL}\.{_DNS_LABEL}\.svc(\.cluster\.local)?"
_PORT_AND_PATH = r"(:[0-9]{1,5})?(/[-A-Za-z0-9._~/]*)?"
Endpoint = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        pattern=rf"^(https://({_HOST}|\[[0-9a-f:]+\])|http://{_INSIDE}){_PORT_AND_PATH}$",
    ),
]
"""Base URL of a model provider: https anywhere, http only to `service.namespace.svc`."""

ModelName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9][-A-Za-z0-9._:/@+]*$")]
TaskTokens = Annotated[int, Field(ge=1000, le=100_000_000)]


DeadlineTime = Annotated[
    str,
    Field(
        max_length=32,
        pattern=r"^[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])$",
        json_schema_extra={"format": "date-time"},
    ),
]


ControllerName = Annotated[
    str,
    Field(
        min_length=3,
        max_length=63,
        pattern=rf"^{_DNS_LABEL}(\.{_DNS_LABEL})*/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    ),
]

TaskDeadline = Annotated[
    DeadlineTime | None,
    Field(
        description=(
            "When the work should be finished. What has least time to spare goes first among the waiting work of a "
            "namespace; a deadline that passes ends nothing. You can change it at any time. "
            "Default: the course's, for what a course owns; else none. Example: 2027-03-01T08:00:00Z."
        )
    ),
]
"""spec.deadlineTime of a chapter, validation or export."""

ManagedBy = Annotated[
    ControllerName | None,
    Field(
        description=(
            "The controller that works on this object: this operator leaves alone what names another, such as "
            "kueue.x-k8s.io/multikueue. Default: coursegen.dev/operator."
        )
    ),
]
"""spec.managedBy of every kind of work."""


class ProficiencyLevel(StrEnum):
    """How much the learners know already."""

    BEGINNER = "beginner"
    INTERMEDIATE = "intermediate"
    ADVANCED = "advanced"


class ExportFormat(StrEnum):
    """The formats that a course can be exported to."""

    PDF = "pdf"
    SCORM = "scorm"
    JSON = "json"
    EPUB = "epub"
    QTI = "qti"
    MARKDOWN = "markdown"
    HTML = "html"
    CMI5 = "cmi5"


class ScormVersion(StrEnum):
    """The versions of SCORM; words, since YAML reads 1.2 as a number."""

    V1_2 = "scorm-1.2"
    V2004_3RD = "scorm-2004-3rd"
    V2004_4TH = "scorm-2004-4th"


class Packaging(StrEnum):
    """What the learning platform sees of a course."""

    SINGLE = "Single"
    PER_CHAPTER = "PerChapter"


class ScormOptions(Model):
    """How a SCORM package is made."""

    version: ScormVersion = Field(
        default=ScormVersion.V1_2,
        description="Version of SCORM. scorm-1.2 opens in most platforms; 2004 tells completion and success apart. "
        "Default: scorm-1.2.",
    )
    packaging: Packaging = Field(
        default=Packaging.SINGLE,
        description=(
            "Single: the course is one unit (SCO) with a menu of its own. PerChapter: each chapter is a unit in the "
            "platform's menu, with a score of its own. Default: Single."
        ),
    )


class Cmi5Options(Model):
    """How a cmi5 package is made."""

    packaging: Packaging = Field(
        default=Packaging.SINGLE,
        description=(
            "Single: the course is one assignable unit with a menu of its own. PerChapter: each chapter is a unit in "
            "the platform's menu, completed and passed by itself. Default: Single."
        ),
    )


SCORM_ONLY = Rule(
    rule="!has(self.scorm) || self.format == 'scorm'",
    message="scorm says how a SCORM package is made: leave it out with other formats",
    field_path=".scorm",
)


CMI5_ONLY = Rule(
    rule="!has(self.cmi5) || self.format == 'cmi5'",
    message="cmi5 says how a cmi5 package is made: leave it out with other formats",
    field_path=".cmi5",
)


QTI_IS_ASSESSMENTS = Rule(
    rule="self.format != 'qti' || self.includeAssessments",
    message="qti is the course's questions and nothing else: leave includeAssessments true, or choose another format",
    field_path=".includeAssessments",
)


class Phase(StrEnum):
    """One word for people, derived from the conditions; the operator never reads it."""

    PENDING = "Pending"
    HELD = "Held"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    SUSPENDED = "Suspended"


class HoldReason(StrEnum):
    """Why admitted or waiting work does not run now. A closed list; each has a sentence in `holdMessage`."""

    QUEUE_FULL = "QueueFull"
    COURSE_LIMIT = "CourseLimit"
    QUEUE_PAUSED = "QueuePaused"
    PROVIDER_CIRCUIT_OPEN = "ProviderCircuitOpen"
    PROVIDER_BUSY = "ProviderBusy"
    RETRY_BACKOFF = "RetryBackoff"
    BUDGET_EXCEEDED = "BudgetExceeded"
    DEPENDENCY_PENDING = "DependencyPending"
    SUSPENDED = "Suspended"
    QUOTA_EXCEEDED = "QuotaExceeded"
    MISCONFIGURED = "Misconfigured"


class Certainty(StrEnum):
    """How good an estimate is."""

    HIGH = "High"
    LOW = "Low"
    UNKNOWN = "Unknown"


class FailureClass(StrEnum):
    """Why an attempt failed. A closed list, shared by worker, operator, metrics and status."""

    INTERNAL = "Internal"
    INVALID_INPUT = "InvalidInput"
    REJECTED = "Rejected"
    RATE_LIMITED = "RateLimited"
    PROVIDER_UNAVAILABLE = "ProviderUnavailable"
    TIMEOUT = "Timeout"
    BAD_OUTPUT = "BadOutput"
    STORAGE_UNAVAILABLE = "StorageUnavailable"
    QUALITY_BELOW_BAR = "QualityBelowBar"
    OUT_OF_MEMORY = "OutOfMemory"
    POD_NOT_STARTED = "PodNotStarted"
    DISRUPTED = "Disrupted"
    RESULT_LOST = "ResultLost"
    STOPPED = "Stopped"


class Condition(Model):
    """One question about the object, answered True, False or Unknown (Kubernetes API conventions)."""

    type: str = Field(max_length=63, description="The question, for example Succeeded.")
    status: Literal["True", "False", "Unknown"] = Field(description="The answer: True, False or Unknown.")
    reason: str = Field(min_length=1, max_length=63, description="Why, in one CamelCase word.")
    message: str = Field(default="", max_length=1024, description="Why, as a sentence.")
    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that the answer is about.")
    last_transition_time: str = Field(
        max_length=32, description="When the answer last changed.", json_schema_extra={"format": "date-time"}
    )


Time = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]


class Artifact(Model):
    """Where a result lies in the object store, and how to know that it is whole."""

    key: StoreKey = Field(description="Key in the object store; begins with the namespace's UID.")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", max_length=64, description="SHA-256 of the bytes, in hex.")
    bytes: Count = Field(description="Size in bytes.")
    media_type: str = Field(max_length=100, description="Media type, for example application/pdf.")


class Usage(Model):
    """What the work cost at the model provider; zero where no model was asked."""

    prompt_tokens: Count = Field(default=0, description="Tokens sent to the model.")
    completion_tokens: Count = Field(default=0, description="Tokens received from the model.")
    cost_micro_usd: Count = Field(default=0, alias="costMicroUSD", description="Cost in millionths of a US dollar.")
    cached: bool = Field(default=False, description="True if the artifact was there already: nothing was paid.")

    @classmethod
    def total(cls, parts: Iterable[Self]) -> Self:
        """Give what some work cost together; it was there already if all of it was."""
        each = list(parts)
        return cls(
            prompt_tokens=sum(part.prompt_tokens for part in each),
            completion_tokens=sum(part.completion_tokens for part in each),
            cost_micro_usd=sum(part.cost_micro_usd for part in each),
            cached=all(part.cached for part in each),
        )


class Outcome(StrEnum):
    """How an attempt ended."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    WITHDRAWN = "Withdrawn"
    """Taken back by the operator, through no fault of the work: no failure, and another attempt follows."""


class Attempt(Model):
    """One Job. It is written before the Job is created, and completed before the Job is removed."""

    number: int = Field(ge=1, description="Number of the attempt within its revision, from 1.")
    job_name: str = Field(max_length=63, description="Name of the Job, a function of object, revision and number.")
    spec_hash: str = Field(default="", max_length=64, description="Hash of what the Job was asked to do.")
    queued_time: Time | None = Field(
        default=None, description="Since when it had waited for its slot; absent if it was given one at once."
    )
    admission_time: Time = Field(description="When the attempt was given its slot.")
    start_time: Time | None = Field(default=None, description="When its Pod was first seen running.")
    completion_time: Time | None = Field(default=None, description="When its end was recorded.")
    outcome: Outcome | None = Field(default=None, description="How it ended; absent while it runs.")
    failure_class: FailureClass | None = Field(default=None, description="Why it failed.")
    counted: bool | None = Field(default=None, description="True if the failure counts against maxRetries.")
    message: str | None = Field(default=None, max_length=1024, description="What the worker or Kubernetes said.")
    usage: Usage | None = Field(default=None, description="What it cost; absent if nothing.")
    retry_after_seconds: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Seconds that the provider asked to be left alone for."
    )
    probe: bool | None = Field(
        default=None, description="True if it was let through an open circuit, to see whether what failed works again."
    )


class ErrorDetails(Model):
    """The last failure, for people."""

    failure_class: FailureClass = Field(description="Why it failed, from the closed list of failure classes.")
    message: str = Field(max_length=1024, description="What happened, as the worker or Kubernetes said it.")
    attempt: int = Field(ge=0, description="Number of the attempt that failed; 0 if none was made.")
    time: Time = Field(description="When the failure was recorded.")


class Requests(Model):
    """The last request of each kind that the operator has acted on."""

    retry: str | None = Field(default=None, max_length=256, description="Value of the retry annotation acted on.")
    cancel: str | None = Field(default=None, max_length=256, description="Value of the cancel annotation acted on.")
    stop: str | None = Field(default=None, max_length=256, description="Value of the stop annotation acted on.")
    regeneration: str | None = Field(default=None, max_length=63, description="requestId of the regeneration acted on.")
    quality_round: str | None = Field(
        default=None, max_length=63, description="The course's quality round acted on: its revision and number."
    )
    course_retry: str | None = Field(
        default=None, max_length=256, description="Value of the course's retry annotation acted on."
    )
    course_regeneration: str | None = Field(
        default=None, max_length=63, description="requestId of the course's regeneration acted on."
    )


class TaskStatus(Model):
    """Status of one piece of work that runs as Jobs: a chapter, a validation, an export, an outline."""

    revision: int = Field(
        default=0, ge=0, description="Counts accepted regenerations and manual retries; each starts anew."
    )
    phase: Phase | None = Field(default=None, description="One word for people, derived from the conditions.")
    progress_percentage: int = Field(
        default=0, ge=0, le=100, description="How far the running attempt is, in percent; never falls within it."
    )
    progress_time: Time | None = Field(
        default=None, description="When the worker reported that percentage: its age says how fresh it is."
    )
    stage: str | None = Field(default=None, max_length=63, description="What the worker is doing, in a word or two.")
    queue_name: str | None = Field(default=None, max_length=63, description="The GenerationQueue it goes through.")
    hold_reason: HoldReason | None = Field(default=None, description="Why it does not run now.")
    hold_message: str | None = Field(
        default=None, max_length=1024, description="What it waits for and what would free it."
    )
    retry_count: int = Field(default=0, ge=0, description="Failures of this revision that count against maxRetries.")
    attempts: Annotated[list[Attempt], Field(max_length=10)] = Field(
        default_factory=list, description="The last ten attempts of this revision."
    )
    withdrawn_attempts: int = Field(
        default=0,
        ge=0,
        description=(
            "Attempts of this revision that were taken back: refused by a quota or a policy before a Pod was there, or "
            "stopped with their queue. They count neither against maxRetries nor against the 20 attempts of a revision."
        ),
    )
    lost_results: int | None = Field(
        default=None,
        ge=0,
        description="Attempts of this revision whose result was lost; after the fourth it has failed.",
    )
    queued_time: Time | None = Field(
        default=None, description="Since when it has waited for a slot; absent while it waits for something else."
    )
    next_retry_time: Time | None = Field(default=None, description="When the next attempt is due, if one is.")
    error_details: ErrorDetails | None = Field(default=None, description="The last failure.")
    artifact: Artifact | None = Field(default=None, description="The result in the object store.")
    usage: Usage | None = Field(
        default=None, description="What it has cost so far, all attempts together; `cached` is about the last."
    )


class ObjectStatus(TaskStatus):
    """A TaskStatus that is an object's whole status: with conditions and acknowledged requests."""

    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that this status was made from.")
    conditions: Annotated[list[Condition], Field(max_length=16)] = Field(
        default_factory=list,
        description="Ready, Reconciling, Stalled, Admitted, Succeeded, Finished and, where it applies, QualityPassed.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    requests: Requests | None = Field(default=None, description="The last request of each kind acted on.")
    start_time: Time | None = Field(default=None, description="When work on this revision was first admitted.")
    completion_time: Time | None = Field(default=None, description="When this revision reached its end.")


class Regeneration(Model):
    """A person's wish that finished content be made anew; a new requestId is a new wish."""

    request_id: OwnerId = Field(description="Any id of your own; the work is done once for each. Example: simplify-1.")
    feedback: Annotated[str, Field(min_length=1, max_length=4000)] = Field(
        description="What to change, in your words. Example: Content too advanced for beginners."
    )
    focus_area: Annotated[str, Field(max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")] | None = Field(
        default=None, description="What the change is about, in a word. Example: simplification."
    )
