"""Every kubectl command of the docs does what it says: each is run, in the order of its page, beside a course."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.task import ChapterTask, TaskInput, TaskResult, exit_code

from ...e2e.scene import Scene, chapter, course
from ...e2e.system import ROOT, System
from .kubelet import RUNS, End, Kubelet, well

REFUSED = TaskResult(failure_class=FailureClass.INVALID_INPUT, message="This chapter cannot be written.")

NAMESPACE, COURSE, FAILS = "courses", "course-123", "Hopeless"
CHAPTERS = 3
LAST, LAST_NAME = f"Part {CHAPTERS}", f"{COURSE}-chapter-0{CHAPTERS}"

QUEUES = "/apis/coursegen.dev/v1alpha1/generationqueues"

ELSEWHERE = r"logs|port-forward|rollout|coursegen-system|apply -k deploy|kubectl coursegen"
"""What has no answer without a node and the deployed system; and the plugin, whose page is made by a run of its own."""

PAGES = sorted({*(ROOT / "docs").glob("*.md"), ROOT / "README.md"})


def commands(page: Path) -> list[str]:
    """Give the kubectl commands of a page's console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\$ (?:deploy/demo/)?(kubectl .*)$", "\n".join(blocks), re.MULTILINE)
    return [line for line in lines if not re.search(ELSEWHERE, line)]


@pytest.fixture
def queues_go_on(system: System) -> Iterator[None]:
    """Undo what a page does to the queues, which all tests share."""
    yield
    for queue in system.api.get(QUEUES)["items"]:
        go_on = {"spec": {"stopPolicy": "None"}}
        system.request("PATCH", f"{QUEUES}/{queue['metadata']['name']}", go_on, "application/merge-patch+json")


@pytest.mark.usefixtures("queues_go_on")
@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_work(scene: Scene, tmp_path: Path, page: Path) -> None:
    kubectl = scene.system.kubectl
    for folder in ("crds", "deploy", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "kubectl").symlink_to(kubectl.program)

    asks_for_jobs = any(re.search(r" jobs\b", command) for command in commands(page))

    def node(task: TaskInput) -> End:
        title = task.work.title if isinstance(task.work, ChapterTask) else ""
        if title == FAILS:
            return End(exit_code(FailureClass.INVALID_INPUT), REFUSED.to_json())
        # Ended Jobs are removed: a page that asks for Jobs finds one that goes on.
        return RUNS if asks_for_jobs and title == LAST else well(task)

    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData={"COURSEGEN_STORE_URL": "s3://none"})
    with Kubelet(scene, node):
        scene.create("CourseGeneration", COURSE, course(CHAPTERS))
        scene.create("ChapterGeneration", "broken", chapter(FAILS))
        scene.create("ArtifactCleanup", "artifacts", {})
        if asks_for_jobs:
            scene.until_pod_runs(LAST_NAME)
        else:
            scene.until_ended(COURSE)
        scene.until_ended("broken", "ChapterGeneration")
        for command in commands(page):
            here = re.sub(rf"\b{NAMESPACE}\b", scene.namespace, command)
            done = subprocess.run(
                ["bash", "-c", here],
                cwd=tmp_path,
                env={
                    "PATH": f"{tmp_path}:{os.environ['PATH']}",
                    "HOME": str(tmp_path),
                    "KUBECONFIG": str(kubectl.kubeconfig),
                },
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            found = "No resources found" not in done.stdout + done.stderr
            assert found or f"-n {NAMESPACE}" not in command or "--field-selector" in command, command
