"""Whose a namespace is where several operators share a cluster, and who leads each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coursegen_api import names

from . import calls, times
from .calls import Call, Json
from .errors import NotFoundError, RefusedError

DEPLOYMENT = "coursegen-operator"
LEASE = "coursegen-operator-leader"
STALE_SECONDS = 60
"""A Lease that was renewed longer ago is nobody's."""
_MOST = 3


@dataclass(frozen=True)
class Shards:
    """The operators that namespaces' labels name, as far as who asks may see them."""

    namespaces: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By the operator's name."""
    leases: Mapping[str, Json | None] = field(default_factory=dict)

    def without_leader(self, now: datetime) -> dict[str, Sequence[str]]:
        """Give the namespaces whose work waits because nobody leads the operator that their label names."""
        return {name: there for name, there in self.namespaces.items() if not leads(self.leases.get(name), now)}


def named(base: str, shard: str) -> str:
    """Name a shard's own Deployment or Lease; the operator without a name has the base's."""
    return f"{base}-{shard}" if shard else base


def lease_path(system: str, shard: str) -> str:
    """Give the path of the Lease that a shard's replicas lead by."""
    return f"/apis/coordination.k8s.io/v1/namespaces/{system}/leases/{named(LEASE, shard)}"


def of(namespace: str) -> Call[str]:
    """Name the shard that a namespace is labelled with; empty where it is not, or may not be read."""
    if not namespace:
        return ""
    try:
        found = yield from calls.read(f"/api/v1/namespaces/{namespace}")
    except (NotFoundError, RefusedError):
        return ""
    return _label(found)


def read(system: str) -> Call[Shards]:
    """Read whom the labels of namespaces name, and their Leases; nothing where these may not be read."""
    there: dict[str, list[str]] = {}
    try:
        found = yield from calls.read("/api/v1/namespaces", labelSelector=names.LABEL_SHARD)
        for namespace in found["items"]:
            if shard := _label(namespace):
                there.setdefault(shard, []).append(namespace["metadata"]["name"])
        leases = {}
        for shard in sorted(there):
            leases[shard] = yield from maybe(lease_path(system, shard))
    except RefusedError:
        return Shards()
    return Shards(there, leases)


def maybe(path: str) -> Call[Json | None]:
    """Read what need not be there."""
    try:
        return (yield from calls.read(path))
    except NotFoundError:
        return None


def holder(lease: Json | None) -> tuple[str, str | None]:
    """Say who holds a Lease, and since when it has not been renewed."""
    spec: dict[str, Any] = (lease or {}).get("spec", {})
    return str(spec.get("holderIdentity") or ""), spec.get("renewTime")


def leads(lease: Json | None, now: datetime) -> bool:
    """Tell whether somebody holds a Lease, and has renewed it of late."""
    who, renewed = holder(lease)
    age = times.seconds_since(renewed, now)
    return bool(who) and age is not None and age <= STALE_SECONDS


def sentence(missing: Mapping[str, Sequence[str]]) -> str:
    """Say which namespaces nobody works in."""
    said = []
    for shard, there in sorted(missing.items()):
        some = ", ".join(sorted(there)[:_MOST]) + (f" and {len(there) - _MOST} more" if len(there) > _MOST else "")
        said.append(f"nobody leads operator {shard}, which {names.LABEL_SHARD} of {some} names")
    return "; ".join(said)


def _label(namespace: Json) -> str:
    return str((namespace["metadata"].get("labels") or {}).get(names.LABEL_SHARD, ""))
