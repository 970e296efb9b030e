"""GenerationQueue: who runs when."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import Condition, ForeignName, Model, NamespaceName, Rule, Time, cel
from .circuit import CircuitStatus, QueueCircuitBreaker
from .kinds import Column, Kind, Meta

_LABEL_VALUE = r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$"
_LABEL_KEY = r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"

LabelValue = Annotated[str, Field(max_length=63, pattern=_LABEL_VALUE)]
LabelKey = Annotated[str, Field(max_length=317, pattern=_LABEL_KEY)]
Quantity = Annotated[str, Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?$")]


class TolerationOperator(StrEnum):
    """How a toleration compares the value of a taint."""

    EXISTS = "Exists"
    EQUAL = "Equal"


class TaintEffect(StrEnum):
    """What a taint does to Pods that do not bear it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """A taint that worker Pods of this queue bear (as in a Pod)."""

    # What a Pod's own validation asks: else every Job of the queue would be refused, one by one.
    model_config = Model.model_config | {
        "json_schema_extra": cel(
            Rule(
                rule="has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                message="operator must be Exists where key is absent",
                field_path=".operator",
            ),
            Rule(
                rule="!has(self.value) || !has(self.operator) || self.operator != 'Exists'",
                message="value must be absent where operator is Exists",
                field_path=".value",
            ),
            Rule(
                rule="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
                message="effect must be NoExecute where tolerationSeconds is set",
                field_path=".effect",
            ),
        )
    }

    key: LabelKey | None = Field(default=None, description="Key of the taint. Default: every taint. Example: pool.")
    operator: TolerationOperator | None = Field(
        default=None, description="Exists bears any value of the taint, Equal the given one. Default: Equal."
    )
    value: LabelValue | None = Field(default=None, description="Value of the taint. Example: chapters.")
    effect: TaintEffect | None = Field(
        default=None, description="NoSchedule, PreferNoSchedule or NoExecute. Default: every effect."
    )
    toleration_seconds: Annotated[int, Field(ge=0, le=10**9)] | None = Field(
        default=None, description="Seconds that a Pod bears a NoExecute taint. Default: for ever. Example: 300."
    )


class ResourceAmounts(Model):
    """Amounts of cpu and memory, as Kubernetes writes them."""

    cpu: Quantity | None = Field(default=None, description="Processor time, in cores. Example: 250m.")
    memory: Quantity | None = Field(default=None, description="Memory, in bytes. Example: 256Mi.")


def _request_within_limit(amount: str) -> Rule:
    both = f"has(self.requests) && has(self.requests.{amount}) && has(self.limits) && has(self.limits.{amount})"
    return Rule(
        rule=f"!({both}) || quantity(self.requests.{amount}).compareTo(quantity(self.limits.{amount})) <= 0",
        message=f"requests.{amount} must not be more than limits.{amount}",
        field_path=f".requests.{amount}",
    )


class WorkerResources(Model):
    """Requests and limits of the worker container."""

    model_config = Model.model_config | {
        "json_schema_extra": cel(_request_within_limit("cpu"), _request_within_limit("memory"))
    }

    requests: ResourceAmounts | None = Field(default=None, description="What the scheduler sets aside for the worker.")
    limits: ResourceAmounts | None = Field(default=None, description="What the worker may use at most.")


class PullSecret(Model):
    """A reference to a Secret for pulling images."""

    name: ForeignName = Field(description="Name of the Secret, in the namespace of the work. Example: registry-key.")


class Workers(Model):
    """Workers of the queue's own: where its Pods run and what they get. Not a free Pod template."""

    node_selector: Annotated[dict[LabelKey, LabelValue], Field(max_length=16)] | None = Field(
        default=None,
        description="Labels that a node must have. Default: any node. Example: {pool: chapters}.",
        json_schema_extra=cel(
            Rule(
                rule=f"self.all(k, k.matches('{_LABEL_KEY}'))",
                message="each key must be a label key: letters, digits, '-', '_' and '.', after an optional prefix/",
            )
        ),
    )
    tolerations: Annotated[list[Toleration], Field(max_length=16)] | None = Field(
        default=None, description="Taints that the Pods bear. Default: none but those of a lost node, for 30 seconds."
    )
    resources: WorkerResources | None = Field(
        default=None,
        description="Requests and limits of the worker. Default: 100m and 128Mi, limits of 1 core and 512Mi.",
    )
    priority_class_name: ForeignName | None = Field(
        default=None, description="The PriorityClass of the Pods. Default: the queue's own, coursegen-<queue>."
    )
    runtime_class_name: ForeignName | None = Field(
        default=None, description="The RuntimeClass of the Pods. Default: the node's. Example: gvisor."
    )
    image_pull_secrets: Annotated[list[PullSecret], Field(max_length=8)] | None = Field(
        default=None, description="Secrets for pulling the worker image. Default: none."
    )


class Tenant(Model):
    """What one namespace gets of the queue."""

    namespace: NamespaceName = Field(description="The namespace. Example: courses.")
    weight: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1,
        description=(
            "Its share: with weights 3 and 1, three Jobs of the one run for each of the other while both have work "
            "waiting. A namespace that is not listed has 1. Default: 1. Example: 3."
        ),
    )
    capacity: Annotated[int, Field(ge=0, le=10000)] | None = Field(
        default=None,
        description="Number of its Jobs that may be active in this queue at once. Default: spec.namespaceCapacity.",
    )


class Elasticity(Model):
    """Bounds between which the queue's capacity moves by itself."""

    model_config = Model.model_config | {
        "json_schema_extra": cel(
            Rule(
                rule="self.minCapacity <= self.maxCapacity",
                message="minCapacity must not be more than maxCapacity",
                field_path=".minCapacity",
            )
        )
    }

    min_capacity: Annotated[int, Field(ge=1, le=10000)] = Field(
        default=1, description="Number of Jobs that may always be active at once. Default: 1."
    )
    max_capacity: Annotated[int, Field(ge=1, le=10000)] = Field(
        description="Number of Jobs that may be active at most. Example: 200."
    )
    headroom: Annotated[int, Field(ge=0, le=100)] = Field(
        default=1,
        description=(
            "Number of Jobs that are left pending when no node has room, so that a cluster autoscaler sees the demand. "
            "Default: 1."
        ),
    )


class StopPolicy(StrEnum):
    """What an admin has stopped in a queue."""

    NONE = "None"
    HOLD = "Hold"
    HOLD_AND_DRAIN = "HoldAndDrain"


class QueueSpec(Model):
    """Priority, capacity, retry policy, deadline and workers of a queue."""

    priority: Annotated[int, Field(ge=0, le=100)] = Field(
        description="Urgency, 0 to 100; a larger number comes first. The five queues have 8, 6, 5, 4, 3. Example: 8."
    )
    capacity: Annotated[int, Field(ge=0, le=10000)] = Field(
        default=8,
        description=(
            "Number of Jobs of this queue that may be active at once; 0 pauses the queue. With elasticity, where it "
            "starts. Default: 8."
        ),
    )
    elasticity: Elasticity | None = Field(
        default=None,
        description=(
            "Lets the capacity grow while Pods find nodes, and shrink when none takes them. Default: the capacity "
            "stays as it is."
        ),
    )
    max_retries: Annotated[int, Field(ge=0, le=10)] = Field(
        default=3, description="Number of failures that are retried by themselves; 3 allow 4 attempts. Default: 3."
    )
    backoff_seconds: Annotated[list[Annotated[int, Field(ge=1, le=3600)]], Field(min_length=1, max_length=10)] = Field(
        default=[60, 120, 240],
        description=(
            "Seconds to wait before each retry, the last amount repeating; up to 20 % are added to each. "
            "Default: [60, 120, 240]."
        ),
    )
    timeout_seconds: Annotated[int, Field(ge=15, le=3600)] = Field(
        default=120, description="Seconds that an attempt may take, from the worker's start. Default: 120."
    )
    ageing_seconds: Annotated[int, Field(ge=1, le=604800)] = Field(
        default=1800,
        description=(
            "Seconds after which waiting work counts as in the most urgent band, the oldest first; so no work waits "
            "longer than this behind work of a larger priority while slots turn over. Default: 1800."
        ),
    )
    namespace_capacity: Annotated[int, Field(ge=0, le=10000)] | None = Field(
        default=None,
        description=(
            "Number of Jobs of any one namespace that may be active in this queue at once. Default: no limit but the "
            "queue's. Example: 50."
        ),
    )
    tenants: Annotated[list[Tenant], Field(max_length=256)] = Field(
        default_factory=list,
        description=(
            "Weights and limits of single namespaces. The weights of the queue course-generation share the course "
            "slots as well. Default: every namespace has weight 1. Example: [{namespace: courses, weight: 3}]."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["namespace"]},
    )
    stop_policy: StopPolicy = Field(
        default=StopPolicy.NONE,
        description=(
            "What is stopped. None: nothing. Hold: no Job starts, running ones end normally. HoldAndDrain: running "
            "Jobs are stopped as well, which costs no retry; their work starts again when this is None. Default: None."
        ),
    )
    workers: Workers = Field(
        default_factory=Workers, description="Where the queue's Pods run and what they get. Default: as every queue's."
    )
    circuit_breaker: QueueCircuitBreaker = Field(
        default_factory=QueueCircuitBreaker,
        description="When the queue pauses because what it runs fails. Default: the defaults of its fields.",
        json_schema_extra={"default": {}},
    )


Seconds = Annotated[int, Field(ge=0)]


class LastHour(Model):
    """What was measured in the last hour, of what exists and of what this operator saw end."""

    succeeded: int = Field(default=0, ge=0, description="Tasks that succeeded.")
    failed: int = Field(default=0, ge=0, description="Tasks that failed for good.")
    retried: int = Field(default=0, ge=0, description="Attempts that failed and are followed by another.")
    success_rate_percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="Succeeded of all that succeeded or failed; absent if none ended."
    )
    wait_p50_seconds: Seconds | None = Field(
        default=None, description="Median wait for a slot; what was given one at once waited 0."
    )
    wait_p95_seconds: Seconds | None = Field(default=None, description="The 95th percentile of the wait for a slot.")
    run_p50_seconds: Seconds | None = Field(
        default=None, description="Median time from the slot to the end of attempts that succeeded."
    )
    run_p95_seconds: Seconds | None = Field(default=None, description="The 95th percentile of the same.")


class QueueShare(Model):
    """What goes on in the queue, as one operator knows it."""

    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that this status was made from.")
    conditions: Annotated[list[Condition], Field(max_length=8)] = Field(
        default_factory=list,
        description="Ready, with the reason if it is not.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    capacity: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="Number of Jobs that may be active now; moves by itself with spec.elasticity."
    )
    active: int = Field(default=0, ge=0, description="Number of Jobs that hold a slot now.")
    pending: int = Field(default=0, ge=0, description="Number of tasks that could run if there were a slot.")
    oldest_pending_time: Time | None = Field(
        default=None, description="Since when the one that has waited longest waits; absent if none does."
    )
    last_hour: LastHour | None = Field(
        default=None, description="What was measured in the last hour; absent until something was."
    )
    circuit_breaker: CircuitStatus | None = Field(
        default=None, description="How its circuit stands; absent as long as nothing has failed."
    )


ShardName = Annotated[str, Field(max_length=63)]


class QueueStatus(QueueShare):
    """What goes on in the queue; of several operators' shares the sum, the longest times and the worst circuit."""

    shards: Annotated[dict[ShardName, QueueShare], Field(max_length=32)] | None = Field(
        default=None,
        description=(
            "Where several operators share the queue: what goes on in the share of each, by COURSEGEN_SHARD; `main` is "
            "the one without a name. Absent where there is one operator."
        ),
    )


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
            Column("Capacity", "integer", ".status.capacity"),
            Column("Active", "integer", ".status.active"),
            Column("Pending", "integer", ".status.pending"),
            Column("Oldest", "date", ".status.oldestPendingTime"),
            Column("Circuit", "string", ".status.circuitBreaker.state"),
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Retries", "integer", ".spec.maxRetries", wide=True),
            Column("Backoff", "string", ".spec.backoffSeconds", wide=True),
            Column("Timeout", "integer", ".spec.timeoutSeconds", wide=True),
            Column("Stopped", "string", ".spec.stopPolicy", wide=True),
            Column("Wait-P95", "integer", ".status.lastHour.waitP95Seconds", wide=True),
            Column("Success%", "integer", ".status.lastHour.successRatePercent", wide=True),
        ),
    )
