"""GenerationQueue: who runs when."""

from typing import Annotated

from pydantic import Field

from .base import Condition, Model, ObjectName
from .kinds import Column, Kind, Meta, name_rule

LabelText = Annotated[str, Field(max_length=253)]
Quantity = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?$")]


class Toleration(Model):
    """A taint that worker Pods of this queue bear (as in a Pod)."""

    key: Annotated[str, Field(max_length=253)] | None = Field(default=None, description="Key of the taint.")
    operator: Annotated[str, Field(pattern="^(Exists|Equal)$", max_length=6)] | None = Field(
        default=None, description="Exists or Equal. Default: Equal."
    )
    value: Annotated[str, Field(max_length=63)] | None = Field(default=None, description="Value of the taint.")
    effect: Annotated[str, Field(pattern="^(NoSchedule|PreferNoSchedule|NoExecute)$", max_length=16)] | None = Field(
        default=None, description="NoSchedule, PreferNoSchedule or NoExecute; absent: all."
    )
    toleration_seconds: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Seconds that a NoExecute taint is borne; absent: for ever."
    )


class ResourceAmounts(Model):
    """Amounts of cpu and memory, as Kubernetes writes them."""

    cpu: Quantity | None = Field(default=None, description="Cores. Example: 250m.")
    memory: Quantity | None = Field(default=None, description="Bytes. Example: 256Mi.")


class WorkerResources(Model):
    """Requests and limits of the worker container."""

    requests: ResourceAmounts | None = Field(default=None, description="What the scheduler sets aside for it.")
    limits: ResourceAmounts | None = Field(default=None, description="What it may use at most.")


class PullSecret(Model):
    """A reference to a Secret for pulling images."""

    name: ObjectName = Field(description="Name of the Secret, in the namespace of the work.")


class Workers(Model):
    """Workers of the queue's own: where its Pods run and what they get. Not a free Pod template."""

    node_selector: Annotated[dict[str, LabelText], Field(max_length=16)] | None = Field(
        default=None, description="Labels that a node must have. Example: {pool: chapters}."
    )
    tolerations: Annotated[list[Toleration], Field(max_length=16)] | None = Field(
        default=None, description="Taints that the Pods bear."
    )
    resources: WorkerResources | None = Field(
        default=None, description="Requests and limits. Default: 100m and 128Mi, at most 1 core and 512Mi."
    )
    priority_class_name: ObjectName | None = Field(
        default=None, description="PriorityClass of the Pods. Default: the queue's own, coursegen-<queue>."
    )
    runtime_class_name: ObjectName | None = Field(default=None, description="RuntimeClass of the Pods.")
    image_pull_secrets: Annotated[list[PullSecret], Field(max_length=8)] | None = Field(
        default=None, description="Secrets for pulling the worker image."
    )


class QueueSpec(Model):
    """Priority, capacity, retry policy, deadline and workers of a queue."""

    priority: Annotated[int, Field(ge=0, le=100)] = Field(
        description="A larger number is more urgent. The five queues have 8, 6, 5, 4 and 3."
    )
    capacity: Annotated[int, Field(ge=0, le=10000)] = Field(
        default=8, description="Jobs of this queue that may be active at once; 0 starts nothing new. Default: 8."
    )
    max_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3, description="Failures that are retried by themselves; 3 allow four attempts. Default: 3."
    )
    backoff_seconds: Annotated[list[Annotated[int, Field(ge=1, le=3600)]], Field(min_length=1, max_length=10)] = Field(
        default=[60, 120, 240],
        description=(
            "Seconds to wait before each retry, the last one repeating; up to 20 % are added by chance. "
            "Default: [60, 120, 240]."
        ),
    )
    timeout_seconds: Annotated[int, Field(ge=15, le=3600)] = Field(
        default=120, description="Seconds that an attempt may take, from the worker's start. Default: 120."
    )
    workers: Workers = Field(default_factory=Workers, description="Workers of the queue's own.")


class QueueStatus(Model):
    """What goes on in the queue."""

    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that this status was made from.")
    conditions: Annotated[list[Condition], Field(max_length=8)] = Field(
        default_factory=list,
        description="Ready.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    active: int = Field(default=0, ge=0, description="Jobs that hold a slot now.")
    waiting: int = Field(default=0, ge=0, description="Tasks that could run if there were a slot.")


class GenerationQueue(Kind):
    """Priority, capacity, retry policy and workers of one kind of work."""

    spec: QueueSpec = Field(description="Priority, capacity, retry policy, deadline and workers.")
    status: QueueStatus = Field(default_factory=QueueStatus, description="What goes on in the queue.")

    meta = Meta(
        plural="generationqueues",
        short="genqueue",
        scope="Cluster",
        columns=(
            Column("Priority", "integer", ".spec.priority"),
            Column("Capacity", "integer", ".spec.capacity"),
            Column("Active", "integer", ".status.active"),
            Column("Waiting", "integer", ".status.waiting"),
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Retries", "integer", ".spec.maxRetries", wide=True),
            Column("Backoff", "string", ".spec.backoffSeconds", wide=True),
            Column("Timeout", "integer", ".spec.timeoutSeconds", wide=True),
        ),
        rules=(name_rule(),),
    )
