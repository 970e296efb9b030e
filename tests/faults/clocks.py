"""The operator's clock steps, as when a machine is set right late, and then it is right again."""

import itertools
import os
import tempfile
from pathlib import Path

from . import load
from .run import Plan, Scene

STEPS = {"back by an hour": -3600, "back by a day": -86_400, "on by 40 seconds": 40}
"""Further on than a Pod has time, and it would be ended as too late."""

_numbers = itertools.count(1)

_LAST_RETRY = f"POST jobs {load.STUBBORN}-*-r0-a4"


def _plan(words: str, restart: bool) -> Plan:
    """Give the plan in which the operator's clock steps and, some retries later, is set right."""
    off = Path(tempfile.gettempdir()) / f"faults-clock-{os.getpid()}-{next(_numbers)}"

    async def trouble(scene: Scene) -> None:
        await scene.until_written(load.MOMENT)
        new = off.with_suffix(".new")
        new.write_text(str(STEPS[words]))
        new.replace(off)
        if restart:
            scene.replicas[0].kill()
        try:
            await scene.until_written(_LAST_RETRY)
        finally:
            off.unlink()
        scene.calm()

    how = "and the operator starts anew" if restart else "and it goes on"
    parts = tuple(part for part in load.ALL if part != "tidy")  # a clean-up that ended in the future is due
    name, settings = f"the clock steps {words}, {how}", {"clock": str(off)}
    return Plan(name, trouble=trouble, settings=settings, parts=parts, must_meet=False)


def plans() -> list[Plan]:
    """Give each step, under a process that goes on and with a restart."""
    return [_plan(words, restart) for words in STEPS for restart in (False, True)]
