"""A node that goes and never comes back, with a real kubelet and a real worker, on a cluster of its own."""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kubectl import Kubectl
from localcluster import Cluster, Options, Reporter
from localcluster.api import Api

from ..e2e.recorder import Recorder
from ..e2e.scene import Scene, chapter, outcomes
from ..e2e.system import System, apply_queue, build_workers

GRACE_SECONDS = 20
"""In place of the 50 s after which Kubernetes takes a silent node for lost."""

GONE = {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 3}
"""In place of the 30 s that a worker waits for its node to come back."""


def options(node: str) -> Options:
    return Options(node_name=node, node_grace_seconds=GRACE_SECONDS)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Bring up a control plane and a node, with no more than a lone chapter needs: a folder of the Pod is the store."""
    cluster = Cluster.named(f"t-{os.getpid()}-{secrets.token_hex(2)}", Reporter(sys.stderr))
    system = None
    try:
        access = cluster.up(options("first"))
        images = build_workers(cluster.reporter)
        for image in images.values():
            cluster.ensure_image(image)
        api = Api(access.address, cluster.instance.pki)
        kubectl = Kubectl(access.kubectl, access.kubeconfig, tmp_path / "kubectl.log")
        system = System(cluster, kubectl, api, Recorder(api), images, tmp_path)
        system.apply_base()
        apply_queue(system, "short", {"workers": {"tolerations": [GONE]}})
        system.recorder.start()
        scene = Scene(system, "lost-node")
        system.create_tenant(scene.namespace, {"coursegen-store": {"COURSEGEN_STORE_URL": "file:///tmp"}})
        scene.operator(worker_image=images["coursegen/misbehaving-worker"].reference)
        yield scene
        scene.check()
    finally:
        if system:
            system.recorder.stop()
            for process in system.processes:
                process.kill()
        cluster.down()


def test_a_node_that_is_gone_and_never_back_costs_no_retry(scene: Scene) -> None:
    scene.create("ChapterGeneration", "c", chapter("Loops [sleep 600 until 2]", queueName="short"))
    assert scene.until_pod_runs("c")["spec"]["nodeName"] == "first"
    scene.system.cluster.up(options("second"))  # the machine is another node from now on
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], outcomes(status), status["retryCount"]) == ("Succeeded", ["Disrupted", "Succeeded"], 0)
    assert "off its node" in status["attempts"][0]["message"]
    last = scene.until_pod(status["attempts"][1]["jobName"])
    assert last["spec"]["nodeName"] == "second"
