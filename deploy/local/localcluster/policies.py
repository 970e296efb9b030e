"""NetworkPolicies in force: kube-router, of which nothing runs but its firewall.

It writes rules of iptables and sets of ipset into the node's network namespace. A packet meets them after kube-proxy
has put a Pod's address in the place of a Service's. A Pod's way to the API server and to the cluster's DNS, which are
processes of the node, meets them too; what comes from the node, as kubelet's probes and forwarded ports do, reaches
every Pod.

A new Pod is in no rule yet for some tenths of a second after its start: until then what forbids says nothing of it, and
what lets certain Pods in does not know it.
"""

from __future__ import annotations

from pathlib import Path

from localcluster import kubeconfig, rbac, shell
from localcluster.api import Api
from localcluster.errors import LocalClusterError
from localcluster.paths import Instance
from localcluster.programs import Program
from localcluster.sandbox import Sandbox
from localcluster.settings import SERVICE_NETWORK

NAME = "kube-router"
_KINDS = {
    "": ["services", "endpoints", "pods", "namespaces", "nodes"],  # the first two although no policy needs them
    "discovery.k8s.io": ["endpointslices"],
    "networking.k8s.io": ["networkpolicies"],
}
_CHAIN = "KUBE-ROUTER-FORWARD"
_LAST_RULE = "-j ACCEPT"


def write_configs(instance: Instance, address: str) -> None:
    """Writes kube-router's login."""
    login = kubeconfig.build(instance.pki, NAME, name=instance.name, address=address)
    kubeconfig.write(_login(instance), login)


def allow(api: Api) -> None:
    """Lets kube-router read what it makes rules from."""
    rbac.let_watch(api, f"system:{NAME}", _KINDS)


def program(instance: Instance, built: Path, node_name: str) -> Program:
    """kube-router, as a program; it ends at once where the API server does not know the node yet."""
    login = _login(instance)
    argv = (
        str(built / NAME),
        f"--kubeconfig={login}",
        f"--hostname-override={node_name}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        "--health-port=0",  # it calls itself healthy before there are rules
    )
    return Program(NAME, argv, (login,))


def in_force(box: Sandbox) -> bool:
    """Says whether the rules of all policies are in place: the last that kube-router writes is among them."""
    try:
        return _LAST_RULE in shell.output(box.enter(["iptables", "--list-rules", _CHAIN]))
    except LocalClusterError:
        return False


def _login(instance: Instance) -> Path:
    return instance.config / f"{NAME}.kubeconfig"
