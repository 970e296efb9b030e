"""The node: containerd with its own folders and socket, Pod networking, and kubelet."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

from localcluster import files, kubeconfig
from localcluster.api import Api
from localcluster.debian import CNI_PLUGINS
from localcluster.paths import Instance
from localcluster.programs import Program
from localcluster.settings import CLUSTER_DOMAIN, POD_NETWORK, Options

# Inside the sandbox; another instance, or a containerd of the machine's own, has the same path and another folder.
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


def write_configs(instance: Instance, address: str, pause_image: str, options: Options) -> None:
    """Writes the files that containerd, its network plugins and kubelet read."""
    config = instance.config
    login = kubeconfig.build(instance.pki, "kubelet", name=instance.name, address=address)
    kubeconfig.write(config / "kubelet.kubeconfig", login)
    files.write_json(config / "kubelet.json", kubelet_config(instance, address, options))
    files.write_json(config / "cni" / "pods.conflist", cni_config())
    files.write(config / "containerd.toml", containerd_config(instance, pause_image))


def containerd_config(instance: Instance, pause_image: str) -> str:
    """The configuration of containerd 1.6."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{instance.data / "containerd"}"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt"]

[grpc]
address = "{CONTAINERD_SOCKET}"

[{cri}]
sandbox_image = "{pause_image}"
# A negative score needs CAP_SYS_RESOURCE; without this line every sandbox fails where root lacks it.
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[{cri}.cni]
bin_dir = "{CNI_PLUGINS}"
conf_dir = "{instance.config / "cni"}"

[{cri}.registry]
config_path = "{instance.registries}"
"""


def cni_config() -> dict[str, Any]:
    """A routed pair of interfaces for each Pod.

    Not a bridge: two Pods of one bridge answer each other past the node's rules, which breaks Services on a kernel
    without br_netfilter.
    """
    ranges = [[{"subnet": POD_NETWORK}]]
    ipam = {"type": "host-local", "ranges": ranges, "routes": [{"dst": "0.0.0.0/0"}]}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": "ptp", "ipam": ipam}]}


def kubelet_config(instance: Instance, address: str, options: Options) -> dict[str, Any]:
    """The configuration of kubelet; what is not said here is Kubernetes' own default."""
    pki = instance.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "clusterDNS": [address],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": "/etc/resolv.conf",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{instance.ident}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "enforceNodeAllocatable": [],
        "makeIPTablesUtilChains": False,
        "oomScoreAdj": 0,
        "maxPods": 250,
        "podLogsDir": str(instance.logs / "pods"),
        "volumePluginDir": str(instance.config / "volume-plugins"),
        # The disk is the machine's, not the cluster's: shares of it say nothing, and an image that was collected
        # as garbage could not be pulled again.
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        "imageGCHighThresholdPercent": 100,
        **({"nodeLeaseDurationSeconds": 10} if options.node_grace_seconds else {}),
    }


def containerd(instance: Instance) -> Program:
    """containerd, as a program."""
    config = instance.config / "containerd.toml"
    plugins = instance.config / "cni" / "pods.conflist"
    return Program("containerd", ("containerd", f"--config={config}"), (config, plugins))


def ready_since(api: Api, node_name: str, moment: float) -> bool:
    """Says whether the node has called itself ready since then; what an ended kubelet said before does not count."""
    found = api.get(f"/api/v1/nodes/{node_name}") or {}
    for condition in found.get("status", {}).get("conditions", ()):
        if condition["type"] == "Ready":
            heard = datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp()
            return condition["status"] == "True" and heard >= math.floor(moment)
    return False


def kubelet(instance: Instance, binaries: Path, address: str, node_name: str) -> Program:
    """kubelet, as a program."""
    config, login = instance.config / "kubelet.json", instance.config / "kubelet.kubeconfig"
    argv = (
        str(binaries / "kubelet"),
        f"--config={config}",
        f"--kubeconfig={login}",
        f"--hostname-override={node_name}",
        f"--node-ip={address}",
    )
    return Program("kubelet", argv, (config, login, instance.pki / "kubelet-server.crt"))
