"""Nodes that are there for the real scheduler: as many Pods as they say find room on them. No program runs."""

import time
from typing import Any

from localcluster.api import Api

Json = dict[str, Any]


class Nodes:
    """Makes nodes that are ready and keep being so for a while, and removes them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._names: list[str] = []

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._names:
            self._api.request("DELETE", f"/api/v1/nodes/{name}")

    def add(self, name: str, pods: int = 100, pool: str = "", tainted: bool = False) -> None:
        """Add a node with room for so many Pods, in a pool."""
        self._names.append(name)
        taints = [{"key": "pool", "value": pool, "effect": "NoSchedule"}] if tainted else []
        labels = {"pool": pool} if pool else {}
        node = {"metadata": {"name": name, "labels": labels}, "spec": {"taints": taints}}
        self._request("POST", "/api/v1/nodes", node)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Test",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        room = {"cpu": "100", "memory": "100Gi", "ephemeral-storage": "500Gi", "pods": str(pods)}
        status = {"status": {"conditions": [ready], "capacity": room, "allocatable": room}}
        self._request("PATCH", f"/api/v1/nodes/{name}/status", status, "application/merge-patch+json")
        self.stay()

    def remove(self, name: str) -> None:
        """Remove a node."""
        self._names.remove(name)
        self._request("DELETE", f"/api/v1/nodes/{name}", {})

    def stay(self) -> None:
        """Say that the nodes are still there, as kubelets do."""
        renewed = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
        for name in self._names:
            path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
            spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed}
            code, _ = self._api.request("POST", path, {"metadata": {"name": name}, "spec": spec})
            if code == 409:
                self._request("PATCH", f"{path}/{name}", {"spec": spec}, "application/merge-patch+json")

    def _request(self, method: str, path: str, body: Json, kind: str = "application/json") -> None:
        status, answer = self._api.request(method, path, body, kind=kind)
        assert 200 <= status < 300, f"{method} {path}: {status} {answer}"
