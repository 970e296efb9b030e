"""Which namespaces are this operator's, where several operators share a cluster: those whose label names it.

A namespace that moves is left at once, and taken over some seconds later: by then what the other operator had sent has
taken effect. Should the other not hear of it for longer, both visit the same objects; a status write still carries the
resourceVersion, and a Job's name follows from the attempt, so nothing is done twice.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from coursegen_api.names import LABEL_SHARD

Json = dict[str, Any]


@dataclass(slots=True)
class Territory:
    """The namespaces of one operator."""

    shard: str = ""
    """The label's value; empty: the namespaces without the label."""
    named: tuple[str, ...] = ()
    """These namespaces and no others, whatever their labels say."""
    pause: float = 5.0
    """Seconds between the move of a namespace and the first visit to what is in it."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a namespace has begun to come over."""
    _labels: dict[str, str] = field(default_factory=dict)
    """What every namespace is labelled."""
    _held: set[str] = field(default_factory=set)
    _coming: dict[str, float] = field(default_factory=dict)
    """When what is in a namespace may be visited first."""

    @property
    def scopes(self) -> tuple[str, ...]:
        """Give the namespaces to list and watch; the empty one is all of them."""
        return self.named or ("",)

    def holds(self, namespace: str) -> bool:
        """Tell whether what is in a namespace is this operator's now; what is in none is everybody's."""
        return bool(self.named) or not namespace or namespace in self._held

    def see(self, namespace: Json, now: float, *, deleted: bool = False) -> bool:
        """Take in a namespace as it is; tell whether it was this operator's and is no longer."""
        meta = namespace["metadata"]
        return self._put(meta["name"], None if deleted else _label(namespace), now)

    def survey(self, namespaces: Iterable[Json], now: float) -> set[str]:
        """Take in a full list; give those that are no longer this operator's."""
        found = {n["metadata"]["name"]: _label(n) for n in namespaces}
        everything: Mapping[str, str | None] = dict.fromkeys(self._labels) | found
        return {name for name, label in everything.items() if self._put(name, label, now)}

    def due(self, now: float) -> list[str]:
        """Begin to hold what has come over, and name it."""
        come = sorted(name for name, at in self._coming.items() if at <= now)
        for name in come:
            del self._coming[name]
            self._held.add(name)
        return come

    def next_due(self) -> float | None:
        """Say when the next namespace may be held; None if none is coming."""
        return min(self._coming.values(), default=None)

    def _put(self, name: str, label: str | None, now: float) -> bool:
        """Keep a namespace's label, None for one that is gone; tell whether it was lost."""
        before = self._labels.get(name)
        if label is None:
            self._labels.pop(name, None)
        else:
            self._labels[name] = label
        if label == self.shard:
            if name not in self._held and name not in self._coming:
                moved = before is not None  # a new one was nobody's before
                self._coming[name] = now + (self.pause if moved else 0.0)
                self.news.set()
            return False
        self._coming.pop(name, None)
        was_held = name in self._held
        self._held.discard(name)
        return was_held


def _label(namespace: Json) -> str:
    return str((namespace["metadata"].get("labels") or {}).get(LABEL_SHARD, ""))
