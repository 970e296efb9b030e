"""What has been spent, and what may be by that which runs: by course, and by provider.

A course's spending is what its work says in status. A provider's is what its own status says, and what has
ended since that was written; so neither a restart nor the deletion of finished work changes it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from coursegen_api.base import TaskStatus

from . import clock
from .budget import NOTHING, Cost, cost_of, mean
from .step import open_attempt
from .world import Key, Owner

SETTLED_SECONDS = 35.0
"""An attempt's end is in status, and so in the snapshot, by then: a write is given up after 30 seconds."""

_MEASURED = 20
"""Tasks whose mean is the estimate for the next."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a task's cost is charged to."""

    kind: str
    """Of the task: outline or chapter; the others ask no model."""
    course: Owner | None
    provider: Key | None


@dataclass(frozen=True, slots=True)
class _Entry:
    account: Account
    spent: Cost
    running: bool


@dataclass(slots=True)
class Ledger:
    """Kept up to date as status changes."""

    spent: dict[Owner, Cost] = field(default_factory=dict)
    """By course."""
    running: dict[Owner | Key, Counter[tuple[Key | None, str]]] = field(default_factory=dict)
    """By course, and by provider: the open attempts, by provider and kind."""
    unsettled: dict[Key, dict[tuple[str, int, int], tuple[float, Cost]]] = field(default_factory=dict)
    """By provider, then by task's UID, revision and attempt: when it ended, and what it cost."""
    measured: dict[tuple[Key | None, str], dict[str, tuple[float, Cost]]] = field(default_factory=dict)
    """By provider and kind, then by task's UID: when its last attempt ended, and what it cost."""
    version: int = 0
    """Moves when what is spent, set aside or measured changes."""
    _entries: dict[str, _Entry] = field(default_factory=dict)

    def put(self, uid: str, account: Account | None, status: TaskStatus | None, settled: float) -> bool:
        """Take in a task as it is now, None if it is gone; tell whether its provider has something new to settle.

        Arguments:
            settled: attempts that ended by then are in the provider's own status already.
        """
        before = self._entries.pop(uid, None)
        if before:
            self._book(before, -1)
        if account is None or status is None:
            self.version += before is not None
            return False
        entry = _Entry(account, cost_of(status.usage), open_attempt(status) is not None)
        self._entries[uid] = entry
        self._book(entry, +1)
        measured = self._measure(uid, account, status)
        new = [self._charge(uid, account, status.revision, paid) for paid in _paid(status) if paid.ended > settled]
        self.version += entry != before or measured or any(new)
        return any(new)

    def _book(self, entry: _Entry, sign: int) -> None:
        account = entry.account
        if account.course:
            total = self.spent.get(account.course, NOTHING)
            self.spent[account.course] = total + entry.spent if sign > 0 else total - entry.spent
        if entry.running:
            for holder in (account.course, account.provider):
                if holder:
                    self.running.setdefault(holder, Counter())[account.provider, account.kind] += sign

    def _charge(self, uid: str, account: Account, revision: int, paid: "_Paid") -> bool:
        identity = (uid, revision, paid.number)
        if account.provider is None:
            return False
        open_ones = self.unsettled.setdefault(account.provider, {})
        if identity in open_ones:
            return False
        open_ones[identity] = (paid.ended, paid.cost)
        return True

    def _measure(self, uid: str, account: Account, status: TaskStatus) -> bool:
        """Keep what the task's last attempt cost, for the estimate; each task once, the last ones of all.

        Tell whether that is something new.
        """
        known = self.measured.setdefault((account.provider, account.kind), {})
        last = next(reversed(list(_paid(status))), None)
        if last is None:
            return False
        before = known.get(uid)
        known[uid] = (last.ended, last.cost)
        if len(known) > _MEASURED:
            oldest = min(known, key=lambda uid: known[uid][0])
            del known[oldest]
        return known.get(uid) != before

    def settle(self, provider: Key, until: float) -> None:
        """Forget what the provider's status has taken in."""
        kept = {i: paid for i, paid in self.unsettled.get(provider, {}).items() if paid[0] > until}
        self.unsettled[provider] = kept
        self.version += 1

    def since(self, provider: Key, begin: float, end: float = float("inf")) -> Cost:
        """Give what a provider's attempts cost that ended after a time, and not after another."""
        return sum((c for t, c in self.unsettled.get(provider, {}).values() if begin < t <= end), NOTHING)

    def estimate(self, provider: Key | None, kind: str, default: Cost = NOTHING) -> Cost:
        """Give what a task is likely to cost: the mean of the last ones, else a default."""
        return mean([cost for _, cost in self.measured.get((provider, kind), {}).values()]) or default

    def reserved(self, holder: Owner | Key, default: Cost = NOTHING) -> Cost:
        """Give what is set aside for the open attempts of a course or provider."""
        of = self.running.get(holder, Counter())
        return sum((self.estimate(p, kind, default).times(n) for (p, kind), n in of.items() if n > 0), NOTHING)


@dataclass(frozen=True, slots=True)
class _Paid:
    number: int
    ended: float
    cost: Cost


def _paid(status: TaskStatus) -> Iterator[_Paid]:
    """Give the attempts that have ended and cost something."""
    for attempt in status.attempts:
        if attempt.completion_time and attempt.usage:
            yield _Paid(attempt.number, clock.parse(attempt.completion_time), cost_of(attempt.usage))
