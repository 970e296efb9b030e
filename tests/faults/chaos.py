"""Kills the operator at random moments for ten minutes, while a hundred courses come in: `make chaos`."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

from coursegen_api import names

from . import load
from .campaign import learn
from .ground import ground
from .run import Plan, Scene, run

CAPACITY = {names.QUEUE_CHAPTER: 10, names.QUEUE_COURSE: 4, names.QUEUE_VALIDATION: 2, names.QUEUE_EXPORT: 2}
BETWEEN_SECONDS = (0.3, 3.0)
"""From the first request of a process to its end: one that only starts would do no work at all."""


def storm(dice: random.Random, seconds: float, courses: int) -> Callable[[Scene], Awaitable[None]]:
    """Give the trouble: courses come in over most of the time, and the operator is killed for all of it."""

    async def trouble(scene: Scene) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        coming = asyncio.create_task(_come(scene, courses, 0.8 * seconds))
        while loop.time() < until:
            asked = scene.ground.proxy.asked

            async def heard(asked: int = asked) -> bool:
                return scene.ground.proxy.asked > asked

            await scene.until(heard)
            await asyncio.sleep(dice.uniform(*BETWEEN_SECONDS))
            scene.replicas[0].kill()
            scene.calm()
        await coming

    return trouble


async def _come(scene: Scene, courses: int, seconds: float) -> None:
    """Have people come, each with two courses, every fifth of them with the rest of the load as well."""
    async with asyncio.TaskGroup() as people:
        for number in range(courses // 2):
            parts, prefix = _brings(number)
            await load.create(scene.ground, scene.namespace, parts, prefix)
            people.create_task(load.use(scene.ground, scene.namespace, parts, prefix))
            await asyncio.sleep(seconds * 2 / courses)


def _brings(number: int) -> tuple[Collection[str], str]:
    return load.COURSES if number % 5 else load.ALL, f"c{number:03d}-"


def _expected(normal: dict[str, Any], courses: int) -> dict[str, Any]:
    """Give what so many courses come to, from what the load does once."""
    return {
        name: end for number in range(courses // 2) for name, end in load.of_parts(normal, *_brings(number)).items()
    }


async def _amain(arguments: argparse.Namespace) -> int:
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    print(f"seed {seed}; logs in {folder}", flush=True)
    begun = time.monotonic()
    async with ground(folder, CAPACITY) as lane:
        normal = (await learn(lane, CAPACITY)).end_state
        trouble = storm(random.Random(seed), arguments.seconds, arguments.courses)
        plan = Plan(
            f"chaos {seed}",
            trouble=trouble,
            patience=2 * arguments.seconds,
            brings_load=True,
            parts=(),
            quiet=60.0,
            settle=300.0,
            must_meet=False,
        )
        result = await run(lane, plan, _expected(normal, arguments.courses), capacity=CAPACITY)
    print(
        f"seed {seed}: {arguments.courses} courses, killed {len(result.exits)} times, {len(result.written)} writes; "
        f"{len(result.wrong)} wrong; {(time.monotonic() - begun) / 60:.1f} min"
    )
    for said in result.wrong[:20]:
        print(f"  {said[:300]}")
    return 1 if result.wrong else 0


def main() -> int:
    """Run; exit code 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description="Kill, at random, all the time.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--courses", type=int, default=100)
    parser.add_argument("--seed", type=int)
    return asyncio.run(_amain(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
