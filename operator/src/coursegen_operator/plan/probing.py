"""Who probes an open circuit: the waiting task that is the least work, and has been tried least."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .book import WaitingBook
from .limits import Limits, Load, room
from .recent import circuits_of
from .world import COURSE_SLOTS, Key, Want

_LOOKED_AT = 1000
"""Tasks of one line that are compared, so that a decision stays cheap however many wait."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The circuits that may be probed now, and those of them that are probed already."""

    half_open: frozenset[Key]
    probed: frozenset[Key]

    @property
    def free(self) -> frozenset[Key]:
        """Name the circuits that a probe may start for."""
        return self.half_open - self.probed


def choose(book: WaitingBook, load: Load, limits: Limits, ready: Ready) -> list[tuple[Key, Want]]:
    """Grant one probe to each circuit that is ready for one; the granted leave the book and are added to the load."""
    free = set(ready.free)
    granted = []
    while free:
        found = _best(book, load, _opened(limits, free), free)
        if found is None:
            break
        key, want = found
        book.drop(key)
        load.take(want, key)
        granted.append((key, replace(want, probe=True)))
        free.difference_update(circuits_of(key.namespace, want.queue, want.provider))
    return granted


def _best(book: WaitingBook, load: Load, limits: Limits, free: set[Key]) -> tuple[Key, Want] | None:
    fitting = (
        (want.effort, want.order, str(key), key)
        for key, want in _waiting(book, free)
        if room(want, key, load, limits) is None
    )
    best = min(fitting, default=None)
    return (best[3], book.wants[best[3]]) if best else None


def _waiting(book: WaitingBook, circuits: set[Key]) -> Iterator[tuple[Key, Want]]:
    """Give those that wait for one of the circuits, some of each line."""
    for line in book.all_lines():
        gates = circuits_of(line.namespace, line.queue, line.provider)
        if line.queue != COURSE_SLOTS and not circuits.isdisjoint(gates):
            yield from book.some(line, _LOOKED_AT)


def waiting(book: WaitingBook, circuit: Key) -> list[Key]:
    """Name those that wait for a circuit."""
    return [key for key, _ in _waiting(book, {circuit})]


def _opened(limits: Limits, free: set[Key]) -> Limits:
    """Give the limits as a probe of these circuits meets them."""
    return replace(limits, shut={key: hold for key, hold in limits.shut.items() if key not in free})
