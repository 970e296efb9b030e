"""A full LIST of everything: at the start, and every five minutes as the truth.

kopf does not notice what was deleted while a watch was broken; a list does.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from coursegen_api import names

from .effects import enqueue
from .health import Health
from .kube import ApiError, ApiUnreachable, Json, Kube, path_of
from .metrics import Metrics
from .plan.world import Key
from .snapshot import KINDS, Snapshot
from .workqueue import WorkQueue

_RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


async def list_all(kube: Kube, snapshot: Snapshot, namespaces: Iterable[str]) -> set[Key]:
    """List every kind and every Job of ours into the snapshot, the queues first; give those of which it was news."""
    news: set[Key] = set()
    scopes = tuple(namespaces) or ("",)
    order = ("GenerationQueue", "ModelProvider", "CourseGeneration", "ChapterGeneration")
    for kind in (*order, *(k for k in KINDS if k not in order)):
        plural, cluster = KINDS[kind].meta.plural, KINDS[kind].meta.scope == "Cluster"
        items, version = await _list(kube, snapshot, kind, plural, ("",) if cluster else scopes)
        news |= snapshot.replace(kind, items, version)
    selector = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    jobs, version = await _list(kube, snapshot, "Job", "jobs", scopes, labelSelector=selector)
    news |= snapshot.replace("Job", jobs, version)
    snapshot.recount()
    return news


async def _list(
    kube: Kube, snapshot: Snapshot, kind: str, plural: str, scopes: tuple[str, ...], **selectors: str
) -> tuple[list[Json], int]:
    """List a kind in all scopes; ApiUnreachable for a list older than the last one, which would undo what is known."""
    items: list[Json] = []
    versions = []
    for namespace in scopes:
        answer = await kube.list(path_of(plural, namespace), **selectors)
        items += answer["items"]
        versions.append(int(answer["metadata"]["resourceVersion"]))
    version = min(versions)
    if version < snapshot.listed[kind]:
        raise ApiUnreachable(f"the list of {plural} is older than the one before")
    return items, version


@dataclass(frozen=True, slots=True)
class Resync:
    """Makes full lists, and has everything visited after each."""

    kube: Kube
    snapshot: Snapshot
    queue: WorkQueue
    health: Health
    metrics: Metrics
    namespaces: Iterable[str]

    async def once(self) -> set[Key]:
        """List, again and again until it works; give the objects of which the list knew something new."""
        while True:
            try:
                news = await list_all(self.kube, self.snapshot, self.namespaces)
            except (ApiError, ApiUnreachable) as error:
                log.warning("the full list failed, again in %.0f s: %s", _RETRY_SECONDS, error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                break
        self.health.last_list = time.monotonic()
        self.metrics.last_list.set(time.time())
        enqueue(self.queue, self.snapshot.keys(), None, time.time(), True)
        return news

    async def run(self) -> None:
        """List every `resync_seconds` until cancelled; the first time then, not now."""
        while True:
            await asyncio.sleep(self.health.resync_seconds)
            self.metrics.corrections.inc(len(await self.once()))
