"""Real clusters: they come up, live side by side, are repaired, and leave nothing behind.

These need root, and build what is missing first.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcluster import Access, Cluster, Options, cgroups, images, record
from localcluster.progress import Reporter

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(os.geteuid() != 0, reason="a local cluster needs root")]

CONTROL_PLANE = Options(control_plane_only=True)
RESTRICTED = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
}
CONTAINER = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Cluster]]:
    """Clusters whose state lies in the test's own folder, and which the test leaves behind in any state."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made: list[Cluster] = []

    def named(name: str) -> Cluster:
        made.append(Cluster.named(name))
        return made[-1]

    yield named
    for cluster in made:
        cluster.down()
        assert residue(cluster) == []


def residue(cluster: Cluster) -> list[str]:
    """What is left on the machine of a cluster."""
    ident = cluster.instance.ident
    links = json.loads(subprocess.run(["ip", "-json", "link"], capture_output=True, check=True).stdout)
    mounts = Path("/proc/self/mountinfo").read_text()
    return [
        *(f"process {pid}" for pid in cgroups.members(ident)),
        *(f"process {p}" for p in Path("/proc").glob("[0-9]*/cgroup") if ident in _text(p)),
        *(str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{ident}")),
        *(link["ifname"] for link in links if link.get("ifalias") == ident),
        *(line for line in mounts.splitlines() if str(cluster.instance.state) in line),
        *(str(path) for path in (cluster.instance.state, cluster.instance.lock) if path.exists()),
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def kubectl(access: Access, *arguments: str, manifest: dict[str, Any] | None = None) -> str:
    argv = [str(access.kubectl), f"--kubeconfig={access.kubeconfig}", *arguments]
    text = None if manifest is None else json.dumps(manifest)
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout


def rules(cluster: Cluster) -> str:
    """The rules of the node's iptables: kube-router makes them of network policies."""
    argv = cluster.sandbox().enter(["iptables", "--list-rules"])
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def kill(cluster: Cluster, *names: str) -> None:
    """Ends parts of a cluster as a crash would."""
    known = record.load(cluster.instance.record)
    assert known is not None
    for name in names:
        process = known.holder if name == "holder" else known.running[name].process
        os.kill(process.pid, signal.SIGKILL)
        while process.alive():
            time.sleep(0.01)


def eventually(check: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.2)


def test_two_control_planes_live_side_by_side(make: Callable[[str], Cluster]) -> None:
    one, two = make("side-one"), make("side-two")
    first, second = one.up(CONTROL_PLANE), two.up(CONTROL_PLANE)
    kubectl(first, "create", "namespace", "only-here")
    assert "only-here" not in kubectl(second, "get", "namespaces")
    one.down()
    assert residue(one) == []
    assert two.status().state == "ready"


def test_up_on_a_running_cluster_changes_only_what_its_options_change(make: Callable[[str], Cluster]) -> None:
    cluster = make("again")
    cluster.up(CONTROL_PLANE)
    before = cluster.status().programs
    started = time.monotonic()
    cluster.up(CONTROL_PLANE)
    assert time.monotonic() - started < 2
    assert cluster.status().programs == before
    access = cluster.up(replace(CONTROL_PLANE, audit_log=True))
    after = cluster.status().programs
    assert {name for name in before if before[name] != after[name]} == {"kube-apiserver"}
    assert access.audit_log is not None
    assert '"userAgent":"localcluster"' in access.audit_log.read_text()


@pytest.mark.parametrize("killed", [("etcd",), ("kube-apiserver", "kube-scheduler"), ("holder",)])
def test_up_repairs_a_control_plane_and_keeps_its_objects(
    make: Callable[[str], Cluster], killed: tuple[str, ...]
) -> None:
    cluster = make("repair")
    kubectl(cluster.up(CONTROL_PLANE), "create", "namespace", "kept")
    kill(cluster, *killed)
    assert cluster.status().state in ("broken", "stopped")
    assert "kept" in kubectl(cluster.up(CONTROL_PLANE), "get", "namespaces")


def test_down_removes_what_a_killed_up_left(make: Callable[[str], Cluster]) -> None:
    cluster = make("half")
    cluster.up(CONTROL_PLANE)
    kill(cluster, "holder", "kube-apiserver")
    cluster.down()
    cluster.down()
    assert residue(cluster) == []
    assert cluster.status().state == "absent"


def test_fake_nodes_finish_jobs_and_can_be_changed(make: Callable[[str], Cluster]) -> None:
    cluster = make("fake")
    access = cluster.up(Options(kwok_nodes=3))
    kubectl(access, "create", "job", "quick", "--image=none")
    kubectl(access, "wait", "--for=condition=Complete", "job/quick", "--timeout=30s")
    cluster.up(Options(kwok_nodes=1))
    eventually(lambda: list(cluster.status().nodes) == ["fake-0"])


def test_a_node_runs_a_restricted_pod_with_a_volume_across_a_crash(make: Callable[[str], Cluster]) -> None:
    cluster = make("node")
    access = cluster.up()
    pause = images.pause(Reporter()).reference
    namespace = {"name": "app", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    kubectl(access, "apply", "-f-", manifest={"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
    kubectl(access, "apply", "-f-", manifest=_claim())
    kubectl(access, "apply", "-f-", manifest=_deployment(pause))
    kubectl(access, "-n", "app", "rollout", "status", "deployment/app", "--timeout=60s")

    kill(cluster, "kubelet", "containerd", "etcd", "holder")
    cluster.up()
    kubectl(access, "-n", "app", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")

    kubectl(access, "delete", "namespace", "app")
    cluster.up()
    assert "Released" not in kubectl(access, "get", "persistentvolumes")


def test_a_node_that_is_not_wanted_any_more_leaves_no_container_nor_policies_their_rules(
    make: Callable[[str], Cluster],
) -> None:
    cluster = make("less")
    access = cluster.up()
    kubectl(access, "apply", "-f-", manifest=_pod(images.pause(Reporter()).reference))
    kubectl(access, "wait", "--for=condition=Ready", "pod/app", "--timeout=60s")
    address = kubectl(access, "get", "pod", "app", "-o", "jsonpath={.status.podIP}")
    eventually(lambda: f"-d {address}/32" in rules(cluster))
    cluster.up(Options(network_policies=False))
    assert "kube-router" not in cluster.status().programs
    assert rules(cluster) == "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n"
    cluster.up(CONTROL_PLANE)
    assert kubectl(access, "get", "nodes", "--no-headers") == ""
    assert len(cgroups.members(cluster.instance.ident)) == len(cluster.status().programs) + 1  # the holder


def _spec(image: str) -> dict[str, Any]:
    container = {"name": "app", "image": image, "securityContext": CONTAINER}
    return {**RESTRICTED, "terminationGracePeriodSeconds": 1, "containers": [container]}


def _pod(image: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "app"}, "spec": _spec(image)}


def _claim() -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    metadata = {"name": "data", "namespace": "app"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def _deployment(image: str) -> dict[str, Any]:
    labels = {"app": "app"}
    pod = _spec(image)
    pod["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    metadata = {"name": "app", "namespace": "app"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
