"""Who probes an open circuit: the waiting task that is the least work, and has been tried least."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .admission import Limits, Load, WaitingBook, room, take
from .recent import circuits_of
from .world import Key, Want

_LOOKED_AT = 1000
"""Tasks of one line that are compared, so that a decision stays cheap however many wait."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The circuits that may be probed now, and those of them that are probed already."""

    half_open: frozenset[Key]
    probed: frozenset[Key]


def choose(book: WaitingBook, load: Load, limits: Limits, ready: Ready) -> list[tuple[Key, Want]]:
    """Grant one probe to each circuit that is ready for one; the granted leave the book and are added to the load."""
    free = set(ready.half_open - ready.probed)
    granted = []
    while free:
        found = _best(book, load, _opened(limits, free), free)
        if found is None:
            break
        key, want = found
        book.drop(key)
        take(load, want, key)
        granted.append((key, replace(want, probe=True)))
        free.difference_update(circuits_of(key.namespace, want.queue, want.provider or None))
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
    """Give those that wait for one of the circuits, the first of each line."""
    for line in book.lines.values():
        head = line[0][1]
        want = book.wants[head]
        if circuits & set(circuits_of(head.namespace, want.queue, want.provider or None)):
            for _, key in itertools.islice(line, _LOOKED_AT):
                yield key, book.wants[key]


def waiting(book: WaitingBook, circuit: Key) -> list[Key]:
    """Name those that wait for a circuit."""
    return [key for key, _ in _waiting(book, {circuit})]


def _opened(limits: Limits, free: set[Key]) -> Limits:
    """Give the limits as a probe of these circuits meets them."""
    return replace(
        limits,
        shut_queues=limits.shut_queues - {k.name for k in free if k.kind == "GenerationQueue"},
        shut_providers=limits.shut_providers - {f"{k.namespace}/{k.name}" for k in free if k.kind == "ModelProvider"},
    )
