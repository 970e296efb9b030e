"""What we hand to other projects' controllers is accepted by their own CRDs, unknown fields refused.

The controllers themselves are not run here; Kueue is, in operator/test_kueue.py.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from localcluster import golang

from .conftest import ROOT, LiveCluster
from .operator.kueue import SOURCE

DEPLOY = ROOT / "deploy"


@dataclass(frozen=True)
class Foreign:
    """CRDs of another project, from its published Go module."""

    module: str
    version: str
    digest: str
    files: tuple[str, ...]


KUEUE = Foreign(
    *SOURCE,
    tuple(
        f"config/components/crd/bases/kueue.x-k8s.io_{plural}.yaml"
        for plural in ("clusterqueues", "localqueues", "resourceflavors")
    ),
)
ARGO_CD = Foreign(
    "github.com/argoproj/argo-cd/v3",
    "v3.6.1",
    "h1:OmhqeKiR3C//awbFrhQqFdtRI+Qiv17j8vqm3UkMj/g=",
    ("manifests/crds/application-crd.yaml",),
)
FLUX_SOURCE = Foreign(
    "github.com/fluxcd/source-controller",
    "v1.10.1",
    "h1:vkYpgpLZu20LQ2UN4lPBdWH7sqTNdQ8FjcZD/HogN2E=",
    ("config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml",),
)
FLUX_KUSTOMIZE = Foreign(
    "github.com/fluxcd/kustomize-controller",
    "v1.10.1",
    "h1:IjTnrkIy0ULJoTNC2ZKuMb32vkqj7dJ6zt6UqbTFxKA=",
    ("config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml",),
)
PROMETHEUS = Foreign(
    "github.com/prometheus-operator/prometheus-operator",
    "v0.85.0",
    "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    tuple(
        f"example/prometheus-operator-crd/monitoring.coreos.com_{plural}.yaml"
        for plural in ("prometheusrules", "servicemonitors")
    ),
)


def kueue(cluster: LiveCluster, folder: Path) -> list[dict]:
    """Render the component, and that of a tenant's namespace."""
    return [
        *rendered(cluster, folder / "cluster", "components/kueue", "kueue"),
        *rendered(cluster, folder / "tenant", "components/kueue/tenant", "kueue"),
    ]


def monitoring(cluster: LiveCluster, folder: Path) -> list[dict]:
    """Render what is for the Prometheus operator."""
    return rendered(cluster, folder / "monitoring", "components/monitoring", "monitoring.coreos.com")


def examples(tool: str) -> list[dict]:
    """Read the examples for a GitOps tool."""
    files = [DEPLOY / "gitops" / tool / name for name in ("operator.yaml", "courses.yaml")]
    return [m for file in files for m in yaml.safe_load_all(file.read_text()) if m]


NOT_YET = ("no matches for kind", "could not find the requested resource")
"""What is said of kinds that are not served, or not in discovery, yet."""

CASES = {
    "Kueue": ((KUEUE,), kueue, {"ClusterQueue", "LocalQueue", "ResourceFlavor"}),
    "Argo CD": ((ARGO_CD,), lambda cluster, folder: examples("argocd"), {"Application"}),
    "Flux": (
        (FLUX_SOURCE, FLUX_KUSTOMIZE),
        lambda cluster, folder: examples("flux"),
        {"GitRepository", "Kustomization"},
    ),
    "the Prometheus operator": ((PROMETHEUS,), monitoring, {"PrometheusRule", "ServiceMonitor"}),
}


def rendered(cluster: LiveCluster, folder: Path, component: str, group: str) -> list[dict]:
    """Render a component by itself, and give the manifests of a group of kinds."""
    folder.mkdir()
    up = "../" * (len(folder.parts) - 1) + str(DEPLOY / component).lstrip("/")
    base = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "components": [up]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(base))
    done = cluster.kubectl("kustomize", str(folder))
    assert done.returncode == 0, done.stderr
    return [m for m in yaml.safe_load_all(done.stdout) if m and group in m["apiVersion"]]


def refusal(cluster: LiveCluster, manifests: list[dict]) -> str:
    """Give what the API server has against manifests, or nothing."""
    argv = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")
    done = cluster.kubectl(*argv, stdin=yaml.safe_dump_all(manifests))
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize("whose", CASES)
def test_other_projects_kinds_take_what_we_write_for_them(cluster: LiveCluster, tmp_path: Path, whose: str) -> None:
    projects, write, kinds = CASES[whose]
    crds = [golang.source(p.module, p.version, p.digest) / file for p in projects for file in p.files]
    files = [argument for crd in crds for argument in ("-f", str(crd))]
    try:
        done = cluster.kubectl("apply", "--server-side", *files)
        assert done.returncode == 0, done.stderr
        manifests = write(cluster, tmp_path)
        assert {m["kind"] for m in manifests} == kinds
        for namespace in sorted({m["metadata"].get("namespace", "default") for m in manifests}):
            cluster.kubectl("create", "namespace", namespace)  # another test may have done so
        until = time.monotonic() + 60
        while any(words in (said := refusal(cluster, manifests)) for words in NOT_YET):
            assert time.monotonic() < until, said
            time.sleep(0.2)
        assert said == ""
        wrong = [m | {"spec": m["spec"] | {"noSuchField": 1}} for m in manifests[:1]]
        assert "noSuchField" in refusal(cluster, wrong), "an unknown field would have been refused"
    finally:
        cluster.kubectl("delete", *files, "--ignore-not-found", "--wait=false")
