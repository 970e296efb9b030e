"""Writes the status of queues and providers: at most once in five seconds, and only what has changed."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue

from .effects import path_of_key
from .kube import ApiError, ApiUnreachable, Kube
from .plan import standing
from .plan.world import key_of
from .scheduler import Scheduler
from .snapshot import Snapshot
from .statuspatch import Json, difference

_PERIOD_SECONDS = 5.0

log = logging.getLogger(__name__)


async def run(kube: Kube, snapshot: Snapshot, scheduler: Scheduler, clock: Callable[[], float]) -> None:
    """Write until cancelled; what fails is written the next time."""
    while True:
        for obj, status in list(_standings(snapshot, scheduler, clock())):
            patch = difference(obj.status.stored(), status)
            if not patch:
                continue
            key, meta = key_of(obj), obj.metadata
            body = {"metadata": {"resourceVersion": meta.resource_version, "uid": meta.uid}, "status": patch}
            try:
                snapshot.apply(key.kind, await kube.patch_status(path_of_key(key), body))
            except (ApiError, ApiUnreachable) as error:
                log.info("the status of %s is written later: %s", key, error)
        await asyncio.sleep(_PERIOD_SECONDS)


def _standings(
    snapshot: Snapshot, scheduler: Scheduler, now: float
) -> Iterator[tuple[GenerationQueue | ModelProvider, Json]]:
    load, waiting = snapshot.load, scheduler.book.counts()
    for name, queue in snapshot.queues.items():
        yield queue, standing.status(queue, load.by_queue.get(name, 0), waiting.get(name, 0), now)
    for namespace, named in snapshot.providers.items():
        for name, provider in named.items():
            yield provider, standing.status(provider, load.by_provider.get(f"{namespace}/{name}", 0), 0, now)
