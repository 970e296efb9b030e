"""What the operator makes of bad days, where the real API server and its controllers are enough."""

import pytest

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import TaskInput, TaskKind, TaskResult, exit_code
from localcluster.api import conditions

from ...e2e.scene import COURSE, SECONDS, Scene, chapter, condition, course, outcomes
from ...e2e.system import Operator
from .kubelet import RUNS, End, Kubelet, task_of, well


def said(failure: FailureClass) -> End:
    """End as a worker does that names its failure."""
    return End(exit_code(failure), TaskResult(failure_class=failure, message=f"said {failure.value}").to_json())


def writes(scene: Scene) -> int:
    """Count what has been written about a scene's work so far."""
    kinds = ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport")
    return sum(len(scene.history(kind, name)) for kind in kinds for name in scene.names(kind))


ENDS = {
    "exit-1": (End(1), "Internal", 4),
    "crash": (End(139), "Internal", 4),
    "no-exit-code-of-ours": (End(65), "Internal", 4),
    "too-large": (End(137, reason="OOMKilled"), "OutOfMemory", 4),
    "too-late-and-killed": (End(137, pod_reason="DeadlineExceeded"), "Timeout", 4),
    "too-late-and-stopped": (End(30, pod_reason="DeadlineExceeded"), "Timeout", 4),
    "stopped": (End(30), "Stopped", 4),
    "never-started": (
        End(137, reason="ContainerStatusUnknown", pod_reason="DeadlineExceeded", started=False), "PodNotStarted", 4
    ),
    "said-storage": (said(FailureClass.STORAGE_UNAVAILABLE), "StorageUnavailable", 4),
    "said-provider": (said(FailureClass.PROVIDER_UNAVAILABLE), "ProviderUnavailable", 4),
    "said-timeout": (said(FailureClass.TIMEOUT), "Timeout", 4),
    "said-output": (said(FailureClass.BAD_OUTPUT), "BadOutput", 4),
    "said-input": (said(FailureClass.INVALID_INPUT), "InvalidInput", 1),
    "said-rejected": (said(FailureClass.REJECTED), "Rejected", 1),
    "success-without-artifact": (End(0, "{}", "Completed"), "ResultLost", 4),
    "success-without-words": (End(0, "no result at all", "Completed"), "ResultLost", 4),
}  # fmt: skip
"""By a chapter's name: how its Pods end, the failure class, and the number of attempts."""


def test_how_a_pod_ends_decides_the_failure_class_and_how_often_it_is_tried(scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: ENDS[task.name][0]
    for name in ENDS:
        scene.create("ChapterGeneration", name, chapter())
    ends = {name: scene.until_ended(name, "ChapterGeneration") for name in ENDS}
    assert {n: outcomes(s) for n, s in ends.items()} == {n: [f] * times for n, (_, f, times) in ENDS.items()}
    assert {n: s["errorDetails"]["failureClass"] for n, s in ends.items()} == {n: e[1] for n, e in ENDS.items()}
    assert {n: condition(s, "Stalled") for n, s in ends.items()} == {n: ("True", e[1]) for n, e in ENDS.items()}
    free = {n for n, s in ends.items() if s["retryCount"] == 0}
    assert free == {n for n, (_, failure, times) in ENDS.items() if failure == "ResultLost" or times == 1}
    assert {s["retryCount"] for n, s in ends.items() if n not in free} == {3}
    for name in ENDS:
        scene.until_event(name, "ChapterFailed")


def test_a_course_goes_its_way_and_leaves_no_job(scene: Scene, kubelet: Kubelet) -> None:
    scene.create("CourseGeneration", "c", COURSE | {"exports": [{"format": "pdf"}, {"format": "json"}]})
    status = scene.until_ended("c")
    assert (status["phase"], status["chapters"]["summary"], len(status["exports"])) == ("Succeeded", "3/3", 2)
    scene.until_event("c", "CourseSucceeded")
    scene.until_gone("Job", "Pod")
    assert scene.status("CourseGeneration", "c") == status


def test_killed_at_any_moment_it_comes_to_the_same_end(scene: Scene, kubelet: Kubelet, operator: Operator) -> None:
    scene.create("CourseGeneration", "c", COURSE | {"exports": [{"format": "pdf"}]})
    for _ in range(8):
        before = writes(scene)  # when it has just written, what that announces is done, or half done, or not
        scene.system.recorder.until(
            lambda before=before: writes(scene) > before or scene.status("CourseGeneration", "c").get("completionTime"),
            SECONDS,
            lambda: "the operator writes nothing",
        )
        operator.kill()
        operator.start()
    status = scene.until_ended("c")
    assert (status["phase"], status["retryCount"], status["chapters"]["summary"]) == ("Succeeded", 0, "3/3")
    for kind in ("ChapterGeneration", "QualityValidation", "CourseExport"):
        assert [len(scene.status(kind, n)["attempts"]) for n in scene.names(kind)] == [1] * len(scene.names(kind))


@pytest.mark.parametrize(
    ("field", "kind", "spec"),
    [
        ("queueName", "GenerationQueue", {"priority": 5, "workers": {"priorityClassName": "coursegen-default"}}),
        ("providerName", "ModelProvider", {"writer": "template"}),
    ],
)
def test_what_a_course_names_and_is_not_there_stalls_it_until_it_is(
    scene: Scene, kubelet: Kubelet, field: str, kind: str, spec: dict
) -> None:
    scene.create("CourseGeneration", "c", COURSE | {field: "absent"})
    status = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason"))
    assert (status["phase"], condition(status, "Stalled")) == ("Held", ("True", "Misconfigured"))
    assert "absent" in status["holdMessage"]
    scene.create(kind, "absent", spec)
    assert scene.until_ended("c")["phase"] == "Succeeded"


@pytest.mark.parametrize("labelled", [False, True], ids=["plain", "with our labels"])
def test_a_job_that_somebody_else_made_first_is_not_adopted(scene: Scene, kubelet: Kubelet, labelled: bool) -> None:
    made = scene.create("ChapterGeneration", "c", chapter(suspend=True))
    uid = made["metadata"]["uid"]
    job = names.job_name("c", uid, 0, 1)
    labels = {names.LABEL_MANAGED_BY: names.MANAGED_BY, names.LABEL_OBJECT_UID: uid} if labelled else {}
    pod = {"restartPolicy": "Never", "containers": [{"name": "worker", "image": "somebody-elses"}]}
    scene.create(
        "Job", job, {"suspend": True, "template": {"spec": pod}}, apiVersion="batch/v1",
        metadata={"name": job, "labels": labels},
    )  # fmt: skip
    scene.change("ChapterGeneration", "c", spec={"suspend": False})
    status = scene.until("ChapterGeneration", "c", lambda s: s.get("holdReason") == "Misconfigured")
    assert condition(status, "Stalled")[0] == "True"
    assert f"Job {job} exists and is not ours" in status["holdMessage"]
    scene.delete("Job", job, "batch/v1")
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)


def test_a_chapter_that_somebody_else_made_first_is_not_adopted(scene: Scene, kubelet: Kubelet) -> None:
    scene.create("ChapterGeneration", "c-chapter-02", chapter("Mine", suspend=True))
    scene.create("CourseGeneration", "c", course(2))
    status = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason") == "Misconfigured")
    assert condition(status, "Stalled")[0] == "True"
    assert "c-chapter-02 exists and belongs to somebody else" in status["holdMessage"]
    scene.delete("ChapterGeneration", "c-chapter-02")
    assert scene.until_ended("c")["phase"] == "Succeeded"


def test_a_deleted_course_takes_everything_with_it(scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: well(task) if task.work.kind is TaskKind.OUTLINE else None
    scene.create("CourseGeneration", "c", COURSE)
    for number in (1, 2, 3):
        scene.until_job(f"c-chapter-0{number}")
    scene.delete("CourseGeneration", "c")
    scene.until_gone("CourseGeneration", "ChapterGeneration", "Job", "Pod")
    known = len(scene.system.recorder.ever("Job", scene.namespace))
    scene.create("ChapterGeneration", "next", chapter(suspend=True))
    scene.until("ChapterGeneration", "next", lambda s: s.get("phase"))
    assert len(scene.system.recorder.ever("Job", scene.namespace)) == known


def test_a_job_deleted_by_hand_is_made_again_free_and_at_most_three_times(scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: None
    scene.create("ChapterGeneration", "c", chapter())
    for attempt in range(1, 5):
        job = scene.until_job("c", lambda j, n=attempt: j["metadata"]["labels"][names.LABEL_ATTEMPT] == str(n))
        scene.delete("Job", job["metadata"]["name"], "batch/v1")
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], outcomes(status)) == ("Failed", 0, ["ResultLost"] * 4)


def test_a_pod_deleted_by_hand_is_made_again_free(scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: None
    scene.create("ChapterGeneration", "c", chapter())
    pod = scene.until_pod(scene.until_job("c")["metadata"]["name"])
    scene.delete("Pod", pod["metadata"]["name"], "v1")
    kubelet.decide = lambda task: well(task) if task.attempt > 1 else None
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], outcomes(status)) == ("Succeeded", 0, ["ResultLost", "Succeeded"])


def test_suspend_cancel_and_retry(scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: None
    scene.create("CourseGeneration", "c", course(2))
    scene.until_job("c-chapter-02")
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_CANCEL, "now")
    status = scene.until_ended("c")
    assert (status["phase"], status["requests"]["cancel"]) == ("Cancelled", "now")
    scene.until_gone("Job", "Pod")
    for name in scene.names("ChapterGeneration"):
        assert scene.until_ended(name, "ChapterGeneration")["phase"] == "Cancelled"

    scene.change("CourseGeneration", "c", spec={"suspend": True})
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_RETRY, "again")
    scene.until("CourseGeneration", "c", lambda s: s["phase"] == "Suspended")
    assert scene.jobs() == []
    kubelet.decide = well
    scene.change("CourseGeneration", "c", spec={"suspend": False})
    status = scene.until("CourseGeneration", "c", lambda s: s["phase"] == "Succeeded")
    assert (status["revision"], status["requests"]["retry"]) == (1, "again")


def test_a_stopped_course_exports_what_has_succeeded_once(scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: RUNS if task.name == "c-chapter-02" else well(task)
    scene.create("CourseGeneration", "c", course(2, exports=[{"format": "json"}]))
    scene.until("CourseGeneration", "c", lambda s: (s.get("chapters") or {}).get("succeeded") == 1)
    scene.until_job("c-chapter-02")
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_STOP, "enough")
    status = scene.until_ended("c")
    assert (status["phase"], condition(status, "Succeeded")) == ("Succeeded", ("True", "Stopped"))
    assert (status["missingChapters"], status["requests"]["stop"], len(status["exports"])) == ([2], "enough", 1)
    assert scene.until_ended("c-chapter-02", "ChapterGeneration")["phase"] == "Cancelled"
    scene.until_gone("Job", "Pod")
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_STOP, "enough")
    scene.create("ChapterGeneration", "next", chapter(suspend=True))
    scene.until("ChapterGeneration", "next", lambda s: s.get("phase"))  # by now the operator has seen it again
    assert (scene.status("CourseGeneration", "c"), len(scene.names("CourseExport"))) == (status, 1)


def test_no_work_of_one_namespace_names_an_artifact_of_another(scene: Scene, kubelet: Kubelet) -> None:
    def elsewhere(task: TaskInput) -> End:
        other = task.model_copy(update={"namespace_uid": "0" * 8 + task.namespace_uid[8:]})
        return well(other)

    kubelet.decide = elsewhere
    scene.create("ChapterGeneration", "c", chapter())
    status = scene.until_ended("c", "ChapterGeneration")
    assert outcomes(status) == ["BadOutput"] * 4
    assert status.get("artifact") is None


@pytest.mark.parametrize("what", ["Pod", "Job"])
def test_what_is_deleted_after_its_end_and_before_it_was_read_is_run_again_free(
    scene: Scene, kubelet: Kubelet, operator: Operator, what: str
) -> None:
    kubelet.decide = lambda task: None
    scene.create("ChapterGeneration", "c", chapter())
    job = scene.until_job("c")["metadata"]["name"]
    pod = scene.until_pod(job)
    kubelet.run(pod)
    scene.until("ChapterGeneration", "c", lambda s: s["phase"] == "Running")
    operator.kill()
    kubelet.play(pod, well(task_of(pod)))
    scene.system.recorder.until(
        lambda: not [j for j in scene.jobs("c") if conditions(j).get("Complete") != "True"],
        SECONDS,
        lambda: "it goes on",
    )
    scene.delete(what, pod["metadata"]["name"] if what == "Pod" else job, "v1" if what == "Pod" else "batch/v1")
    scene.until_gone(what)
    kubelet.decide = well
    operator.start()
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], outcomes(status)) == ("Succeeded", 0, ["ResultLost", "Succeeded"])
