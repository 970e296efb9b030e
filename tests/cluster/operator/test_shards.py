"""Two operators share a cluster by the labels of its namespaces; who touched what is read from the audit log."""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from coursegen import Client, fleet
from coursegen_api.names import LABEL_SHARD
from coursegen_api.task import TaskInput

from ...e2e.scene import Scene, chapter, course, outcomes
from ...e2e.system import Operator, System
from ...faults import auditlog
from .conftest import control_plane
from .kubelet import End, Kubelet, well

LAST = "Part 3"
LEASES = "default"
"""Where operators that run outside of the cluster have their Leases."""
KINDS = ("ChapterGeneration", "CourseExport")


def identity(operator: Operator) -> str:
    """Give the name that a process goes by in the audit log."""
    return re.findall(r"candidate (\S+) for lease", operator.log.read_text())[-1]


def label(system: System, namespace: str, shard: str) -> None:
    patch = {"metadata": {"labels": {LABEL_SHARD: shard}}}
    system.request("PATCH", f"/api/v1/namespaces/{namespace}", patch, "application/merge-patch+json")


def writes(system: System, operator: Operator, namespace: str) -> list[auditlog.Entry]:
    """Give what an operator wrote in a namespace, in the order in which it was asked for."""
    found = auditlog.read(system.cluster.instance.audit_log)
    ours = (e for e in found if e.agent.endswith(identity(operator)) and e.namespace == namespace)
    return sorted((e for e in ours if e.takes_effect), key=lambda e: e.received)


@pytest.fixture
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with control_plane(tmp_path_factory.mktemp("shards"), audit_log=True) as system:
        yield system


def test_two_operators_share_a_cluster_and_a_namespace_moves_in_the_middle_of_a_course(ground: System) -> None:
    may_end = threading.Event()

    def node(task: TaskInput) -> End | None:
        return well(task) if may_end.is_set() or getattr(task.work, "title", "") != LAST else None

    shards = {s: ground.operator(s, [], shard=s, leader_election="true", keep_jobs_seconds="3") for s in ("a", "b")}
    scenes = {n: Scene(ground, n, list(shards.values())) for n in ("stays-a", "stays-b", "moves", "nobodys")}
    for name, scene in scenes.items():
        ground.create_tenant(name, {})
        if name != "nobodys":
            label(ground, name, "b" if name == "stays-b" else "a")
        scene.create("CourseGeneration", "c", course(chapters=3, exports=[{"format": "json"}]))
    mine = {n: s for n, s in scenes.items() if n != "nobodys"}
    with ExitStack() as nodes:
        for scene in mine.values():
            nodes.enter_context(Kubelet(scene, node))
        for scene in mine.values():
            scene.until("CourseGeneration", "c", lambda s: s.get("chapters", {}).get("succeeded") == 2)
            scene.until_job("c-chapter-03")
        until_shared(ground, a=2, b=1)

        label(ground, "moves", "b")
        # What is new is b's to begin, so this also tells when b has taken over.
        mine["moves"].create("ChapterGeneration", "new", chapter("New"))
        mine["moves"].until_ended("new", "ChapterGeneration")
        until_shared(ground, a=1, b=2)
        may_end.set()
        for scene in mine.values():
            assert scene.until_ended("c")["phase"] == "Succeeded"
            for kind in KINDS:
                for name in scene.names(kind):
                    assert outcomes(scene.status(kind, name)) == ["Succeeded"]
            scene.check()

    label(ground, "nobodys", "c")
    with Client(kubeconfig=str(ground.kubectl.kubeconfig), namespace="moves") as client:
        seen, parts = {}, {}
        for name in ("moves", "stays-a", "nobodys"):
            seen[name] = client.run(fleet.read(name, LEASES))
            parts[name] = fleet.operator(seen[name], datetime.now(UTC))
        assert {n: f.shard for n, f in seen.items()} == {"moves": "b", "stays-a": "a", "nobodys": "c"}
        nobody = "nobody leads operator c, which coursegen.dev/shard of nobodys names"
        assert {n: p.state for n, p in parts.items()} == {"moves": "degraded", "stays-a": "degraded", "nobodys": "down"}
        assert all(nobody in p.says for p in parts.values()), parts
        assert identity(shards["b"]) in parts["moves"].says

    by = {n: {s: writes(ground, o, n) for s, o in shards.items()} for n in scenes}
    assert (by["stays-a"]["b"], by["stays-b"]["a"]) == ([], [])
    assert by["stays-a"]["a"]
    assert by["stays-b"]["b"]
    before, after = by["moves"]["a"], by["moves"]["b"]
    assert before
    assert after
    assert before[-1].received < after[0].received, "never both at once"
    jobs = [e.name for e in before + after if (e.verb, e.resource) == ("create", "jobs")]
    assert len(jobs) == len(set(jobs)), "no Job is made twice"
    assert by["nobodys"] == {"a": [], "b": []}
    assert not scenes["nobodys"].status("CourseGeneration", "c")


def _queue(system: System) -> dict:
    found = system.recorder.now("GenerationQueue", "", "chapter-generation")
    assert found
    return found.get("status", {})


def until_shared(system: System, **active: int) -> None:
    """Wait until the queue says how much each operator has at work, which each writes seconds late, and the sum."""

    def said() -> bool:
        status = _queue(system)
        shares = {name: share.get("active") for name, share in status.get("shards", {}).items()}
        return (shares, status.get("active")) == (active, sum(active.values()))

    system.recorder.until(said, 60, lambda: f"the queue's status: {_queue(system)}")
