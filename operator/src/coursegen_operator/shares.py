"""One status of a queue for several operators: each writes its own share, and the sums of all of them.

The rest of an operator knows nothing of this. What it reads of a queue is its own share, and what it writes becomes
that; who looks at the queue sees all shares together. An operator that is alone writes no shares.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .statuspatch import difference, merged

Json = dict[str, Any]

MAIN = "main"
"""The share of the operator without a name."""

_WORST = ("Closed", "HalfOpen", "Open")


@dataclass(slots=True)
class Shares:
    """How one operator sees queues, and is seen in them."""

    shard: str = ""
    _last: dict[str, Json] = field(default_factory=dict)
    """By queue: its whole status as it was last read."""

    def read(self, queue: Json) -> Json:
        """Give a queue with the status that this operator has written."""
        status = queue.get("status") or {}
        self._last[queue["metadata"]["name"]] = status
        return queue if self._alone(status) else queue | {"status": self._own(status)}

    def write(self, name: str, patch: Json) -> Json:
        """Give the body that does to the whole status what a patch does to this operator's."""
        status = self._last.get(name, {})
        if self._alone(status):
            return patch
        others = status.get("shards")
        if others is None:  # until now the status was the unnamed operator's alone
            others = {MAIN: status} if status else {}
        shares = others | {self.shard or MAIN: merged(self._own(status), patch["status"])}
        return patch | {"status": difference(status, total(shares) | {"shards": shares})}

    def _alone(self, status: Mapping[str, Any]) -> bool:
        return not self.shard and not status.get("shards")

    def _own(self, status: Mapping[str, Any]) -> Json:
        share: Json = (status.get("shards") or {}).get(self.shard or MAIN, {})
        return share


def total(shares: Mapping[str, Json]) -> Json:
    """Give what all shares of a queue are together."""
    each = [shares[name] for name in sorted(shares)]
    sums = {name: sum(s.get(name, 0) for s in each) for name in ("active", "pending")}
    out: Json = {"observedGeneration": min(s.get("observedGeneration", 0) for s in each), **sums}
    capacities = _all(each, "capacity")
    out |= _present("capacity", sum(capacities) if capacities else None)
    out |= _present("oldestPendingTime", min(_all(each, "oldestPendingTime"), default=None))
    out |= _present("lastHour", _last_hour(_all(each, "lastHour")))
    circuits = _all(each, "circuitBreaker")
    worst = max(circuits, key=lambda c: (_WORST.index(c["state"]), c.get("openedTime", "")), default=None)
    out |= _present("circuitBreaker", worst)
    conditions = [s["conditions"] for s in each if s.get("conditions")]
    if conditions:
        reason = "InUse" if out["active"] else "Idle"
        out["conditions"] = [c | {"reason": reason} if c["type"] == "Ready" else c for c in conditions[0]]
    return out


def _last_hour(each: Sequence[Json]) -> Json | None:
    if not each:
        return None
    out: Json = {name: sum(e.get(name, 0) for e in each) for name in ("succeeded", "failed", "retried")}
    if ended := out["succeeded"] + out["failed"]:
        out["successRatePercent"] = 100 * out["succeeded"] // ended
    for name in ("waitP50Seconds", "waitP95Seconds", "runP50Seconds", "runP95Seconds"):
        out |= _present(name, max(_all(each, name), default=None))
    return out


def _all(shares: Iterable[Json], name: str) -> list[Any]:
    return [s[name] for s in shares if s.get(name) is not None]


def _present(name: str, value: Any) -> Json:
    return {} if value is None else {name: value}
