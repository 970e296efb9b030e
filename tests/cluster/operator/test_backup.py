"""Backup and restore as docs/operations.md has them: its own commands, word for word, beside work that has ended."""

import os
import re
import subprocess
from pathlib import Path

from ... import programs
from ...e2e.scene import COURSE, SECONDS, Scene, chapter, condition, outcomes
from ...e2e.system import ROOT
from .kubelet import Kubelet

PAGE = ROOT / "docs" / "operations.md"
APPLIED = {
    ("CourseGeneration", "c"),
    ("ChapterGeneration", "alone"),
    ("CourseExport", "mine"),
    ("ArtifactCleanup", "clean"),
    ("ModelProvider", "p"),
}
KINDS = (
    "CourseGeneration",
    "ChapterGeneration",
    "QualityValidation",
    "CourseExport",
    "ArtifactCleanup",
    "ModelProvider",
)


def blocks() -> list[str]:
    """Give the shell blocks of the page's section."""
    section = PAGE.read_text().partition("## Backup and restore")[2].partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(found) == 3, "one saves, two restore: what was applied, and what was asked for since"
    return found


def run(scene: Scene, folder: Path, words: str) -> None:
    """Run a block in the scene's namespace, where the page says all of them."""
    kubectl = scene.system.kubectl
    (folder / "bin").mkdir(exist_ok=True)
    for name, program in {"kubectl": kubectl.program, "jq": programs.jq()}.items():
        link = folder / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    environment = {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "KUBECONFIG": str(kubectl.kubeconfig),
    }
    here = words.replace(" -A ", f" -n {scene.namespace} ")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def keys(scene: Scene) -> dict[str, str]:
    """Give the key of every artifact, by kind and name."""
    found = {}
    for kind in ("ChapterGeneration", "CourseExport"):
        for name in scene.names(kind):
            status = scene.status(kind, name)
            assert outcomes(status)[-1] == "Succeeded", (name, status)
            found[f"{kind}/{name}"] = status["artifact"]["key"]
    return found


def restored(scene: Scene) -> set[tuple[str, str]]:
    """Give the kinds and names of what there is."""
    return {(kind, name) for kind in KINDS for name in scene.names(kind)}


def until_done(scene: Scene) -> None:
    scene.until_ended("c")
    scene.until_ended("alone", "ChapterGeneration")
    scene.until_ended("mine", "CourseExport")
    scene.until("ArtifactCleanup", "clean", lambda s: s.get("attempts"))


def until_made_anew(scene: Scene) -> None:
    """Wait until the course, its first chapter and the one that stands alone have been made anew."""
    again = (("CourseGeneration", "c"), ("ChapterGeneration", "c-chapter-01"), ("ChapterGeneration", "alone"))
    for kind, name in again:
        scene.until(kind, name, lambda s: s.get("revision") == 1 and condition(s, "Finished")[0] == "True")


def test_what_people_applied_and_asked_for_is_restored_and_asks_for_the_same_content(
    scene: Scene, kubelet: Kubelet, tmp_path: Path
) -> None:
    scene.create("ModelProvider", "p", {"writer": "template"})
    scene.create("CourseGeneration", "c", COURSE | {"providerName": "p", "exports": [{"format": "json"}]})
    scene.create("ChapterGeneration", "alone", chapter())
    for name in ("text", "settings"):
        scene.kubectl("create", "configmap", name, "--from-literal=text.md=Loops repeat.")
    scene.create("CourseExport", "mine", {"configMapName": "text", "format": "json"})
    scene.create("ArtifactCleanup", "clean", {})
    until_done(scene)
    first = keys(scene)
    for name in ("alone", "c-chapter-01"):
        scene.change("ChapterGeneration", name, spec={"regeneration": {"requestId": "r", "feedback": "More examples."}})
    until_made_anew(scene)
    before = keys(scene)
    assert len(first) == 6
    assert {
        name.removesuffix("-01").partition("-json-")[0] for name, key in before.items() if first.get(name) != key
    } == {
        "ChapterGeneration/c-chapter",
        "ChapterGeneration/alone",
        "CourseExport/c",
    }
    save, restore, wish = blocks()
    run(scene, tmp_path, save)

    scene.kubectl("delete", "coursegen,chaptergen,qualval,courseexp,artclean,modelprov", "--all")
    scene.until_gone(*KINDS, "Job")
    scene.kubectl("delete", "configmap", "text", "settings")
    run(scene, tmp_path, restore)
    scene.system.recorder.until(lambda: restored(scene) >= APPLIED, SECONDS, lambda: f"there are {restored(scene)}")
    until_done(scene)
    there = scene.kubectl("get", "configmaps", "-o", "name").split()
    assert {"configmap/text", "configmap/settings"}.intersection(there) == {"configmap/text"}
    run(scene, tmp_path, wish)
    until_made_anew(scene)
    assert keys(scene) == before
