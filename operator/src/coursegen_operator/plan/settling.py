"""When a provider's status takes in what its attempts have cost, and what it then says."""

from coursegen_api.budget import ProviderUsage
from coursegen_api.provider import ModelProvider

from . import budget, clock
from .ledger import SETTLED_SECONDS, Ledger
from .world import Key

PERIOD_SECONDS = 30.0
"""A provider's usage is written at most this often."""


def due(provider: ModelProvider, ledger: Ledger, key: Key) -> float | None:
    """Give the time at which there is something to write; None if there is nothing."""
    unsettled = ledger.unsettled.get(key)
    if not unsettled:
        return None
    oldest = min(ended for ended, _ in unsettled.values()) + SETTLED_SECONDS
    before = provider.status.usage
    return max(oldest, clock.parse(before.settled_time) + SETTLED_SECONDS + PERIOD_SECONDS) if before else oldest


def begin(provider: ModelProvider, now: float) -> float:
    """Give the time from which on what has ended is not in status yet, and is of the present period.

    The ledger may still hold what is: a write that was not answered has taken it in all the same.
    """
    usage = provider.status.usage
    period = budget.period_begin(now, budget.period_kind(provider.spec.budget))
    return max(period, clock.parse(usage.settled_time)) if usage else period


def settled(provider: ModelProvider, ledger: Ledger, key: Key, now: float) -> ProviderUsage:
    """Give the usage of the present period, with all that had ended a little while ago."""
    kind = budget.period_kind(provider.spec.budget)
    period, until = budget.period_of(now, kind), clock.parse(clock.stamp(now - SETTLED_SECONDS))
    used = budget.stored(provider.status.usage, period)
    used += ledger.since(key, begin(provider, now), until)
    return ProviderUsage(
        period=period, tokens=used.tokens, cost_micro_usd=used.micro_usd, settled_time=clock.stamp(until)
    )
