"""-A: an object is looked for in all namespaces; of several of one name none is touched."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ...e2e.scene import Scene, chapter
from .shell import Shell


@dataclass(frozen=True)
class Elsewhere:
    """A second namespace, and names that no other test has: namespaces of tests before are still being removed."""

    scene: Scene
    only: str
    """A chapter that is there alone."""
    both: str
    """Chapters of this name are there and in the namespace at hand."""


@pytest.fixture
def elsewhere(scene: Scene) -> Iterator[Elsewhere]:
    other = Scene(scene.system, f"{scene.namespace}-elsewhere", [])
    scene.system.create_tenant(other.namespace, {})
    found = Elsewhere(other, f"only-{scene.namespace}", f"both-{scene.namespace}")
    for place, name in ((other, found.only), (other, found.both), (scene, found.both)):
        place.create("ChapterGeneration", name, chapter(suspend=True))
        place.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "Suspended", 60)
    yield found
    scene.system.api.request("DELETE", f"/api/v1/namespaces/{other.namespace}")


def test_what_one_namespace_has_is_found_from_another(shell: Shell, scene: Scene, elsewhere: Elsewhere) -> None:
    path = f"/apis/coursegen.dev/v1alpha1/namespaces/{elsewhere.scene.namespace}/chaptergenerations/{elsewhere.only}"
    uid = scene.system.api.get(path)["metadata"]["uid"]
    for name in (elsewhere.only, f"chaptergen/{elsewhere.only}", uid):
        shell("why", name, code=3)
        assert json.loads(shell("why", name, "-A", "-o", "json"))["namespace"] == elsewhere.scene.namespace
    assert f"chaptergen/{elsewhere.only} in {elsewhere.scene.namespace}" in shell("get-task", "-A", elsewhere.only)


def test_verbs_act_where_the_object_is(shell: Shell, elsewhere: Elsewhere) -> None:
    only, place = elsewhere.only, elsewhere.scene.namespace
    _, said = shell.run("logs", only, "-A", code=3)
    assert f"chaptergen/{only} has no attempt yet" in said
    _, said = shell.run("download", only, "-A", code=3)
    assert f"chaptergen/{only} has no file in the store yet" in said
    made = json.loads(shell("validate", only, "-A", "-o", "json"))
    assert (made["metadata"]["namespace"], made["spec"]["chapterName"]) == (place, only)
    made = json.loads(shell("export", only, "-A", "--format", "pdf", "-o", "json"))
    assert (made["metadata"]["namespace"], made["spec"]["format"]) == (place, "pdf")
    assert json.loads(shell("resume", only, "-A", "-o", "json"))["spec"]["suspend"] is False
    assert json.loads(shell("suspend", only, "-A", "-o", "json"))["spec"]["suspend"] is True
    shell("cancel", only, "-A")
    elsewhere.scene.until("ChapterGeneration", only, lambda s: s.get("phase") == "Cancelled", 60)
    assert shell("retry", only, "-A").startswith(f"chaptergen/{only} retry requested")
    wished = json.loads(shell("regenerate", only, "-A", "--feedback", "shorter", "-o", "json"))
    assert wished["spec"]["regeneration"]["feedback"] == "shorter"


VERBS = (
    "why", "get-task", "logs", "download", "validate", "export --format pdf", "retry", "cancel", "stop", "suspend",
    "resume", "regenerate --feedback shorter",
)  # fmt: skip


def test_of_several_of_one_name_none_is_touched_and_all_are_listed(
    shell: Shell, scene: Scene, elsewhere: Elsewhere
) -> None:
    ways = [f"-n {s.namespace} chaptergen/{elsewhere.both}" for s in (scene, elsewhere.scene)]
    wanted = f"Error: {elsewhere.both} is the name of several: say {' or '.join(ways)}.\n"
    for verb in VERBS:
        assert shell.run(*verb.split(), elsewhere.both, "-A", code=2) == ("", wanted), verb
    for place in (scene, elsewhere.scene):
        status = place.status("ChapterGeneration", elsewhere.both)
        assert (status["phase"], status["observedGeneration"]) == ("Suspended", 1)
        assert place.kubectl("get", "qualval,courseexp", "-o", "name") == ""


def test_a_file_goes_into_one_namespace(shell: Shell, scene: Scene) -> None:
    (shell.folder / "mine.md").write_text("# Loops")
    _, said = shell.run("validate", "mine.md", "-A", code=2)
    assert "mine.md is a file, which goes into one namespace" in said


def test_what_nobody_has_is_not_found(shell: Shell, scene: Scene) -> None:
    _, said = shell.run("why", "nobody,metadata.name=loops", "-A", code=3)
    assert "No course, chapter, validation or export in any namespace is called nobody" in said
    _, said = shell.run("why", "coursegen/nobody", "-A", code=3)
    assert "No CourseGeneration in any namespace is called coursegen/nobody" in said
