"""Who runs next. Pure: a decision follows from the book of the waiting, the load, the limits and the time.

1. The queue's priority: 8 before 6 before 5 before 4 before 3. A queue in which work has waited `ageingSeconds` counts
   as in the most urgent band. Of queues in one band the one that runs the fewest Jobs goes first, so that each has its
   turn while slots turn over.
2. Inside a queue, fair share: the namespace with the least running work for its weight goes first, and among equals
   the one whose turn it is.
3. Inside a namespace, what has aged, the oldest first. Then the least slack: what has to begin first to be done by its
   deadline. Then the course that started first, then the object that was created first, then the chapter's index.

What cannot run now, because its queue, namespace or provider is full, a circuit is open or a budget used up, is skipped
and blocks nobody.
"""

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .book import Line, LineKey, WaitingBook
from .limits import Limits, Load, QueueLimits, closed, kept
from .world import COURSE_SLOTS, Key, Want

UNDATED_SECONDS = 7 * 24 * 3600.0
"""Work without a deadline counts as due so long after its course started: dated work goes first, but not for ever."""

_Rank = tuple[float, float, tuple[float, ...], str]
"""Share, turn, place, UID: of the lines of a queue the least goes first."""

_AGED = -math.inf
"""How the place of what has aged begins: before all that has not."""


def latest_start(deadline: float | None, course_start: float, seconds_left: float) -> float:
    """Give the time by which work has to begin; less the present time, it is the slack.

    Arguments:
        deadline: when it should be finished; None: whenever.
        seconds_left: how long it takes from its beginning until all that depends on it is finished.
    """
    return course_start + UNDATED_SECONDS if deadline is None else deadline - seconds_left


def choose(book: WaitingBook, load: Load, limits: Limits, now: float, most: int = 1000) -> list[tuple[Key, Want]]:
    """Grant slots to whoever is next, in order; the granted leave the book and are added to the load.

    Arguments:
        most: grants of one call, so that a flood is taken in portions.
    """
    return _Decision(book, load, limits, now).grants(most)


_Bid = tuple[_Rank, int, Line]


@dataclass(slots=True)
class _Bids:
    """What the lines of one queue bid, the best first, and those of them whose next had aged when last looked at."""

    ranked: list[_Bid]
    aged: list[Line]


@dataclass(slots=True)
class _Decision:
    """One decision: every line bids with its next, and the best bid of the most urgent queue is granted."""

    book: WaitingBook
    load: Load
    limits: Limits
    now: float
    top: int = field(init=False)
    """The most urgent band."""

    def __post_init__(self) -> None:
        self.top = max((q.priority for q in self.limits.queues.values()), default=0)

    def grants(self, most: int) -> list[tuple[Key, Want]]:
        # A grant makes ranks worse and room smaller, never the other way. So a bid that is no longer true is found
        # out when it comes up, and made anew; the others need not be looked at.
        granted: list[tuple[Key, Want]] = []
        bids = {queue: self._bids(lines) for queue, lines in self.book.lines.items() if self._is_open(queue)}
        while len(granted) < most and (bids := {q: b for q, b in bids.items() if b.ranked}):
            ranked = bids[min(bids, key=lambda q: self._urgency(q, bids[q]))].ranked
            made, n, line = heapq.heappop(ranked)
            rank = self._rank(line)
            if rank == made:
                granted.append(self._grant(line))
                rank = self._rank(line)
                bids = {q: b for q, b in bids.items() if self._is_open(q)}
            if rank:
                heapq.heappush(ranked, (rank, n, line))
        return granted

    def _is_open(self, queue: str) -> bool:
        return closed(queue, self.load, self.limits) is None

    def _bids(self, lines: Mapping[LineKey, Line]) -> _Bids:
        ranked = [(rank, n, line) for n, line in enumerate(lines.values()) if (rank := self._rank(line))]
        heapq.heapify(ranked)
        return _Bids(ranked, [line for rank, _, line in ranked if _is_aged(rank)])

    def _urgency(self, queue: str, bids: _Bids) -> tuple[int, int, bool, _Rank]:
        """Rank a queue among the queues: band, running Jobs, whether what has aged is in it, its best bid."""
        while bids.aged and not _is_aged(self._rank(bids.aged[-1])):
            bids.aged.pop()  # granted, or without room by now: it does not age again in this decision
        limits = self.limits.shares(queue)
        priority = self.top if bids.aged else limits.priority if limits else 0
        return -priority, self.load.by_queue.get(queue, 0), not bids.aged, bids.ranked[0][0]

    def _rank(self, line: Line) -> _Rank | None:
        """Rank the next of a line; None if it has none, or no room for it."""
        queue = self.limits.shares(line.queue)
        if not line.size or queue is None:
            return None
        key, want, aged = self._next(line, queue)
        if kept(want, key, self.load, self.limits):
            return None
        tenant = (line.queue, line.namespace)
        share = self.load.by_tenant.get(tenant, 0) / queue.tenant(line.namespace).weight
        return share, self.book.turns[tenant], (_AGED, want.since) if aged else want.order, want.uid

    def _next(self, line: Line, queue: QueueLimits) -> tuple[Key, Want, bool]:
        """Give who is next: whoever has waited too long behind other bands (then True), else the most urgent."""
        if queue.priority < self.top and line.queue != COURSE_SLOTS:
            key, want = self.book.oldest(line)
            if want.since + queue.ageing_seconds <= self.now:
                return key, want, True
        return *self.book.first(line), False

    def _grant(self, line: Line) -> tuple[Key, Want]:
        queue = self.limits.shares(line.queue)
        assert queue is not None
        key, want, _ = self._next(line, queue)
        self.book.grant(key, queue.tenant(line.namespace).weight)
        self.load.take(want, key)
        return key, want


def _is_aged(rank: _Rank | None) -> bool:
    return rank is not None and rank[2][0] == _AGED
