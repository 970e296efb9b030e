"""The plugin and the Python client on a real API server with the real operator, which leads; no node."""

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ...e2e.scene import Scene
from ...e2e.system import System
from ..operator.conftest import control_plane
from ..operator.kubelet import Kubelet, well

SYSTEM_NAMESPACE = "coursegen-system"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Bring up a control plane of its own: what is shown must not depend on what other tests do."""
    with control_plane(tmp_path_factory.mktemp("client")) as system:
        system.request("POST", "/api/v1/namespaces", {"metadata": {"name": SYSTEM_NAMESPACE}})
        lease = {"leader_election": "true", "lease_namespace": SYSTEM_NAMESPACE}
        system.operator("leading", [], keep_jobs_seconds="300", **lease)
        yield system


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
