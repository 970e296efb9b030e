"""Reads the Pods of Jobs: many Jobs of a namespace in one LIST, and Kubernetes' warnings where a Pod has not come."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

from . import views
from .kube import ApiError, ApiUnreachable, Json, Kube, path_of
from .plan.world import Reading, ReadPods

_GATHER_SECONDS = 0.05
_BATCH = 60
log = logging.getLogger(__name__)

_JOB_LABEL = "batch.kubernetes.io/job-name"


class PodReader:
    """Gathers wishes for a moment, then asks once for all Jobs of a namespace.

    `deliver` is called with the Job's UID, and with None where the read failed.
    """

    def __init__(
        self, kube: Kube, deliver: Callable[[str, Reading | None], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._kube, self._deliver, self._clock = kube, deliver, clock
        self._wanted: dict[str, dict[str, tuple[ReadPods, bool]]] = defaultdict(dict)
        self._wake = asyncio.Event()

    def want(self, wish: ReadPods, final: bool) -> None:
        """Ask for the Pods of a Job; `final` says that it was seen ended."""
        self._wanted[wish.namespace][wish.job_name] = (wish, final)
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

    async def _read(self, namespace: str, wishes: list[tuple[ReadPods, bool]]) -> None:
        selector = f"{_JOB_LABEL} in ({','.join(w.job_name for w, _ in wishes)})"
        begun = self._clock()
        try:
            answer = await self._kube.list(path_of("pods", namespace), labelSelector=selector)
            by_job: dict[str, list[Json]] = defaultdict(list)
            for raw in answer["items"]:
                by_job[raw["metadata"].get("labels", {}).get(_JOB_LABEL, "")].append(raw)
            for wish, final in wishes:
                reading = Reading(begun, tuple(views.pod_view(p) for p in by_job[wish.job_name]), final=final)
                if wish.with_events and not any(p.running for p in reading.pods):
                    reading = replace(reading, troubles=await self._troubles(wish, reading))
                self._deliver(wish.job_uid, reading)
        except (ApiError, ApiUnreachable) as error:
            log.warning("pods of %d jobs in %s cannot be read, asked again soon: %s", len(wishes), namespace, error)
            for wish, _ in wishes:
                self._deliver(wish.job_uid, None)

    async def _troubles(self, wish: ReadPods, reading: Reading) -> tuple[str, ...]:
        """Give the warnings about a Job that has no Pod (quota), or about its Pod (a volume that is not there)."""
        uid = max(reading.pods, key=lambda p: p.created).uid if reading.pods else wish.job_uid
        answer = await self._kube.list(
            path_of("events", wish.namespace), fieldSelector=f"involvedObject.uid={uid},type=Warning"
        )
        said = sorted(answer["items"], key=lambda e: e.get("lastTimestamp") or e.get("eventTime") or "", reverse=True)
        return tuple(f"{e.get('reason', '')}: {e.get('message', '')}" for e in said[:3])


def _portions(wishes: list[tuple[ReadPods, bool]]) -> list[list[tuple[ReadPods, bool]]]:
    return [wishes[i : i + _BATCH] for i in range(0, len(wishes), _BATCH)]
