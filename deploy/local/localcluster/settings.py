"""What a person may ask of an instance, and the addresses inside it that are the same in every instance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localcluster.errors import LocalClusterError

SERVICE_NETWORK = "10.96.0.0/16"
API_SERVICE_ADDRESS = "10.96.0.1"
POD_NETWORK = "10.244.0.0/20"
CLUSTER_DOMAIN = "cluster.local"
NODE_NAME = "node-1"


@dataclass(frozen=True)
class Options:
    """What an instance consists of; `up` with other options changes a running one.

    Fake nodes (`kwok_nodes`) take the place of the real one: a scale test's Pods must not land there.

    The client limits of the controller manager are not Kubernetes' own, 20 and 30: at those its controllers take 5 s
    longer to start, and finish at most some 4 Jobs a second. The scheduler's, 50 and 100 of its own, are set to the
    same. A figure of a scale test must say what they were.
    """

    control_plane_only: bool = False
    kwok_nodes: int = 0
    kwok_stages: str | None = None
    kcm_qps: float = 100
    kcm_burst: int = 200
    network_policies: bool = True
    """With a real node: what NetworkPolicies forbid does not pass. Without, they are accepted and change nothing."""
    node_name: str = NODE_NAME
    """With another name than before, the node of before is gone, for the API server, and never comes back. Volumes
    belong to the usual name."""
    node_grace_seconds: int = 0
    """A node that is silent for so long is taken for lost; 0 is Kubernetes' own 50 s."""
    audit_log: bool = False
    audit_policy: str | None = None
    """A file of one's own for what the audit log holds; without it, metadata alone."""

    def __post_init__(self) -> None:
        if self.kwok_nodes < 0:
            raise LocalClusterError(f"{self.kwok_nodes} fake nodes: say 0 or more.")
        if self.node_grace_seconds and self.node_grace_seconds < 10:
            raise LocalClusterError("A node says every 2.5 s that it is there: give it at least 10 s.")
        if self.kwok_stages and not self.kwok_nodes:
            raise LocalClusterError("Stages are for fake nodes: say how many (--kwok N).")

    @property
    def has_node(self) -> bool:
        return not self.control_plane_only and not self.kwok_nodes

    @property
    def enforces_policies(self) -> bool:
        return self.has_node and self.network_policies

    @property
    def stages(self) -> Path | None:
        return Path(self.kwok_stages) if self.kwok_stages else None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
