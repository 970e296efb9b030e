"""ModelProvider: where the words come from."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import Condition, Endpoint, ForeignName, Model, ModelName, Rule, TaskTokens, cel
from .budget import Prices, ProviderBudget, ProviderUsage
from .circuit import CircuitBreaker, CircuitStatus
from .kinds import Column, Kind, Meta


class WriterType(StrEnum):
    """The writers that a worker has."""

    TEMPLATE = "template"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"


_REACHABLE = Rule(
    rule="self.writer == 'template' || (has(self.endpoint) && has(self.model))",
    message="a writer that asks a model needs endpoint and model",
    field_path=".endpoint",
)


class ProviderSpec(Model):
    """How to reach the writer, and how much of it may be used at once."""

    model_config = Model.model_config | {"json_schema_extra": cel(_REACHABLE)}

    writer: WriterType = Field(
        default=WriterType.TEMPLATE,
        description="What writes. template: the embedded composer, which needs no key and no network. openai: any "
        "server that speaks OpenAI's chat completions (OpenAI, Azure, vLLM, Ollama, llama.cpp). anthropic: Anthropic's "
        "messages. Default: template.",
    )
    endpoint: Endpoint | None = Field(
        default=None,
        description="Base URL of the provider: https, or http to a Service of this cluster. Required unless writer is "
        "template. Example: https://api.openai.com/v1.",
    )
    model: ModelName | None = Field(
        default=None,
        description="The model, by the provider's name. Required unless writer is template. Example: gpt-4o-mini.",
    )
    secret_name: ForeignName | None = Field(
        default=None,
        description=(
            "The Secret, in the same namespace, of type coursegen.dev/provider-key: the provider's key under `key`, "
            "and under `allowedEndpoint` the endpoint that it may be sent to, which must be this endpoint. The "
            "operator never reads it. Default: no key is sent. Example: my-provider-key."
        ),
    )
    prices: Prices | None = Field(
        default=None, description="What the provider asks, for costs in status and budgets. Default: nothing."
    )
    task_token_limit: TaskTokens = Field(
        default=200_000,
        description="Tokens that one attempt of a task may send and receive; it ends as Rejected beyond. "
        "Default: 200000.",
    )
    parallel_requests: Annotated[int, Field(ge=1, le=32)] = Field(
        default=6,
        description="Requests that one task may have under way at once. A chapter has about ten; fewer take longer. "
        "Default: 6.",
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
            Column("Model", "string", ".spec.model"),
            Column("Active", "integer", ".status.active"),
            Column("Concurrency", "integer", ".spec.concurrency"),
            Column("Circuit", "string", ".status.circuitBreaker.state"),
            Column("Age", "date", ".metadata.creationTimestamp"),
            Column("Tokens", "integer", ".status.usage.tokens", wide=True),
            Column("Endpoint", "string", ".spec.endpoint", wide=True),
            Column("Next-Probe", "string", ".status.circuitBreaker.nextProbeTime", wide=True),
        ),
    )
