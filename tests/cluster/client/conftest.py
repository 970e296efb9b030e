"""The plugin and the Python client on a real API server with the real operator, which leads; no node."""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ...e2e.scene import Scene, chapter, course
from ...e2e.system import ROOT, System, path_of
from ..operator.conftest import control_plane
from ..operator.kubelet import Kubelet, running, stamp, well
from .shell import Shell

SYSTEM_NAMESPACE = "coursegen-system"
TITLE = "A title that is nobody's business"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Bring up a control plane of its own: what is shown must not depend on what other tests do."""
    with control_plane(tmp_path_factory.mktemp("client")) as system:
        system.request("POST", "/api/v1/namespaces", {"metadata": {"name": SYSTEM_NAMESPACE}})
        stand_in_for_the_deployment(system)
        lease = {"leader_election": "true", "lease_namespace": SYSTEM_NAMESPACE}
        lease["lease_duration_seconds"] = "60"  # a machine that stalls for 15 s ends nobody here
        system.operator("leading", [], keep_jobs_seconds="300", **lease)
        yield system


def stand_in_for_the_deployment(system: System) -> None:
    """Create the operator's Deployment as deploy/base has it, with one Pod that is said to be ready; it runs here."""
    rendered = system.kubectl.output("kustomize", str(ROOT / "deploy" / "base"))
    for part in yaml.safe_load_all(rendered):
        if part["kind"] == "Deployment":
            part["spec"]["replicas"] = 1
        if part["kind"] in ("ServiceAccount", "ConfigMap", "Deployment"):
            system.request("POST", path_of(part, SYSTEM_NAMESPACE), part)
    [pod] = system.recorder.until(lambda: system.recorder.all("Pod", SYSTEM_NAMESPACE), 120, lambda: "no Pod")
    status = running(stamp())
    status["containerStatuses"][0]["name"] = "operator"
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/pods/{pod['metadata']['name']}/status"
    system.request("PATCH", path, {"status": status}, "application/strategic-merge-patch+json")
    system.kubectl.output(
        "-n", SYSTEM_NAMESPACE, "rollout", "status", "deployment/coursegen-operator", "--timeout=120s"
    )


@pytest.fixture
def scene(system: System) -> Iterator[Scene]:
    """Give a namespace to work in; the first has the name that the docs show."""
    number = next(_numbers)
    scene = Scene(system, f"courses-{number}" if number else "courses", list(system.processes))
    system.create_tenant(scene.namespace, {})
    yield scene
    scene.check()
    system.api.request("DELETE", f"/api/v1/namespaces/{scene.namespace}")


@pytest.fixture
def kubelet(scene: Scene) -> Iterator[Kubelet]:
    """Play the node: every Pod ends well, until the test has it decide otherwise."""
    with Kubelet(scene, well) as node:
        yield node


@pytest.fixture
def environment(system: System, tmp_path: Path) -> dict[str, str]:
    """Give what a person's shell has: kubectl and the plugin on the PATH, and a kubeconfig."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "kubectl").write_text(f'#!/bin/sh\nexec {system.kubectl.program} "$@"\n')
    (folder / "kubectl").chmod(0o755)
    return {
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(system.kubectl.kubeconfig),
        "HOME": str(tmp_path),
        "NO_COLOR": "1",
    }


@pytest.fixture
def shell(scene: Scene, environment: dict[str, str], tmp_path: Path) -> Shell:
    return Shell(environment, tmp_path, scene.namespace)


@pytest.fixture
def waiting(scene: Scene) -> None:
    """Have a course, a chapter and nobody who works on them."""
    scene.create("CourseGeneration", "c", course(1, title=TITLE, suspend=True))
    scene.create("ChapterGeneration", "loops", chapter(suspend=True))
    for kind, name in (("CourseGeneration", "c"), ("ChapterGeneration", "loops")):
        scene.until(kind, name, lambda s: s.get("holdReason") == "Suspended", 60)
