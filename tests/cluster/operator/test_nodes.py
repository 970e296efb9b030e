"""Where work runs, and how much of it: the real scheduler and controllers, on nodes on which nothing runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from coursegen_api import names

from ...e2e.scene import COURSE, Scene, chapter
from .kubelet import RUNS, Kubelet
from .nodes import Nodes


@pytest.fixture
def nodes(scene: Scene, kubelet: Kubelet) -> Iterator[Nodes]:
    """Give nodes; only what the scheduler has put on one of them runs."""
    with Nodes(scene.system.api) as made:
        kubelet.scheduled_only = True
        kubelet.meanwhile = made.stay
        yield made


@contextmanager
def workers_of(scene: Scene, queue: str, pool: str) -> Iterator[None]:
    """Give one of the five queues workers of its own."""
    path = f"/apis/{names.API_VERSION}/generationqueues/{queue}"
    toleration = {"key": "pool", "value": pool, "effect": "NoSchedule"}
    own: dict[str, Any] = {"nodeSelector": {"pool": pool}, "tolerations": [toleration]}
    for workers in (own, None):
        scene.system.request("PATCH", path, {"spec": {"workers": workers}}, "application/merge-patch+json")
        if workers:
            yield


def test_each_queue_has_its_own_workers(scene: Scene, nodes: Nodes) -> None:
    for pool in ("chapters", "exports"):
        nodes.add(f"{pool}-node", pool=pool, tainted=True)
    nodes.add("any-node")
    with workers_of(scene, names.QUEUE_CHAPTER, "chapters"), workers_of(scene, names.QUEUE_EXPORT, "exports"):
        scene.create("CourseGeneration", "c", COURSE | {"exports": [{"format": "pdf"}, {"format": "json"}]})
        assert scene.until_ended("c")["phase"] == "Succeeded"
    pods = scene.system.recorder.ever("Pod", scene.namespace)
    where = {(p["metadata"]["labels"][names.LABEL_COMPONENT], p["spec"].get("nodeName")) for p in pods}
    assert {place for place in where if place[1]} == {
        ("outline", "any-node"), ("chapter", "chapters-node"), ("validation", "any-node"), ("export", "exports-node"),
    }  # fmt: skip


def test_an_elastic_queue_grows_and_shrinks_with_its_nodes(scene: Scene, kubelet: Kubelet, nodes: Nodes) -> None:
    kubelet.decide = lambda task: RUNS
    nodes.add("first", pods=3)
    queue = f"{scene.namespace}-elastic"
    path = f"/apis/{names.API_VERSION}/generationqueues"
    elastic = {"minCapacity": 1, "maxCapacity": 8, "headroom": 1}
    spec = {"priority": 8, "capacity": 6, "elasticity": elastic, "workers": {"priorityClassName": "coursegen-default"}}
    scene.create("GenerationQueue", queue, spec)

    def until(capacity: int, running: int) -> None:
        def found() -> bool:
            status = scene.system.api.get(f"{path}/{queue}").get("status", {})
            on_nodes = [p for p in scene.pods() if p["spec"].get("nodeName")]
            return status.get("capacity") == capacity and len(on_nodes) == running

        scene.system.recorder.until(found, 300, lambda: f"{scene.system.api.get(f'{path}/{queue}')}")

    for number in range(12):
        scene.create("ChapterGeneration", f"c{number}", chapter(queueName=queue))
    until(4, 3)
    nodes.add("second", pods=100)
    until(8, 8)
    scene.kubectl("drain", "second", "--force", "--delete-emptydir-data", "--timeout=200s")  # as an autoscaler does
    nodes.remove("second")
    until(4, 3)
    scene.kubectl("delete", "generationqueue", queue)
    chapters = [scene.status("ChapterGeneration", name) for name in scene.names("ChapterGeneration")]
    assert {status["retryCount"] for status in chapters} == {0}
