"""Visits providers and queues: writes how their circuits stand and what they have cost, and tells people.

The state of a circuit that is written is the one that already holds: `breakers` derives it from the same status
and attempts.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coursegen_api.budget import ProviderUsage
from coursegen_api.circuit import CircuitState, CircuitStatus
from coursegen_api.provider import ModelProvider

from .breakers import Breakers
from .effects import Doer, path_of_key
from .kube import ApiError, Kube
from .metrics import Metrics
from .plan import breaker, budget, clock, outage, probing, settling
from .plan.breaker import Circuit
from .plan.world import Gate, Key, PostEvent
from .scheduler import Scheduler
from .snapshot import Snapshot
from .statuspatch import difference, guarded
from .workqueue import WorkQueue

_CONFLICT_SECONDS = 1.0
"""After somebody else has written: by then the watch has brought what."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Gatekeeper:
    """Keeps the circuits of providers and queues in their status."""

    kube: Kube
    snapshot: Snapshot
    queue: WorkQueue
    scheduler: Scheduler
    metrics: Metrics
    doer: Doer
    clock: Callable[[], float]

    @property
    def breakers(self) -> Breakers:
        """Give the circuits as they are now."""
        return self.scheduler.breakers

    async def visit(self, key: Key) -> None:
        """Bring the status of one provider or queue into line with its circuit."""
        obj = self.snapshot.gate(key)
        if obj is None or obj.metadata.deletion_timestamp:
            return
        circuit, before = self.breakers.now(key), obj.status.circuit_breaker
        usage = self._settled(key, obj) if isinstance(obj, ModelProvider) else None
        news = _is_news(before, circuit)
        changes: dict[str, Any] = {"circuit_breaker": breaker.written(circuit)} if news else {}
        changes |= {"usage": usage} if usage else {}
        if changes and not await self._write(key, obj, changes):
            return
        if usage:
            self.snapshot.books.ledger.settle(key, clock.parse(usage.settled_time))
            self.queue.add_at(key, self.clock() + settling.PERIOD_SECONDS)
        if news:
            for waiting in probing.waiting(self.scheduler.book, key):
                self.queue.add(waiting)
            await self._tell(key, obj, before, circuit)
        self._give_back(key, circuit)
        if circuit.state is CircuitState.OPEN:
            self.queue.add_at(key, circuit.next_probe)

    def _settled(self, key: Key, provider: ModelProvider) -> ProviderUsage | None:
        """Give what the provider has cost in its period, if it is time to write that; else come back when it is."""
        now = self.clock()
        due = settling.due(provider, self.snapshot.books.ledger, key)
        if provider.spec.budget:
            self.queue.add_at(key, budget.next_period(now, provider.spec.budget.period))
        if due is None:
            return None
        if due > now:
            self.queue.add_at(key, due)
            return None
        return settling.settled(provider, self.snapshot.books.ledger, key, now)

    async def _write(self, key: Key, obj: Gate, changes: dict[str, Any]) -> bool:
        status = obj.status.model_copy(update=changes)
        body = guarded(obj.metadata, difference(obj.status.stored(), status.wire()))
        try:
            answer = await self.kube.patch_status(path_of_key(key), body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            self.metrics.conflicts.inc()
            self.queue.add_at(key, self.clock() + _CONFLICT_SECONDS)
            return False
        self.snapshot.apply(key.kind, answer)
        return True

    async def _tell(self, key: Key, obj: Gate, before: CircuitStatus | None, circuit: Circuit) -> None:
        if before is not None and (before.state, before.openings) == (circuit.state, circuit.openings):
            return
        self.metrics.circuit_changes.labels(key.kind, circuit.state.value).inc()
        words = breaker.words(circuit) if not circuit.is_closed else "Work goes through again."
        event = PostEvent(
            "Warning" if circuit.state is CircuitState.OPEN else "Normal",
            f"Circuit{circuit.state.value}",
            f"The circuit of {outage.label(key)} is {circuit.state.value}: {words}",
        )
        await self.doer.events.post(key, obj.metadata, event, f"{circuit.opened}/{circuit.closed}/{circuit.openings}")

    def _give_back(self, key: Key, circuit: Circuit) -> None:
        """Have those visited that still pay for an attempt which the circuit excuses."""
        for one in self.snapshot.books.recent.lines.get(key, ()):
            task = self.snapshot.by_uid.get(one.uid)
            if task and one.failure and one.counted and circuit.refunds(one.time):
                self.queue.add(task)


def _is_news(before: CircuitStatus | None, circuit: Circuit) -> bool:
    """Tell whether a circuit has changed; counts alone are not worth a write."""
    was = breaker.read(before)
    return (was.state, was.opened, was.closed, was.next_probe) != (
        circuit.state,
        circuit.opened,
        circuit.closed,
        circuit.next_probe,
    )
