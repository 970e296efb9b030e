"""-A: an object is looked for in all namespaces; of several of one name none is touched."""

import json
from collections.abc import Iterator

import pytest

from ...e2e.scene import Scene, chapter
from .shell import Shell


@pytest.fixture
def elsewhere(scene: Scene, waiting: None) -> Iterator[Scene]:
    """Give a second namespace: `loops` is in both, `only` in that one alone."""
    other = Scene(scene.system, f"{scene.namespace}-elsewhere", [])
    scene.system.create_tenant(other.namespace, {})
    for name in ("loops", "only"):
        other.create("ChapterGeneration", name, chapter(suspend=True))
        other.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "Suspended", 60)
    yield other
    scene.system.api.request("DELETE", f"/api/v1/namespaces/{other.namespace}")


@pytest.mark.parametrize("name", ["only", "chaptergen/only", "UID"])
def test_what_one_namespace_has_is_found_from_another(shell: Shell, scene: Scene, elsewhere: Scene, name: str) -> None:
    path = f"/apis/coursegen.dev/v1alpha1/namespaces/{elsewhere.namespace}/chaptergenerations/only"
    wanted = scene.system.api.get(path)["metadata"]["uid"] if name == "UID" else name
    shell("why", wanted, code=3)
    assert json.loads(shell("why", wanted, "-A", "-o", "json"))["namespace"] == elsewhere.namespace
    assert f"chaptergen/only in {elsewhere.namespace}" in shell("get-task", "-A", wanted)


def test_verbs_act_where_the_object_is(shell: Shell, elsewhere: Scene) -> None:
    _, said = shell.run("logs", "only", "-A", code=3)
    assert "chaptergen/only has no attempt yet" in said
    _, said = shell.run("download", "only", "-A", code=3)
    assert "chaptergen/only has no file in the store yet" in said
    made = json.loads(shell("validate", "only", "-A", "-o", "json"))
    assert (made["metadata"]["namespace"], made["spec"]["chapterName"]) == (elsewhere.namespace, "only")
    made = json.loads(shell("export", "only", "-A", "--format", "pdf", "-o", "json"))
    assert (made["metadata"]["namespace"], made["spec"]["format"]) == (elsewhere.namespace, "pdf")
    wished = json.loads(shell("regenerate", "only", "-A", "--feedback", "shorter", "-o", "json"))
    assert wished["spec"]["regeneration"]["feedback"] == "shorter"
    shell("resume", "only", "-A")
    shell("suspend", "only", "-A")
    shell("cancel", "only", "-A")
    elsewhere.until("ChapterGeneration", "only", lambda s: s.get("phase") == "Cancelled", 60)
    assert shell("retry", "only", "-A").startswith("chaptergen/only retry requested")


@pytest.mark.parametrize(
    "arguments",
    [
        ("why",),
        ("get-task",),
        ("logs",),
        ("download",),
        ("validate",),
        ("export", "--format", "pdf"),
        ("retry",),
        ("cancel",),
        ("stop",),
        ("suspend",),
        ("resume",),
        ("regenerate", "--feedback", "shorter"),
    ],
    ids=lambda a: a[0],
)
def test_of_several_of_one_name_none_is_touched_and_all_are_listed(
    shell: Shell, scene: Scene, elsewhere: Scene, arguments: tuple[str, ...]
) -> None:
    out, err = shell.run(*arguments, "loops", "-A", code=2)
    ways = " or ".join(sorted(f"-n {s.namespace} chaptergen/loops" for s in (scene, elsewhere)))
    assert (out, err) == ("", f"Error: loops is the name of several: say {ways}.\n")


def test_a_file_goes_into_one_namespace(shell: Shell, waiting: None) -> None:
    (shell.folder / "mine.md").write_text("# Loops")
    _, said = shell.run("validate", "mine.md", "-A", code=2)
    assert "mine.md is a file, which goes into one namespace" in said


def test_what_nobody_has_is_not_found(shell: Shell, scene: Scene) -> None:
    _, said = shell.run("why", "nobody,metadata.name=loops", "-A", code=3)
    assert "No course, chapter, validation or export in any namespace is called nobody" in said
    _, said = shell.run("why", "coursegen/nobody", "-A", code=3)
    assert "No CourseGeneration in any namespace is called coursegen/nobody" in said
