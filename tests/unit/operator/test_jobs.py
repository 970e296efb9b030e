"""The Job of an attempt: the same for the same arguments, restricted, and known again."""

import copy
from typing import Any

import pytest

from coursegen_api import names
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import ChapterTask, CourseContext, QualityBar, Source, TaskInput, TaskKind, ValidationTask, Work
from coursegen_operator import views
from coursegen_operator.plan import jobs
from coursegen_operator.plan.world import Defaults

NAMESPACE_UID = "11111111-1111-1111-1111-111111111111"
OWNER = jobs.Identity("ChapterGeneration", "loops", "courses", "22222222-2222-2222-2222-222222222222")


def queue(**workers: Any) -> GenerationQueue:
    spec = {"priority": 8, "workers": workers}
    return GenerationQueue.model_validate({"metadata": {"name": "chapter-generation"}, "spec": spec})


CHAPTER = ChapterTask(chapter_id="loops", course=CourseContext(title="T"), title="Loops", learning_objectives=["x"])


def task_of(work: Work = CHAPTER) -> TaskInput:
    return TaskInput(
        uid=OWNER.uid, namespace_uid=NAMESPACE_UID, name="loops", revision=0, attempt=1, deadline_seconds=120, work=work
    )


def build(of: GenerationQueue | None = None, **order: Any) -> dict[str, Any]:
    return jobs.build(OWNER, jobs.Order(task_of(), of or queue(), **order), Defaults(image="worker:1"))


@pytest.mark.parametrize("variant", ["", "worker:1-quality"])
@pytest.mark.parametrize("kind", list(TaskKind))
def test_validations_alone_pull_the_image_with_the_model(kind: TaskKind, variant: str) -> None:
    defaults = Defaults(image="worker:1", validation_image=variant)
    expected = variant if kind is TaskKind.VALIDATION and variant else "worker:1"
    assert defaults.image_for(kind) == expected


def test_the_job_runs_the_image_of_its_kind() -> None:
    work = ValidationTask(source=Source(artifact_key=f"{NAMESPACE_UID}/chapter/a.json"), bar=QualityBar())
    defaults = Defaults(image="worker:1", validation_image="worker:1-quality")
    for task, image in ((task_of(), "worker:1"), (task_of(work), "worker:1-quality")):
        job = jobs.build(OWNER, jobs.Order(task, queue()), defaults)
        assert job["spec"]["template"]["spec"]["containers"][0]["image"] == image


def as_stored(manifest: dict[str, Any]) -> dict[str, Any]:
    """Give a Job as the API server returns it, as far as it matters here."""
    stored = copy.deepcopy(manifest)
    stored["metadata"] |= {"uid": "job-uid", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return stored


def is_ours(job: dict[str, Any]) -> bool:
    spec_hash = build()["metadata"]["annotations"][names.ANNOTATION_SPEC_HASH]
    return jobs.ours(views.job_view(job), OWNER.uid, spec_hash)


def test_the_same_attempt_has_the_same_job() -> None:
    assert build() == build()
    assert is_ours(as_stored(build()))


@pytest.mark.parametrize(
    "forge",
    [
        lambda job: job["metadata"]["ownerReferences"][0].update(uid="another"),
        lambda job: job["metadata"].pop("ownerReferences"),
        lambda job: job["metadata"]["annotations"].clear(),
        lambda job: job["spec"]["template"]["spec"]["containers"][0].update(image="evil:1"),
        lambda job: job["spec"]["template"]["spec"]["containers"][0].update(command=["sh"]),
        lambda job: job["spec"]["template"]["spec"]["containers"][0]["env"].pop(),
        lambda job: job["spec"]["template"]["spec"]["containers"].append({"name": "second", "image": "evil:1"}),
        lambda job: job["spec"]["template"]["spec"].update(initContainers=[{"name": "first", "image": "evil:1"}]),
        lambda job: job["spec"]["template"]["spec"].update(serviceAccountName="admin"),
        lambda job: job["spec"]["template"]["spec"]["volumes"].append({"name": "v", "hostPath": {"path": "/"}}),
    ],
)
def test_a_job_that_runs_something_else_is_not_ours(forge: Any) -> None:
    job = as_stored(build())
    forge(job)
    assert not is_ours(job)


def test_a_pod_may_do_nothing_that_it_does_not_need() -> None:
    pod = build()["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert set(container["resources"]["limits"]) == {"cpu", "memory", "ephemeral-storage"}


@pytest.mark.parametrize(
    ("asked", "request_of_memory", "limit_of_memory"),
    [
        ({}, "128Mi", "512Mi"),
        ({"requests": {"memory": "1Gi"}}, "1Gi", "1Gi"),
        ({"limits": {"memory": "64Mi"}}, "64Mi", "64Mi"),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}, "1Gi", "2Gi"),
    ],
)
def test_requests_never_pass_limits(asked: dict[str, Any], request_of_memory: str, limit_of_memory: str) -> None:
    resources = build(queue(resources=asked))["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert resources["requests"]["memory"] == request_of_memory
    assert resources["limits"]["memory"] == limit_of_memory


def test_workers_of_the_queues_own_get_their_place() -> None:
    taint = {"key": "pool", "operator": "Equal", "value": "chapters", "effect": "NoSchedule"}
    own = queue(nodeSelector={"pool": "chapters"}, tolerations=[taint], priorityClassName="urgent")
    pod = build(own)["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "chapters"}
    assert taint in pod["tolerations"]
    assert pod["priorityClassName"] == "urgent"


def test_a_disrupted_pod_is_replaced_and_every_exit_code_of_the_worker_ends_the_job() -> None:
    rules = build()["spec"]["podFailurePolicy"]["rules"]
    assert rules[0] == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    assert {10, 11, 20, 21, 22, 23, 24, 25, 30, 1} == set(rules[1]["onExitCodes"]["values"])


def test_a_secret_is_only_ever_referred_to() -> None:
    env = build(secret_name="key")["spec"]["template"]["spec"]["containers"][0]["env"]
    refs = [e["valueFrom"]["secretKeyRef"] for e in env if "secretKeyRef" in e.get("valueFrom", {})]
    assert {"name": "key", "key": "key"} in refs
    assert {"name": "key", "key": "allowedEndpoint"} in refs, "or a ModelProvider could carry any Secret away"
