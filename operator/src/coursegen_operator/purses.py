"""The budgets of courses and providers as they stand now, from their status and the ledger of what was spent."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from coursegen_api.budget import Period
from coursegen_api.course import CourseGeneration
from coursegen_api.provider import ModelProvider

from .plan import budget, clock, settling
from .plan.budget import NOTHING, Cost, Purse
from .plan.world import Key, Want, as_owner
from .snapshot import Snapshot


@dataclass(slots=True)
class Purses:
    """Gives purses on demand: only what waits for a slot is asked for."""

    snapshot: Snapshot
    clock: Callable[[], float]

    def of(self, key: Key) -> Purse | None:
        """Give the purse of a course or provider; None if it has no budget."""
        if key not in self.snapshot.books.budgets:
            return None
        if key.kind == "ModelProvider":
            provider = self.snapshot.providers[key.namespace].get(key.name)
            return self._of_provider(key, provider) if provider else None
        course = self.snapshot.objects.get(key)
        return self._of_course(key, course) if isinstance(course, CourseGeneration) else None

    def _of_course(self, key: Key, course: CourseGeneration) -> Purse | None:
        if course.spec.budget is None:
            return None
        ledger, payer = self.snapshot.books.ledger, as_owner(course)
        default = self._default(Key("ModelProvider", key.namespace, course.spec.provider_name or ""))
        return Purse(
            f"course {key.name}", course.spec.budget, ledger.spent.get(payer, NOTHING), ledger.reserved(payer, default)
        )

    def _of_provider(self, key: Key, provider: ModelProvider) -> Purse | None:
        limit = provider.spec.budget
        if limit is None:
            return None
        now, ledger = self.clock(), self.snapshot.books.ledger
        period = budget.period_of(now, limit.period)
        used = budget.stored(provider.status.usage, period)
        used += ledger.since(key, settling.begin(provider, now))
        renewed = clock.stamp(budget.next_period(now, limit.period))[:10]
        return Purse(f"provider {key.name}", limit, used, ledger.reserved(key, self._default(key)), renewed)

    def _default(self, key: Key) -> Cost:
        provider = self.snapshot.providers[key.namespace].get(key.name)
        limit = provider.spec.budget if provider else None
        return Cost(limit.reserve_tokens, limit.reserve_cost_micro_usd) if limit else NOTHING

    def today(self) -> str:
        """Name the day, in UTC: no budget begins anew within one."""
        return budget.period_of(self.clock(), Period.DAY)

    def _likely(self, provider: Key | None, label: str) -> Cost:
        default = self._default(provider) if provider else NOTHING
        return self.snapshot.books.ledger.estimate(provider, label, default)

    def words(self, want: Want, promised: Mapping[Key, Counter[str]]) -> str:
        """Say which budget a wish is over, with what has been promised to others besides; empty if none."""
        provider = next((k for k in want.purses if k.kind == "ModelProvider"), None)
        for key in want.purses:
            purse = self.of(key)
            if purse is None:
                continue
            others = (self._likely(provider, label).times(n) for label, n in promised.get(key, Counter()).items())
            purse = replace(purse, reserved=purse.reserved + sum(others, NOTHING))
            cost = self._likely(provider, want.label)
            if purse.lacks(cost):
                return purse.words(cost)
        return ""
