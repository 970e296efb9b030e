"""A full LIST of everything: at the start, and every five minutes as the truth.

kopf does not notice what was deleted while a watch was broken; a list does.
"""

import asyncio
import itertools
import logging
import time
from contextlib import suppress
from dataclasses import dataclass

from coursegen_api import names

from .effects import enqueue
from .health import Health
from .kube import ApiError, ApiUnreachable, Kube, path_of
from .metrics import Metrics
from .plan.world import Key
from .snapshot import KINDS, Snapshot
from .workqueue import WorkQueue

_RETRY_SECONDS = 2.0
_WHOLE = 12
"""After every twelfth list all is counted anew and visited, also what has ended."""

log = logging.getLogger(__name__)


_FIRST = ("GenerationQueue", "ModelProvider", "CourseGeneration", "ChapterGeneration")
_ORDER = (*_FIRST, *(k for k in KINDS if k not in _FIRST))
_SELECTOR = f"{names.LABEL_MANAGED_BY}={names.MANAGED_BY}"


async def list_all(kube: Kube, snapshot: Snapshot, news: set[Key]) -> None:
    """List every kind and every Job of ours into the snapshot, the queues first.

    Adds to `news` of which objects it was; also where the list then breaks off, since the next one finds them known.
    """
    news |= await _survey(kube, snapshot)
    scopes = snapshot.territory.scopes
    for kind in _ORDER:
        plural, cluster = KINDS[kind].meta.plural, KINDS[kind].meta.scope == "Cluster"
        await _list(kube, snapshot, news, kind, plural, ("",) if cluster else scopes)
    await _list(kube, snapshot, news, "Job", "jobs", scopes, labelSelector=_SELECTOR)


async def _survey(kube: Kube, snapshot: Snapshot) -> set[Key]:
    """List namespaces, and forget those that are another operator's; where they are named there is nothing to see."""
    territory = snapshot.territory
    if territory.named:
        await _identify(kube, snapshot)
        return set()
    first = snapshot.listed["Job"] == 0
    listed = await kube.list(path_of("namespaces", ""))
    for meta in (namespace["metadata"] for namespace in listed):
        snapshot.see_namespace(meta["name"], meta["uid"])
    lost = territory.survey(listed, time.time())
    if first:  # all of it is listed now
        territory.due(time.time())
    return set().union(*(snapshot.leave(name) for name in lost))


async def _identify(kube: Kube, snapshot: Snapshot) -> None:
    """Look whether namespaces were made anew: no watch tells, and store keys begin with their UIDs."""
    for name in list(snapshot.namespace_uids):
        try:
            found = await kube.get(path_of("namespaces", "", name))
        except ApiError as error:
            if error.status != 404:
                raise
        else:
            snapshot.see_namespace(name, found["metadata"]["uid"])


async def list_namespace(kube: Kube, snapshot: Snapshot, namespace: str) -> None:
    """List what is in one namespace that is coming over."""
    for kind in (k for k in _ORDER if KINDS[k].meta.scope != "Cluster"):
        async for page in kube.pages(path_of(KINDS[kind].meta.plural, namespace)):
            snapshot.apply_page(kind, page["items"], set())
    async for page in kube.pages(path_of("jobs", namespace), labelSelector=_SELECTOR):
        snapshot.apply_page("Job", page["items"], set())


async def _list(
    kube: Kube, snapshot: Snapshot, news: set[Key], kind: str, plural: str, scopes: tuple[str, ...], **selectors: str
) -> None:
    """Take in a kind of all scopes page by page, so that never more than one lies about in JSON.

    ApiUnreachable for a list that is older than the last one, which would undo what is known.
    """
    seen: set[tuple[str, str]] = set()
    versions = []
    for namespace in scopes:
        async for page in kube.pages(path_of(plural, namespace), **selectors):
            versions.append(int(page["metadata"]["resourceVersion"]))
            if versions[-1] < snapshot.listed[kind]:
                raise ApiUnreachable(f"the list of {plural} is older than the one before")
            news |= snapshot.apply_page(kind, page["items"], seen)
    news |= snapshot.end_list(kind, seen, min(versions))


@dataclass(frozen=True, slots=True)
class Resync:
    """Makes full lists, and has visited after each what goes on and what it brings news of.

    What has ended, and has not changed, has nothing to do but what its timers say, and it is most of what there is. It
    is visited after the first list, and once in an hour for whatever nobody thought of. So are the sums counted, each
    change of which follows from an object's: with a hundred thousand objects that keeps the event loop for seconds.
    """

    kube: Kube
    snapshot: Snapshot
    queue: WorkQueue
    health: Health
    metrics: Metrics

    async def once(self, whole: bool = True) -> set[Key]:
        """List, again and again until it works; give the objects of which the list knew something new.

        Arguments:
            whole: count everything anew, and have visited what has ended as well.
        """
        news: set[Key] = set()
        while True:
            try:
                await list_all(self.kube, self.snapshot, news)
            except (ApiError, ApiUnreachable) as error:
                log.warning("the full list failed, again in %.0f s: %s", _RETRY_SECONDS, error)
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                break
        if whole:
            self.snapshot.recount()
        self.health.last_list = time.monotonic()
        self.metrics.last_list.set(time.time())
        due = self.snapshot.keys() if whole else {*self.snapshot.going_on(), *news}
        enqueue(self.queue, due, None, time.time(), True)
        return news

    async def run(self) -> None:
        """List every `resync_seconds` until cancelled; the first time then, not now."""
        for number in itertools.count(1):
            await asyncio.sleep(self.health.resync_seconds)
            self.metrics.corrections.inc(len(await self.once(whole=number % _WHOLE == 0)))

    async def take_over(self) -> None:
        """Take namespaces over as their time comes, until cancelled."""
        territory = self.snapshot.territory
        while True:
            come = territory.due(time.time())
            self.snapshot.coming.update(come)
            for namespace in come:
                await self._take_over(namespace)
            territory.news.clear()
            due = territory.next_due()
            patience = None if due is None else max(0.0, due - time.time())
            with suppress(TimeoutError):
                await asyncio.wait_for(territory.news.wait(), patience)

    async def _take_over(self, namespace: str) -> None:
        """List a namespace, again and again until it works or the namespace is another operator's."""
        snapshot = self.snapshot
        while snapshot.territory.holds(namespace):
            try:
                await list_namespace(self.kube, snapshot, namespace)
                break
            except (ApiError, ApiUnreachable) as error:
                log.warning("namespace %s cannot be listed, again in %.0f s: %s", namespace, _RETRY_SECONDS, error)
                await asyncio.sleep(_RETRY_SECONDS)
        snapshot.coming.discard(namespace)
        there = snapshot.keys()
        enqueue(self.queue, (k for k in there if k.namespace == namespace), None, time.time())
