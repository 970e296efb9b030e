"""The two ceilings: what this control plane gives to a client that thinks nothing.

`raw` creates the same Jobs and waits for their end. `path` sends, for each chapter, every request that the design asks
for; what the operator takes beyond that is its own cost, and what `path` takes beyond `raw` is the design's.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from coursegen_api import names

from .client import Client
from .sample import Requests, Stages

Json = dict[str, Any]

CONNECTIONS = 32
"""Of both: more do not make two cores faster."""


@dataclass
class _Signals:
    """What the watch has said of one Job."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


_One = Callable[[Requests, _Signals, asyncio.Semaphore], Coroutine[None, None, None]]


async def raw(client: Client, namespace: str, planned: Sequence[Stages]) -> float:
    """Create all Jobs, stage by stage, and give the seconds from the first request to the last Job's end.

    They have no owner: there is no object that could own them, and the garbage collector would remove them.
    """
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"

    async def one(chapter: Requests, said: _Signals, starts: asyncio.Semaphore) -> None:
        meta = {k: v for k, v in chapter.job["metadata"].items() if k != "ownerReferences"}
        async with starts:
            await client.create(path, chapter.job | {"metadata": meta})
        await said.ended.wait()

    return await _in_stages(client, namespace, planned, one)


async def path(client: Client, namespace: str, planned: Sequence[Stages]) -> float:
    """Make every request of the design for each chapter, and give the seconds from the first to the last."""
    return await _in_stages(client, namespace, planned, partial(_chapter, client, namespace))


async def _in_stages(client: Client, namespace: str, planned: Sequence[Stages], one: _One) -> float:
    """Have all courses go on side by side, each stage after the one before it."""
    signals = {c.job["metadata"]["name"]: _Signals() for stages in planned for stage in stages for c in stage}
    starts = asyncio.Semaphore(CONNECTIONS)

    async def course(stages: Stages) -> None:
        for stage in stages:
            async with asyncio.TaskGroup() as group:
                for chapter in stage:
                    group.create_task(one(chapter, signals[chapter.job["metadata"]["name"]], starts))

    begun = time.monotonic()
    watch = asyncio.create_task(_signal(client, f"/apis/batch/v1/namespaces/{namespace}/jobs", signals))
    try:
        async with asyncio.TaskGroup() as group:
            for stages in planned:
                group.create_task(course(stages))
        return time.monotonic() - begun
    finally:
        watch.cancel()


def _ended(job: Json) -> bool:
    found = job.get("status", {}).get("conditions") or ()
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in found)


async def _signal(client: Client, jobs: str, signals: dict[str, _Signals]) -> None:
    async for job in client.follow(jobs):
        said = signals[job["metadata"]["name"]]
        if job.get("status", {}).get("ready"):
            said.ready.set()
        if _ended(job):
            said.ready.set()
            said.ended.set()


async def _chapter(
    client: Client, namespace: str, chapter: Requests, said: _Signals, starts: asyncio.Semaphore
) -> None:
    group = f"/apis/{names.API_VERSION}/namespaces/{namespace}/chaptergenerations"
    path = f"{group}/{chapter.name}"
    async with starts:
        meta = {k: v for k, v in chapter.create["metadata"].items() if k != "ownerReferences"}
        made = await client.create(group, chapter.create | {"metadata": meta})
        made = await client.patch_status(path, _patch(made, chapter.intent))
        job = _owned(chapter.job, made["metadata"]["uid"])
        await client.create(f"/apis/batch/v1/namespaces/{namespace}/jobs", job)
    await said.ready.wait()
    made = await client.patch_status(path, _patch(made, chapter.running))
    await said.ended.wait()
    await client.patch_status(path, _patch(made, chapter.outcome))
    await client.create(f"/api/v1/namespaces/{namespace}/events", chapter.event)


def _patch(stored: Json, status: Json) -> Json:
    meta = stored["metadata"]
    return {"metadata": {"resourceVersion": meta["resourceVersion"], "uid": meta["uid"]}, "status": status}


def _owned(job: Json, uid: str) -> Json:
    owner = job["metadata"]["ownerReferences"][0] | {"uid": uid}
    return job | {"metadata": job["metadata"] | {"ownerReferences": [owner]}}
