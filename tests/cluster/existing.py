"""A cluster that is there already in the place of one of our own: `make test-cluster CLUSTER=existing`, or `kind`.

Contract, manifests and roles are tried on it. The other tests play the node, read the audit log or stop parts of the
control plane, and have clusters of their own.
"""

import http.client
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.ground import Kind
from demo.kubectl import Kubectl, proxy
from localcluster import golang, paths
from localcluster.api import Api
from localcluster.progress import Reporter

VARIABLE = "COURSEGEN_TEST_CLUSTER"
OURS = "--selector=app.kubernetes.io/part-of=coursegen"
NAMESPACES = ("coursegen-system", "courses", "coursegen-test")
LEFT = (
    ("validatingadmissionpolicybinding,validatingadmissionpolicy,clusterrole,clusterrolebinding,priorityclass", OURS),
    ("clusterrole", "coursegen-viewer", "coursegen-editor", "coursegen-provider-editor"),
    ("clusterrole", "coursegen-queue-viewer", "coursegen-queue-editor"),
    ("namespace", *NAMESPACES),
    ("crd", OURS),
)
"""What the tests leave in the cluster itself."""


@dataclass(frozen=True)
class ProxiedApi(Api):
    """Requests as whoever the kubeconfig names, by `kubectl proxy`."""

    port: int = 0

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)


@dataclass(frozen=True)
class Reached:
    """What `localcluster.Access` has, of a cluster that is not ours."""

    kubeconfig: Path
    kubectl: Path


@contextmanager
def reached() -> Iterator[tuple[Reached, ProxiedApi]]:
    """Reach the cluster that COURSEGEN_TEST_CLUSTER names; what the tests leave in it is removed after the body."""
    kind = Kind(Reporter(sys.stderr), "coursegen-test") if os.environ[VARIABLE] == "kind" else None
    kubectl = kind.up() if kind else _of_the_kubeconfig()
    known = kubectl.output("get", "crd", OURS, "--output=name")
    known += kubectl.output("get", "namespace", *NAMESPACES, "--ignore-not-found", "--output=name")
    assert not known.strip(), f"This cluster has what the tests would make and remove: it is left alone.\n{known}"
    try:
        with proxy(kubectl) as found:
            port = int(found.address.rpartition(":")[2])
            yield Reached(kubectl.kubeconfig, kubectl.program), ProxiedApi("127.0.0.1", Path(), port)
    finally:
        if kind:
            kind.down()
        else:
            for what in LEFT:
                kubectl.run("delete", *what, "--ignore-not-found", what="Removing what the tests left")


def _of_the_kubeconfig() -> Kubectl:
    named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    assert any(Path(file).exists() for file in named.split(os.pathsep)), f"There is no kubeconfig in {named}."
    program = shutil.which("kubectl") or golang.ensure(golang.CONTROL_PLANE, Reporter(sys.stderr)) / "kubectl"
    return Kubectl(Path(program), Path(named), paths.cache() / "logs" / "test-existing.log")
