"""A short set of faults, and every planted bug: `make faults` has all the others."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from . import bugs, plans
from .campaign import Task, carry_out, catches, lanes, learn_of_all
from .run import Result

LANES = 3
QUIET_SECONDS = 3.0

SHORT = plans.short()

Results = dict[tuple[str, str], Result]
"""By planted bug, if any, and the plan's name."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Carry out everything once, a few plans at a time."""
    return asyncio.run(_carry_out(tmp_path_factory.mktemp("faults")))


async def _carry_out(folder: Path) -> Results:
    found: Results = {}

    def told(task: Task, result: Result) -> None:
        found[task.bug, result.plan.name] = result

    tasks = [*catches(), *(Task(replace(plan, quiet=QUIET_SECONDS)) for plan in SHORT)]
    async with lanes(LANES, folder) as made:
        learned = await learn_of_all(made)
        await carry_out(made, tasks, learned, told)
    return found


@pytest.mark.parametrize("name", [plan.name for plan in SHORT])
def test_it_comes_to_the_same_end_and_repeats_nothing_when(results: Results, name: str) -> None:
    result = results["", name]
    assert result.says_something, "the fault met no request"
    assert result.wrong == []


@pytest.mark.parametrize("bug", bugs.ALL)
def test_the_judges_catch_an_operator_with(results: Results, bug: str) -> None:
    catch = plans.CATCHES[bug]
    result = results[bug, catch.plan.name]
    assert result.took_place, "the fault met no request"
    assert catch.judge in result.judges, "this bug escaped: its judge is blind to it"
