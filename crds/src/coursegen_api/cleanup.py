"""ArtifactCleanup: again and again, what nothing refers to any more is removed from the object store."""

from typing import Annotated

from pydantic import Field

from .base import ManagedBy, Model, ObjectName, ObjectStatus
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
from .task import CleanupSummary


class CleanupSpec(Model):
    """What is removed, and how often it is looked for."""

    retention_days: Annotated[int, Field(ge=2, le=3650)] = Field(
        default=30,
        description="Days that an artifact stays after it was last written or taken over, if no object's spec or "
        "status refers to it. You can change it at any time. Default: 30.",
    )
    interval_hours: Annotated[int, Field(ge=1, le=720)] = Field(
        default=24, description="Hours from the end of a run to the next. You can change it at any time. Default: 24."
    )
    queue_name: ObjectName | None = Field(
        default=None,
        description="The GenerationQueue that the work goes through. You can change it until the work is admitted, and "
        "after its end. Default: default.",
    )
    managed_by: ManagedBy = None
    suspend: bool = Field(
        default=False,
        description="True begins no run, so nothing more is removed; one that has begun ends normally. You can change "
        "it at any time. Default: false.",
    )


class CleanupStatus(ObjectStatus):
    """What is known of the last run; each run is a revision, and `artifact` is the list of what it removed."""

    cleanup: CleanupSummary | None = Field(default=None, description="What the last run that succeeded did.")


class ArtifactCleanup(Kind):
    """Removes what nothing refers to any more from the namespace's part of the object store, again and again."""

    spec: CleanupSpec = Field(description="What is removed, and how often.")
    status: CleanupStatus = Field(default_factory=CleanupStatus, description="What is known of the last run.")

    meta = Meta(
        plural="artifactcleanups",
        short="artclean",
        columns=(
            PHASE,
            PROGRESS,
            WAITING,
            ERROR,
            Column("Removed", "integer", ".status.cleanup.removed"),
            Column("Freed-Bytes", "integer", ".status.cleanup.removedBytes"),
            Column("Last-Run", "date", ".status.completionTime"),
            AGE,
            Column("Kept", "integer", ".status.cleanup.kept", wide=True),
            RETRIES_WIDE,
            MESSAGE,
        ),
        rules=(queue_name_rule(),),
        spec_rules=immutable_fields("managedBy"),
        selectable=(SELECT_PHASE,),
    )
