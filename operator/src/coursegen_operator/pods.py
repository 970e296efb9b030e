"""Reads the Pods of Jobs: many Jobs of a namespace in one LIST, and Kubernetes' warnings where a Pod has not come."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace

from . import views
from .kube import ApiError, ApiUnreachable, Json, Kube, path_of
from .plan.world import Key, Reading, ReadPods

_GATHER_SECONDS = 0.05
_BATCH = 60
_ASKED_ONE_BY_ONE = 2
"""More Jobs than these share one LIST of a namespace's warnings."""

_WARNINGS_SECONDS = 4.0
"""So long such a LIST is used again: thousands of waiting Jobs cost no more than one."""

log = logging.getLogger(__name__)

_JOB_LABEL = "batch.kubernetes.io/job-name"


@dataclass(frozen=True, slots=True)
class _Wish:
    """Whose Job it is that an object wants to know about."""

    key: Key
    job: ReadPods
    final: bool
    """The Job was seen ended."""


class PodReader:
    """Gathers wishes for a moment, then asks once for all Jobs of a namespace.

    `deliver` is called with the object that asked and the Job's UID, and with None where the read failed.
    """

    def __init__(
        self, kube: Kube, deliver: Callable[[Key, str, Reading | None], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._kube, self._deliver, self._clock = kube, deliver, clock
        self._wanted: dict[str, dict[str, _Wish]] = defaultdict(dict)
        self._wake = asyncio.Event()
        self._warnings: dict[str, tuple[float, dict[str, list[Json]]]] = {}
        self._listing = asyncio.Lock()

    def want(self, key: Key, job: ReadPods, final: bool) -> None:
        """Ask for the Pods of an object's Job; `final` says that it was seen ended."""
        self._wanted[job.namespace][job.job_name] = _Wish(key, job, final)
        self._wake.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            self._wake.clear()
            wanted, self._wanted = self._wanted, defaultdict(dict)
            async with asyncio.TaskGroup() as group:
                for namespace, wishes in wanted.items():
                    for portion in _portions(list(wishes.values())):
                        group.create_task(self._read(namespace, portion))

    async def _read(self, namespace: str, wishes: list[_Wish]) -> None:
        selector = f"{_JOB_LABEL} in ({','.join(w.job.job_name for w in wishes)})"
        begun = self._clock()
        try:
            answer = await self._kube.list(path_of("pods", namespace), labelSelector=selector)
            by_job: dict[str, list[Json]] = defaultdict(list)
            for raw in answer["items"]:
                by_job[raw["metadata"].get("labels", {}).get(_JOB_LABEL, "")].append(raw)
            readings = {
                wish: Reading(begun, tuple(views.pod_view(p) for p in by_job[wish.job.job_name]), final=wish.final)
                for wish in wishes
            }
            await self._add_troubles(namespace, readings)
        except (ApiError, ApiUnreachable) as error:
            log.warning("pods of %d jobs in %s cannot be read, asked again soon: %s", len(wishes), namespace, error)
            for wish in wishes:
                self._deliver(wish.key, wish.job.job_uid, None)
        else:
            for wish, reading in readings.items():
                self._deliver(wish.key, wish.job.job_uid, reading)

    async def _add_troubles(self, namespace: str, readings: dict[_Wish, Reading]) -> None:
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
        answer = await self._kube.list(path_of("events", namespace), fieldSelector=f"type=Warning{about}")
        items: list[Json] = answer["items"]
        return items


def _portions(wishes: list[_Wish]) -> list[list[_Wish]]:
    return [wishes[i : i + _BATCH] for i in range(0, len(wishes), _BATCH)]
