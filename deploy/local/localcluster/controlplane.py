"""The control plane: etcd, API server, controller manager and scheduler, as command lines."""

from __future__ import annotations

from pathlib import Path

from localcluster import files, kubeconfig
from localcluster.api import PORT
from localcluster.paths import Instance
from localcluster.pki import SERVICE_ACCOUNT_KEY, SERVICE_ACCOUNT_PUBLIC_KEY
from localcluster.programs import Program
from localcluster.settings import CLUSTER_DOMAIN, SERVICE_NETWORK, Options

# Loopback of the sandbox: nobody outside, and no Pod without hostNetwork, reaches it.
_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"
_AUDIT_LOG_MEGABYTES = 100_000  # the default of 100 would move half of a scale test into another file
_KUBECONFIGS = ("controller-manager", "scheduler")
CLIENTS = ("kube-controller-manager", "kube-scheduler")
"""Those that need a ready API server: the controller manager waits ten seconds for one, and ends itself."""

# Who asked for what, and nothing of what was said: enough to count requests by user agent, verb and resource.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


def write_configs(instance: Instance, address: str) -> None:
    """Writes the files that the programs read."""
    for leaf in _KUBECONFIGS:
        path = instance.config / f"{leaf}.kubeconfig"
        kubeconfig.write(path, kubeconfig.build(instance.pki, leaf, name=instance.name, address=address))
    files.write_json(instance.config / "audit-policy.json", AUDIT_POLICY)


def programs(instance: Instance, binaries: Path, address: str, options: Options) -> tuple[Program, ...]:
    """The four programs, in the order in which they start."""
    return (
        _etcd(instance, binaries),
        _apiserver(instance, binaries, address, options),
        _controller_manager(instance, binaries, options),
        _scheduler(instance, binaries, options),
    )


def _etcd(instance: Instance, binaries: Path) -> Program:
    argv = (
        str(binaries / "etcd"),
        f"--data-dir={instance.data / 'etcd'}",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=default={_ETCD_PEER}",
        "--quota-backend-bytes=8589934592",
        "--auto-compaction-retention=5m",
        "--log-level=warn",
    )
    return Program("etcd", argv)


def _apiserver(instance: Instance, binaries: Path, address: str, options: Options) -> Program:
    pki = instance.pki
    account_key = pki / SERVICE_ACCOUNT_PUBLIC_KEY
    argv = [
        str(binaries / "kube-apiserver"),
        f"--etcd-servers={_ETCD}",
        f"--advertise-address={address}",
        f"--secure-port={PORT}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--kubelet-certificate-authority={pki / 'ca.crt'}",
        f"--kubelet-client-certificate={pki / 'apiserver-kubelet.crt'}",
        f"--kubelet-client-key={pki / 'apiserver-kubelet.key'}",
        "--kubelet-preferred-address-types=InternalIP",  # no resolver knows the node's name
        f"--service-account-issuer=https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
        f"--service-account-key-file={account_key}",
        f"--service-account-signing-key-file={pki / SERVICE_ACCOUNT_KEY}",
        "--profiling=false",
    ]
    reads = [pki / "ca.crt", pki / "apiserver.crt", pki / "apiserver-kubelet.crt", account_key]
    if options.audit_log:
        policy = Path(options.audit_policy) if options.audit_policy else instance.config / "audit-policy.json"
        argv += [f"--audit-policy-file={policy}", f"--audit-log-path={instance.audit_log}"]
        argv += [f"--audit-log-maxsize={_AUDIT_LOG_MEGABYTES}"]
        reads.append(policy)
    return Program("kube-apiserver", tuple(argv), tuple(reads))


def _controller_manager(instance: Instance, binaries: Path, options: Options) -> Program:
    config = instance.config / "controller-manager.kubeconfig"
    argv = (
        str(binaries / "kube-controller-manager"),
        f"--kubeconfig={config}",
        f"--root-ca-file={instance.pki / 'ca.crt'}",
        f"--service-account-private-key-file={instance.pki / SERVICE_ACCOUNT_KEY}",
        "--use-service-account-credentials=true",
        f"--kube-api-qps={options.kcm_qps:g}",
        f"--kube-api-burst={options.kcm_burst}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--profiling=false",
        *([f"--node-monitor-grace-period={options.node_grace_seconds}s"] if options.node_grace_seconds else ()),
    )
    return Program("kube-controller-manager", argv, (config,))


def _scheduler(instance: Instance, binaries: Path, options: Options) -> Program:
    config = instance.config / "scheduler.kubeconfig"
    argv = (
        str(binaries / "kube-scheduler"),
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        f"--kube-api-qps={options.kcm_qps:g}",  # the same: at its own 50 it alone would bind no more Pods a second
        f"--kube-api-burst={options.kcm_burst}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--profiling=false",
    )
    return Program("kube-scheduler", argv, (config,))
