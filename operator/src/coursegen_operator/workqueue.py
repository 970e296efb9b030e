"""A de-duplicating work queue: a key is worked on once however often it is added, and never twice at a time."""

import asyncio
import heapq
import logging
import time
from collections.abc import Awaitable, Callable

from .plan.world import Key

_FIRST_BACKOFF_SECONDS = 0.2
_LAST_BACKOFF_SECONDS = 60.0

log = logging.getLogger(__name__)


class WorkQueue:
    """Keys to visit, at once or at a time; a visit that raises is made again, later each time.

    The queue bounds the work that kopf's unlimited handlers would let loose.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.failed: Callable[[Key], None] = lambda key: None
        """Told of each visit that raised."""
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._busy: set[Key] = set()
        self._again: set[Key] = set()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, str, Key]] = []
        self._failures: dict[Key, int] = {}
        self._timer_changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._queued)

    def add(self, key: Key) -> None:
        """Visit a key as soon as there is a hand free."""
        if key in self._busy:
            self._again.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._ready.put_nowait(key)

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
        if self._ready.empty():
            return None
        key = self._ready.get_nowait()
        self._queued.discard(key)
        return key

    def next_time(self) -> float | None:
        """Give the time of the earliest key that is not due yet."""
        return min(self._due.values(), default=None)

    async def run(self, visit: Callable[[Key], Awaitable[None]], hands: int) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick())
            for _ in range(hands):
                group.create_task(self._hand(visit))

    async def _hand(self, visit: Callable[[Key], Awaitable[None]]) -> None:
        while True:
            key = await self._ready.get()
            self._queued.discard(key)
            self._busy.add(key)
            try:
                await visit(key)
                self._failures.pop(key, None)
            except Exception as error:
                self._failed(key, error)
            finally:
                self._busy.discard(key)
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

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
