"""Reads the Pods of Jobs: many Jobs of a namespace in one LIST, and Kubernetes' warnings where a Pod has not come."""

import asyncio
import heapq
import itertools
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from . import views
from .kube import ApiError, ApiUnreachable, Json, Kube, path_of
from .plan.world import JobView, Key, Reading, ReadPods

_GATHER_SECONDS = 0.05
_ROUND_SECONDS = 0.15
"""So long what is asked for meanwhile waits for the answers that are on their way, to be asked for together."""
_READS_AT_ONCE = 8
"""With so many answers outstanding, nothing more is asked until one is there."""
_BATCH = 60
"""Jobs that one LIST asks for at most."""
_BATCH_SECONDS = 1.5
"""Between two batches of looks that are made again: forty Jobs a second."""
_ASKED_ONE_BY_ONE = 2
"""More Jobs than these share one LIST of a namespace's warnings."""

_WARNINGS_SECONDS = 4.0
"""So long such a LIST is used again: thousands of waiting Jobs cost no more than one."""

_Heap = list[tuple[float, tuple[str, str]]]
"""Times and Jobs, by namespace and name."""

log = logging.getLogger(__name__)

_JOB_LABEL = "batch.kubernetes.io/job-name"


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose Job it is that an object wants to know about."""

    key: Key
    job: ReadPods


class Wishes:
    """What is to be read, and when: one wish for each Job, the last one said.

    Looks that are made again come in batches, at most one in some time: where thousands of Jobs wait for their Pods for
    minutes, since the cluster is slow, nobody is helped by seeing each of them every half minute.
    """

    def __init__(self) -> None:
        self._wished: dict[tuple[str, str], Wish] = {}
        self._heaps: tuple[_Heap, _Heap] = ([], [])
        """What is read when its time comes, and what is read again."""
        self._batch_at = -math.inf
        """Before then no batch of looks is made again."""

    def put(self, key: Key, job: ReadPods) -> None:
        """Enter a wish; looks of the same second are made together."""
        place = (job.namespace, job.job_name)
        wish = Wish(key, replace(job, at=math.ceil(job.at)))
        if self._wished.get(place) != wish:
            self._wished[place] = wish
            heapq.heappush(self._heaps[job.again], (wish.job.at, place))

    def next_time(self) -> float | None:
        """Give the time when something is to be read next."""
        first, again = (self._first(heap) for heap in self._heaps)
        times = [] if first is None else [first]
        return min(times if again is None else [*times, max(again, self._batch_at)], default=None)

    def take(self, now: float, jobs: Mapping[tuple[str, str], JobView]) -> list[Wish]:
        """Give the wishes that are due and still make sense."""
        due = [wish for wish in self._due(self._heaps[False], now) if _makes_sense(wish, jobs)]
        if not 0 < self._batch_at - now <= _BATCH_SECONDS:  # or the clock was set back
            again = (wish for wish in self._due(self._heaps[True], now) if _makes_sense(wish, jobs))
            batch = list(itertools.islice(again, _BATCH))
            if batch:
                self._batch_at = now + _BATCH_SECONDS
            due += batch
        return due

    def _due(self, heap: _Heap, now: float) -> Iterator[Wish]:
        """Take out what is due, one after the other."""
        while (at := self._first(heap)) is not None and at <= now:
            yield self._wished.pop(heapq.heappop(heap)[1])

    def _first(self, heap: _Heap) -> float | None:
        while heap and not self._stands(*heap[0], again=heap is self._heaps[True]):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def _stands(self, at: float, place: tuple[str, str], again: bool) -> bool:
        wish = self._wished.get(place)
        return wish is not None and (wish.job.at, wish.job.again) == (at, again)


def _makes_sense(wish: Wish, jobs: Mapping[tuple[str, str], JobView]) -> bool:
    job = jobs.get((wish.job.namespace, wish.job.job_name))
    if job is None or job.uid != wish.job.job_uid:
        return False
    return bool(job.finished or not job.ready or wish.job.though_ready)


class PodReader:
    """Gathers wishes for a moment, then asks once for all Jobs of a namespace.

    `deliver` is called with the object that asked and the Job's UID, and with None where the read failed; it gives the
    next look, where it wants one.
    """

    def __init__(
        self,
        kube: Kube,
        jobs: Mapping[tuple[str, str], JobView],
        deliver: Callable[[Key, str, Reading | None], ReadPods | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kube, self._jobs, self._deliver, self._clock = kube, jobs, deliver, clock
        self.wishes = Wishes()
        self._wake = asyncio.Event()
        self._warnings: dict[str, tuple[float, dict[str, list[Json]]]] = {}
        self._listing = asyncio.Lock()

    def want(self, key: Key, job: ReadPods) -> None:
        """Ask for the Pods of an object's Job, now or later."""
        self.wishes.put(key, job)
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled, in rounds; a round waits for the one before it, but not for long."""
        reads: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while True:
                await self._due()
                await asyncio.sleep(_GATHER_SECONDS)
                for namespace, wishes in self._round().items():
                    reads |= {group.create_task(self._read(namespace, portion)) for portion in _portions(wishes)}
                if len(reads) >= _READS_AT_ONCE:
                    _, reads = await asyncio.wait(reads, return_when=asyncio.FIRST_COMPLETED)
                elif reads:
                    _, reads = await asyncio.wait(reads, timeout=_ROUND_SECONDS)

    def _round(self) -> dict[str, list[Wish]]:
        """Give what is to be read now, by namespace."""
        due: dict[str, list[Wish]] = defaultdict(list)
        for wish in self.wishes.take(self._clock(), self._jobs):
            due[wish.job.namespace].append(wish)
        return due

    async def _due(self) -> None:
        """Wait for the time of the earliest wish."""
        while True:
            self._wake.clear()
            at = self.wishes.next_time()
            try:
                async with asyncio.timeout(None if at is None else max(0.0, at - self._clock())):
                    await self._wake.wait()
            except TimeoutError:
                return

    async def _read(self, namespace: str, wishes: list[Wish]) -> None:
        selector = f"{_JOB_LABEL} in ({','.join(w.job.job_name for w in wishes)})"
        begun = self._clock()
        readings: dict[Wish, Reading | None] = dict.fromkeys(wishes)
        jobs = {w: self._jobs.get((w.job.namespace, w.job.job_name)) for w in wishes}  # some are gone meanwhile
        ended = {w for w, job in jobs.items() if job and job.finished}
        try:
            pods = await self._kube.list(path_of("pods", namespace), labelSelector=selector)
            by_job: dict[str, list[Json]] = defaultdict(list)
            for raw in pods:
                by_job[raw["metadata"].get("labels", {}).get(_JOB_LABEL, "")].append(raw)
            found = {
                wish: Reading(begun, tuple(views.pod_view(p) for p in by_job[wish.job.job_name]), final=wish in ended)
                for wish in wishes
            }
            await self._add_troubles(namespace, found)
            readings.update(found)
        except (ApiError, ApiUnreachable) as error:
            log.warning("pods of %d jobs in %s cannot be read, asked again soon: %s", len(wishes), namespace, error)
        for wish, reading in readings.items():
            if look := self._deliver(wish.key, wish.job.job_uid, reading):
                self.want(wish.key, look)

    async def _add_troubles(self, namespace: str, readings: dict[Wish, Reading]) -> None:
        """Add the warnings about a Job that has no Pod (quota), or about its Pod (a volume that is not there)."""
        about = {
            wish: max(reading.pods, key=lambda p: p.created).uid if reading.pods else wish.job.job_uid
            for wish, reading in readings.items()
            if wish.job.with_events and not any(p.running for p in reading.pods)
        }
        if len(about) <= _ASKED_ONE_BY_ONE:
            warnings = {
                uid: await self._list_warnings(namespace, f",involvedObject.uid={uid}") for uid in about.values()
            }
        else:
            warnings = await self._all_warnings(namespace)
        for wish, uid in about.items():
            said = sorted(
                warnings.get(uid, ()), key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "", reverse=True
            )
            troubles = tuple(f"{e.get('reason', '')}: {e.get('message', '')}" for e in said[:3])
            readings[wish] = replace(readings[wish], troubles=troubles)

    async def _all_warnings(self, namespace: str) -> dict[str, list[Json]]:
        """Give the warnings of a namespace, by the UID of what they are about; a few seconds old at most."""
        async with self._listing:
            listed, warnings = self._warnings.get(namespace, (0.0, {}))
            if self._clock() - listed > _WARNINGS_SECONDS:
                now, warnings = self._clock(), defaultdict(list)
                for event in await self._list_warnings(namespace):
                    warnings[event["involvedObject"].get("uid", "")].append(event)
                self._warnings = {n: w for n, w in self._warnings.items() if now - w[0] <= _WARNINGS_SECONDS}
                self._warnings[namespace] = (now, warnings)
            return warnings

    async def _list_warnings(self, namespace: str, about: str = "") -> list[Json]:
        return await self._kube.list(path_of("events", namespace), fieldSelector=f"type=Warning{about}")


def _portions(wishes: list[Wish]) -> list[list[Wish]]:
    return [wishes[i : i + _BATCH] for i in range(0, len(wishes), _BATCH)]
