"""An upgrade in the middle of work: the version before begins twenty courses, this one takes them over as they are."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

from coursegen_api.task import TaskInput

from ... import released
from ...e2e.scene import SECONDS, Scene, condition, course, outcomes
from ...e2e.system import ROOT
from .conftest import control_plane
from .kubelet import End, Kubelet, well

COURSES = [f"course-{number}" for number in range(1, 21)]
LAST = "Part 3"


def loaded_from(sources: str) -> str:
    """Tell which operator Python finds with a PYTHONPATH."""
    argv = [sys.executable, "-c", "import coursegen_operator as o; print(o.__file__)"]
    done = subprocess.run(argv, env={"PYTHONPATH": sources}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def made_of(scene: Scene, name: str) -> list[str]:
    """Name the validation and the exports of a course."""
    names = [*scene.names("QualityValidation"), *scene.names("CourseExport")]
    return sorted(n for n in names if n.startswith(f"{name}-"))


def test_the_next_version_takes_over_twenty_courses_in_the_middle(tmp_path: Path) -> None:
    before = released.unpack(tmp_path)
    may_end = threading.Event()

    def node(task: TaskInput) -> End | None:
        return well(task) if may_end.is_set() or getattr(task.work, "title", "") != LAST else None

    with control_plane(tmp_path, version=before) as system:
        scene = Scene(system, "upgrade")
        system.create_tenant(scene.namespace, {})
        sources = released.sources(before)
        assert loaded_from(sources) == f"{before}/operator/src/coursegen_operator/__init__.py"
        old = system.operator("released", [scene.namespace], {"PYTHONPATH": sources})
        with Kubelet(scene, node):
            for name in COURSES:
                scene.create("CourseGeneration", name, course(chapters=3, exports=[{"format": "json"}]))
            whole = {"exports": [{"format": "json"}, {"format": "scorm"}], "quality": {"enabled": True}}
            scene.create("CourseGeneration", "done", course(chapters=2, **whole))
            for name in COURSES:
                scene.until("CourseGeneration", name, lambda s: s.get("chapters", {}).get("succeeded") == 2)
                scene.until_job(f"{name}-chapter-03")
            scene.until_ended("done")
            made = made_of(scene, "done")
            assert len(made) == 3
            old.signal(signal.SIGTERM)
            old.ended(SECONDS)

            system.kubectl.run("apply", "-k", str(ROOT / "crds"), what="Applying the CRDs of this version")
            for file in ("priorityclasses.yaml", "queues.yaml"):
                system.kubectl.run("apply", "-f", str(ROOT / "deploy/base" / file), what=f"Applying {file}")
            scene.operators.append(system.operator("next", [scene.namespace]))
            may_end.set()
            for name in COURSES:
                status = scene.until_ended(name)
                assert condition(status, "Succeeded")[0] == "True", status
        assert made_of(scene, "done") == made, "a finished course keeps what was made of it"
        for chapter in scene.names("ChapterGeneration"):
            assert outcomes(scene.status("ChapterGeneration", chapter)) == ["Succeeded"]
        scene.check()
