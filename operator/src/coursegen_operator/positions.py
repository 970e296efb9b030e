"""Says over HTTP where waiting work stands: worked out when somebody asks, by the replica that leads."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from .plan.history import History
from .plan.position import Position
from .plan.world import COURSE_SLOTS
from .scheduler import Scheduler
from .snapshot import Snapshot

_PAUSE = 19
"""After an answer as many times as long as it took: who asks without end gets a twentieth of the operator's time."""


@dataclass(slots=True)
class Positions:
    """Answers `GET /position/<uid>`."""

    snapshot: Snapshot
    scheduler: Scheduler
    history: History
    leads: Callable[[], bool]
    clock: Callable[[], float] = time.monotonic
    _free: float = 0.0

    def of(self, uid: str) -> Position | None:
        """Give the position of an object; None if it is not there or waits for no slot."""
        key = self.snapshot.by_uid.get(uid)
        want = self.scheduler.book.wants.get(key) if key else None
        if key is None or want is None:
            return None
        return self.scheduler.position(key, self._slot_seconds(want.queue))

    def _slot_seconds(self, queue: str) -> float | None:
        """Say how long a slot is in use; a course's is that of the usual one, since some wait for people for days."""
        usual = self.history.usual.get(queue)
        if usual is None:
            return None
        return usual.run if queue == COURSE_SLOTS else usual.slot

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with `position`, null for what waits for no slot; 503 from a replica that stands by, 429 if busy."""
        if not self.leads():
            return web.json_response({"message": "it stands by: ask the one that holds the Lease"}, status=503)
        begun = self.clock()
        if begun < self._free:
            wait = {"Retry-After": str(math.ceil(self._free - begun))}
            return web.json_response({"message": "asked too often: ask again later"}, status=429, headers=wait)
        found = self.of(request.match_info["uid"])
        ended = self.clock()
        self._free = ended + _PAUSE * (ended - begun)
        said = {"queue": found.queue, "ahead": found.ahead, "seconds": found.seconds} if found else None
        return web.json_response({"position": said})
