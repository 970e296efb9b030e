"""How many go before a waiting object, and how long that takes: worked out when somebody asks, never written down."""

from dataclasses import dataclass, replace

from .admission import choose
from .book import WaitingBook
from .limits import Limits, Load
from .world import COURSE_SLOTS, Key

_PORTION = 500
_UNBOUNDED = 10**9


@dataclass(frozen=True, slots=True)
class Position:
    """Where a waiting object stands in its queue, if nobody comes before it meanwhile."""

    queue: str
    ahead: int
    """How many are given a slot before it."""
    seconds: float | None
    """How long that takes, from what was measured; None if nothing was."""


def of_waiting(
    key: Key, book: WaitingBook, load: Load, limits: Limits, now: float, usual_seconds: float | None
) -> Position | None:
    """Give the position of an object; None if it waits for no slot.

    It is found by granting slots without end until the object has one: in the order of `admission`, with the shares
    that namespaces would have.

    Arguments:
        usual_seconds: how long work of its queue runs.
    """
    want = book.wants.get(key)
    if want is None:
        return None
    line, granted = book.only(want.queue), load.copy()
    ahead = 0
    while portion := choose(line, granted, _endless(want.queue, limits), now, _PORTION):
        found = next((n for n, (other, _) in enumerate(portion) if other == key), None)
        if found is not None:
            ahead += found
            break
        ahead += len(portion)
    shares = limits.shares(want.queue)
    slots = limits.max_courses if want.queue == COURSE_SLOTS else min(shares.capacity if shares else 0, limits.max_jobs)
    seconds = (ahead + 1) * usual_seconds / slots if usual_seconds is not None and slots else None
    return Position(want.queue, ahead, seconds)


def _endless(name: str, limits: Limits) -> Limits:
    """Give limits under which everybody in a queue has a slot, in turn."""
    queue = limits.queues.get(name)
    queues = dict(limits.queues)
    if queue:
        tenants = {n: t.model_copy(update={"capacity": None}) for n, t in queue.tenants.items()}
        queues[name] = replace(queue, capacity=_UNBOUNDED, namespace_capacity=None, tenants=tenants)
    return replace(
        limits,
        max_courses=_UNBOUNDED,
        max_jobs=_UNBOUNDED,
        queues=queues,
        providers={},
        shut={},
        over_budget=lambda *_: "",
    )
