"""The operator, as a process, on a real API server with its controllers and without a node: Pods end as tests say."""

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.kubectl import Kubectl
from localcluster import Cluster, Image, Options
from localcluster.api import Api

from ...e2e.recorder import OURS, PATHS, Recorder
from ...e2e.scene import Scene
from ...e2e.system import BACKOFF_SECONDS, ROOT, Operator, System
from .kubelet import Kubelet, well

WORKER = "coursegen.local/no-worker:0"


@contextmanager
def control_plane(folder: Path, *, audit_log: bool = False, version: Path = ROOT) -> Iterator[System]:
    """Bring up a control plane with the CRDs, the queues with short waits, and a recorder; no operator yet.

    `version` is the tree whose CRDs and queues it has.
    """
    instance = Cluster.named(f"t-{os.getpid()}-{secrets.token_hex(2)}")
    system = None
    try:
        access = instance.up(Options(control_plane_only=True, audit_log=audit_log))
        kubectl = Kubectl(access.kubectl, access.kubeconfig, folder / "kubectl.log")
        api = Api(access.address, instance.instance.pki, seconds=60)
        worker = Image(WORKER, lambda _: None)
        system = System(instance, kubectl, api, Recorder(api), {"coursegen/worker": worker}, folder)
        system.host_address = access.host_address
        system.apply_base(version)
        for queue in api.get("/apis/coursegen.dev/v1alpha1/generationqueues")["items"]:
            path = f"/apis/coursegen.dev/v1alpha1/generationqueues/{queue['metadata']['name']}"
            # All scenes share these queues: what fails in one on purpose must not pause it for the others.
            short = {"spec": {"backoffSeconds": BACKOFF_SECONDS, "circuitBreaker": {"enabled": False}}}
            system.request("PATCH", path, short, "application/merge-patch+json")
        system.recorder.start(_unknown(version))
        yield system
        system.recorder.stop()
    finally:
        for process in system.processes if system else ():
            process.kill()
        instance.down()


def _unknown(version: Path) -> set[str]:
    """Name our kinds that a tree has no CRD of."""
    ours = {kind: path.rpartition("/")[2] for kind, path in PATHS.items() if path.startswith(OURS)}
    return {kind for kind, plural in ours.items() if not (version / "crds" / f"{plural}.yaml").exists()}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Bring up a control plane of its own, since this operator would work on whatever other tests create."""
    with control_plane(tmp_path_factory.mktemp("operator")) as system:
        system.operator("everywhere", [], keep_jobs_seconds="3")
        yield system


@pytest.fixture
def operator(system: System) -> Operator:
    """Give the process that watches all namespaces."""
    [process] = system.processes
    return process


_numbers = itertools.count(1)


@pytest.fixture
def scene(system: System, operator: Operator) -> Iterator[Scene]:
    """Give a namespace of its own; what holds of every scene is checked after the test."""
    scene = Scene(system, f"scene-{next(_numbers)}", [operator])
    system.create_tenant(scene.namespace, {})
    yield scene
    scene.check()
    system.api.request("DELETE", f"/api/v1/namespaces/{scene.namespace}")


@pytest.fixture
def kubelet(scene: Scene) -> Iterator[Kubelet]:
    """Play the node of the scene: every Pod ends well, until the test has it decide otherwise."""
    with Kubelet(scene, well) as node:
        yield node


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)
