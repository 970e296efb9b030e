"""What the operator creates and writes, on whole histories in simulated time, is what the API server takes."""

from collections.abc import Callable
from typing import Any

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY
from coursegen_api.task import ChapterScore, OutlineSummary, QualitySummary, TaskKind

from ...unit.operator.simulation import FakeApi, Simulation
from ..conftest import LiveCluster
from . import manifests
from .schema import Json, crds

PLURALS = {crd["spec"]["names"]["plural"]: kind for kind, crd in crds().items()}
LONG = "🎓" * 20_000
COURSE = {
    "title": "🎓" * 200,
    "learningObjectives": ["Learn"],
    "chapterCount": 100,
    "exports": [{"format": "pdf"}, {"format": "scorm"}],
}
PLANNED = {
    "title": "Bash: $$ and $(pwd)",
    "learningObjectives": ["Learn"],
    "failurePolicy": "ExportPartial",
    "chapters": [{"id": f"c{i}", "title": f"C {i}", "learningObjectives": ["o"]} for i in (1, 2, 3)],
    "exports": [{"format": "json"}],
}
NAME = "a.course-with-a-name-as-long-as-a-name-may-be-in-all"


class Recorder:
    """Keeps what is asked of the simulated API server, to say it again to the real one."""

    def __init__(self, api: FakeApi) -> None:
        self.said: list[tuple[str, str, Json]] = []
        self._add, self._patch = api.add, api._patch
        api.add, api._patch = self.add, self.patch  # type: ignore[method-assign]

    def add(self, kind: str, namespace: str, body: Json) -> Json:
        if kind in PLURALS and kind != "generationqueues":
            body = {"apiVersion": "coursegen.dev/v1alpha1", "kind": PLURALS[kind]} | body
            self.said.append(("POST", kind, manifests.changed(body, {})))
        return self._add(kind, namespace, body)

    def patch(self, kind: str, namespace: str, name: str, patch: Json) -> Json:
        answer = self._patch(kind, namespace, name, patch)
        if kind != "generationqueues":
            self.said.append((name, kind, {"status": patch["status"]}))
        return answer

    def say(self, cluster: LiveCluster, namespace: str) -> int:
        """Repeat everything; AssertionError at the first refusal."""
        for what, kind, body in self.said:
            path = manifests.collection(PLURALS[kind], namespace)
            if what == "POST":
                meta = {k: v for k, v in body["metadata"].items() if k in ("name", "labels", "annotations")}
                body = body | {"metadata": meta}
                status, answer = cluster.api.request("POST", f"{path}?fieldValidation=Strict", body)
            else:
                target = f"{path}/{what}/status?fieldValidation=Strict"
                status, answer = cluster.api.request("PATCH", target, body, kind="application/merge-patch+json")
            assert status in (200, 201), (body, answer)
        return len(self.said)


def with_everything_long(sim: Simulation) -> None:
    """A hundred chapters whose worker says as much as it may."""
    sim.apply("CourseGeneration", NAME, COURSE)
    sim.run(1)
    while jobs := sim.jobs():
        for job in jobs:
            sim.start(job)
            sim.report(job, 50, "s" * 63)
        sim.run(1)
        for job in jobs:
            result = sim.result(job).model_copy(update={"message": LONG, "title": "🎓" * 200})
            if sim.task(job).work.kind is TaskKind.OUTLINE:
                titles = OutlineSummary(chapter_count=100, titles=["🎓" * 300] * 100)
                result = result.model_copy(update={"outline": titles, "title": None})
            if sim.task(job).work.kind is TaskKind.VALIDATION:
                scores = [ChapterScore(index=i, passed=False, readability=-1e3 / 3) for i in range(1, 101)]
                quality = QualitySummary(passed=False, below_bar=list(range(1, 101)), scores=scores)
                result = result.model_copy(update={"quality": quality})
            sim.succeed(job, result)
        sim.run(1)


def failing_in_every_way(sim: Simulation) -> None:
    """Every class of failure that a worker knows, then retries by hand, then a cancellation."""
    sim.apply("CourseGeneration", NAME, PLANNED)
    sim.run(1)
    for failure in (f for f in FailureClass if f not in OPERATORS_OWN):
        for job in sim.jobs():
            sim.start(job)
            more: dict[str, Any] = {"retry_after_seconds": 10**9} if failure is FailureClass.RATE_LIMITED else {}
            sim.fail(job, failure, LONG, **more)
        sim.run(1)
        sim.annotate("CourseGeneration", NAME, ANNOTATION_RETRY, failure.value)
        sim.run(90_000 if failure is FailureClass.RATE_LIMITED else 900)
    for job in sim.jobs():
        sim.end_pod(job, container_reason="OOMKilled")
    sim.run(300)
    for job in sim.jobs():
        sim.lose_pod(job)
    sim.run(300)
    sim.annotate("CourseGeneration", NAME, ANNOTATION_CANCEL, "x" * 300)
    sim.run(10)


def misconfigured_held_and_suspended(sim: Simulation) -> None:
    """Names of things that are not there, and work that may not start."""
    sim.apply("CourseGeneration", "lost", PLANNED | {"providerName": "p" * 52, "queueName": "q" * 52})
    sim.apply("CourseGeneration", "asleep", PLANNED | {"suspend": True})
    sim.apply("CourseExport", "waiting", {"courseName": "c" * 52, "format": "pdf"})
    sim.apply("QualityValidation", "alone", {"chapterName": "c" * 52, "queueName": "q" * 52})
    sim.run(60)


OPERATORS_OWN = {
    FailureClass.OUT_OF_MEMORY,
    FailureClass.POD_NOT_STARTED,
    FailureClass.DISRUPTED,
    FailureClass.RESULT_LOST,
}


@pytest.mark.parametrize(
    "history",
    [with_everything_long, failing_in_every_way, misconfigured_held_and_suspended],
    ids=lambda history: history.__name__.replace("_", " "),
)
def test_the_api_server_takes_whatever_the_operator_writes(
    cluster: LiveCluster, namespace: str, history: Callable[[Simulation], None]
) -> None:
    sim = Simulation()
    recorder = Recorder(sim.api)
    history(sim)
    assert recorder.say(cluster, namespace) > 5
