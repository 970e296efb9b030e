"""Budgets: what is used, what is set aside for that which runs, and what is left."""

from dataclasses import dataclass
from datetime import UTC, datetime

from coursegen_api.base import Usage
from coursegen_api.budget import CourseBudget, Period, ProviderBudget, ProviderUsage


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens, and millionths of a US dollar."""

    tokens: int = 0
    micro_usd: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.tokens + other.tokens, self.micro_usd + other.micro_usd)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.tokens - other.tokens, self.micro_usd - other.micro_usd)

    def times(self, number: int) -> "Cost":
        """Give the cost of several."""
        return Cost(self.tokens * number, self.micro_usd * number)

    def __bool__(self) -> bool:
        return bool(self.tokens or self.micro_usd)


NOTHING = Cost()


def cost_of(usage: Usage | None) -> Cost:
    """Read what an attempt, or a task so far, has cost."""
    return Cost(usage.prompt_tokens + usage.completion_tokens, usage.cost_micro_usd) if usage else NOTHING


def mean(costs: list[Cost]) -> Cost:
    """Give the mean, rounded up; nothing if there are none."""
    count = len(costs)
    total = sum(costs, NOTHING)
    return Cost(-(-total.tokens // count), -(-total.micro_usd // count)) if count else NOTHING


@dataclass(frozen=True, slots=True)
class Purse:
    """A budget at some time."""

    label: str
    """Whose it is, for people."""
    budget: CourseBudget
    used: Cost
    reserved: Cost
    until: str = ""
    """When a new period begins, for people; empty if none does."""

    def lacks(self, cost: Cost) -> bool:
        """Tell whether a cost does not fit any more; something that costs nothing known does, until all is used."""
        spent = self.used + self.reserved
        return _over(self.budget.tokens, spent.tokens, cost.tokens) or _over(
            self.budget.cost_micro_usd, spent.micro_usd, cost.micro_usd
        )

    def words(self, cost: Cost) -> str:
        """Say what is used, what is reserved, what the limit is, and what to do."""
        parts = []
        if self.budget.tokens is not None:
            parts.append(_line("tokens", self.budget.tokens, self.used.tokens, self.reserved.tokens, cost.tokens))
        if self.budget.cost_micro_usd is not None:
            figures = (self.budget.cost_micro_usd, self.used.micro_usd, self.reserved.micro_usd, cost.micro_usd)
            parts.append(_line("micro-USD", *figures))
        wait = f", or wait for {self.until}" if self.until else ""
        return f"The budget of {self.label} is used up: {'; '.join(parts)}. Raise spec.budget to go on{wait}."


def _over(limit: int | None, spent: int, cost: int) -> bool:
    return limit is not None and spent + max(cost, 1) > limit


def _line(unit: str, limit: int, used: int, reserved: int, cost: int) -> str:
    return f"{used} of {limit} {unit} used, {reserved} reserved for what runs, about {cost} needed"


# ---- periods of a provider's budget -----------------------------------------------------------------


def period_of(time: float, period: Period) -> str:
    """Name the day or month, in UTC, that a time lies in."""
    moment = datetime.fromtimestamp(time, UTC)
    return moment.strftime("%Y-%m-%d" if period is Period.DAY else "%Y-%m")


def next_period(time: float, period: Period) -> float:
    """Give the time at which the next period begins."""
    moment = datetime.fromtimestamp(time, UTC)
    if period is Period.DAY:
        return datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp() + 86_400
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)
    return datetime(year, month, 1, tzinfo=UTC).timestamp()


def period_begin(time: float, period: Period) -> float:
    """Give the time at which the present period began."""
    moment = datetime.fromtimestamp(time, UTC)
    return datetime(moment.year, moment.month, moment.day if period is Period.DAY else 1, tzinfo=UTC).timestamp()


def period_kind(budget: ProviderBudget | None) -> Period:
    """Give the period that a provider's use is summed over."""
    return budget.period if budget else Period.MONTH


def stored(usage: ProviderUsage | None, period: str) -> Cost:
    """Read what status says was used in a period; what it says of another is past."""
    return Cost(usage.tokens, usage.cost_micro_usd) if usage and usage.period == period else NOTHING
