"""docs/cli.md is a run of every command on a real API server; `make cli-docs` writes it anew."""

import os
import shutil
from pathlib import Path

import pytest

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import TaskInput, TaskKind, TaskResult, exit_code

from ...e2e.scene import Scene
from ...e2e.system import ROOT
from ..operator.kubelet import RUNS, End, Kubelet, task_of, well
from .page import Page, reduced

DOCS = ROOT / "docs" / "cli.md"
PROSE = Path(__file__).parent / "cli.md"
WRITE = "COURSEGEN_WRITE_DOCS"
PODS = "with Pods"
"""The part that tests/e2e/test_plugin.py writes."""
NEXT = """\
apiVersion: coursegen.dev/v1alpha1
kind: CourseGeneration
metadata:
  name: course-124
spec:
  title: Data Structures
  learningObjectives: [Compare lists and trees]
  chapterCount: 4
"""
PROVIDER = {"writer": "openai", "endpoint": "https://api.example.com/v1", "model": "m", "secretName": "my-provider-key"}
CHAPTERS = "/apis/coursegen.dev/v1alpha1/generationqueues/chapter-generation"

WRONG = """\
apiVersion: coursegen.dev/v1alpha1
kind: CourseGeneration
metadata:
  name: wrong
spec:
  title: Wrong
  learningObjectives: [Write a program]
  chapterCount: 500
  colour: red
---
apiVersion: v1
kind: Secret
metadata:
  name: my-provider-key
"""


def deciding(task: TaskInput) -> End | None:
    """End well but for two: `loops` is refused, and the first chapter goes on and on."""
    if task.name == "loops":
        said = TaskResult(failure_class=FailureClass.INVALID_INPUT, message="learningObjectives: no verb in 'Loops'")
        return End(exit_code(FailureClass.INVALID_INPUT), said.to_json())
    return RUNS if task.work.kind is TaskKind.CHAPTER else well(task)


def set_capacity(scene: Scene, capacity: int) -> None:
    """Set the capacity of the chapters' queue; a chapter that goes on is not ended while commands are run."""
    spec = {"capacity": capacity, "timeoutSeconds": 3600}
    scene.system.request("PATCH", CHAPTERS, {"spec": spec}, "application/merge-patch+json")


def until_queue(scene: Scene, queue: str, *holds: str) -> None:
    """Wait until a queue's status has some fields, or fields of some value: it is written every five seconds."""
    for field in holds:
        path, equals, value = field.partition("=")
        condition = f"--for=jsonpath={{.status.{path}}}{equals}{value}"
        scene.kubectl("wait", condition, f"genqueue/{queue}", "--timeout=120s")


@pytest.fixture
def page(environment: dict[str, str], tmp_path: Path) -> Page:
    """Give an empty page, in a folder with the examples."""
    folder = tmp_path / "here"
    shutil.copytree(ROOT / "examples", folder)
    (folder / "wrong.yaml").write_text(WRONG)
    (folder / "next-course.yaml").write_text(NEXT)
    (folder / "my-loops.md").write_text("# Loops\n\nA loop runs again.\n")
    return Page(PROSE, environment, folder)


def test_every_command_says_what_the_docs_show(scene: Scene, kubelet: Kubelet, page: Page) -> None:
    kubelet.decide = deciding
    set_capacity(scene, 1)
    page.text("introduction")
    giving_work(page, scene)
    seeing(page)
    steering(page, scene)
    kubelet.decide = lambda task: deciding(task) if task.name == "loops" else well(task)
    until_course_ended(scene)
    after_the_end(page, scene)
    with Kubelet(Scene(scene.system, "coursegen-test"), well):
        looking_after_the_system(page, scene)
    page.text("completion")
    page.shell("kubectl coursegen completion bash")
    page.text("reference")
    text = page.written()
    if os.environ.get(WRITE):
        DOCS.write_text(text)
    assert reduced(text) == reduced(DOCS.read_text()), "docs/cli.md is stale: make cli-docs"


def giving_work(page: Page, scene: Scene) -> None:
    page.text("plan")
    page.shell("kubectl coursegen plan -n courses python-programming.yaml")
    page.shell("kubectl coursegen plan -n courses wrong.yaml", code=4)
    page.text("submit")
    page.shell("kubectl coursegen submit -n courses single-chapter.yaml")
    scene.until_ended("loops", "ChapterGeneration", 60)
    page.shell("kubectl coursegen submit -n courses single-chapter.yaml")
    page.shell("kubectl coursegen submit -n courses python-programming.yaml")
    scene.until("ChapterGeneration", "course-123-chapter-01", lambda s: s.get("phase") == "Running", 60)
    for name in ("course-123-chapter-02", "course-123-chapter-03"):
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "QueueFull", 60)
    scene.until("CourseGeneration", "course-123", lambda s: s.get("chapters", {}).get("running") == 1, 60)
    until_queue(scene, "chapter-generation", "active=1", "pending=2")
    until_queue(scene, "course-generation", "active=0", "lastHour.runP95Seconds")  # which is written after that


def seeing(page: Page) -> None:
    page.text("status")
    page.shell("kubectl coursegen status -n courses")
    page.shell("kubectl coursegen active -n courses")
    page.text("why")
    page.shell("kubectl coursegen why -n courses course-123")
    page.shell("kubectl coursegen why -n courses course-123-chapter-02")
    page.shell("kubectl coursegen why -n courses loops")
    page.shell("kubectl coursegen why -n courses course-123-chapter-02 -o json")
    page.text("get-task")
    page.shell("kubectl coursegen get-task -n courses loops")
    page.shell("kubectl coursegen get-task -n courses course-123")
    page.shell("kubectl coursegen get-task -n courses course-124", code=3)
    page.text("monitor")
    page.shell("kubectl coursegen monitor -n courses --duration 1")


def steering(page: Page, scene: Scene) -> None:
    page.text("steer")
    page.shell("kubectl coursegen suspend -n courses course-123-chapter-03")
    page.shell("kubectl coursegen resume -n courses course-123-chapter-03")
    page.shell("kubectl coursegen purge -n courses --failed", code=2)
    page.shell("kubectl coursegen retry -n courses loops")
    scene.until("ChapterGeneration", "loops", lambda s: s.get("revision") == 1 and s.get("holdReason"), 60)
    page.shell("kubectl coursegen cancel -n courses loops")
    scene.until("ChapterGeneration", "loops", lambda s: s.get("phase") == "Cancelled", 60)
    page.shell("kubectl coursegen retry -n courses course-123")


def until_course_ended(scene: Scene) -> None:
    """Let the chapter that runs start over, and wait for the end of all."""
    [pod] = [p for p in scene.pods() if p["status"].get("phase") == "Running"]
    set_capacity(scene, 200)
    Kubelet(scene, well).play(pod, well(task_of(pod)))
    assert scene.until_ended("course-123", seconds=120)["phase"] == "Succeeded"


def after_the_end(page: Page, scene: Scene) -> None:
    page.text("performance")
    page.shell("kubectl coursegen performance -n courses")
    page.text("planned")
    for queue in ("course-generation", "chapter-generation", "quality-validation"):
        until_queue(scene, queue, "lastHour.runP50Seconds")
    page.shell("kubectl coursegen plan -n courses next-course.yaml")
    page.text("again")
    page.shell(
        "kubectl coursegen regenerate -n courses course-123-chapter-01 "
        "--feedback 'Content too advanced for beginners' --focus-area simplification"
    )
    scene.until("ChapterGeneration", "course-123-chapter-01", lambda s: s.get("revision") == 1, 60)
    scene.until("CourseGeneration", "course-123", lambda s: s.get("revision") == 1, 60)
    scene.until_ended("course-123", seconds=120)
    page.shell("kubectl coursegen stop -n courses course-123")
    page.shell("kubectl coursegen export -n courses course-123-chapter-01 --format pdf")
    scene.until_ended("course-123-chapter-01-pdf", "CourseExport", 60)
    page.text("own")
    page.shell("kubectl coursegen validate -n courses my-loops.md")
    scene.until_ended("my-loops-validation", "QualityValidation", 60)
    page.shell("kubectl coursegen export -n courses my-loops.md --format pdf")
    scene.until_ended("my-loops-pdf", "CourseExport", 60)
    page.text("purge")
    scene.annotate("ChapterGeneration", "loops", names.ANNOTATION_RETRY, "again")
    scene.until("ChapterGeneration", "loops", lambda s: s.get("revision") == 2 and s["phase"] == "Failed", 60)
    page.shell("kubectl coursegen purge -n courses --failed --yes")
    page.keep(DOCS, PODS)


def looking_after_the_system(page: Page, scene: Scene) -> None:
    page.text("doctor")
    kind = {"apiVersion": "v1", "type": names.SECRET_TYPE_PROVIDER_KEY}
    values = {"key": "none", "allowedEndpoint": "https://api.example.org/v1"}
    scene.create("Secret", "my-provider-key", stringData=values, **kind)
    scene.create("ModelProvider", "my-provider", PROVIDER)
    page.shell("kubectl coursegen doctor -n courses", code=1)
    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData={"COURSEGEN_STORE_URL": "s3://none"})
    page.text("test-queue")
    page.shell("kubectl coursegen test-queue -n courses --courses 2 --scratch coursegen-test")
    page.text("bundle")
    page.shell("kubectl coursegen support-bundle -n courses")
