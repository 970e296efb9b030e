"""What the operator is asked and cannot do, on the real API server: each has a defined end, and harms no other."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from coursegen_api import names
from coursegen_api.task import TASK_RESULT, OutlineSummary, TaskInput, TaskKind

from ...e2e.scene import COURSE, Scene, condition, course
from .kubelet import End, Kubelet, well

CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/coursegenerations.coursegen.dev"
POLICY = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/failurePolicy/enum"


@pytest.mark.parametrize("count", [0, 101])
def test_an_outline_of_no_chapters_or_too_many_fails_the_course_and_a_retry_makes_another(
    scene: Scene, kubelet: Kubelet, count: int
) -> None:
    def first_is_wrong(task: TaskInput) -> End:
        end = well(task)
        if task.work.kind is not TaskKind.OUTLINE or task.revision:
            return end
        wrong = TASK_RESULT.validate_json(end.message).model_copy(
            update={"outline": OutlineSummary(chapter_count=count)}
        )
        return End(0, wrong.to_json(), "Completed")

    kubelet.decide = first_is_wrong
    scene.create("CourseGeneration", "c", COURSE)
    status = scene.until_ended("c")
    assert (status["phase"], condition(status, "Succeeded")) == ("Failed", ("False", "OutlineFailed"))
    assert f"The outline has {count} chapters; a course has 1 to 100." in status["errorDetails"]["message"]
    assert scene.names("ChapterGeneration") == []
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_RETRY, "again")
    status = scene.until("CourseGeneration", "c", lambda s: s["phase"] == "Succeeded")
    assert (status["revision"], status["chapters"]["summary"]) == (1, "3/3")


@contextmanager
def newer_contract(scene: Scene) -> Iterator[str]:
    """Let courses have a failure policy that this operator does not know, as those of a later version may."""
    media, path = "application/json-patch+json", POLICY.removesuffix("/enum")
    found = scene.system.api.get(CRD)
    for part in path.strip("/").split("/"):
        found = found[int(part)] if part.isdigit() else found[part]
    scene.system.request("PATCH", CRD, [{"op": "add", "path": f"{POLICY}/-", "value": "ExportAnyway"}], media)
    try:
        yield "ExportAnyway"
    finally:
        scene.system.request("PATCH", CRD, [{"op": "replace", "path": POLICY, "value": found["enum"]}], media)


def create_as_soon_as_known(scene: Scene, name: str, spec: dict) -> None:
    """Create a course that the API server takes once it has read its new schema."""
    path = f"/apis/{names.API_VERSION}/namespaces/{scene.namespace}/coursegenerations?fieldValidation=Strict"
    body = {"apiVersion": names.API_VERSION, "kind": "CourseGeneration", "metadata": {"name": name}, "spec": spec}
    until = time.monotonic() + 60
    while scene.system.api.request("POST", path, body)[0] != 201:
        assert time.monotonic() < until, "the API server does not take in its new schema"
        time.sleep(0.1)


def test_an_operator_older_than_its_crds_leaves_alone_what_it_cannot_read_and_says_so(
    scene: Scene, kubelet: Kubelet
) -> None:
    with newer_contract(scene) as policy:
        create_as_soon_as_known(scene, "newer", course(1, failurePolicy=policy))
        scene.create("CourseGeneration", "plain", course(1))
        assert scene.until_ended("plain")["phase"] == "Succeeded"
        scene.until_event("newer", "Unreadable")
        assert scene.history("CourseGeneration", "newer") == []
        scene.change("CourseGeneration", "newer", spec={"failurePolicy": "Fail"})
        assert scene.until_ended("newer")["phase"] == "Succeeded"
