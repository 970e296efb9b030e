"""CourseExport: one source in one format."""

from pydantic import Field

from .base import (
    CMI5_ONLY,
    QTI_IS_ASSESSMENTS,
    SCORM_ONLY,
    Cmi5Options,
    ExportFormat,
    ManagedBy,
    ObjectName,
    ObjectStatus,
    ScormOptions,
    TaskDeadline,
)
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


class ExportSpec(SourceFields):
    """What is exported, and how."""

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
    queue_name: ObjectName | None = Field(
        default=None,
        description="The GenerationQueue that the work goes through. You can change it until the work is admitted, and "
        "after its end. Default: export.",
    )
    deadline_time: TaskDeadline = None
    managed_by: ManagedBy = None
    suspend: bool = Field(
        default=False,
        description="True starts nothing new; a running attempt ends normally. You can change it at any time. "
        "Default: false.",
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
            PHASE,
            PROGRESS,
            WAITING,
            ERROR,
            Column("Bytes", "integer", ".status.artifact.bytes"),
            AGE,
            Column("Course", "string", ".spec.courseName", wide=True),
            RETRIES_WIDE,
            Column("Key", "string", ".status.artifact.key", wide=True),
            MESSAGE,
        ),
        rules=(queue_name_rule(),),
        spec_rules=(
            *immutable_fields(
                "chapterName",
                "courseName",
                "artifactKey",
                "configMapName",
                "format",
                "includeAssessments",
                "scorm",
                "cmi5",
                "managedBy",
            ),
            one_source(),
            SCORM_ONLY,
            CMI5_ONLY,
            QTI_IS_ASSESSMENTS,
        ),
        selectable=(".spec.courseName", SELECT_PHASE),
    )
