"""`python -m tests.bench.eta`: how far off `status.estimatedCompletionTime` was, of the real operator; five minutes.

On a real control plane with fake nodes, where work takes a random time. Courses come one after another, first to an
operator that has measured nothing and with slots for all, then, after it was started anew, with too few slots. What
status says when 10, 25, 50, 75 and 90 % of a course's life are over is held against the end that came, as in
`tests.sim.eta`.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from coursegen_api import names
from coursegen_api.task import TaskKind
from coursegen_operator.access import from_kubeconfig
from localcluster import Access, Cluster, Reporter

from ..sim import eta
from . import ground, operator_run, sample
from .client import Client

SECONDS = {
    TaskKind.OUTLINE: (4.0, 8.0),
    TaskKind.CHAPTER: (8.0, 24.0),
    TaskKind.VALIDATION: (2.0, 6.0),
    TaskKind.EXPORT: (4.0, 10.0),
}
ROOMY, SCARCE = 500, 32
"""Slots for chapters: enough, and two thirds of what is asked for."""

_NAMESPACE = f"{ground.NAMESPACE}eta"
_BETWEEN_SECONDS = 4.0
_LOOK_SECONDS = 0.5
_RUN_SECONDS = 420
_BEGUN = "cold, nothing measured", "warm, enough slots"
_AFTER = "restarted, too few slots"

Lives = dict[str, eta.Life]


async def _run(client: Client, access: Access, namespace: str, courses: range, slots: int, lives: Lives) -> None:
    """Run an operator until so many more courses have ended."""
    queue = f"/apis/{names.API_VERSION}/generationqueues/{names.QUEUE_CHAPTER}"
    await client.patch(queue, {"spec": {"capacity": slots}})
    log = Path(tempfile.gettempdir()) / f"coursegen-bench-eta-{slots}.log"
    async with asyncio.timeout(_RUN_SECONDS), operator_run.running(access.kubeconfig, log, None):
        adding = asyncio.create_task(_add(client, namespace, courses, lives))
        try:
            while not adding.done() or not all(life.ended for life in lives.values()):
                await _look(client, namespace, lives)
                await asyncio.sleep(_LOOK_SECONDS)
            await adding
        finally:
            adding.cancel()


async def _add(client: Client, namespace: str, courses: range, lives: Lives) -> None:
    size = sample.Size(courses=len(courses), whole=True)
    for number in courses:
        course = sample.course(namespace, number, size)
        phase = _AFTER if courses.start else _BEGUN[any(life.ended for life in lives.values())]
        await client.request("POST", f"/apis/{names.API_VERSION}/namespaces/{namespace}/coursegenerations", course)
        lives[course["metadata"]["name"]] = eta.Life(phase, time.time())
        await asyncio.sleep(_BETWEEN_SECONDS)


async def _look(client: Client, namespace: str, lives: Lives) -> None:
    """Note what every course says now."""
    found = await client.request("GET", f"/apis/{names.API_VERSION}/namespaces/{namespace}/coursegenerations")
    for course in found["items"]:
        life, status = lives.get(course["metadata"]["name"]), course.get("status", {})
        if status.get("phase") in ("Failed", "Cancelled"):
            raise RuntimeError(f"{course['metadata']['name']} has {status['phase']}: the figures would mean nothing")
        if life and not life.ended:
            life.note(time.time(), status)


async def _measure(access: Access, courses: int) -> None:
    os.environ["KUBECONFIG"] = str(access.kubeconfig)
    lives: Lives = {}
    async with Client(from_kubeconfig(), "bench", 16) as client:
        await ground.sweep(client)
        async with ground.namespace(client, _NAMESPACE):
            for number, slots in enumerate((ROOMY, SCARCE)):
                these = range(number * courses, (number + 1) * courses)
                print(f"courses {these.start} to {these.stop - 1}, {slots} slots for chapters", flush=True)
                await _run(client, access, _NAMESPACE, these, slots, lives)
    print(f"\n{2 * courses} courses of {sample.Size().chapters} chapters")
    for row in eta.table(lives.values(), (*_BEGUN, _AFTER)):
        print(row)


def main() -> int:
    """Print how far off it was, by how much was measured and how far courses were."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.eta", description=__doc__)
    parser.add_argument("--courses", type=int, default=20, help="before the operator is started anew, and after")
    parser.add_argument("--name", default="bench-eta", help="name of the local cluster")
    asked = parser.parse_args()
    cluster = Cluster.named(asked.name, Reporter(sys.stderr))
    with tempfile.TemporaryDirectory(prefix="coursegen-bench-") as temporary:
        try:
            access = ground.up(cluster, Path(temporary), 200, 400, SECONDS)
            asyncio.run(_measure(access, asked.courses))
        finally:
            cluster.down()
    return 0


if __name__ == "__main__":
    sys.exit(main())
