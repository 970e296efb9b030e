"""The book of the waiting: every wish for a slot, in order, kept as wishes come and go.

Wishes of one queue, namespace, provider and budget stand in one line: what one of them waits for, all of them wait for.
A line has two heads, the wish that is most urgent and the one that has waited longest. Both orders are static, so a
decision reads heads, and costs the same with ten waiting as with a hundred thousand.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from .world import Key, Want

_Entry = tuple[tuple[float, ...], str, int, Key, Want]
"""Place, UID, serial number (so that no two compare equal), and whose wish it is."""

_SLACK = 64
"""So many entries of wishes that have gone may lie in a heap of few."""


LineKey = tuple[str, str, str]
"""Namespace, provider, and the course whose own budget may hold it."""


@dataclass(slots=True)
class Line:
    """The wishes of one queue, namespace, provider and budget."""

    queue: str
    namespace: str
    provider: str
    budget: str = ""
    """The course whose own budget may hold it."""
    size: int = 0
    by_order: list[_Entry] = field(default_factory=list)
    by_age: list[_Entry] = field(default_factory=list)


@dataclass(slots=True)
class WaitingBook:
    """Everything that waits for a slot, and whose turn it is among namespaces that have an equal share.

    Turns are those of start-time fair queueing (Goyal, Vin, Cheng 1996): each grant moves a namespace's turn on by
    one over its weight, and who comes anew starts at the present turn. They are only in memory: a restart starts a
    new round.
    """

    lines: dict[str, dict[LineKey, Line]] = field(default_factory=dict)
    """By queue, then namespace, provider and budget."""
    wants: dict[Key, Want] = field(default_factory=dict)
    version: int = 0
    """Moves when a wish comes."""
    turns: dict[tuple[str, str], float] = field(default_factory=dict)
    """By queue and namespace."""
    _present: dict[str, float] = field(default_factory=dict)
    """By queue: the turn that was last granted."""
    _serial: int = 0

    def put(self, key: Key, want: Want) -> None:
        """Enter a wish, in place of an earlier one of the same object."""
        if self.wants.get(key) == want:
            return
        self.drop(key)
        self.wants[key] = want
        self.version += 1
        self._serial += 1
        lines = self.lines.setdefault(want.queue, {})
        line = lines.get((key.namespace, want.provider, want.line))
        if line is None:
            line = Line(want.queue, key.namespace, want.provider, want.line)
            lines[line_key(line)] = line
            place = (want.queue, key.namespace)
            self.turns[place] = max(self.turns.get(place, 0.0), self._present.get(want.queue, 0.0))
        line.size += 1
        heapq.heappush(line.by_order, (want.order, want.uid, self._serial, key, want))
        heapq.heappush(line.by_age, ((want.since,), want.uid, self._serial, key, want))

    def drop(self, key: Key) -> None:
        """Take an object out, if it is in."""
        want = self.wants.pop(key, None)
        if want is None:
            return
        lines = self.lines[want.queue]
        line = lines[key.namespace, want.provider, want.line]
        line.size -= 1
        if not line.size:
            del lines[line_key(line)]
            if not lines:
                del self.lines[want.queue]
        elif len(line.by_order) > 2 * line.size + _SLACK or len(line.by_age) > 2 * line.size + _SLACK:
            self._tidy(line)

    def grant(self, key: Key, weight: int) -> Want:
        """Take out an object that is given its slot; its namespace's turn moves on."""
        want = self.wants[key]
        place = (want.queue, key.namespace)
        turn = self.turns.get(place, 0.0)
        self._present[want.queue] = turn
        self.turns[place] = turn + 1 / weight
        self.drop(key)
        return want

    def first(self, line: Line) -> tuple[Key, Want]:
        """Give the most urgent of a line."""
        return self._head(line.by_order)

    def oldest(self, line: Line) -> tuple[Key, Want]:
        """Give the one of a line that has waited longest."""
        return self._head(line.by_age)

    def some(self, line: Line, most: int) -> Iterator[tuple[Key, Want]]:
        """Give wishes of a line, at most so many: the most urgent, then others of the more urgent ones."""
        standing = ((key, want) for *_, key, want in line.by_order if self.wants.get(key) is want)
        return itertools.islice(standing, most)

    def all_lines(self) -> Iterator[Line]:
        """Give every line of every queue."""
        return itertools.chain.from_iterable(lines.values() for lines in self.lines.values())

    def oldest_since(self, queue: str) -> float | None:
        """Give the time since when the longest wait in a queue has lasted; None if nobody waits."""
        return min((self.oldest(line)[1].since for line in self.lines.get(queue, {}).values()), default=None)

    def places(self, namespace: str, queue: str) -> list[tuple[float, ...]]:
        """Give the places of what waits in a namespace's queue, in order."""
        lines = [line for line in self.lines.get(queue, {}).values() if line.namespace == namespace]
        return sorted(entry[0] for line in lines for entry in line.by_order if self._stands(entry))

    def only(self, queue: str) -> "WaitingBook":
        """Give a copy that has one queue alone."""
        copy = WaitingBook(turns=dict(self.turns), _present=dict(self._present))
        for line in self.lines.get(queue, {}).values():
            standing = Line(line.queue, line.namespace, line.provider, line.budget, line.size)
            standing.by_order = [e for e in line.by_order if self._stands(e)]
            standing.by_age = [e for e in line.by_age if self._stands(e)]
            heapq.heapify(standing.by_order)
            heapq.heapify(standing.by_age)
            copy.lines.setdefault(queue, {})[line_key(line)] = standing
            copy.wants |= {key: want for *_, key, want in standing.by_order}
        return copy

    def counts(self) -> dict[str, int]:
        """Count the waiting by queue."""
        return {queue: sum(line.size for line in lines.values()) for queue, lines in self.lines.items()}

    def _head(self, heap: list[_Entry]) -> tuple[Key, Want]:
        while not self._stands(heap[0]):
            heapq.heappop(heap)
        return heap[0][3], heap[0][4]

    def _stands(self, entry: _Entry) -> bool:
        return self.wants.get(entry[3]) is entry[4]

    def _tidy(self, line: Line) -> None:
        for heap in (line.by_order, line.by_age):
            heap[:] = [entry for entry in heap if self._stands(entry)]
            heapq.heapify(heap)


def line_key(line: Line) -> LineKey:
    """Name a line among those of its queue."""
    return line.namespace, line.provider, line.budget
