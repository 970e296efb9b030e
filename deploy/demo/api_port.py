"""A way for the system to an API server at a port that the network policies do not know, as minikube has it."""

import json
from collections.abc import Collection
from pathlib import Path

from .kubectl import Json, Kubectl
from .overlay import SYSTEM

KNOWN = {443, 6443}
"""The ports in deploy/components: what a Pod's packet to the API server's Service comes to."""

_ASKS = ["coursegen-operator", "coursegen-gateway", "coursegen-prometheus"]


def policy(ports: Collection[int]) -> Json | None:
    """Give a NetworkPolicy that lets those who ask the API server out to its ports; None where they get out anyway."""
    missing = sorted(set(ports) - KNOWN)
    if not missing:
        return None
    name = "app.kubernetes.io/name"
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "coursegen-api-server", "namespace": SYSTEM},
        "spec": {
            "podSelector": {"matchExpressions": [{"key": name, "operator": "In", "values": _ASKS}]},
            "policyTypes": ["Egress"],
            "egress": [{"ports": [{"port": port} for port in missing]}],
        },
    }


def allow(kubectl: Kubectl, folder: Path) -> None:
    """Have the policy in the cluster if it is needed there; `folder` takes the manifest."""
    found = kubectl.output(
        *("-n", "default", "get", "endpointslices", "--selector=kubernetes.io/service-name=kubernetes"),
        "--output=jsonpath={.items[*].ports[*].port}",
    )
    wanted = policy([int(port) for port in found.split()])
    if wanted is not None:
        file = folder / "api-server.json"
        file.write_text(json.dumps(wanted))
        kubectl.run("apply", "-f", str(file), what="Letting the system out to the API server's port")
