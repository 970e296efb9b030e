"""Who leads: pure decisions about a coordination.k8s.io Lease, as client-go makes them.

Nobody compares clocks. A candidate judges a Lease by how long it has itself seen the same version of it; a leader
counts from before it sent the renewal, so its own count always ends first.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Terms:
    """What all replicas go by; seconds."""

    identity: str
    """Of this process: never used before, so that a Lease never looks like its own after a restart."""
    duration: float = 15.0
    renew: float = 3.0
    retry: float = 1.0
    margin: float = 5.0
    """No write is sent in the last seconds of a lease: so long one may be on its way before it takes effect."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A Lease in one version, and since when this process has seen no other."""

    version: str
    """Its resourceVersion; empty if there is no Lease."""
    holder: str
    """Empty if it was released, or never held."""
    duration: float
    transitions: int
    since: float
    body: Json
    """What was read, which a write goes by."""


class Move(Enum):
    """What a candidate does about what it sees."""

    TAKE = "take"
    """Write the Lease: create it, take it over, or renew it."""
    WAIT = "wait"
    STOP = "stop"
    """Somebody else leads, and this process thought that it did."""


def see(raw: Json | None, before: Seen | None, now: float) -> Seen:
    """Take in what was read; `since` stays while the version does.

    A Lease that somebody deleted is still held by whom it named: who was not told leads until it has run out.
    """
    if raw is None:
        since = before.since if before and not before.version else now
        return Seen("", before.holder if before else "", before.duration if before else 0.0, 0, since, {})
    version, spec = str(raw["metadata"]["resourceVersion"]), raw.get("spec") or {}
    since = before.since if before and before.version == version else now
    return Seen(
        version=version,
        holder=str(spec.get("holderIdentity") or ""),
        duration=float(spec.get("leaseDurationSeconds") or 0),
        transitions=int(spec.get("leaseTransitions") or 0),
        since=since,
        body=raw,
    )


def move(seen: Seen, terms: Terms, leads: bool, now: float) -> Move:
    """Decide what to do about the Lease."""
    if seen.holder == terms.identity:
        return Move.TAKE
    if leads:
        return Move.STOP
    return Move.TAKE if not seen.holder or ends(seen, terms) <= now else Move.WAIT


def ends(seen: Seen, terms: Terms) -> float:
    """Give when a Lease that is not renewed has run out, by the longer of both sides' durations."""
    return seen.since + max(seen.duration, terms.duration)


def pause(seen: Seen | None, terms: Terms, leads: bool, now: float) -> float:
    """Give the seconds until the next look: a leader renews, a candidate looks more often, and at once when it may."""
    if leads:
        return terms.renew
    left = ends(seen, terms) - now if seen else 0.0
    return min(terms.retry, left) if left > 0 else terms.retry


def held(seen: Seen, name: str, namespace: str, terms: Terms, stamp: str) -> Json:
    """Give the Lease as its holder writes it; with the version that was seen, so that one of two writers wins."""
    spec: Json = dict(seen.body.get("spec") or {})
    if seen.holder != terms.identity:
        spec |= {"acquireTime": stamp, "leaseTransitions": seen.transitions + 1 if seen.version else 0}
    spec |= {"holderIdentity": terms.identity, "leaseDurationSeconds": int(terms.duration), "renewTime": stamp}
    return _lease(seen, name, namespace, spec)


def released(seen: Seen, name: str, namespace: str, stamp: str) -> Json:
    """Give the Lease as its holder leaves it: anybody may take it at once."""
    spec: Json = dict(seen.body.get("spec") or {})
    return _lease(seen, name, namespace, spec | {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": stamp})


def _lease(seen: Seen, name: str, namespace: str, spec: Json) -> Json:
    meta: Json = dict(seen.body.get("metadata") or {"name": name, "namespace": namespace})
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
