"""QualityValidation: one source, measured against a bar."""

from pydantic import Field

from .base import ObjectName, ObjectStatus
from .kinds import Column, Kind, Meta, immutable_fields, name_rule
from .source import SourceFields, one_source
from .task import QualityBar, QualitySummary


class ValidationSpec(SourceFields, QualityBar):
    """What is measured, and the bar."""

    queue_name: ObjectName | None = Field(
        default=None,
        description="The GenerationQueue; can be changed until admitted. Default: quality-validation.",
    )
    suspend: bool = Field(
        default=False, description="Start nothing new; a running attempt ends normally. Default: false."
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
            Column("Phase", "string", ".status.phase"),
            Column("Progress", "integer", ".status.progressPercentage", "percent"),
            Column("Passed", "string", ".status.quality.passed"),
            Column("Readability", "string", ".status.quality.readability"),
            Column("Alignment", "string", ".status.quality.alignment"),
            Column("Waiting", "string", ".status.holdReason"),
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Course", "string", ".spec.courseName", wide=True),
            Column("Retries", "integer", ".status.retryCount", wide=True),
            Column("Error", "string", ".status.errorDetails.failureClass", wide=True),
            Column("Message", "string", ".status.holdMessage", wide=True),
        ),
        rules=(name_rule(),),
        spec_rules=(
            *immutable_fields(
                "chapterName",
                "courseName",
                "artifactKey",
                "configMapName",
                "minReadabilityScore",
                "minPedagogicalAlignment",
                "checkBias",
            ),
            one_source(),
        ),
        selectable=(".spec.courseName",),
    )
