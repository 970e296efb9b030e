"""ModelProvider: where the words come from."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import Condition, ForeignName, Model
from .budget import ProviderBudget, ProviderUsage
from .circuit import CircuitBreaker, CircuitStatus
from .kinds import Column, Kind, Meta


class WriterType(StrEnum):
    """The writers that a worker has."""

    TEMPLATE = "template"


class ProviderSpec(Model):
    """How to reach the writer, and how much of it may be used at once."""

    writer: WriterType = Field(
        default=WriterType.TEMPLATE,
        description="What writes. template: the embedded composer, which needs no key and no network. "
        "Default: template.",
    )
    secret_name: ForeignName | None = Field(
        default=None,
        description=(
            "The Secret, in the same namespace, that has the provider's key under `key`; the operator never reads it. "
            "Example: my-provider-key."
        ),
    )
    concurrency: Annotated[int, Field(ge=1, le=10000)] | None = Field(
        default=None, description="Number of Jobs that may use this provider at once. Default: no limit of its own."
    )
    budget: ProviderBudget | None = Field(
        default=None,
        description="What all that asks this provider may cost in a day or month; beyond it, work is held. "
        "Default: no limit.",
    )
    circuit_breaker: CircuitBreaker = Field(
        default_factory=CircuitBreaker,
        description="When work is kept away from a provider that fails. Default: the defaults of its fields.",
        json_schema_extra={"default": {}},
    )


class ProviderStatus(Model):
    """What goes on at the provider."""

    observed_generation: int = Field(default=0, ge=0, description="metadata.generation that this status was made from.")
    conditions: Annotated[list[Condition], Field(max_length=8)] = Field(
        default_factory=list,
        description="Ready, with the reason if it is not.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    active: int = Field(default=0, ge=0, description="Number of Jobs that use it now.")
    usage: ProviderUsage | None = Field(
        default=None, description="What was used in the present period; absent as long as nothing has cost anything."
    )
    circuit_breaker: CircuitStatus | None = Field(
        default=None, description="How its circuit stands; absent as long as nothing has failed."
    )


class ModelProvider(Kind):
    """Where the words come from: writer, key and concurrency."""

    spec: ProviderSpec = Field(description="How to reach the writer, and how much of it may be used at once.")
    status: ProviderStatus = Field(default_factory=ProviderStatus, description="What goes on at the provider.")

    meta = Meta(
        plural="modelproviders",
        short="modelprov",
        columns=(
            Column("Writer", "string", ".spec.writer"),
            Column("Active", "integer", ".status.active"),
            Column("Concurrency", "integer", ".spec.concurrency"),
            Column("Circuit", "string", ".status.circuitBreaker.state"),
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Tokens", "integer", ".status.usage.tokens", wide=True),
            Column("Next-Probe", "string", ".status.circuitBreaker.nextProbeTime", wide=True),
        ),
    )
