"""What Argo CD and Flux make of our kinds on a real API server, and what a GitOps tool may count on.

`make record` writes the states of the first test into deploy/gitops/recorded, where the unit tests judge them as well.
"""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import TaskInput, TaskKind, TaskResult, exit_code

from ...e2e.recorder import Json
from ...e2e.scene import COURSE, SECONDS, Scene, chapter, condition, course
from ...gitops import recorded
from ...gitops.recorded import STATES, State
from .kubelet import RUNS, End, Kubelet, well

BREAKER = {"minimumAttempts": 1, "windowSeconds": 60, "openSeconds": 60}


def decide(task: TaskInput) -> End | None:
    """End as the state needs it that a task's name begins with."""
    if task.name.startswith("running"):
        return well(task) if task.work.kind is TaskKind.OUTLINE else RUNS
    if task.name.startswith("failed"):
        return End(exit_code(FailureClass.REJECTED), TaskResult(failure_class=FailureClass.REJECTED).to_json())
    if task.name.startswith("unlucky"):
        said = TaskResult(failure_class=FailureClass.PROVIDER_UNAVAILABLE, message="503")
        return End(exit_code(FailureClass.PROVIDER_UNAVAILABLE), said.to_json())
    return well(task)


def play(scene: Scene, queue: str) -> None:
    """Bring about every state of STATES."""
    scene.create("CourseGeneration", "succeeded", COURSE | {"exports": [{"format": "pdf"}]})
    scene.create("CourseGeneration", "running", course(2))
    scene.create("CourseGeneration", "failed", COURSE)
    scene.create("CourseGeneration", "suspended", course(suspend=True))
    scene.create("CourseGeneration", "misconfigured", course(providerName="absent"))
    scene.create("CourseGeneration", "cancelled", course(suspend=True))
    scene.annotate("CourseGeneration", "cancelled", names.ANNOTATION_CANCEL, "enough")
    scene.create("ChapterGeneration", "failed-chapter", chapter())
    scene.create("CourseExport", "waiting", {"chapterName": "running-chapter-01", "format": "pdf"})
    scene.create("QualityValidation", "waiting", {"courseName": "running"})
    scene.create("GenerationQueue", queue, recorded.QUEUE | {"stopPolicy": "Hold"})
    scene.create("ArtifactCleanup", "clean", {})
    scene.create("ModelProvider", "idle", {"writer": "template"})
    scene.create("ModelProvider", "open", {"writer": "template", "circuitBreaker": BREAKER})
    scene.create("ChapterGeneration", "unlucky", chapter(providerName="open"))


def found(scene: Scene, state: State, queue: str) -> Json | None:
    """Give the first version of the state's object that is in the state."""
    namespace = "" if state.kind == "GenerationQueue" else scene.namespace
    name = queue if state.kind == "GenerationQueue" else state.name
    versions = scene.system.recorder.versions(state.kind, namespace, name)
    return next((v for v in versions if state.holds(v)), None)


@pytest.fixture
def queue(scene: Scene):
    """Name a queue of the scene's own."""
    yield f"{scene.namespace}-gitops"
    scene.kubectl("delete", "generationqueue", f"{scene.namespace}-gitops")


def test_argo_cd_and_flux_judge_every_state_as_a_person_would(scene: Scene, kubelet: Kubelet, queue: str) -> None:
    kubelet.decide = decide
    play(scene, queue)
    live = {
        file: scene.system.recorder.until(
            lambda state=state: found(scene, state, queue), SECONDS, lambda file=file: f"never seen: {file}"
        )
        for file, state in STATES.items()
    }
    for file, obj in live.items():
        recorded.judge(file, obj)
    if folder := os.environ.get("COURSEGEN_RECORD"):
        for file, obj in live.items():
            (Path(folder) / f"{file}.yaml").write_text(recorded.text(obj))


def diff(scene: Scene, file: Path) -> str:
    """Give what `kubectl diff` prints; AssertionError if it cannot tell."""
    access = scene.system.kubectl
    argv = [str(access.program), f"--kubeconfig={access.kubeconfig}", "-n", scene.namespace, "diff", "-f", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_a_run_leaves_nothing_for_a_gitops_tool_to_take_back(scene: Scene, kubelet: Kubelet, tmp_path: Path) -> None:
    file = tmp_path / "course.yaml"
    exported = COURSE | {"exports": [{"format": "json"}]}
    manifest: Json = {"apiVersion": names.API_VERSION, "kind": "CourseGeneration", "metadata": {"name": "c"}}
    file.write_text(yaml.safe_dump(manifest | {"spec": exported}))
    scene.kubectl("apply", "-f", str(file))
    assert diff(scene, file) == ""
    before = scene.system.recorder.until(
        lambda: scene.system.recorder.now("CourseGeneration", scene.namespace, "c"), SECONDS, lambda: "no course"
    )
    scene.until_ended("c")
    assert diff(scene, file) == ""
    after = scene.system.recorder.now("CourseGeneration", scene.namespace, "c")
    assert after is not None
    for field in ("labels", "annotations", "finalizers", "generation", "ownerReferences"):
        assert after["metadata"].get(field) == before["metadata"].get(field), field
    assert after["spec"] == before["spec"]


def test_server_side_apply_and_the_operator_own_different_fields(
    scene: Scene, kubelet: Kubelet, tmp_path: Path
) -> None:
    file = tmp_path / "course.yaml"
    manifest: Json = {"apiVersion": names.API_VERSION, "kind": "CourseGeneration", "metadata": {"name": "c"}}
    file.write_text(yaml.safe_dump(manifest | {"spec": COURSE}))
    apply = ("apply", "--server-side", "--field-manager=gitops", "-f", str(file))
    scene.kubectl(*apply)
    scene.until_ended("c")
    scene.kubectl(*apply)  # a conflict would be an error
    scene.annotate("CourseGeneration", "c", names.ANNOTATION_CANCEL, "a person's word, beside the tool")
    scene.kubectl(*apply)
    shown = yaml.safe_load(scene.kubectl("get", "coursegen", "c", "-o", "yaml", "--show-managed-fields"))
    owned = {(m["manager"], m.get("subresource", "")): set(m["fieldsV1"]) for m in shown["metadata"]["managedFields"]}
    assert shown["metadata"]["annotations"][names.ANNOTATION_CANCEL]
    operators = {key: fields for key, fields in owned.items() if names.MANAGED_BY in key[0]}
    assert list(operators) == [(names.MANAGED_BY, "status")], owned
    assert operators[names.MANAGED_BY, "status"] == {"f:status"}
    assert condition(shown["status"], "Succeeded")[0] == "True"
