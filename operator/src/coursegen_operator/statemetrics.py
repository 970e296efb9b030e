"""The state of the work, for /metrics: counted anew from the snapshot at each scrape, shown by who leads alone.

A standby has read the same objects, but decides nothing; and what two replicas show every sum would count twice.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from coursegen_api.base import HoldReason, Phase
from coursegen_api.circuit import CircuitState
from coursegen_api.names import QUEUE_PRIORITIES
from coursegen_api.queue import GenerationQueue

from .catalogue import CATALOGUE, Source
from .plan import requests
from .plan.breaker import CLOSED, Circuit
from .plan.budget import NOTHING, Purse
from .plan.tally import KINDS
from .plan.world import COURSE_SLOTS, Defaults, Key
from .progress import ProgressReader
from .scheduler import Scheduler
from .snapshot import Snapshot

_CIRCUIT_VALUES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}
_PAYERS = {"CourseGeneration": "course", "ModelProvider": "provider"}

Values = dict[tuple[str, ...], float]
"""Of one metric, by the values of its labels."""


@dataclass(slots=True, eq=False)  # a registry keeps collectors by identity
class StateCollector(Collector):
    """Gives the gauges whose source is STATE."""

    snapshot: Snapshot
    scheduler: Scheduler
    defaults: Defaults
    bound: Callable[[str], str]
    """Bounds the names of providers."""
    clock: Callable[[], float] = time.time
    leads: bool = False
    reader: ProgressReader | None = None
    """Of progress, where there is a Redis."""

    def describe(self) -> list[Metric]:
        """Give nothing, so that registering it collects nothing yet."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give the gauges; none while this replica does not lead."""
        if not self.leads:
            return
        values: dict[str, Values] = {}
        for part in (self._capacity, self._queues, self._work, self._budgets, self._circuits, self._progress):
            values |= part()
        for name, samples in values.items():
            family = CATALOGUE[name]
            assert family.source is Source.STATE
            gauge = GaugeMetricFamily(name, family.meaning, labels=family.labels)
            for labels, value in samples.items():
                gauge.add_metric(labels, value)
            yield gauge

    def _capacity(self) -> dict[str, Values]:
        load = self.snapshot.load
        return {
            "coursegen_courses_capacity": {(): self.defaults.max_courses},
            "coursegen_courses_active": {(): load.courses},
            "coursegen_courses_waiting": {(): self.snapshot.books.tally.waiting(COURSE_SLOTS)},
            "coursegen_jobs_capacity": {(): self.defaults.max_jobs},
            "coursegen_jobs_active": {(): load.jobs},
            "coursegen_unreadable_objects": {(): len(self.snapshot.unreadable)},
        }

    def _queues(self) -> dict[str, Values]:
        tally, queues, now = self.snapshot.books.tally, self.snapshot.queues, self.clock()
        circuits = self.scheduler.breakers.all()
        names = sorted(set(queues) | set(QUEUE_PRIORITIES))
        since = {name: tally.oldest(name) for name in names}
        return {
            "coursegen_slots_capacity": {(n,): _capacity(queues[n]) if n in queues else 0 for n in names},
            "coursegen_slots_in_use": {(n,): self.snapshot.load.by_queue.get(n, 0) for n in names},
            "coursegen_slots_waiting": {(n,): tally.waiting(n) for n in names},
            "coursegen_oldest_wait_seconds": {(n,): max(0.0, now - (s or now)) for n, s in since.items()},
            "coursegen_circuit_breaker_state": {
                (n,): _CIRCUIT_VALUES[circuits.get(Key("GenerationQueue", "", n), CLOSED).state] for n in queues
            },
        }

    def _work(self) -> dict[str, Values]:
        tally = self.snapshot.books.tally
        kinds = KINDS.values()
        return {
            "coursegen_objects": {(k, p.value): tally.objects[k, p.value] for k in kinds for p in Phase},
            "coursegen_held": {(k, r.value): tally.held[k, r.value] for k in kinds for r in HoldReason},
        }

    def _budgets(self) -> dict[str, Values]:
        have: Values = {(payer,): 0 for payer in _PAYERS.values()}
        up, used = dict(have), Values()
        for key in self.snapshot.books.budgets:
            purse = None if self._is_over(key) else self.scheduler.purses.of(key)
            if purse is None:
                continue
            payer = (_PAYERS[key.kind],)
            have[payer] += 1
            up[payer] += purse.lacks(NOTHING)
            if key.kind == "ModelProvider":
                label = (self.bound(key.name),)
                used[label] = max(used.get(label, 0.0), _used(purse))
        return {
            "coursegen_budgets": have,
            "coursegen_budgets_used_up": up,
            "coursegen_provider_budget_used_ratio": used,
        }

    def _is_over(self, key: Key) -> bool:
        """Tell whether a payer is a course that has ended: of those there may be thousands."""
        payer = self.snapshot.objects.get(key)
        return payer is not None and requests.ended(payer) is not None

    def _circuits(self) -> dict[str, Values]:
        known = self.scheduler.breakers.all()
        count: Values = {(state.value,): 0 for state in CircuitState}
        worst: Values = {}
        for namespace, named in self.snapshot.providers.items():
            for name in named:
                circuit: Circuit = known.get(Key("ModelProvider", namespace, name), CLOSED)
                count[circuit.state.value,] += 1
                label = (self.bound(name),)
                worst[label] = max(worst.get(label, 0), _CIRCUIT_VALUES[circuit.state])
        return {"coursegen_provider_circuit_breakers": count, "coursegen_provider_circuit_breaker_state": worst}

    def _progress(self) -> dict[str, Values]:
        if self.reader is None or not self.reader.configured:
            return {}
        return {
            "coursegen_redis_up": {(): self.reader.connected},
            "coursegen_progress_last_message_timestamp_seconds": {(): self.reader.last_message},
        }


def _capacity(queue: GenerationQueue) -> int:
    """Give what a queue may run now; an elastic one says so in its status."""
    return queue.spec.capacity if queue.status.capacity is None else queue.status.capacity


def _used(purse: Purse) -> float:
    """Give the used and reserved share of a budget, of the limit that is nearest; a limit of nothing is used up."""
    spent = purse.used + purse.reserved
    limits = ((purse.budget.tokens, spent.tokens), (purse.budget.cost_micro_usd, spent.micro_usd))
    return max((used / limit if limit else 1.0) for limit, used in limits if limit is not None)
