"""Plays the node for whole namespaces at once, by watch: Pods of our Jobs run, and end as `decide` says."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import TaskInput, TaskResult, exit_code

from ..bench.client import Client, RefusedError
from ..cluster.operator.kubelet import RUNS, End, ended, running, stamp, task_of, well

Json = dict[str, Any]

STUBBORN = "stubborn"
"""A chapter that fails, however often, until it is asked for once more."""

ENDLESS = "endless"
"""A chapter whose Pod runs until it is deleted."""

RUN_SECONDS = 0.1
LONG_SECONDS = 2.5
"""Of one chapter, so that it is seen running."""

_MEDIA = "application/strategic-merge-patch+json"


def as_the_load_expects(task: TaskInput) -> End:
    """Let everything end well but what a provider that is not there keeps from it, and the endless chapter."""
    if task.name.endswith(ENDLESS):
        return RUNS
    fails = task.name.endswith("b-chapter-02") and task.attempt == 1
    if fails or (task.name.endswith(STUBBORN) and task.revision == 0):
        failure = FailureClass.PROVIDER_UNAVAILABLE
        return End(exit_code(failure), TaskResult(failure_class=failure, message="no answer").to_json())
    return well(task)


class Kubelet:
    """Runs and ends every Pod of our Jobs, each once."""

    def __init__(self, client: Client, decide: Callable[[TaskInput], End] = as_the_load_expects) -> None:
        self.decide = decide
        """Asked when a Pod's time is up: a run may have a load of its own."""
        self.seconds = RUN_SECONDS
        """How long a Pod runs; a run may have its Pods run longer."""
        self._client = client
        self._done: set[str] = set()

    async def run(self) -> None:
        """Play until cancelled; an API server that is away is waited for."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    async for pod in self._client.follow(f"/api/v1/pods?labelSelector={_ours()}"):
                        self._take(pod, group)
                except (OSError, aiohttp.ClientError, RefusedError, TimeoutError):
                    await asyncio.sleep(0.2)

    def _take(self, pod: Json, group: asyncio.TaskGroup) -> None:
        meta = pod["metadata"]
        if meta["uid"] in self._done or pod["status"].get("phase") != "Pending":
            return
        self._done.add(meta["uid"])
        group.create_task(self._play(pod))

    async def _play(self, pod: Json) -> None:
        begun = stamp()
        await self._status(pod, running(begun))
        task = task_of(pod)
        await asyncio.sleep(LONG_SECONDS if task.name.endswith("a-chapter-01") else self.seconds)
        end = self.decide(task)
        if end.ends:
            await self._status(pod, ended(end, begun))

    async def _status(self, pod: Json, status: Json) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
        while True:
            try:
                await self._client.request("PATCH", path, {"status": status}, _MEDIA)
            except RefusedError as error:
                if error.status < 500:
                    return  # a Pod that is gone by now is nobody's concern
            except (OSError, aiohttp.ClientError, TimeoutError):
                pass
            else:
                return
            await asyncio.sleep(0.2)


def _ours() -> str:
    return f"{names.LABEL_MANAGED_BY}%3D{names.MANAGED_BY}"
