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
"""So often a plan is tried whose fault met no request, or whose planted bug was not seen: no two runs are quite the
same, and a bug that needs two things at a time is not one of each run."""


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


class Lane:
    """A place for one run at a time, with a control plane that is made anew when a run broke off in it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._stack = folder, AsyncExitStack()
        self.ground: Ground

    async def begin(self) -> None:
        """Bring a control plane up, in place of the one before."""
        await self.end()
        self.ground = await self._stack.enter_async_context(ground(self._folder))

    async def end(self) -> None:
        """Take the control plane down."""
        await self._stack.aclose()


@asynccontextmanager
async def lanes(number: int, folder: Path) -> AsyncIterator[list[Lane]]:
    """Bring up some control planes, one after the other."""
    made = [Lane(folder / f"lane-{n}") for n in range(number)]
    try:
        for lane in made:
            await lane.begin()
        yield made
    finally:
        for lane in made:
            await lane.end()


async def learn(place: Ground, capacity: Mapping[str, int] = CAPACITY) -> Result:
    """Run without faults: what is written, what the load comes to, and how long that takes on this machine now."""
    result = await run(place, replace(plans.CLEAN, settle=_LEARNING_SECONDS), capacity=capacity)
    if result.wrong:
        raise AssertionError(f"without any fault: {result.wrong}")
    return result


async def learn_of_all(made: Sequence[Lane]) -> Result:
    """Run without faults in all lanes at a time; give one of these runs, as long as the longest of them took."""
    learned = await asyncio.gather(*(learn(lane.ground) for lane in made))
    return replace(learned[0], seconds=max(r.seconds for r in learned))


def catches() -> list[Task]:
    """Give a task for each planted bug."""
    return [Task(catch.plan, bug, catch.judge) for bug, catch in plans.CATCHES.items()]


async def carry_out(
    made: Sequence[Lane], tasks: Sequence[Task], learned: Result, told: Told, until: float = float("inf")
) -> None:
    """Carry out plans, as many at a time as there are lanes; `told` hears of each.

    Arguments:
        learned: a clean run, which the others are compared with.
        until: when the last plan may begin, by the monotonic clock.
    """
    waiting = list(reversed(tasks))

    async def work(lane: Lane) -> None:
        while waiting and time.monotonic() < until:
            task = waiting.pop()
            told(task, await _try(lane, task, learned))

    async with asyncio.TaskGroup() as group:
        for lane in made:
            group.create_task(work(lane))


async def _try(lane: Lane, task: Task, learned: Result) -> Result:
    plan = replace(task.plan, settle=max(task.plan.settle, task.plan.settle_runs * learned.work_seconds))
    broke = ""
    for _ in range(_TRIES):
        try:
            result = await run(lane.ground, plan, learned.end_state, task.bug)
        except Exception as error:  # nothing is caught, or well, by a run that broke off
            broke = repr(error)
            await lane.begin()
        else:
            broke = ""
            if result.says_something and (task.is_well(result) or not task.bug):
                break
    return Result(plan, [f"the harness broke: {broke}"], 0, 0.0, [], {}, []) if broke else result
