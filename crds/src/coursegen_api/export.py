"""CourseExport: one source in one format."""

from pydantic import Field

from .base import ExportFormat, ObjectName, ObjectStatus
from .kinds import Column, Kind, Meta, immutable_fields, name_rule
from .source import SourceFields, one_source


class ExportSpec(SourceFields):
    """What is exported, and how."""

    format: ExportFormat = Field(description="pdf, scorm (SCORM 1.2) or json.")
    include_assessments: bool = Field(
        default=True, description="Put questions and answers into the file. Default: true."
    )
    queue_name: ObjectName | None = Field(
        default=None, description="The GenerationQueue; can be changed until admitted. Default: export."
    )
    suspend: bool = Field(
        default=False, description="Start nothing new; a running attempt ends normally. Default: false."
    )


class ExportStatus(ObjectStatus):
    """What is known of the export; `artifact` is the file."""


class CourseExport(Kind):
    """One source in one format; the file lies in the object store."""

    spec: ExportSpec = Field(description="What is exported, and how.")
    status: ExportStatus = Field(default_factory=ExportStatus, description="What is known of it.")

    meta = Meta(
        plural="courseexports",
        short="courseexp",
        columns=(
            Column("Format", "string", ".spec.format"),
            Column("Phase", "string", ".status.phase"),
            Column("Progress", "integer", ".status.progressPercentage", "percent"),
            Column("Bytes", "integer", ".status.artifact.bytes"),
            Column("Waiting", "string", ".status.holdReason"),
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Course", "string", ".spec.courseName", wide=True),
            Column("Retries", "integer", ".status.retryCount", wide=True),
            Column("Error", "string", ".status.errorDetails.failureClass", wide=True),
            Column("Key", "string", ".status.artifact.key", wide=True),
            Column("Message", "string", ".status.holdMessage", wide=True),
        ),
        rules=(name_rule(),),
        spec_rules=(
            *immutable_fields(
                "chapterName", "courseName", "artifactKey", "configMapName", "format", "includeAssessments"
            ),
            one_source(),
        ),
        selectable=(".spec.courseName",),
    )
