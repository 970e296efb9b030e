"""Circuit breakers of providers and queues: when they open, and what they say of themselves."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import FailureClass, Model, Rule, Time, cel

MAX_OPEN_SECONDS = 24 * 3600
"""No circuit stays open longer without a probe."""


class CircuitState(StrEnum):
    """Closed lets work through, Open only probes, HalfOpen waits for the end of a probe."""

    CLOSED = "Closed"
    OPEN = "Open"
    HALF_OPEN = "HalfOpen"


class CircuitBreaker(Model):
    """When work is kept away from something that fails, and for how long."""

    # The API server tries rules on the default `{}` before it fills in the defaults below: hence has().
    model_config = Model.model_config | {
        "json_schema_extra": cel(
            Rule(
                rule="!has(self.openSeconds) || !has(self.maxOpenSeconds) || self.openSeconds <= self.maxOpenSeconds",
                message="openSeconds must not be more than maxOpenSeconds",
                field_path=".openSeconds",
            )
        )
    }

    enabled: bool = Field(
        default=True, description="False lets everything through, however much of it fails. Default: true."
    )
    failure_rate_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=50, description="Share of failures, in percent, from which on the circuit opens. Default: 50."
    )
    window_seconds: Annotated[int, Field(ge=10, le=3600)] = Field(
        default=300,
        description="Seconds of the past that are counted, the last 100 attempts at most. Default: 300.",
    )
    minimum_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=3, description="Number of attempts in the window below which nothing is concluded. Default: 3."
    )
    open_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=30,
        description=(
            "Seconds until the first probe; each probe that fails doubles them. What a provider asks for "
            "(Retry-After) is waited for as well. Default: 30."
        ),
    )
    max_open_seconds: Annotated[int, Field(ge=1, le=MAX_OPEN_SECONDS)] = Field(
        default=600, description="Most seconds between two probes, unless a provider asks for more. Default: 600."
    )


class QueueCircuitBreaker(CircuitBreaker):
    """The same for a queue, which opens later: what it runs has less in common than what asks one provider."""

    failure_rate_percent: Annotated[int, Field(ge=1, le=100)] = Field(
        default=80, description="Share of failures, in percent, from which on the circuit opens. Default: 80."
    )
    minimum_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=20, description="Number of attempts in the window below which nothing is concluded. Default: 20."
    )


class CircuitStatus(Model):
    """A circuit as it was when it last changed, or when a failure was last counted."""

    state: CircuitState = Field(description="Closed, Open or HalfOpen.")
    opened_time: Time | None = Field(default=None, description="When it last opened.")
    closed_time: Time | None = Field(default=None, description="When it last closed.")
    next_probe_time: Time | None = Field(default=None, description="When the next probe may start; absent if Closed.")
    refund_from_time: Time | None = Field(
        default=None, description="Failures from this time until it closes cost no retry."
    )
    openings: int = Field(default=0, ge=0, description="Times that it has opened in a row; 0 if Closed.")
    recent_attempts: int = Field(default=0, ge=0, description="Attempts in the window that say how it stands.")
    recent_failures: int = Field(default=0, ge=0, description="Those of them that failed.")
    failure_class: FailureClass | None = Field(default=None, description="Why the last of them failed.")
