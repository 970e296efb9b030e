"""A de-duplicating work queue: a key is worked on once however often it is added, and never twice at a time.

Keys stand in four lines. What has ended goes before what begins, and a course's first Job before the twelfth of
another; but no line is passed over for ever, however much the others bring (PATIENCE).
"""

import asyncio
import heapq
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from enum import IntEnum

from .plan.world import Key

_FIRST_BACKOFF_SECONDS = 0.2
_LAST_BACKOFF_SECONDS = 60.0

_ONE_IN = 2
"""Of so many hands one is kept for what has ended: it does not wait until a hand has made what is new, and what is new
does not fill the API server."""

log = logging.getLogger(__name__)


class Turn(IntEnum):
    """The line that a key stands in; the first is served before the others."""

    ENDED = 0
    """Work has ended: its outcome is to be written, its slot becomes free, what follows it may begin."""
    FIRST = 1
    """Somebody waits to see anything of it begin at all."""
    CHANGED = 2
    """Something of it has changed, or its time has come."""
    LISTED = 3
    """Nothing is known to have changed: a full list has it looked at."""


PATIENCE = {Turn.ENDED: 0, Turn.FIRST: 4, Turn.CHANGED: 8, Turn.LISTED: 16}
"""After so many visits of others, it is the turn of the line that was passed over. Who is first in a line is therefore
among the next PATIENCE + 4 that are visited by hands which serve all lines, and who is at place n among n times as
many."""


class WorkQueue:
    """Keys to visit, at once or at a time; a visit that raises is made again, later each time.

    The queue bounds the work that kopf's unlimited handlers would let loose.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.failed: Callable[[Key], None] = lambda key: None
        """Told of each visit that raised."""
        self.turn_of: Callable[[Key], Turn] = lambda key: Turn.CHANGED
        """Asked which line a key belongs to, whenever it is added."""
        self.gather_seconds: Callable[[], float] = lambda: 1.0
        """Asked how long changes of children are gathered until their course is visited."""
        self._lines: dict[Turn, deque[Key]] = {turn: deque() for turn in Turn}
        """A key that was moved to a better line is still in the one it came from, and passed over there."""
        self._passed = dict.fromkeys(Turn, 0)
        """How many of others were taken since a line was served, while it was not empty."""
        self._queued: dict[Key, Turn] = {}
        self._busy: dict[Key, Turn] = {}
        self._again: dict[Key, bool] = {}
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, str, Key]] = []
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()
        self._timer_changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued)

    def add(self, key: Key, listed: bool = False) -> None:
        """Visit a key as soon as there is a hand free.

        Arguments:
            listed: nothing is known to have changed, so that all else goes before it.
        """
        if key in self._busy:
            self._again[key] = listed and self._again.get(key, True)
            return
        turn = self.turn_of(key)
        if listed and turn is Turn.CHANGED:
            turn = Turn.LISTED
        if turn < self._queued.get(key, len(Turn)):
            self._queued[key] = turn
            self._lines[turn].append(key)
            self._changed.set()

    def add_at(self, key: Key, when: float) -> None:
        """Visit a key at a time, by the wall clock; the earliest of several wins."""
        if when <= self._clock():
            self.add(key)
        elif key not in self._due or when < self._due[key]:
            self._due[key] = when
            heapq.heappush(self._heap, (when, str(key), key))
            self._timer_changed.set()

    def forget(self, key: Key) -> None:
        """Drop what is known of a key whose object is gone."""
        self._due.pop(key, None)
        self._failures.pop(key, None)

    def pop(self) -> Key | None:
        """Give the next key that is due, without waiting; None if there is none. For a caller that is its own loop."""
        self._promote(self._clock())
        taken = self._take(tuple(Turn))
        return taken[0] if taken else None

    def next_time(self) -> float | None:
        """Give the time of the earliest key that is not due yet."""
        return min(self._due.values(), default=None)

    async def run(self, visit: Callable[[Key], Awaitable[None]], hands: int) -> None:
        """Work until cancelled, on so many keys at a time."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            while True:
                while taken := self._take(self._served(hands)):
                    key, turn = taken
                    self._busy[key] = turn
                    group.create_task(self._work(visit, key))
                self._changed.clear()
                await self._changed.wait()

    def _served(self, hands: int) -> tuple[Turn, ...]:
        """Name the lines that a hand is free for."""
        if len(self._busy) >= hands:
            return ()
        others = sum(turn is not Turn.ENDED for turn in self._busy.values())
        return tuple(Turn) if others < hands - hands // _ONE_IN else (Turn.ENDED,)

    def _take(self, served: tuple[Turn, ...]) -> tuple[Key, Turn] | None:
        """Take the next key out of one of these lines: of the one that was passed over too often, else of the first."""
        waiting = [turn for turn in served if self._waits(turn)]
        if not waiting:
            return None
        chosen = max(waiting, key=lambda turn: (max(-1, self._passed[turn] - PATIENCE[turn]), -turn))
        for turn in served:
            self._passed[turn] = self._passed[turn] + 1 if turn in waiting and turn is not chosen else 0
        key = self._lines[chosen].popleft()
        del self._queued[key]
        return key, chosen

    def _waits(self, turn: Turn) -> bool:
        line = self._lines[turn]
        while line and self._queued.get(line[0]) is not turn:
            line.popleft()
        return bool(line)

    async def _work(self, visit: Callable[[Key], Awaitable[None]], key: Key) -> None:
        try:
            await visit(key)
            self._failures.pop(key, None)
        except Exception as error:
            self._failed(key, error)
        finally:
            del self._busy[key]
            self._changed.set()
            if key in self._again:
                self.add(key, self._again.pop(key))

    def _failed(self, key: Key, error: Exception) -> None:
        self.failed(key)
        count = self._failures[key] = self._failures.get(key, 0) + 1
        wait = min(_LAST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2 ** (count - 1))
        log.warning("visit of %s failed %d times, again in %.1f s: %s", key, count, wait, error, exc_info=count == 5)
        self.add_at(key, self._clock() + wait)

    def _promote(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            when, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == when:
                del self._due[key]
                self.add(key)

    async def _tick(self) -> None:
        while True:
            now = self._clock()
            self._promote(now)
            self._timer_changed.clear()
            wait = min(30.0, self._heap[0][0] - now) if self._heap else 30.0
            try:
                async with asyncio.timeout(wait):
                    await self._timer_changed.wait()
            except TimeoutError:
                continue
