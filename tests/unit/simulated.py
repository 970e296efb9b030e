"""Time that is simulated: hours of waiting pass at once, and in the order in which they would."""

import asyncio
import functools
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

P = ParamSpec("P")


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when everybody sleeps, and then at once."""

    def __init__(self) -> None:
        super().__init__(_NoWait(self))
        self.now = 1000.0

    def time(self) -> float:
        return self.now


class _NoWait(selectors.SelectSelector):
    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._owner = loop

    def select(self, timeout: float | None = None) -> Any:
        self._owner.now += timeout or 0.0
        return super().select(0)


def simulated(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test on a loop of simulated time."""

    @functools.wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            runner.run(test(*arguments, **named))

    return run
