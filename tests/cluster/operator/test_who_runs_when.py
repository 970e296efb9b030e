"""Who runs when, on the real API server: a queue that an admin stops, and quotas that refuse Pods or Jobs."""

from collections.abc import Iterator

import pytest

from coursegen_api import names

from ...e2e.scene import Scene, chapter, condition, course, outcomes
from .kubelet import Kubelet, well
from .queues import change

QUEUE = {"priority": 8, "capacity": 4, "workers": {"priorityClassName": "coursegen-default"}}


@pytest.fixture
def queue(scene: Scene) -> Iterator[str]:
    """Give a queue of the scene's own."""
    name = f"{scene.namespace}-queue"
    scene.create("GenerationQueue", name, QUEUE)
    yield name
    scene.kubectl("delete", "generationqueue", name)


def test_a_queue_is_drained_on_an_admins_word_and_goes_on_free_of_retry(
    scene: Scene, kubelet: Kubelet, queue: str
) -> None:
    kubelet.decide = lambda task: None
    for name in ("a", "b"):
        scene.create("ChapterGeneration", name, chapter(queueName=queue))
        scene.until_pod(scene.until_job(name)["metadata"]["name"])
    change(scene, queue, stopPolicy="HoldAndDrain")
    scene.until_gone("Job", "Pod")
    status = scene.until("ChapterGeneration", "a", lambda s: s.get("holdReason") == "QueuePaused")
    assert (status["phase"], outcomes(status)) == ("Held", ["Withdrawn"])
    assert "spec.stopPolicy HoldAndDrain" in status["holdMessage"]
    kubelet.decide = well
    change(scene, queue, stopPolicy="None")
    for name in ("a", "b"):
        status = scene.until_ended(name, "ChapterGeneration")
        assert (status["phase"], status["retryCount"], outcomes(status)) == ("Succeeded", 0, ["Withdrawn", "Succeeded"])
        assert (status["withdrawnAttempts"], status.get("errorDetails")) == (1, None)


@pytest.mark.parametrize("counted", ["pods", "count/jobs.batch"])
def test_a_quota_is_a_hold_in_its_words_that_keeps_no_job_and_costs_nothing(
    scene: Scene, kubelet: Kubelet, counted: str
) -> None:
    scene.change("ResourceQuota", "coursegen", "v1", spec={"hard": {counted: "0"}})
    there = counted.replace("/", "\\/").replace(".", "\\.")
    scene.kubectl("wait", f"--for=jsonpath={{.status.hard['{there}']}}=0", "resourcequota/coursegen", "--timeout=30s")
    scene.create("CourseGeneration", "c", course(1))
    status = scene.until("ChapterGeneration", "c-chapter-01", lambda s: s.get("holdReason"))
    assert (status["phase"], status["holdReason"]) == ("Held", "QuotaExceeded")
    assert "exceeded quota: coursegen" in status["holdMessage"]
    of_course = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason"))
    assert (of_course["phase"], of_course["holdReason"]) == ("Held", "QuotaExceeded")
    scene.until_gone("Job", "Pod")
    scene.change("ResourceQuota", "coursegen", "v1", spec={"hard": {counted: "400"}})
    assert scene.until_ended("c")["phase"] == "Succeeded"
    status = scene.status("ChapterGeneration", "c-chapter-01")
    *refused, last = outcomes(status)
    assert (status["phase"], status["retryCount"], set(refused), last) == ("Succeeded", 0, {"Withdrawn"}, "Succeeded")
    assert status["withdrawnAttempts"] == len(refused)


def test_with_one_slot_the_earlier_deadline_goes_first(scene: Scene, kubelet: Kubelet, queue: str) -> None:
    change(scene, queue, capacity=0)
    for name, deadline in (("none", None), ("later", "2099-01-01T00:00:00Z"), ("soon", "2098-01-01T00:00:00Z")):
        scene.create("ChapterGeneration", name, chapter(queueName=queue, deadlineTime=deadline))
        held = scene.until("ChapterGeneration", name, lambda s: s.get("holdReason"))
        assert (held["holdReason"], condition(held, "Admitted")[0]) == ("QueuePaused", "False")
    scene.change("ChapterGeneration", "none", spec={"deadlineTime": "2097-01-01T00:00:00Z"})
    scene.until("ChapterGeneration", "none", lambda s: s.get("observedGeneration") == 2)
    change(scene, queue, capacity=1)
    begun = {n: scene.until_ended(n, "ChapterGeneration")["startTime"] for n in ("none", "later", "soon")}
    assert sorted(begun, key=lambda n: begun[n]) == ["none", "soon", "later"]


def test_kueue_says_when_its_jobs_may_start(scene: Scene, kubelet: Kubelet) -> None:
    """Kueue itself is not here: the test stands in for it, and lets suspended Jobs go on as Kueue does."""
    labels = {names.LABEL_KUEUE_QUEUE: "team-a", names.LABEL_KUEUE_PRIORITY: "soon"}
    theirs = "kueue.x-k8s.io/multikueue"
    scene.create("CourseGeneration", "elsewhere", course(1, managedBy=theirs), metadata={"name": "elsewhere"})
    scene.create("CourseGeneration", "c", course(2), metadata={"name": "c", "labels": labels})
    for name in ("c-chapter-01", "c-chapter-02"):
        job = scene.until_job(name)
        assert job["spec"]["suspend"]
        assert {k: v for k, v in job["metadata"]["labels"].items() if k in labels} == labels
        status = scene.until("ChapterGeneration", name, lambda s: s.get("holdReason"))
        assert (status["phase"], "LocalQueue team-a" in status["holdMessage"]) == ("Held", True)
        assert [p for p in scene.pods() if p["metadata"]["name"].startswith(job["metadata"]["name"])] == []
    for name in ("c-chapter-01", "c-chapter-02"):
        job = scene.until_job(name)
        scene.change("Job", job["metadata"]["name"], "batch/v1", spec={"suspend": False})
        assert scene.until_ended(name, "ChapterGeneration")["phase"] == "Succeeded"
    assert scene.until_ended("c")["phase"] == "Succeeded"
    for name in scene.names("ChapterGeneration"):
        status = scene.status("ChapterGeneration", name)
        assert (status["retryCount"], outcomes(status)) == (0, ["Succeeded"])
    assert scene.history("CourseGeneration", "elsewhere") == [], "what another controller manages is not touched"
