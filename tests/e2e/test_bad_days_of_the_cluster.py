"""Bad days that the cluster or a neighbour makes: something is missing, forbidden, taken, or taken away."""

import time

import pytest

from coursegen_api import names
from coursegen_operator.plan import clock

from . import model
from .scene import Scene, chapter, condition, course, outcomes
from .system import SYSTEM


@pytest.mark.parametrize(
    ("names_it", "kind", "spec"),
    [
        pytest.param({"queueName": "{}"}, "GenerationQueue", {"priority": 5, "backoffSeconds": [1]}, id="queue"),
        pytest.param({"providerName": "{}"}, "ModelProvider", {"writer": "template"}, id="provider"),
    ],
)
def test_a_course_that_names_what_is_not_there(scene: Scene, names_it: dict, kind: str, spec: dict) -> None:
    absent = f"absent-{scene.namespace[-4:].strip('-')}"
    outlined = {"chapterCount": 1, "quality": {"enabled": False}} | dict.fromkeys(names_it, absent)
    scene.create("CourseGeneration", "c", {"title": "Python", "learningObjectives": ["Learn Python basics"]} | outlined)
    status = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason"))
    assert (status["phase"], status["holdReason"]) == ("Held", "Misconfigured")
    assert condition(status, "Stalled") == ("True", "Misconfigured")
    assert absent in status["holdMessage"]
    assert scene.jobs() == []

    workers = {"workers": {"priorityClassName": "coursegen-default"}} if kind == "GenerationQueue" else {}
    scene.create(kind, absent, spec | workers)
    status = scene.until_ended("c")
    assert (status["phase"], status["retryCount"], condition(status, "Stalled")[0]) == ("Succeeded", 0, "")


@pytest.mark.parametrize("given", [pytest.param(True, id="given"), pytest.param(False, id="outlined")])
def test_a_course_whose_provider_names_a_secret_that_is_not_there(scene: Scene, given: bool) -> None:
    model.serve(scene)
    model.provider(scene, "absent")
    outlined = {"title": "Python", "learningObjectives": ["Learn Python basics"], "chapterCount": 1}
    spec = course(1) if given else outlined | {"quality": {"enabled": False}}
    scene.create("CourseGeneration", "c", spec | {"providerName": "absent"})
    status = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason") == "Misconfigured")
    assert (status["phase"], condition(status, "Stalled")) == ("Held", ("True", "Misconfigured"))
    assert 'secret "absent" not found' in status["holdMessage"]

    model.secret(scene, "absent", key="k", allowedEndpoint=model.endpoint(scene))
    status = scene.until_ended("c")
    assert (status["phase"], status["retryCount"], condition(status, "Stalled")[0]) == ("Succeeded", 0, "")


def test_a_namespace_without_the_stores_secret(scene: Scene) -> None:
    scene.delete("Secret", "coursegen-store", "v1")
    scene.create("ChapterGeneration", "c", chapter())
    status = scene.until("ChapterGeneration", "c", lambda s: s.get("holdReason"))
    assert (status["holdReason"], condition(status, "Stalled")[0]) == ("Misconfigured", "True")
    assert 'secret "coursegen-store" not found' in status["holdMessage"]
    secrets = scene.system.secrets()
    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData=secrets["coursegen-store"])
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], outcomes(status), status.get("errorDetails")) == ("Succeeded", ["Succeeded"], None)


def test_a_quota_that_refuses_the_pod(scene: Scene) -> None:
    scene.change("ResourceQuota", "coursegen", "v1", spec={"hard": {"pods": "0"}})
    scene.kubectl("wait", "--for=jsonpath={.status.hard.pods}=0", "resourcequota/coursegen", "--timeout=120s")
    scene.create("CourseGeneration", "c", course(1))
    status = scene.until("ChapterGeneration", "c-chapter-01", lambda s: s.get("holdReason"))
    assert (status["phase"], status["holdReason"]) == ("Held", "QuotaExceeded")
    assert "exceeded quota: coursegen" in status["holdMessage"]
    assert "pods=1" in status["holdMessage"]
    of_course = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason"))
    assert (of_course["phase"], of_course["holdReason"]) == ("Held", "QuotaExceeded")

    scene.change("ResourceQuota", "coursegen", "v1", spec={"hard": {"pods": "400"}})
    scene.until_ended("c")
    status = scene.status("ChapterGeneration", "c-chapter-01")
    *refused, last = outcomes(status)
    assert (status["phase"], status["retryCount"], set(refused), last) == ("Succeeded", 0, {"Withdrawn"}, "Succeeded")
    assert "Running" not in scene.phases("ChapterGeneration", "c-chapter-01")[:2]


@pytest.mark.long
def test_a_pod_that_no_node_takes(scene: Scene) -> None:
    scene.create("ChapterGeneration", "c", chapter(queueName="nowhere"))
    status = scene.until("ChapterGeneration", "c", lambda s: s.get("errorDetails"))
    assert (status["phase"], status["errorDetails"]["failureClass"]) == ("Pending", "PodNotStarted")
    assert "didn't match Pod's node affinity/selector" in status["errorDetails"]["message"]
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], outcomes(status)) == ("Failed", ["PodNotStarted"])
    scene.until_gone("Job", "Pod")


def test_a_job_of_the_same_name_that_somebody_else_made(scene: Scene) -> None:
    made = scene.create("ChapterGeneration", "c", chapter(suspend=True))
    job = names.job_name("c", made["metadata"]["uid"], 0, 1)
    restricted = {
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "worker", "image": "somebody-elses", "securityContext": {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
        "restartPolicy": "Never",
    }  # fmt: skip
    of_chapter = {names.LABEL_OBJECT_UID: made["metadata"]["uid"], names.LABEL_REVISION: "0", names.LABEL_ATTEMPT: "1"}

    def forge(**labels: str) -> None:
        spec, meta = {"suspend": True, "template": {"spec": restricted}}, {"name": job, "labels": of_chapter | labels}
        scene.create("Job", job, spec, apiVersion="batch/v1", metadata=meta)

    with pytest.raises(AssertionError, match="only the operator makes or changes Jobs of coursegen"):
        forge(**{names.LABEL_MANAGED_BY: names.MANAGED_BY})
    forge()
    scene.change("ChapterGeneration", "c", spec={"suspend": False})
    status = scene.until("ChapterGeneration", "c", lambda s: s.get("holdReason") == "Misconfigured")
    assert (status["phase"], condition(status, "Stalled")[0]) == ("Held", "True")
    assert job in status["holdMessage"]
    assert "not adopted" in status["holdMessage"]
    assert [j["metadata"].get("ownerReferences") for j in scene.jobs()] == [None]

    scene.delete("Job", job, "batch/v1")
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], condition(status, "Stalled")[0]) == ("Succeeded", 0, "")


def test_a_chapter_of_the_same_name_that_somebody_else_made(scene: Scene) -> None:
    scene.create("ChapterGeneration", "c-chapter-02", chapter("Mine", suspend=True))
    scene.create("CourseGeneration", "c", course(2))
    status = scene.until("CourseGeneration", "c", lambda s: s.get("holdReason") == "Misconfigured")
    assert condition(status, "Stalled") == ("True", "Misconfigured")
    assert "c-chapter-02" in status["holdMessage"]
    assert "not adopted" in status["holdMessage"]
    mine = scene.system.recorder.now("ChapterGeneration", scene.namespace, "c-chapter-02")
    assert mine
    assert "ownerReferences" not in mine["metadata"]
    scene.until_ended("c-chapter-01", "ChapterGeneration")  # what is the course's own goes on

    scene.delete("ChapterGeneration", "c-chapter-02")
    status = scene.until_ended("c")
    assert (status["phase"], status["chapters"]["summary"]) == ("Succeeded", "2/2")


@pytest.mark.own_operator
def test_an_evicted_pod_costs_no_retry(scene: Scene) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    scene.create("ChapterGeneration", "c", chapter("Loops [pause 40]"))
    pod = scene.until_at_work("c")
    where = f"/api/v1/namespaces/{scene.namespace}/pods/{pod['metadata']['name']}/eviction"
    meta = {"name": pod["metadata"]["name"], "namespace": scene.namespace}
    scene.system.request("POST", where, {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta})
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)
    assert not any(a["counted"] for a in status["attempts"] if "counted" in a)
    assert outcomes(status) == ["Succeeded"]  # Kubernetes replaces the Pod within the Job of the same attempt
    assert len(scene.system.recorder.ever("Pod", scene.namespace)) == 2
    assert len(scene.system.recorder.ever("Job", scene.namespace)) == 1


@pytest.mark.own_operator
@pytest.mark.parametrize("grace", [pytest.param(None, id="kindly"), pytest.param(0, id="at-once")])
def test_a_pod_deleted_by_hand(scene: Scene, grace: int | None) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    scene.create("ChapterGeneration", "c", chapter("Loops [pause 600 until 2]"))
    pod = scene.until_at_work("c")
    scene.delete("Pod", pod["metadata"]["name"], "v1", grace)
    status = scene.until_ended("c", "ChapterGeneration")
    assert status["phase"] == "Succeeded"
    assert outcomes(status)[-1] == "Succeeded"
    assert set(outcomes(status)[:-1]) <= {"ResultLost", "Stopped"}  # as the Pod was gone or still there to be read
    assert status["retryCount"] == outcomes(status).count("Stopped")


@pytest.mark.own_operator
def test_a_job_deleted_by_hand(scene: Scene) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    scene.create("ChapterGeneration", "c", chapter("Loops [pause 600 until 2]"))
    scene.until_at_work("c")
    job = scene.until_job("c")
    scene.delete("Job", job["metadata"]["name"], "batch/v1")
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)
    assert outcomes(status) == ["ResultLost", "Succeeded"]
    assert len({a["jobName"] for a in status["attempts"]}) == 2


@pytest.mark.own_operator
def test_a_course_deleted_in_the_middle_leaves_nothing(scene: Scene) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    spec = course(3, exports=[{"format": "json"}])
    spec["chapters"] = [part | {"title": f"{part['title']} [sleep 600]"} for part in spec["chapters"]]
    scene.create("CourseGeneration", "c", spec)
    scene.create("ChapterGeneration", "mine", chapter("Mine [sleep 600]"))
    for name in ("c-chapter-01", "c-chapter-02", "c-chapter-03", "mine"):
        scene.until_pod_runs(name)
    scene.kubectl("delete", "coursegen/c", "chaptergen/mine")
    scene.until_gone("Job", "Pod", "ChapterGeneration", "CourseGeneration", "CourseExport")
    known = len(scene.system.recorder.ever("Job", scene.namespace))
    scene.create("ChapterGeneration", "next", chapter(suspend=True))
    scene.until("ChapterGeneration", "next", lambda s: s.get("phase"))  # so the operator has seen all that came before
    assert len(scene.system.recorder.ever("Job", scene.namespace)) == known
    assert (scene.jobs(), scene.pods()) == ([], [])


def test_a_namespace_deleted_in_the_middle_goes(scene: Scene) -> None:
    scene.create("CourseGeneration", "c", course(4))
    scene.until("ChapterGeneration", "c-chapter-04", lambda s: s.get("attempts"))
    scene.system.request("DELETE", f"/api/v1/namespaces/{scene.namespace}")
    scene.until_gone("Job", "Pod", "ChapterGeneration", "CourseGeneration")
    scene.kubectl("wait", "--for=delete", f"namespace/{scene.namespace}", "--timeout=180s")


@pytest.mark.takes_away
def test_redis_dies_in_the_middle_and_comes_back(scene: Scene) -> None:
    scene.create("ChapterGeneration", "before", chapter(queueName="slow"))
    told = scene.until("ChapterGeneration", "before", lambda s: s.get("progressTime"))  # its first word
    assert told["stage"]
    scene.kubectl("-n", SYSTEM, "scale", "deployment/coursegen-redis", "--replicas=0")
    try:
        scene.kubectl("-n", SYSTEM, "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=coursegen-redis",
                      "--timeout=180s")  # fmt: skip
        dead = clock.stamp(time.time())
        scene.create("CourseGeneration", "c", course(2, exports=[{"format": "json"}]))
        status = scene.until_ended("c")
        assert (status["phase"], status["progressPercentage"], status["retryCount"]) == ("Succeeded", 100, 0)
        part = scene.status("ChapterGeneration", "c-chapter-01")
        assert (part["phase"], part["progressPercentage"]) == ("Succeeded", 100)
        ended = scene.until_ended("before", "ChapterGeneration")
        assert (ended["phase"], ended["progressPercentage"], ended["retryCount"]) == ("Succeeded", 100, 0)
        assert ended["progressTime"] <= dead < ended["completionTime"]  # how old the last percentage was
    finally:
        scene.kubectl("-n", SYSTEM, "scale", "deployment/coursegen-redis", "--replicas=1")
    scene.kubectl("-n", SYSTEM, "rollout", "status", "deployment/coursegen-redis")
    scene.create("ChapterGeneration", "after", chapter("Lists", queueName="slow"))
    scene.until("ChapterGeneration", "after", lambda s: s.get("progressTime") and s["progressPercentage"] > 0)
    assert scene.until_ended("after", "ChapterGeneration")["phase"] == "Succeeded"


@pytest.mark.own_operator
def test_without_redis_from_the_start_everything_but_the_percentage_is_the_same(scene: Scene) -> None:
    scene.delete("Secret", "coursegen-redis", "v1")
    scene.operator(redis_url="redis://127.0.0.1:1/0")
    scene.create("CourseGeneration", "c", course(2, exports=[{"format": "json"}]))
    status = scene.until_ended("c")
    assert (status["phase"], status["progressPercentage"], status["retryCount"]) == ("Succeeded", 100, 0)
    part = scene.status("ChapterGeneration", "c-chapter-01")
    assert (part["phase"], part.get("progressTime")) == ("Succeeded", None)  # nobody has ever told


def test_wrong_credentials_of_the_store(scene: Scene) -> None:
    values = scene.system.secrets()["coursegen-store"]
    wrong = {"AWS_SECRET_ACCESS_KEY": "not the one that the store knows"}
    scene.change("Secret", "coursegen-store", "v1", stringData=wrong)
    scene.create("ChapterGeneration", "c", chapter())
    status = scene.until_was("ChapterGeneration", "c", lambda s: s.get("retryCount") == 1)
    assert (status["phase"], status["holdReason"]) == ("Held", "RetryBackoff")
    assert status["nextRetryTime"]
    assert status["errorDetails"]["failureClass"] == "StorageUnavailable"
    assert status["errorDetails"]["attempt"] == 1
    assert values["AWS_SECRET_ACCESS_KEY"] not in str(status)
    scene.change("Secret", "coursegen-store", "v1", stringData=values)
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], outcomes(status)[-1]) == ("Succeeded", "Succeeded")
    assert set(outcomes(status)[:-1]) == {"StorageUnavailable"}
    assert (status["retryCount"], status.get("errorDetails")) == (len(status["attempts"]) - 1, None)


def test_a_store_that_is_down_for_all_attempts_and_then_comes_back(scene: Scene) -> None:
    here = f"http://store.{scene.namespace}.svc:7070"
    scene.create("Service", "store", {"ports": [{"port": 7070}]}, apiVersion="v1")
    scene.change("Secret", "coursegen-store", "v1", stringData={"AWS_ENDPOINT_URL": here})
    scene.create("CourseGeneration", "c", course(1))
    status = scene.until_ended("c")
    assert (status["phase"], status["errorDetails"]["failureClass"]) == ("Failed", "StorageUnavailable")
    assert condition(status, "Stalled")[0] == "True"
    part = scene.status("ChapterGeneration", "c-chapter-01")
    assert (part["phase"], part["retryCount"], outcomes(part)) == ("Failed", 3, ["StorageUnavailable"] * 4)
    assert condition(part, "Stalled") == ("True", "StorageUnavailable")
    scene.until_event("c", "CourseFailed")

    server = scene.system.request("GET", f"/api/v1/namespaces/{SYSTEM}/pods/coursegen-s3-0")["status"]["podIP"]
    scene.create(
        "EndpointSlice", "store", apiVersion="discovery.k8s.io/v1", addressType="IPv4",
        ports=[{"name": "", "port": 7070}], endpoints=[{"addresses": [server]}],
        metadata={"name": "store", "labels": {"kubernetes.io/service-name": "store"}},
    )  # fmt: skip
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_RETRY, "the store is back")
    status = scene.until("CourseGeneration", "c", lambda s: s["revision"] == 1 and s["phase"] != "Pending")
    status = scene.until("CourseGeneration", "c", lambda s: s["phase"] == "Succeeded")
    part = scene.status("ChapterGeneration", "c-chapter-01")
    assert (part["phase"], part["revision"], part["retryCount"]) == ("Succeeded", 1, 0)
    scene.until_event("c", "CourseFailed", "CourseSucceeded")
