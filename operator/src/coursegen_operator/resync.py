"""A full LIST of everything: at the start, and every five minutes as the truth.

kopf does not notice what was deleted while a watch was broken; a list does.
"""

import asyncio
import logging
import time
from collections.abc import Iterable

from coursegen_api import names

from .effects import enqueue
from .health import Health
from .kube import ApiError, ApiUnreachable, Json, Kube, path_of
from .metrics import Metrics
from .snapshot import KINDS, Snapshot
from .workqueue import WorkQueue

_RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


async def list_all(kube: Kube, snapshot: Snapshot, namespaces: Iterable[str]) -> None:
    """List every kind and every Job of ours into the snapshot, the queues first."""
    scopes = tuple(namespaces) or ("",)
    order = ("GenerationQueue", "ModelProvider", "CourseGeneration", "ChapterGeneration")
    for kind in (*order, *(k for k in KINDS if k not in order)):
        cluster = KINDS[kind].meta.scope == "Cluster"
        items: list[Json] = []
        for namespace in ("",) if cluster else scopes:
            items += (await kube.list(path_of(KINDS[kind].meta.plural, namespace)))["items"]
        snapshot.replace(kind, items)
    jobs: list[Json] = []
    for namespace in scopes:
        selector = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
        jobs += (await kube.list(path_of("jobs", namespace), labelSelector=selector))["items"]
    snapshot.replace("Job", jobs)
    snapshot.recount()


async def run(
    kube: Kube,
    snapshot: Snapshot,
    queue: WorkQueue,
    health: Health,
    metrics: Metrics,
    namespaces: Iterable[str],
    first: asyncio.Event,
) -> None:
    """List now and then every `resync_seconds`, and visit everything after each; `first` is set after the first."""
    while True:
        try:
            await list_all(kube, snapshot, namespaces)
        except (ApiError, ApiUnreachable) as error:
            log.warning("the full list failed, again in %.0f s: %s", _RETRY_SECONDS, error)
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        health.last_list = time.monotonic()
        metrics.last_list.set(time.time())
        enqueue(queue, snapshot.keys(), None, time.time())
        first.set()
        await asyncio.sleep(health.resync_seconds)
