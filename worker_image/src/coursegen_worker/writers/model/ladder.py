"""Which way of holding a model to a form works at an endpoint: found out once, remembered in the store."""

from contextlib import suppress
from typing import Any, Literal

from coursegen_worker.artifacts import find_document
from coursegen_worker.documents import Document
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.store import Store, content_key
from coursegen_worker.writers.model.wire import Rung

_VERSION = 1
"""Raise it with any change of what a rung sends: what was remembered may not hold of it."""


class Habit(Document):
    """What is known of an endpoint and model."""

    kind: Literal["endpoint"] = "endpoint"
    rung: Rung


class Ladder:
    """Where a question begins: at the rung that is remembered, else at the surest."""

    def __init__(self, store: Store, rungs: tuple[Rung, ...], endpoint: dict[str, Any]) -> None:
        self._store = store
        self._rungs = rungs
        self._key = content_key(store.namespace_uid, "endpoint", "json", {"ladder": _VERSION, **endpoint})
        found = find_document(store, self._key, Habit)
        self._remembered = found[1].rung if found and found[1].rung in rungs else None
        self.rung = self._remembered or rungs[0]
        self.settled = False
        """True once an answer of this task was of the right form."""

    def below(self, rung: Rung) -> Rung | None:
        """Give the next rung down; None at the lowest."""
        lower = self._rungs[self._rungs.index(rung) + 1 :]
        return lower[0] if lower else None

    def after_failure(self, rung: Rung) -> Rung:
        """Give the rung to ask again on, after an answer of the wrong form: the one that works, else the next down."""
        return self.rung if self.settled else self.below(rung) or rung

    def prove(self, rung: Rung) -> None:
        """Settle on a rung that has worked, unless one is; what cannot be stored is found out again another time."""
        if self.settled:
            return
        self.rung, self.settled = rung, True
        if rung is not self._remembered:
            with suppress(TaskFailedError):
                self._store.replace(self._key, Habit(rung=rung).seal())
