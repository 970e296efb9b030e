"""`python -m tests.bench.eta`: how far off `status.estimatedCompletionTime` was, of the real operator.

On a real control plane with fake nodes, where work takes a random time. Courses come one after another, once with slots
for all and once with too few. Each estimate that was written is held against the end that came; the error is a share of
the time that was really left.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coursegen_api import names
from coursegen_api.task import TaskKind
from coursegen_operator.access import from_kubeconfig
from coursegen_operator.plan import clock
from localcluster import Access, Cluster, Reporter

from ..sim import eta
from . import ground, operator_run, sample
from .client import Client

SECONDS = {
    TaskKind.OUTLINE: (2.0, 4.0),
    TaskKind.CHAPTER: (4.0, 12.0),
    TaskKind.VALIDATION: (1.0, 3.0),
    TaskKind.EXPORT: (2.0, 5.0),
}
SLOTS = (500, 24)
"""Of the queue for chapters: enough, and too few."""

_BETWEEN_SECONDS = 3.0
_LOOK_SECONDS = 0.5
_RUN_SECONDS = 900


async def _run(client: Client, access: Access, courses: int, slots: int, log: Path) -> None:
    name = f"{ground.NAMESPACE}eta-{slots}"
    async with asyncio.timeout(_RUN_SECONDS), ground.namespace(client, name):
        queue = f"/apis/{names.API_VERSION}/generationqueues/{names.QUEUE_CHAPTER}"
        await client.patch(queue, {"spec": {"capacity": slots}})
        async with operator_run.running(access.kubeconfig, log, None):
            adding = asyncio.create_task(_add(client, name, courses))
            told, finished = await _watch(client, name, courses)
            await adding
    eta.report(told, finished)


async def _add(client: Client, namespace: str, courses: int) -> None:
    size = sample.Size(courses=courses, whole=True)
    for number in range(courses):
        course = sample.course(namespace, number, size)
        await client.request("POST", f"/apis/{names.API_VERSION}/namespaces/{namespace}/coursegenerations", course)
        await asyncio.sleep(_BETWEEN_SECONDS)


async def _watch(client: Client, namespace: str, courses: int) -> tuple[list[eta.Told], dict[str, float]]:
    """Note every estimate when it is first seen, and every end."""
    told: dict[tuple[str, str], eta.Told] = {}
    finished: dict[str, float] = {}
    while len(finished) < courses:
        found = await client.request("GET", f"/apis/{names.API_VERSION}/namespaces/{namespace}/coursegenerations")
        for course in found["items"]:
            name, status = course["metadata"]["name"], course.get("status", {})
            if ended := status.get("completionTime"):
                if status["phase"] != "Succeeded":
                    raise RuntimeError(f"{name} has {status['phase']}: the figures would mean nothing")
                finished[name] = clock.parse(ended)
            elif row := _row(name, status):
                told.setdefault((name, status["estimatedCompletionTime"]), row)
        await asyncio.sleep(_LOOK_SECONDS)
    return list(told.values()), finished


def _row(name: str, status: dict[str, Any]) -> eta.Told | None:
    if at := status.get("estimatedCompletionTime"):
        return name, time.time(), clock.parse(at), status["estimateCertainty"], status["progressPercentage"]
    return None


async def _measure(access: Access, courses: int, all_slots: Sequence[int]) -> None:
    os.environ["KUBECONFIG"] = str(access.kubeconfig)
    async with Client(from_kubeconfig(), "bench", 16) as client:
        await ground.sweep(client)
        for slots in all_slots:
            print(f"\n{courses} courses of {sample.Size().chapters} chapters, {slots} slots for chapters", flush=True)
            await _run(client, access, courses, slots, Path(tempfile.gettempdir()) / f"coursegen-bench-eta-{slots}.log")


def main() -> int:
    """Print a table for each number of slots."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.eta", description=__doc__)
    parser.add_argument("--courses", type=int, default=40)
    parser.add_argument("--slots", type=int, nargs="*", default=SLOTS, help="of the queue for chapters, run by run")
    parser.add_argument("--name", default="bench-eta", help="name of the local cluster")
    asked = parser.parse_args()
    cluster = Cluster.named(asked.name, Reporter(sys.stderr))
    with tempfile.TemporaryDirectory(prefix="coursegen-bench-") as temporary:
        try:
            access = ground.up(cluster, Path(temporary), 200, 400, SECONDS)
            asyncio.run(_measure(access, asked.courses, asked.slots))
        finally:
            cluster.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
