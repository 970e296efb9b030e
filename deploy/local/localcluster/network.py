"""Services and names: kube-proxy, and CoreDNS as a process on the node's address."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from localcluster import files, kubeconfig, rbac, shell
from localcluster.api import Api
from localcluster.paths import Instance
from localcluster.programs import Program
from localcluster.sandbox import Sandbox
from localcluster.settings import CLUSTER_DOMAIN, POD_NETWORK

_PROXY_HEALTH_PORT = 10256
_DNS_READY_PORT = 8181
_NAT_TABLE = "pods-to-host"


def write_configs(instance: Instance, address: str, node_name: str) -> None:
    """Writes the files that both programs read."""
    for leaf in ("kube-proxy", "coredns"):
        path = instance.config / f"{leaf}.kubeconfig"
        kubeconfig.write(path, kubeconfig.build(instance.pki, leaf, name=instance.name, address=address))
    files.write_json(instance.config / "kube-proxy.json", proxy_config(instance, address, node_name))
    files.write(instance.config / "Corefile", corefile(instance, address))


def proxy_config(instance: Instance, address: str, node_name: str) -> dict[str, Any]:
    """nftables rules; the connection table's size is the machine's own business."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clusterCIDR": POD_NETWORK,
        "hostnameOverride": node_name,
        "clientConnection": {"kubeconfig": str(instance.config / "kube-proxy.kubeconfig")},
        "healthzBindAddress": f"{address}:{_PROXY_HEALTH_PORT}",
        "metricsBindAddress": "127.0.0.1:10249",
        "conntrack": {"maxPerCore": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "linux": {"oomScoreAdj": 0},
    }


def corefile(instance: Instance, address: str) -> str:
    """Names of the cluster alone: every other name is refused at once instead of being waited for."""
    return f"""{CLUSTER_DOMAIN}:53 in-addr.arpa:53 {{
    bind {address}
    errors
    ready {address}:{_DNS_READY_PORT}
    kubernetes {CLUSTER_DOMAIN} in-addr.arpa {{
        kubeconfig {instance.config / "coredns.kubeconfig"}
        ttl 5
    }}
    cache 5
    loadbalance
}}
"""


def let_pods_out(box: Sandbox) -> None:
    """Gives a Pod's packets the node's address on their way to the host, which knows no way back to a Pod's own."""
    rules = f"""
table ip {_NAT_TABLE}
delete table ip {_NAT_TABLE}
table ip {_NAT_TABLE} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat
        ip saddr {POD_NETWORK} oifname eth0 masquerade
    }}
}}
"""
    shell.output(box.enter(["nft", "-f", "-"]), stdin=rules)


def programs(instance: Instance, binaries: Path, coredns: Path) -> tuple[Program, ...]:
    """kube-proxy and CoreDNS."""
    config = instance.config
    proxy = Program(
        "kube-proxy",
        (str(binaries / "kube-proxy"), f"--config={config / 'kube-proxy.json'}"),
        (config / "kube-proxy.json", config / "kube-proxy.kubeconfig"),
    )
    dns = Program(
        "coredns",
        (str(coredns / "coredns"), "-conf", str(config / "Corefile")),
        (config / "Corefile", config / "coredns.kubeconfig"),
    )
    return proxy, dns


def allow_dns(api: Api) -> None:
    """Lets CoreDNS read what it answers from."""
    kinds = {"": ["services", "pods", "namespaces"], "discovery.k8s.io": ["endpointslices"]}
    rbac.let_watch(api, "system:coredns", kinds)


def proxy_ready(address: str) -> bool:
    """Says whether the rules of the Services are in place."""
    return _answers(f"http://{address}:{_PROXY_HEALTH_PORT}/healthz")


def dns_ready(address: str) -> bool:
    """Says whether CoreDNS has read the Services."""
    return _answers(f"http://{address}:{_DNS_READY_PORT}/ready")


def _answers(url: str) -> bool:
    # Without a handler for proxies: the machine's own would not know these addresses.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=1) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False
