"""What can go wrong with a request, and which requests it goes wrong with."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_READS = ("GET", "HEAD")
_HASH = re.compile(r"[0-9a-f]{8,}")


class Act(Enum):
    """What happens to a request that a fault meets."""

    KILL_BEFORE = "the operator is killed before it is sent"
    KILL_AFTER = "the operator is killed when it is committed, and not answered"
    LOSE = "it is committed, and the answer is lost"
    ANSWER = "it is not passed on, and answered with a code"
    SILENCE = "it is not passed on, and never answered"
    HALF = "half of the answer comes"
    STALE = "the first answer to such a request is given again"
    SLOW = "it takes four seconds"
    KEEP = "it is kept back, and passed on when the harness says so"
    # Of a watch, when the next event comes:
    DROP = "the event is kept back"
    FREEZE = "no event comes any more, and the connection stays"
    CUT = "the connection ends within the event"
    EXPIRED = "410 comes in the stream"
    ERROR = "500 comes in the stream"


WATCHED = (
    "jobs",
    "chaptergenerations",
    "coursegenerations",
    "qualityvalidations",
    "courseexports",
    "artifactcleanups",
)
"""What the operator watches of the work."""

SLOW_SECONDS = 4.0

OF_WATCHES = (Act.DROP, Act.FREEZE, Act.CUT, Act.EXPIRED, Act.ERROR)


@dataclass(frozen=True)
class Ask:
    """A request as it comes in."""

    verb: str
    path: str
    query: str
    body: bytes
    agent: str

    @property
    def watch(self) -> bool:
        return "watch=" in self.query

    @property
    def write(self) -> bool:
        return self.verb not in _READS

    @property
    def resource(self) -> str:
        """Give the plural, with its subresource."""
        parts = self.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        if parts and parts[0] == "namespaces" and len(parts) > 2:
            parts = parts[2:]
        return "/".join([*parts[:1], *parts[2:]])

    @property
    def what(self) -> str:
        """Say what is written, so that the same write of another run is called the same."""
        return f"{self.verb} {self.resource} {self._name()}".strip()

    def _name(self) -> str:
        parts = self.path.rsplit("/", 2 if self.path.endswith("/status") else 1)
        if self.verb != "POST":
            return _HASH.sub("*", parts[1]) if parts[1] != self.resource else "all of a course"
        body = json.loads(self.body)
        if self.resource == "events":
            return f"{_HASH.sub('*', body['involvedObject']['name'])} {body['reason']}"
        return _HASH.sub("*", body["metadata"]["name"])


def nothing(ask: Ask) -> bool:
    """Match no request."""
    return False


@dataclass
class Fault:
    """What meets some requests, so many times."""

    act: Act
    where: Callable[[Ask], bool] = nothing
    times: int = 1
    code: int = 500
    key: str = ""
    """The one write that it meets, by what is written and its number among its like."""
    after: str = ""
    """The write that has to be seen before."""
    seconds: float = 0.0
    """How long a frozen watch stays frozen; 0: until the client goes."""


def kopf(resource: str) -> Callable[[Ask], bool]:
    """Match what kopf asks about a resource: its lists and watches."""
    return lambda ask: ask.resource == resource and ask.agent.startswith("kopf") and not ask.write


def begins_watch(resource: str) -> Callable[[Ask], bool]:
    """Match what begins a watch of a resource, before any event of it."""
    return lambda ask: ask.resource == resource and ask.watch


def lists(ask: Ask) -> bool:
    """Match every list of our kinds and Jobs, kopf's and the operator's own."""
    return ask.verb == "GET" and not ask.watch and ask.resource in WATCHED


def writes(ask: Ask) -> bool:
    """Match what the operator writes, the Lease left out."""
    return ask.write and ask.resource != "leases"


def patches(ask: Ask) -> bool:
    """Match status writes."""
    return ask.verb == "PATCH"


def intents(ask: Ask) -> bool:
    """Match status writes that open an attempt of a chapter, and so take a slot."""
    if not (patches(ask) and ask.resource == "chaptergenerations/status"):
        return False
    attempts = json.loads(ask.body)["status"].get("attempts")
    return bool(attempts) and not attempts[-1].keys() & {"startTime", "completionTime"}


def lease_writes(ask: Ask) -> bool:
    """Match what takes, renews or releases the Lease."""
    return ask.write and ask.resource == "leases"


def every(number: int, where: Callable[[Ask], bool]) -> Callable[[Ask], bool]:
    """Match every so manieth request of some."""
    return numbered(where, lambda seen: seen % number == 0)


def numbered(where: Callable[[Ask], bool], chosen: Callable[[int], bool]) -> Callable[[Ask], bool]:
    """Match those of some requests whose number, from 1, is chosen; a matcher counts for one run."""
    seen = 0

    def counted(ask: Ask) -> bool:
        nonlocal seen
        if not where(ask):
            return False
        seen += 1
        return chosen(seen)

    return counted
