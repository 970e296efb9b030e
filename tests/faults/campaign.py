"""Carries out many plans: some lanes, each with a control plane of its own, and what a clean run was seen to do."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from . import plans
from .ground import CAPACITY, Ground, ground
from .run import Plan, Result, run

Task = tuple[Plan, str]
"""A plan, and the planted bug that the operator runs with; empty for none."""


@asynccontextmanager
async def lanes(number: int, folder: Path) -> AsyncIterator[list[Ground]]:
    """Bring up some control planes, one after the other."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(ground(folder / f"lane-{n}")) for n in range(number)]


async def learn(lane: Ground, capacity: Mapping[str, int] = CAPACITY) -> Result:
    """Run without faults: what is written, and what the load comes to."""
    result = await run(lane, plans.CLEAN, capacity=capacity)
    if result.wrong:
        raise AssertionError(f"without any fault: {result.wrong}")
    return result


async def carry_out(
    grounds: Sequence[Ground], tasks: Sequence[Task], normal: dict[str, Any], told: Callable[[str, Result], None]
) -> None:
    """Carry out plans, as many at a time as there are lanes; `told` hears of each bug and result."""
    waiting = list(reversed(tasks))

    async def work(lane: Ground) -> None:
        while waiting:
            plan, bug = waiting.pop()
            try:
                result = await run(lane, plan, normal, bug)
            except Exception as error:
                if bug:
                    raise  # nothing is caught by a run that broke off
                result = Result(plan, [f"the harness broke: {error!r}"], 0, 0.0, [], {}, [])
            told(bug, result)

    async with asyncio.TaskGroup() as group:
        for lane in grounds:
            group.create_task(work(lane))
