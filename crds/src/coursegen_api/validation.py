"""QualityValidation: one source, measured against a bar."""

from pydantic import Field

from .base import ManagedBy, ObjectName, ObjectStatus, TaskDeadline
from .kinds import (
    AGE,
    ERROR,
    MESSAGE,
    PHASE,
    PROGRESS,
    RETRIES_WIDE,
    SELECT_PHASE,
    WAITING,
    Column,
    Kind,
    Meta,
    immutable_fields,
    queue_name_rule,
)
from .source import SourceFields, one_source
from .task import QualityBar, QualitySummary


class ValidationSpec(SourceFields, QualityBar):
    """What is measured, and the bar."""

    queue_name: ObjectName | None = Field(
        default=None,
        description="The GenerationQueue that the work goes through. You can change it until the work is admitted, and "
        "after its end. Default: quality-validation.",
    )
    deadline_time: TaskDeadline = None
    managed_by: ManagedBy = None
    suspend: bool = Field(
        default=False,
        description="True starts nothing new; a running attempt ends normally. You can change it at any time. "
        "Default: false.",
    )


class ValidationStatus(ObjectStatus):
    """What is known of the validation."""

    quality: QualitySummary | None = Field(
        default=None, description="What was measured; the report in the store (artifact) has the findings."
    )


class QualityValidation(Kind):
    """Validation of one source: readability, pedagogical alignment and bias, each with its method's name."""

    spec: ValidationSpec = Field(description="What is measured, and the bar.")
    status: ValidationStatus = Field(default_factory=ValidationStatus, description="What is known of it.")

    meta = Meta(
        plural="qualityvalidations",
        short="qualval",
        columns=(
            PHASE,
            PROGRESS,
            WAITING,
            ERROR,
            Column("Passed", "boolean", ".status.quality.passed"),
            Column("Readability", "number", ".status.quality.readability"),
            Column("Alignment", "number", ".status.quality.alignment"),
            AGE,
            Column("Course", "string", ".spec.courseName", wide=True),
            Column("Below-Bar", "string", ".status.quality.belowBar", wide=True),
            RETRIES_WIDE,
            MESSAGE,
        ),
        rules=(queue_name_rule(),),
        spec_rules=(
            *immutable_fields(
                "chapterName",
                "courseName",
                "artifactKey",
                "configMapName",
                "minReadabilityScore",
                "minPedagogicalAlignment",
                "checkBias",
                "allowedTerms",
                "glossaryTerms",
                "managedBy",
            ),
            one_source(),
        ),
        selectable=(".spec.courseName", SELECT_PHASE),
    )
