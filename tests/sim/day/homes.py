"""Whose a namespace is: the real territories of all shards, and what happens when a label changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from coursegen_api.names import LABEL_SHARD
from coursegen_operator.plan.slots import add_to
from coursegen_operator.plan.world import COURSE_SLOTS, Key
from coursegen_operator.territory import Json, Territory

from .shard import Shard
from .work import Course, Piece, State

T = TypeVar("T")


def spread(shares: Mapping[str, float], places: Iterable[T]) -> dict[str, T]:
    """Give each tenant, the largest first, the place that has least so far: as a person would who knows them."""
    listed = list(places)
    taken, found = [0.0] * len(listed), {}
    for tenant, share in sorted(shares.items(), key=lambda one: -one[1]):
        at = min(range(len(listed)), key=lambda n: taken[n])
        taken[at] += share
        found[tenant] = listed[at]
    return found


@dataclass(slots=True)
class Homes:
    """Which shard each namespace is labelled for, and which one holds it."""

    shards: Sequence[Shard]
    of: dict[str, Shard]
    """By namespace: the shard that holds it, or held it until it began to move."""
    _territories: dict[str, Territory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for shard in self.shards:
            territory = self._territories[shard.name] = Territory(shard.name)
            territory.survey([_labelled(name, home) for name, home in self.of.items()], 0.0)
            territory.due(0.0)

    def holder(self, namespace: str) -> Shard | None:
        """Give the shard that visits what is in a namespace; None while it is moving."""
        home = self.of[namespace]
        return home if self._territories[home.name].holds(namespace) else None

    def hear(self, key: Key) -> None:
        """Have something visited by whoever holds it; while it is moving, that comes later by itself."""
        if shard := self.holder(key.namespace):
            shard.hear(key)

    def relabel(self, lost: Shard, now: float) -> list[float]:
        """Label the namespaces of a shard for the others, in turn; give when these hold them."""
        others = [shard for shard in self.shards if shard is not lost]
        moving = [name for name, home in self.of.items() if home is lost]
        for n, name in enumerate(moving):
            for territory in self._territories.values():
                territory.see(_labelled(name, others[n % len(others)]), now)
        dues = (self._territories[shard.name].next_due() for shard in others)
        return sorted({due for due in dues if due is not None})

    def adopt(self, things: Mapping[Key, Course | Piece], now: float) -> None:
        """Have what has come taken over: what runs is counted there, what waits asks there anew."""
        left: dict[str, Shard] = {}
        for shard in self.shards:
            for name in self._territories[shard.name].due(now):
                left[name], self.of[name] = self.of[name], shard
        for key, thing in list(things.items()):
            if key.namespace in left:
                _move(thing, left[key.namespace], self.of[key.namespace])
        for name, before in left.items():
            self.of[name].circuits.take_over(before.circuits, name)


def _move(thing: Course | Piece, before: Shard, after: Shard) -> None:
    if isinstance(thing, Course):
        if thing.start is not None and thing.order.chapters:
            before.close(thing)
            after.load.courses += 1
            add_to(after.load.by_tenant, (COURSE_SLOTS, thing.key.namespace), +1)
        elif thing.start is None:
            if thing.granted:
                before.close(thing)
                thing.granted = False
            before.book.drop(thing.key)
            after.hear(thing.key)
        return
    if thing.state is State.GRANTED:
        before.recall(thing)
    elif thing.state in (State.RUNNING, State.ENDED):
        before.give_back(thing)
        after.count(thing, +1)
    if thing.state in (State.WAITING, State.GRANTED):
        before.book.drop(thing.key)
        thing.state = State.NEW
    if thing.state in (State.NEW, State.ENDED):
        after.hear(thing.key)


def _labelled(namespace: str, shard: Shard) -> Json:
    return {"metadata": {"name": namespace, "labels": {LABEL_SHARD: shard.name}}}
