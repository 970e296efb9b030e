"""Carries out many plans: some lanes, each with a control plane of its own, and what a clean run was seen to do."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from . import plans
from .ground import CAPACITY, Ground, ground
from .run import Plan, Result, run

_LEARNING_SECONDS = 300.0
"""What a clean run may take on the busiest machine: how long the others may follows from it."""

_TRIES = 3
"""So often a plan is tried whose fault met no request: what is written is not quite the same in each run."""


@dataclass(frozen=True)
class Task:
    """A plan to carry out."""

    plan: Plan
    bug: str = ""
    """The planted bug that the operator runs with."""
    judge: str = ""
    """The judge that has to object to that."""

    @property
    def name(self) -> str:
        """Name the task by what is tried."""
        return f"[{self.bug}] {self.plan.name}" if self.bug else self.plan.name

    def is_well(self, result: Result) -> bool:
        """Tell whether a run went as it has to."""
        if self.bug:
            return result.took_place and self.judge in result.judges
        return not result.wrong


Told = Callable[[Task, Result], None]


@asynccontextmanager
async def lanes(number: int, folder: Path) -> AsyncIterator[list[Ground]]:
    """Bring up some control planes, one after the other."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(ground(folder / f"lane-{n}")) for n in range(number)]


async def learn(lane: Ground, capacity: Mapping[str, int] = CAPACITY) -> Result:
    """Run without faults: what is written, what the load comes to, and how long that takes on this machine now."""
    result = await run(lane, replace(plans.CLEAN, settle=_LEARNING_SECONDS), capacity=capacity)
    if result.wrong:
        raise AssertionError(f"without any fault: {result.wrong}")
    return result


async def learn_of_all(grounds: Sequence[Ground]) -> Result:
    """Run without faults in all lanes at a time; give one of these runs, as long as the longest of them took."""
    learned = await asyncio.gather(*(learn(lane) for lane in grounds))
    return replace(learned[0], seconds=max(r.seconds for r in learned))


def catches() -> list[Task]:
    """Give a task for each planted bug."""
    return [Task(catch.plan, bug, catch.judge) for bug, catch in plans.CATCHES.items()]


async def carry_out(
    grounds: Sequence[Ground], tasks: Sequence[Task], learned: Result, told: Told, until: float = float("inf")
) -> None:
    """Carry out plans, as many at a time as there are lanes; `told` hears of each.

    Arguments:
        learned: a clean run, which the others are compared with.
        until: when the last plan may begin, by the monotonic clock.
    """
    waiting = list(reversed(tasks))

    async def work(lane: Ground) -> None:
        while waiting and time.monotonic() < until:
            task = waiting.pop()
            told(task, await _try(lane, task, learned))

    async with asyncio.TaskGroup() as group:
        for lane in grounds:
            group.create_task(work(lane))


async def _try(lane: Ground, task: Task, learned: Result) -> Result:
    plan = replace(task.plan, settle=max(task.plan.settle, task.plan.settle_runs * learned.work_seconds))
    for _ in range(_TRIES):
        try:
            result = await run(lane, plan, learned.end_state, task.bug)
        except Exception as error:
            if task.bug:
                raise  # nothing is caught by a run that broke off
            return Result(plan, [f"the harness broke: {error!r}"], 0, 0.0, [], {}, [])
        if result.says_something:
            break
    return result
