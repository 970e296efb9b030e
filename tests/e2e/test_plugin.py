"""What `kubectl coursegen` needs real Pods for: a worker's log, and files from the store."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .scene import Scene, chapter, course


def coursegen(scene: Scene, folder: Path, *arguments: str) -> str:
    """Run the plugin as a person does who has kubectl on the PATH; AssertionError with its words if it fails."""
    access = scene.system.kubectl
    (folder / "kubectl").unlink(missing_ok=True)
    (folder / "kubectl").symlink_to(access.program)
    environment = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "KUBECONFIG": str(access.kubeconfig),
        "HOME": str(folder),
    }
    argv = [str(Path(sys.executable).parent / "kubectl-coursegen"), "-n", scene.namespace, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


def test_the_plugin_fetches_a_workers_log_and_a_courses_files(scene: Scene) -> None:
    scene.create("CourseGeneration", "c", course(1, exports=[{"format": "pdf"}, {"format": "json"}]))
    status = scene.until_ended("c")
    assert status["phase"] == "Succeeded"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        log = coursegen(scene, folder, "logs", "chaptergen/c-chapter-01")
        assert "Loops" not in log, "a log has no content"
        told = coursegen(scene, folder, "download", "c", "-d", str(folder / "out"), "-o", "name").splitlines()
        assert sorted(told) == [str(folder / "out" / f"c.{ending}") for ending in ("json", "pdf")]
        for export in status["exports"]:
            content = (folder / "out" / f"c.{export['format']}").read_bytes()
            assert hashlib.sha256(content).hexdigest() == export["artifact"]["sha256"]
        assert (folder / "out" / "c.pdf").read_bytes().startswith(b"%PDF")
        coursegen(scene, folder, "download", "chaptergen/c-chapter-01", "-d", str(folder))
        assert json.loads((folder / "c-chapter-01.json").read_bytes())["title"] == "Part 1"
        checked = {c["name"]: c["state"] for c in json.loads(coursegen(scene, folder, "doctor", "-o", "json"))}
        assert (checked["store"], checked["redis"]) == ("ok", "ok")
        assert json.loads(coursegen(scene, folder, "status", "-o", "json"))["courses"]["limit"] == 100


def test_the_plugin_asks_the_operator_where_waiting_work_stands(scene: Scene) -> None:
    queue = f"{scene.namespace}-queue"[-52:].strip("-")
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 0})
    for index, name in enumerate(("first", "second"), start=1):  # by which they stand if they are of the same second
        scene.create("ChapterGeneration", name, chapter(queueName=queue, index=index))
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "QueuePaused")
    with tempfile.TemporaryDirectory() as folder:
        said = coursegen(scene, Path(folder), "why", "chaptergen/second")
        assert said.rstrip().endswith("raise spec.capacity to go on. 1 goes before it."), said
    scene.kubectl("delete", "generationqueue", queue)
