"""The two ceilings: what this control plane gives to a client that thinks nothing.

`raw` creates the same Jobs and waits for their end. `path` sends, for each chapter, every request that the design asks
for; what the operator takes beyond that is its own cost, and what `path` takes beyond `raw` is the design's.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from coursegen_api import names

from .client import Client
from .sample import Requests

Json = dict[str, Any]

CONNECTIONS = 32
"""Of both: more do not make two cores faster."""


async def raw(client: Client, namespace: str, planned: Sequence[Requests]) -> float:
    """Create all Jobs, and give the seconds from the first request to the last Job's end.

    They have no owner: there is no object that could own them, and the garbage collector would remove them.
    """
    path = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    bodies = []
    for chapter in planned:
        job = chapter.job
        bodies.append(job | {"metadata": {k: v for k, v in job["metadata"].items() if k != "ownerReferences"}})
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        seen = group.create_task(_all_ended(client, path, len(bodies)))
        for share in range(CONNECTIONS):
            group.create_task(_create(client, path, bodies[share::CONNECTIONS]))
    return seen.result() - begun


async def _create(client: Client, path: str, bodies: Sequence[Json]) -> None:
    for body in bodies:
        await client.request("POST", f"{path}?fieldValidation=Strict", body)


async def _all_ended(client: Client, path: str, count: int) -> float:
    ended = set()
    async for job in client.follow(path):
        if _ended(job):
            ended.add(job["metadata"]["name"])
            if len(ended) == count:
                break
    return time.monotonic()


def _ended(job: Json) -> bool:
    found = job.get("status", {}).get("conditions") or ()
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in found)


@dataclass
class _Signals:
    """What the watch has said of one Job."""

    ready: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


async def path(client: Client, namespace: str, planned: Sequence[Requests]) -> float:
    """Make every request of the design for each chapter, and give the seconds from the first to the last."""
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    signals = {chapter.job["metadata"]["name"]: _Signals() for chapter in planned}
    starts = asyncio.Semaphore(CONNECTIONS)
    begun = time.monotonic()
    watch = asyncio.create_task(_signal(client, jobs, signals))
    try:
        async with asyncio.TaskGroup() as group:
            for chapter in planned:
                group.create_task(_chapter(client, namespace, chapter, signals, starts))
        return time.monotonic() - begun
    finally:
        watch.cancel()


async def _signal(client: Client, jobs: str, signals: dict[str, _Signals]) -> None:
    async for job in client.follow(jobs):
        said = signals[job["metadata"]["name"]]
        if job.get("status", {}).get("ready"):
            said.ready.set()
        if _ended(job):
            said.ready.set()
            said.ended.set()


async def _chapter(
    client: Client, namespace: str, chapter: Requests, signals: dict[str, _Signals], starts: asyncio.Semaphore
) -> None:
    group = f"/apis/{names.API_VERSION}/namespaces/{namespace}/chaptergenerations"
    status = f"{group}/{chapter.name}/status?fieldValidation=Strict"
    said = signals[chapter.job["metadata"]["name"]]
    async with starts:
        meta = {k: v for k, v in chapter.create["metadata"].items() if k != "ownerReferences"}
        made = await client.request("POST", f"{group}?fieldValidation=Strict", chapter.create | {"metadata": meta})
        made = await client.patch(status, _patch(made, chapter.intent))
        job = _owned(chapter.job, made["metadata"]["uid"])
        await client.request("POST", f"/apis/batch/v1/namespaces/{namespace}/jobs?fieldValidation=Strict", job)
    await said.ready.wait()
    made = await client.patch(status, _patch(made, chapter.running))
    await said.ended.wait()
    await client.patch(status, _patch(made, chapter.outcome))
    await client.request("POST", f"/api/v1/namespaces/{namespace}/events?fieldValidation=Strict", chapter.event)


def _patch(stored: Json, status: Json) -> Json:
    meta = stored["metadata"]
    return {"metadata": {"resourceVersion": meta["resourceVersion"], "uid": meta["uid"]}, "status": status}


def _owned(job: Json, uid: str) -> Json:
    owner = job["metadata"]["ownerReferences"][0] | {"uid": uid}
    return job | {"metadata": job["metadata"] | {"ownerReferences": [owner]}}
