"""From a change of state to who listens: each listener has a set of what has changed, never a queue of messages.

A listener that reads slowly finds the newest state when it comes back: nothing is kept for it but the fact that
something is new. So memory is bounded by what exists, and no reader slows another.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import present
from .state import TASK_KINDS, Entry, State

_MAX_CHANGED = 2000
"""A listener that is further behind is told to read everything anew."""


@dataclass(eq=False, slots=True)
class Listener:
    """What one socket has yet to be told."""

    changed: dict[str, None] = field(default_factory=dict)
    """UIDs, the longest unsaid first."""
    overflowed: bool = False
    told: set[str] = field(default_factory=set)
    """Of the feed: what it has said something of. That something else is gone is not for it to know."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, uid: str) -> bool:
        """Note that something is new of an object; False if a state that was not told yet is skipped."""
        known = uid in self.changed
        if known or len(self.changed) < _MAX_CHANGED:
            self.changed[uid] = None
        else:
            self.overflowed = True
        self.wake.set()
        return not known and not self.overflowed


class Hub:
    """Knows who listens to what."""

    def __init__(
        self, state: State, made: Callable[[], None] = lambda: None, skipped: Callable[[], None] = lambda: None
    ) -> None:
        """Follow a state; `made` is called for each message, `skipped` for each that a newer one takes the place of."""
        self._state, self._made, self._skipped = state, made, skipped
        self._of_task: dict[str, set[Listener]] = defaultdict(set)
        self._of_all: set[Listener] = set()
        self._said: dict[str, tuple[str, str]] = {}
        """Cursor and text of the last message about an object, until it changes."""
        state.changed = self.change

    @property
    def listeners(self) -> int:
        """Give the number of open sockets."""
        return len(self._of_all) + sum(len(s) for s in self._of_task.values())

    def listen(self, uid: str = "") -> Listener:
        """Begin to listen to one object, or to all."""
        listener = Listener()
        (self._of_task[uid] if uid else self._of_all).add(listener)
        return listener

    def leave(self, listener: Listener, uid: str = "") -> None:
        """Listen no more."""
        if not uid:
            self._of_all.discard(listener)
            return
        self._of_task[uid].discard(listener)
        if not self._of_task[uid]:
            del self._of_task[uid]

    def change(self, plural: str, uid: str) -> None:
        """Tell who listens that something is new of an object."""
        if plural not in TASK_KINDS:
            return
        self._said.pop(uid, None)
        for listener in (*self._of_task.get(uid, ()), *self._of_all):
            if not listener.tell(uid):
                self._skipped()

    def message(self, uid: str) -> tuple[str, str]:
        """Give the cursor and the text of what is to be said of an object now."""
        said = self._said.get(uid)
        if said is None:
            entry = self._state.by_uid.get(uid)
            said = _state(self._state, entry) if entry else ("gone", json.dumps({"type": "deleted", "task_id": uid}))
            if entry:
                self._said[uid] = said
            self._made()
        return said

    def place(self, uid: str) -> tuple[str, str] | None:
        """Give the plural and namespace of an object; None if it is gone."""
        entry = self._state.by_uid.get(uid)
        return (entry.plural, entry.place[0]) if entry else None


def _state(state: State, entry: Entry) -> tuple[str, str]:
    """Make the message: the whole state, with the attempts, so that who missed messages has missed nothing."""
    uid = entry.item["metadata"]["uid"]
    shown = present.detail(state, entry).model_dump(
        exclude_none=True, exclude={"spec", "conditions", "pods", "outline"}
    )
    word = state.progress.get(uid)
    cursor = f"{entry.item['metadata']['resourceVersion']}.{word.attempt if word else 0}.{word.time if word else 0:.3f}"
    body: dict[str, Any] = {"type": "state", "cursor": cursor} | shown
    if word:
        body["reported_time"] = word.time
    return cursor, json.dumps(body, ensure_ascii=False, separators=(",", ":"))
