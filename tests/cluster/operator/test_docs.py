"""Every kubectl command and every Python example of the docs does what it says: each is run, beside a course.

tests/docs.py says which commands are tried elsewhere, and where.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from coursegen_api.base import FailureClass
from coursegen_api.task import ChapterTask, TaskInput, TaskResult, exit_code

from ...docs import PAGES, Where, blocks, commands
from ...e2e.scene import Scene, chapter, course
from ...e2e.system import ROOT, System
from .gateway.place import SYSTEM
from .kubelet import RUNS, End, Kubelet, well

REFUSED = TaskResult(failure_class=FailureClass.INVALID_INPUT, message="This chapter cannot be written.")

NAMESPACE, COURSE, FAILS = "courses", "course-123", "Hopeless"
CHAPTERS = 3
LAST, LAST_NAME = f"Part {CHAPTERS}", f"{COURSE}-chapter-0{CHAPTERS}"

QUEUES = "/apis/coursegen.dev/v1alpha1/generationqueues"

TRIED = {page: [c.line for c in commands(page, Where.CONTROL_PLANE)] for page in PAGES}
EXAMPLES = [(page.stem, text) for page in PAGES for text in blocks(page, "python")]


@pytest.fixture
def queues_go_on(system: System) -> Iterator[None]:
    """Undo what a page does to the queues, which all tests share."""
    yield
    for queue in system.api.get(QUEUES)["items"]:
        go_on = {"spec": {"stopPolicy": "None"}}
        system.request("PATCH", f"{QUEUES}/{queue['metadata']['name']}", go_on, "application/merge-patch+json")


@pytest.fixture(scope="session")
def deployed(system: System, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Apply what the docs look at in the operator's namespace; none of it runs."""
    folder = tmp_path_factory.mktemp("deployed")
    deploy = os.path.relpath(ROOT / "deploy", folder)
    parts = {"resources": [f"{deploy}/base"], "components": [f"{deploy}/components/{c}" for c in ("gateway", "redis")]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(parts))
    wanted = ("Namespace", "ServiceAccount", "ConfigMap", "Deployment", "Service")
    rendered = [m for m in yaml.safe_load_all(system.kubectl.output("kustomize", str(folder))) if m["kind"] in wanted]
    for workload in (m for m in rendered if m["kind"] == "Deployment"):
        workload["spec"]["replicas"] = 0  # Pods would be in the way of tests that bring nodes
    (folder / "system.yaml").write_text(yaml.safe_dump_all(rendered))
    system.kubectl.run("apply", "-f", str(folder / "system.yaml"), what="Applying the system's workloads")
    holder = {"holderIdentity": "coursegen-operator-0", "leaseDurationSeconds": 15}
    lease = {"metadata": {"name": "coursegen-operator-leader"}, "spec": holder}
    system.api.request("POST", f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases", lease)


@pytest.fixture
def shell(scene: Scene, tmp_path: Path) -> Mapping[str, str]:
    """Give the environment of a person in a checkout, who has kubectl and the plugin."""
    kubectl = scene.system.kubectl
    for folder in ("crds", "deploy", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "kubectl").symlink_to(kubectl.program)
    path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(kubectl.kubeconfig)}


def run(argv: list[str], folder: Path, shell: Mapping[str, str]) -> str:
    """Run something; AssertionError with its words if it fails."""
    done = subprocess.run(argv, cwd=folder, env=dict(shell), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{argv[-1]}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def here(scene: Scene, text: str) -> str:
    """Put the namespace of the scene where the docs have that of the demo."""
    return re.sub(rf"\b{NAMESPACE}\b", scene.namespace, text)


@pytest.mark.usefixtures("queues_go_on", "deployed")
@pytest.mark.parametrize("page", [p for p in PAGES if TRIED[p]], ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(scene: Scene, tmp_path: Path, shell: Mapping[str, str], page: Path) -> None:
    asks_for_jobs = any(re.search(r" jobs\b", line) for line in TRIED[page])

    def node(task: TaskInput) -> End:
        title = task.work.title if isinstance(task.work, ChapterTask) else ""
        if title == FAILS:
            return End(exit_code(FailureClass.INVALID_INPUT), REFUSED.to_json())
        # Ended Jobs are removed: a page that asks for Jobs finds one that goes on.
        return RUNS if asks_for_jobs and title == LAST else well(task)

    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData={"COURSEGEN_STORE_URL": "s3://none"})
    scene.create("ServiceAccount", "teacher", apiVersion="v1")
    with Kubelet(scene, node):
        scene.create("CourseGeneration", COURSE, course(CHAPTERS))
        scene.create("ChapterGeneration", "broken", chapter(FAILS))
        scene.create("ArtifactCleanup", "artifacts", {})
        if asks_for_jobs:
            scene.until_pod_runs(LAST_NAME)
        else:
            scene.until_ended(COURSE)
        scene.until_ended("broken", "ChapterGeneration")
        for line in TRIED[page]:
            said = run(["bash", "-c", here(scene, line)], tmp_path, shell)
            found = "No resources found" not in said
            assert found or f"-n {NAMESPACE}" not in line or "--field-selector" in line, line


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_the_python_examples_work(
    scene: Scene, kubelet: Kubelet, tmp_path: Path, shell: Mapping[str, str], page: str, example: str
) -> None:
    run([sys.executable, "-c", here(scene, example)], tmp_path, shell)
    assert scene.names("CourseGeneration") == ["python"]
