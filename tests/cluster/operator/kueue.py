"""Runs Kueue itself, as a process of this machine, against a control plane of the tests."""

import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from localcluster import Reporter, golang, pki

from ...e2e.system import System
from ...ports import free_port

Json = dict[str, Any]

MODULE = golang.Module("kueue", package="sigs.k8s.io/kueue/cmd/kueue", about="Kueue, about 5 minutes")
NAMESPACE, ACCOUNT = "kueue-system", "kueue-controller-manager"
"""Who Kueue is, as its own manifests have it: our admission policies know it by that."""

SOURCE = ("sigs.k8s.io/kueue", "v0.17.0", "h1:7hzb38M4eKGzYW+CFv2s1L+swzzacUCHOCXxZmAV90I=")

_START_SECONDS = 180.0
_GROUPS = ("batch", "kueue.x-k8s.io")
"""Whose objects Kueue's webhooks look at here; the other kinds that it knows are not there."""


@contextmanager
def kueue(system: System) -> Iterator[None]:
    """Run Kueue until the tests are done; it owns the Jobs that have its label, and no others."""
    built = golang.ensure(MODULE, Reporter(sys.stderr))
    components = golang.source(*SOURCE) / "config" / "components"
    root, ports = system.folder / "kueue", {name: free_port() for name in ("webhook", "health", "metrics")}
    root.mkdir()
    access = system.kubectl
    for file in sorted((components / "crd" / "bases").iterdir()):
        access.run("apply", "--server-side", "-f", str(file), what=f"Applying {file.name}")
    access.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=180s", what="Waiting for Kueue's CRDs")
    _make_account(system, components / "rbac", root)
    authority = _serving_certificate(system, root)
    _fill(system, root, built, ports)
    log = root / "kueue.log"
    with log.open("wb") as out:
        process = subprocess.Popen(_command(root), stdout=out, stderr=out, env=_ENVIRONMENT)
    try:
        _until_ready(process, ports["health"], log)
        _register(system, components / "webhook" / "manifests.yaml", ports["webhook"], authority)
        yield
        assert process.poll() is None, log.read_text()[-2000:]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


_ENVIRONMENT = {"KUBECONFIG": "/kubeconfig", "HOME": "/", "USER": "kueue", "PATH": "/usr/sbin:/usr/bin"}


def _command(root: Path) -> list[str]:
    """Give what runs it in a root of its own, where the folders that it knows by name are ours."""
    kueue = ["/kueue", "--config=/config.yaml", "--feature-gates=VisibilityOnDemand=false"]
    return ["setpriv", "--pdeathsig", "KILL", "chroot", str(root), *kueue]


def _fill(system: System, root: Path, built: Path, ports: dict[str, int]) -> None:
    shutil.copy(built / "kueue", root / "kueue")
    system.log_in(ACCOUNT, NAMESPACE, root).rename(root / "kubeconfig")
    config = {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "health": {"healthProbeBindAddress": f"127.0.0.1:{ports['health']}"},
        "metrics": {"bindAddress": f"127.0.0.1:{ports['metrics']}"},
        "webhook": {"port": ports["webhook"], "certDir": "/etc/kueue/metrics/certs"},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "integrations": {"frameworks": ["batch/job"]},
    }
    (root / "config.yaml").write_text(yaml.safe_dump(config))


def _make_account(system: System, roles: Path, root: Path) -> None:
    """Create Kueue's account, with the rights that it has anywhere, and no others."""
    access, account = system.kubectl, f"--serviceaccount={NAMESPACE}:{ACCOUNT}"
    access.run("create", "namespace", NAMESPACE, what="Making Kueue's namespace")
    access.run("-n", NAMESPACE, "create", "serviceaccount", ACCOUNT, what="Making Kueue's account")
    access.run("apply", "-f", str(roles / "role.yaml"), what="Applying Kueue's role")
    access.run("create", "clusterrolebinding", "kueue", "--clusterrole=manager-role", account, what="Binding it")
    own = root / "role.yaml"
    own.write_text(
        (roles / "manager_secrets_role.yaml").read_text().replace("namespace: system", f"namespace: {NAMESPACE}")
    )
    access.run("apply", "-f", str(own), what="Applying Kueue's role in its namespace")
    binding = ("create", "rolebinding", "kueue", "--role=manager-secrets-role", account)
    access.run("-n", NAMESPACE, *binding, what="Binding it")


def _serving_certificate(system: System, root: Path) -> str:
    """Have the cluster's authority sign what the webhooks serve with; give the authority, as webhooks name it."""
    certificates = system.cluster.instance.pki
    pki.ensure(certificates, (pki.Leaf("kueue", "kueue", addresses=(system.host_address,)),))
    folder = root / "etc" / "kueue" / "metrics" / "certs"
    folder.mkdir(parents=True)
    for ours, theirs in (("kueue.crt", "tls.crt"), ("kueue.key", "tls.key")):
        shutil.copy(certificates / ours, folder / theirs)
    shutil.copy(certificates / "ca.crt", folder / "ca.crt")
    return b64encode((certificates / "ca.crt").read_bytes()).decode()


def _register(system: System, manifests: Path, port: int, authority: str) -> None:
    """Create Kueue's webhooks, by the URL at which the API server reaches this machine."""
    for configuration in yaml.safe_load_all(manifests.read_text()):
        ours = [w for w in configuration["webhooks"] if all(_is_ours(rule) for rule in w["rules"])]
        for webhook in ours:
            path = webhook["clientConfig"]["service"]["path"]
            webhook["clientConfig"] = {"url": f"https://{system.host_address}:{port}{path}", "caBundle": authority}
        kind = configuration["kind"].lower() + "s"
        path = f"/apis/admissionregistration.k8s.io/v1/{kind}"
        system.request("POST", path, configuration | {"webhooks": ours})


def _is_ours(rule: Json) -> bool:
    return all(group in _GROUPS for group in rule["apiGroups"])


def _until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                answer.read()
                return
        except OSError:
            time.sleep(0.1)
