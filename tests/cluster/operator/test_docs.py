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

from ...docs import NAMED, PAGES, Where, blocks, commands, inline
from ...e2e.scene import Scene, chapter, course
from ...e2e.system import ROOT, System
from .gateway.place import apply_workloads
from .kubelet import RUNS, End, Kubelet, well

REFUSED = TaskResult(failure_class=FailureClass.INVALID_INPUT, message="This chapter cannot be written.")

NAMESPACE, COURSE, FAILS = "courses", "course-123", "Hopeless"
CHAPTERS = 3
LAST, LAST_NAME = f"Part {CHAPTERS}", f"{COURSE}-chapter-0{CHAPTERS}"

QUEUES = "/apis/coursegen.dev/v1alpha1/generationqueues"

TRIED = {page: [c.line for c in commands(page, Where.CONTROL_PLANE)] for page in PAGES}
WITHIN = [c.line for page in PAGES for c in inline(page, Where.CONTROL_PLANE)]
STANDS_FOR = {
    "<short name>": "coursegen",
    "genqueue NAME": "genqueue chapter-generation",
    "coursegen NAME": f"coursegen {COURSE}",
    "namespace TEAM": "namespace courses",
    "ACCOUNT": "teacher",
    "--as=…": "--as=somebody",
}
"""What commands within sentences leave open, and what stands for it here."""
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
    apply_workloads(system, tmp_path_factory.mktemp("deployed"))


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
    done = subprocess.run(argv, cwd=folder, env=dict(shell), capture_output=True, text=True, timeout=360, check=False)
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


@pytest.mark.usefixtures("queues_go_on", "deployed")
def test_the_commands_within_sentences_and_tables_work(scene: Scene, tmp_path: Path, shell: Mapping[str, str]) -> None:
    config = yaml.safe_load(scene.system.kubectl.kubeconfig.read_text())
    config["contexts"][0]["context"]["namespace"] = scene.namespace  # tables leave `-n` out
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    person = {**shell, "KUBECONFIG": str(tmp_path / "kubeconfig")}
    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData={"COURSEGEN_STORE_URL": "s3://none"})
    scene.create("ServiceAccount", "teacher", apiVersion="v1")
    wrong: list[str] = []
    with Kubelet(scene, well):
        scene.kubectl("apply", "-f", str(ROOT / "examples" / "python-programming.yaml"))
        assert scene.until_ended(COURSE)["phase"] == "Succeeded"
        for line in WITHIN:
            typed = line
            for what, value in STANDS_FOR.items():
                typed = typed.replace(what, value)
            argv = ["bash", "-c", here(scene, typed)]
            done = subprocess.run(
                argv, cwd=tmp_path, env=person, capture_output=True, text=True, timeout=120, check=False
            )
            answered = done.returncode == 0 or done.stdout == "no\n"  # which `auth can-i` says with exit code 1
            wrong += [] if answered else [f"{typed}: {done.stderr}"]
    scene.system.api.request("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/metrics")
    assert wrong == []
    assert len(WITHIN) > 20


@pytest.mark.parametrize("line", NAMED)
def test_what_the_docs_name_is_a_verb_with_its_options(tmp_path: Path, shell: Mapping[str, str], line: str) -> None:
    words = line.removeprefix("kubectl ").removeprefix(f"-n {NAMESPACE} ").split()
    options = [word.partition("=")[0] for word in words if word.startswith("-")]
    verb = [word for word in words if not word.startswith("-")]
    help_ = run(["kubectl", *verb, "--help"], tmp_path, shell)
    assert f"kubectl {verb[0]}" in help_
    assert [o for o in options if not re.search(rf"^ +(-\w, )?{o}[,=\s]", help_, re.MULTILINE)] == []


@pytest.mark.parametrize(("page", "example"), EXAMPLES, ids=[page for page, _ in EXAMPLES])
def test_the_python_examples_work(
    scene: Scene, kubelet: Kubelet, tmp_path: Path, shell: Mapping[str, str], page: str, example: str
) -> None:
    run([sys.executable, "-c", here(scene, example)], tmp_path, shell)
    assert scene.names("CourseGeneration") == ["python"]
