"""What `kubectl coursegen` needs real Pods for: a worker's log, files from the store, a load."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coursegen_api import names
from demo import overlay

from ..cluster.client.page import Page, marked, reduced
from .scene import SECONDS, Scene, chapter, course
from .system import ROOT


def environment(scene: Scene, folder: Path) -> dict[str, str]:
    """Give what a person's shell has: kubectl and the plugin on the PATH, and a kubeconfig."""
    access = scene.system.kubectl
    (folder / "kubectl").unlink(missing_ok=True)
    (folder / "kubectl").symlink_to(access.program)
    return {
        "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(access.kubeconfig),
        "HOME": str(folder),
    }


def coursegen(scene: Scene, folder: Path, *arguments: str, code: int = 0, **more: str) -> str:
    """Run the plugin as a person does who has kubectl on the PATH; gives its words, those of trouble if that is meant.

    AssertionError with them if it ends with another code.
    """
    argv = [str(Path(sys.executable).parent / "kubectl-coursegen"), "-n", scene.namespace, *arguments]
    env = environment(scene, folder) | more
    done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=SECONDS, check=False)
    assert done.returncode == code, f"{arguments}: {done.stderr}"
    return done.stderr if code else done.stdout


def until_it_says(words: str, scene: Scene, folder: Path, *arguments: str, **more: str) -> None:
    """Run the plugin until what it says ends with some words: the operator does not answer who asks it too often.

    AssertionError with what it says if it never does.
    """
    deadline = time.monotonic() + SECONDS
    while not (said := coursegen(scene, folder, *arguments, **more).rstrip()).endswith(words):
        assert time.monotonic() < deadline, said
        time.sleep(1)


def test_the_plugin_fetches_a_workers_log_and_a_courses_files(scene: Scene) -> None:
    scene.create("CourseGeneration", "c", course(1, exports=[{"format": "pdf"}, {"format": "json"}]))
    status = scene.until_ended("c")
    assert status["phase"] == "Succeeded"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = coursegen(scene, folder, "logs", "chaptergen/c-chapter-01")
        assert "Loops" not in log, "a log has no content"
        assert coursegen(scene, folder, "logs", "chaptergen/c-chapter-01", "--attempt", "1") == log
        assert coursegen(scene, folder, "logs", "chaptergen/c-chapter-01", "--follow") == log, "as far as the end"
        said = coursegen(scene, folder, "logs", "chaptergen/c-chapter-01", "--attempt", "2", code=3)
        assert "chaptergen/c-chapter-01 has no attempt 2 yet" in said
        told = coursegen(scene, folder, "download", "c", "-d", str(folder / "out"), "-o", "name").splitlines()
        assert sorted(told) == [str(folder / "out" / f"c.{ending}") for ending in ("json", "pdf")]
        saved = json.loads(coursegen(scene, folder, "download", "c", "-d", str(folder / "out"), "-o", "json"))
        assert sorted((f["file"], f["sha256"]) for f in saved) == sorted(
            (str(folder / "out" / f"c.{e['format']}"), e["artifact"]["sha256"]) for e in status["exports"]
        )
        for export in status["exports"]:
            content = (folder / "out" / f"c.{export['format']}").read_bytes()
            assert hashlib.sha256(content).hexdigest() == export["artifact"]["sha256"]
        assert (folder / "out" / "c.pdf").read_bytes().startswith(b"%PDF")
        coursegen(scene, folder, "download", "chaptergen/c-chapter-01", "-d", str(folder))
        assert json.loads((folder / "c-chapter-01.json").read_bytes())["title"] == "Part 1"
        checked = {c["name"]: c["state"] for c in json.loads(coursegen(scene, folder, "doctor", "-o", "json"))}
        assert (checked["store"], checked["redis"]) == ("ok", "ok")
        assert json.loads(coursegen(scene, folder, "status", "-o", "json"))["courses"]["limit"] == 100


def test_a_log_is_followed_from_a_running_worker_to_its_end(scene: Scene) -> None:
    scene.create("ChapterGeneration", "loops", chapter(queueName="slow"))  # or it might end before it is met
    scene.until_pod_runs("loops")
    with tempfile.TemporaryDirectory() as folder:
        said = coursegen(scene, Path(folder), "logs", "-f", "loops").splitlines()
    events = [json.loads(line)["event"] for line in said]
    told = [event for event in events if event != "progress-unavailable"]  # which may come as the last of all
    assert told[-1] == "task-ended"


def test_the_plugin_asks_the_operator_where_waiting_work_stands(scene: Scene) -> None:
    queue = f"{scene.namespace}-queue"[-52:].strip("-")
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 0})
    for index, name in enumerate(("first", "second"), start=1):  # by which they stand if they are of the same second
        scene.create("ChapterGeneration", name, chapter(queueName=queue, index=index))
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "QueuePaused")
    with tempfile.TemporaryDirectory() as folder:
        until_it_says(
            "raise spec.capacity to go on. 1 goes before it.", scene, Path(folder), "why", "chaptergen/second"
        )
    scene.kubectl("delete", "generationqueue", queue)


DOCS = ROOT / "docs" / "cli.md"
EXPORTS = [{"format": "pdf"}, {"format": "scorm"}, {"format": "json"}]
PODS = "with Pods"
"""The part of the page that is written here."""


def test_what_needs_pods_says_what_the_docs_show(scene: Scene) -> None:
    scene.create("CourseGeneration", "course-123", course(1, exports=EXPORTS))
    assert scene.until_ended("course-123")["phase"] == "Succeeded"
    with tempfile.TemporaryDirectory() as name:
        page = Page(Path(__file__).parent / "cli.md", environment(scene, Path(name)), Path(name))
        page.text("files")
        page.shell(f"kubectl coursegen download -n {scene.namespace} course-123 -d out")
        page.text("logs")
        page.shell(f"kubectl coursegen logs -n {scene.namespace} course-123-chapter-01")
        page.text("load")
        page.shell("kubectl coursegen test-queue --courses 1", seconds=600)
        written = page.written().replace(scene.namespace, "courses").rstrip()
    text = DOCS.read_text()
    before, now = marked(text, PODS), f"<!-- {PODS} -->\n\n{written}\n\n<!-- end of {PODS} -->"
    if os.environ.get("COURSEGEN_WRITE_DOCS"):
        DOCS.write_text(text.replace(before, now))
    assert reduced(now) == reduced(marked(DOCS.read_text(), PODS)), "docs/cli.md is stale: make cli-docs"
    assert (
        scene.system.api.get(f"/apis/{names.API_VERSION}/namespaces/{overlay.TRIAL}/coursegenerations")["items"] == []
    )
