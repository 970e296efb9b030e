"""Every five seconds: moves the capacity of elastic queues, and writes what is new of queues and providers."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue

from .effects import path_of_key
from .kube import ApiError, ApiUnreachable, Kube
from .plan import capacity, standing
from .plan.history import History
from .plan.limits import provider_key
from .plan.world import key_of
from .scheduler import Scheduler
from .snapshot import Snapshot
from .statuspatch import Json, difference, guarded

_PERIOD_SECONDS = 5.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Standing:
    """How queues and providers stand."""

    kube: Kube
    snapshot: Snapshot
    scheduler: Scheduler
    history: History
    clock: Callable[[], float]

    async def run(self) -> None:
        """Go on until cancelled; what cannot be written is written the next time."""
        while True:
            await self.once()
            await asyncio.sleep(_PERIOD_SECONDS)

    async def once(self) -> None:
        """Move capacities, then write what is new."""
        self._move_capacities(self.clock())
        for obj, status in list(self._statuses(self.clock())):
            patch = difference(obj.status.stored(), status)
            if not patch:
                continue
            key = key_of(obj)
            try:
                answer = await self.kube.patch_status(path_of_key(key), guarded(obj.metadata, patch))
                self.snapshot.apply(key.kind, answer)
            except (ApiError, ApiUnreachable) as error:
                log.info("the status of %s is written later: %s", key, error)

    def _move_capacities(self, now: float) -> None:
        elastic = {name: queue for name, queue in self.snapshot.queues.items() if queue.spec.elasticity}
        if not elastic:
            return
        seen = capacity.look(self.snapshot.jobs.values(), self.snapshot.readings, now)
        waiting = self.scheduler.book.counts()
        for name, queue in elastic.items():
            assert queue.spec.elasticity is not None
            before = self.scheduler.capacity(name)
            found = seen.get(name, capacity.Seen())
            after = capacity.step(queue.spec.elasticity, before, found, waiting.get(name, 0), now)
            self.scheduler.set_capacity(name, after)

    def _statuses(self, now: float) -> Iterator[tuple[GenerationQueue | ModelProvider, Json]]:
        load, book = self.snapshot.load, self.scheduler.book
        pending, limits = book.counts(), self.scheduler.limits()
        for name, queue in self.snapshot.queues.items():
            facts = standing.QueueFacts(
                limits.queues[name],
                load.by_queue.get(name, 0),
                pending.get(name, 0),
                book.oldest_since(name),
                self.history.figures(name, now),
            )
            yield queue, standing.of_queue(queue, facts, now)
        for namespace, named in self.snapshot.providers.items():
            for name, provider in named.items():
                active = load.by_provider.get(provider_key(name, namespace), 0)
                yield provider, standing.of_provider(provider, active, now)
