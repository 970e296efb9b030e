"""Tickets for browsers, which cannot send a token with a WebSocket: each opens one socket, once, within 30 seconds."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .access import Caller

SECONDS = 30
_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class _Ticket:
    caller: Caller
    task_id: str
    until: float


class Tickets:
    """Tickets that were given and not used. They are in this process's memory: a ticket is used where it was given.

    The replicas share no key to seal one with, and a sealed one would carry its owner's token through proxies' logs.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._given: OrderedDict[str, _Ticket] = OrderedDict()

    def give(self, caller: Caller, task_id: str) -> str:
        """Make a ticket for one task ("": for the feed of all)."""
        ticket = secrets.token_urlsafe(24)
        self._given[ticket] = _Ticket(caller, task_id, self._clock() + SECONDS)
        while len(self._given) > _AT_ONCE or next(iter(self._given.values())).until <= self._clock():
            self._given.popitem(last=False)
        return ticket

    def use(self, ticket: str, task_id: str) -> Caller | None:
        """Give whose ticket it is, and void it; None if it is none, is used, too old, or for something else."""
        given = self._given.pop(ticket, None)
        if given is None or given.until <= self._clock() or given.task_id != task_id:
            return None
        return given.caller
