"""Kueue itself owns the quota: what it does not admit waits, and what it takes back waits again.

All under the admission policies, with operator and Kueue as the accounts that these know.
"""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from coursegen_api import names
from coursegen_api.task import TaskInput
from localcluster.api import conditions

from ...e2e.scene import SECONDS, Scene, chapter, course, outcomes
from ...e2e.system import ROOT, System
from .conftest import control_plane
from .kubelet import RUNS, End, Kubelet, well
from .kueue import ACCOUNT, NAMESPACE, kueue

Json = dict[str, Any]

COMPONENT = ROOT / "deploy" / "components" / "kueue"
APIS = "/apis/kueue.x-k8s.io/v1beta2"
LABELS = {names.LABEL_KUEUE_QUEUE: "courses"}
WAITS = "Kueue has not admitted the Job: it waits for room in LocalQueue courses."

ONE_WORKER = "150m"
"""Of CPU: a worker asks for 100m."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Have Kueue and our component, with a quota for one worker at a time, and a priority."""
    with control_plane(tmp_path_factory.mktemp("kueue")) as system, kueue(system):
        system.guard()
        flavor, queue = yaml.safe_load_all((COMPONENT / "clusterqueue.yaml").read_text())
        cpu = queue["spec"]["resourceGroups"][0]["flavors"][0]["resources"][0]
        assert cpu["name"] == "cpu"
        cpu["nominalQuota"] = ONE_WORKER
        kind = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass"}
        urgent = kind | {"metadata": {"name": "urgent"}, "value": 9000}  # above those of our PriorityClasses
        parts = {"resourceflavors": flavor, "clusterqueues": queue, "workloadpriorityclasses": urgent}
        for plural, part in parts.items():
            system.request("POST", f"{APIS}/{plural}", part)
        system.operator("operator", [], keep_jobs_seconds="3")
        yield system


_numbers = itertools.count(1)


@pytest.fixture
def scene(ground: System) -> Iterator[Scene]:
    """Give a namespace with our LocalQueue."""
    scene = Scene(ground, f"kueue-{next(_numbers)}", list(ground.processes))
    ground.create_tenant(scene.namespace, {})
    queue = yaml.safe_load((COMPONENT / "tenant" / "localqueue.yaml").read_text())
    queue["metadata"]["namespace"] = scene.namespace
    ground.request("POST", f"{APIS}/namespaces/{scene.namespace}/localqueues", queue)
    yield scene
    scene.check()
    ground.api.request("DELETE", f"/api/v1/namespaces/{scene.namespace}")


def create(scene: Scene, kind: str, name: str, spec: Json, **labels: str) -> None:
    scene.create(kind, name, spec, metadata={"name": name, "labels": LABELS | labels})


def until_it_waits(scene: Scene, name: str) -> None:
    """Wait until a chapter says that it waits for Kueue, and Kueue has its Job in line."""
    scene.until("ChapterGeneration", name, lambda s: s.get("holdMessage") == WAITS)
    uid = scene.until_job(name)["metadata"]["uid"]
    path = f"{APIS}/namespaces/{scene.namespace}/workloads?labelSelector=kueue.x-k8s.io/job-uid%3D{uid}"
    deadline = time.monotonic() + SECONDS
    while not any(conditions(w).get("QuotaReserved") == "False" for w in scene.system.api.get(path)["items"]):
        assert time.monotonic() < deadline, f"Kueue has not taken in the Job of {name}"
        time.sleep(0.05)


def test_a_course_goes_through_a_quota_for_one_worker_at_a_time(scene: Scene) -> None:
    with Kubelet(scene, lambda task: None) as node:
        create(scene, "CourseGeneration", "c", course(3))
        recorder = scene.system.recorder

        def waiting() -> bool:
            found = [scene.status("ChapterGeneration", n) for n in scene.names("ChapterGeneration")]
            return sum(s.get("holdMessage") == WAITS for s in found) == 2 and len(scene.pods()) == 1

        recorder.until(waiting, SECONDS, lambda: "not one Pod and two chapters that wait")
        node.decide = well
        status = scene.until_ended("c")
    assert (status["phase"], status["chapters"]["summary"]) == ("Succeeded", "3/3")
    for name in scene.names("ChapterGeneration"):
        assert outcomes(scene.status("ChapterGeneration", name)) == ["Succeeded"]


def test_kueues_priority_goes_before_who_came_first(scene: Scene) -> None:
    released = {"first"}

    def decide(task: TaskInput) -> End | None:
        return well(task) if task.name in released else None

    with Kubelet(scene, lambda task: None) as node:
        create(scene, "ChapterGeneration", "first", chapter())
        scene.until_job("first", lambda job: not job["spec"]["suspend"])
        create(scene, "ChapterGeneration", "second", chapter())
        until_it_waits(scene, "second")
        create(scene, "ChapterGeneration", "urgent", chapter(), **{names.LABEL_KUEUE_PRIORITY: "urgent"})
        until_it_waits(scene, "urgent")
        node.decide = decide
        scene.until_job("urgent", lambda job: not job["spec"]["suspend"])
        assert scene.status("ChapterGeneration", "second")["holdMessage"] == WAITS
        node.decide = well
        for name in ("urgent", "second"):
            assert scene.until_ended(name, "ChapterGeneration")["phase"] == "Succeeded"


def test_what_kueue_takes_back_waits_again_and_goes_on_without_a_retry(scene: Scene) -> None:
    with Kubelet(scene, lambda task: RUNS) as node:
        create(scene, "ChapterGeneration", "c", chapter())
        scene.until("ChapterGeneration", "c", lambda s: s["phase"] == "Running")
        path = f"{APIS}/namespaces/{scene.namespace}/workloads"
        [workload] = scene.system.api.get(path)["items"]
        path = f"{path}/{workload['metadata']['name']}"
        scene.system.request("PATCH", path, {"spec": {"active": False}}, "application/merge-patch+json")
        until_it_waits(scene, "c")
        node.decide = well
        scene.system.request("PATCH", path, {"spec": {"active": True}}, "application/merge-patch+json")
        status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], outcomes(status)) == ("Succeeded", 0, ["Succeeded"])


def test_a_job_goes_on_when_kueue_says_so_and_kueue_has_a_say_over_its_own_alone(scene: Scene) -> None:
    """Its own are those with its label: else whoever may act as Kueue could have any worker start."""
    who = f"--as=system:serviceaccount:{NAMESPACE}:{ACCOUNT}"

    def let_go(name: str, *by: str) -> str:
        job = scene.until_job(name)["metadata"]["name"]
        patch = '--patch={"spec":{"parallelism":1,"suspend":false},"metadata":{"annotations":{"let":"go"}}}'
        return scene.kubectl("patch", "job", job, "--type=merge", patch, "--dry-run=server", *by)

    with Kubelet(scene, lambda task: None) as node:
        create(scene, "ChapterGeneration", "first", chapter())
        scene.until_job("first", lambda job: not job["spec"]["suspend"])
        create(scene, "ChapterGeneration", "second", chapter())
        until_it_waits(scene, "second")
        scene.create("ChapterGeneration", "apart", chapter())
        with pytest.raises(AssertionError, match="only the operator makes or changes Jobs of coursegen"):
            let_go("second")
        with pytest.raises(AssertionError, match="only the operator makes or changes Jobs of coursegen"):
            let_go("apart", who)
        assert "patched" in let_go("second", who)
        node.decide = well
        for name in ("first", "second", "apart"):
            assert scene.until_ended(name, "ChapterGeneration")["phase"] == "Succeeded"
