"""Budgets of courses and providers, and what providers say of the present period."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .base import Count, Model, Rule, Time, cel

MAX_AMOUNT = 10**15
"""Tokens, or millionths of a dollar: beyond this JavaScript rounds."""

Price = Annotated[int, Field(ge=0, le=10**10)]
"""At most 10,000 dollars for a million tokens: times the tokens of a task this stays within an int64."""

Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
_NEEDED = Rule(
    rule="has(self.tokens) || has(self.costMicroUSD)",
    message="set tokens, costMicroUSD, or both",
    field_path=".tokens",
)


class CourseBudget(Model):
    """What a course may cost in all, its retries and regenerations included."""

    model_config = Model.model_config | {"json_schema_extra": cel(_NEEDED)}

    tokens: Amount | None = Field(
        default=None, description="Tokens that may be sent and received. Default: no limit. Example: 2000000."
    )
    cost_micro_usd: Amount | None = Field(
        default=None,
        alias="costMicroUSD",
        description="Cost in millionths of a US dollar. Default: no limit. Example: 5000000, which is 5 dollars.",
    )


class Prices(Model):
    """What a provider asks for a million tokens, in millionths of a US dollar: 150000 is 15 cents."""

    prompt_micro_usd: Price = Field(
        default=0,
        alias="promptMicroUSD",
        description="Millionths of a US dollar for a million tokens sent. Default: 0. Example: 150000.",
    )
    cached_prompt_micro_usd: Price | None = Field(
        default=None,
        alias="cachedPromptMicroUSD",
        description="The same, for tokens that the provider had in its own cache. Default: promptMicroUSD.",
    )
    completion_micro_usd: Price = Field(
        default=0,
        alias="completionMicroUSD",
        description="Millionths of a US dollar for a million tokens received. Default: 0. Example: 600000.",
    )


class Period(StrEnum):
    """How long a provider's budget lasts, by the calendar in UTC."""

    DAY = "Day"
    MONTH = "Month"


class ProviderBudget(CourseBudget):
    """What all that asks a provider may cost in a period."""

    period: Period = Field(
        default=Period.MONTH, description="Day or Month, by the calendar in UTC; then it begins anew. Default: Month."
    )
    reserve_tokens: Amount = Field(
        default=0,
        description="Tokens set aside for a task until the cost of one has been measured. Default: 0. Example: 20000.",
    )
    reserve_cost_micro_usd: Amount = Field(
        default=0,
        alias="reserveCostMicroUSD",
        description="Millionths of a US dollar set aside likewise. Default: 0. Example: 50000.",
    )


class ProviderUsage(Model):
    """What was used in the present period; what ended in the last minute may be missing."""

    period: str = Field(max_length=10, description="The day or month, for example 2026-11.")
    tokens: Count = Field(default=0, description="Tokens sent and received.")
    cost_micro_usd: Count = Field(default=0, alias="costMicroUSD", description="Cost in millionths of a US dollar.")
    settled_time: Time = Field(description="Attempts that ended up to this time are in it.")
