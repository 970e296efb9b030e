"""How many go before a waiting object, and how long that takes: worked out when somebody asks, never written down."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from coursegen_api.base import HoldReason
from coursegen_api.queue import StopPolicy

from .admission import choose
from .book import WaitingBook
from .limits import Limits, Load, closed, kept, provider_key
from .turn import Rival, Turn
from .world import COURSE_SLOTS, Key, Want

_PORTION = 500
MOST = 5000
"""So many are counted: who stands further back is told that it is at least these."""

_UNBOUNDED = 10**9
_TURNS = (HoldReason.QUEUE_FULL, HoldReason.PROVIDER_BUSY, HoldReason.COURSE_LIMIT)
"""Holds that end as others end: for these alone a wait can be reckoned."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a waiting object stands in its queue, if nobody comes before it meanwhile."""

    queue: str
    ahead: int
    """How many are given a slot before it; at least so many, if it is 5000."""
    seconds: float | None
    """How long that takes, from what was measured; None if nothing was, or something else than its turn keeps it."""


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
    ahead = _granted_before(key, want, book, load, limits, now)
    holds = (closed(want.queue, load, limits), kept(want, key, load, limits))
    only_its_turn = all(hold is None or hold.reason in _TURNS for hold in holds)
    turns = _turns(key, want, ahead, limits) if only_its_turn else math.inf
    seconds = None if usual_seconds is None or math.isinf(turns) else usual_seconds * turns
    return Position(want.queue, len(ahead), seconds)


def _granted_before(
    key: Key, want: Want, book: WaitingBook, load: Load, limits: Limits, now: float
) -> list[tuple[Key, Want]]:
    line, granted, endless = book.only(want.queue), load.copy(), _endless(want.queue, limits)
    before: list[tuple[Key, Want]] = []
    while len(before) < MOST and (portion := choose(line, granted, endless, now, _PORTION)):
        found = next((n for n, (other, _) in enumerate(portion) if other == key), None)
        before += portion[:found]
        if found is not None:
            break
    return before


def _turns(key: Key, want: Want, ahead: Sequence[tuple[Key, Want]], limits: Limits) -> float:
    """Give how often slots have to turn over until there is one for a wish: the narrowest of its limits counts."""
    if want.queue == COURSE_SLOTS:
        return _waves(len(ahead), limits.max_courses)
    queue, provider = limits.queues[want.queue], provider_key(want.provider, key.namespace)
    turns = [_waves(len(ahead), min(queue.capacity, limits.max_jobs))]
    of_namespace, of_provider = queue.capacity_of(key.namespace), limits.providers.get(provider)
    if of_namespace is not None:
        turns.append(_waves(sum(k.namespace == key.namespace for k, _ in ahead), of_namespace))
    if of_provider is not None:
        turns.append(_waves(sum(provider_key(w.provider, k.namespace) == provider for k, w in ahead), of_provider))
    return max(turns)


def _waves(ahead: int, slots: int) -> float:
    return (ahead + 1) / slots if slots else math.inf


def turn_of(queue: str, namespace: str, ahead: int, book: WaitingBook, load: Load, limits: Limits) -> Turn | None:
    """Say how soon work of a namespace gets slots of a queue: in a glance, for estimates, which are made often.

    None if there are no slots until a person does something.

    Arguments:
        ahead: how many of the namespace wait before it.
    """
    found = limits.queues.get(queue)
    if found is None or found.stopped is not StopPolicy.NONE or not found.capacity:
        return None
    running = load.by_queue.get(queue, 0)
    own = min(found.capacity if (most := found.capacity_of(namespace)) is None else most, found.capacity)
    mine = load.by_tenant.get((queue, namespace), 0)
    waiting: Counter[str] = Counter()
    for line in book.lines.get(queue, {}).values():
        waiting[line.namespace] += line.size
    free = 0 if waiting else max(0, min(found.capacity - running, limits.max_jobs - load.jobs, own - mine))
    weight = found.tenant(namespace).weight
    weights = {n: found.tenant(n).weight / weight for n in waiting if n != namespace}
    share = running / (1 + sum(weights.values()))
    rivals = (Rival(waiting[n], w, share * w - load.by_tenant.get((queue, n), 0)) for n, w in weights.items())
    return Turn(free, ahead, max(1, running + free), max(1, own), tuple(rivals))


def _endless(name: str, limits: Limits) -> Limits:
    """Give limits under which everybody in a queue has a slot, in turn."""
    queue = limits.queues.get(name)
    queues = dict(limits.queues)
    if queue:
        tenants = {n: t.model_copy(update={"capacity": None}) for n, t in queue.tenants.items()}
        queues[name] = replace(
            queue, capacity=_UNBOUNDED, namespace_capacity=None, tenants=tenants, stopped=StopPolicy.NONE
        )
    return replace(
        limits,
        max_courses=_UNBOUNDED,
        max_jobs=_UNBOUNDED,
        queues=queues,
        providers={},
        shut={},
        over_budget=lambda *_: "",
    )
