"""Verbs and manifests: what they answer to machines, what is done twice, and what is purged."""

import json
from pathlib import Path

import pytest
import yaml

from coursegen_api import names
from coursegen_api.base import FailureClass, Usage
from coursegen_api.task import TaskInput, TaskKind, TaskResult, exit_code

from ...e2e.scene import Scene, chapter, course
from ..operator.kubelet import End, Kubelet, well
from .shell import Shell

REFUSED = End(
    exit_code(FailureClass.INVALID_INPUT),
    TaskResult(failure_class=FailureClass.INVALID_INPUT, message="No verb.").to_json(),
)
FILE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: text}
data: {content.md: "# Loops"}
---
apiVersion: coursegen.dev/v1alpha1
kind: QualityValidation
metadata: {name: text}
spec: {configMapName: text, suspend: true}
"""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("suspend", "loops"), lambda o: o["spec"]["suspend"] is True),
        (("resume", "loops"), lambda o: o["spec"]["suspend"] is False),
        (("retry", "loops"), lambda o: o["status"]["phase"] == "Suspended"),  # unchanged: the object as it is
        (("cancel", "loops"), lambda o: names.ANNOTATION_CANCEL in o["metadata"]["annotations"]),
        (("stop", "c"), lambda o: names.ANNOTATION_STOP in o["metadata"]["annotations"]),
        (("regenerate", "loops", "--feedback", "x"), lambda o: o["spec"]["regeneration"]["feedback"] == "x"),
        (("validate", "loops"), lambda o: o["spec"]["chapterName"] == "loops"),
        (("export", "loops", "--format", "pdf"), lambda o: o["spec"]["format"] == "pdf"),
    ],
    ids=lambda a: a[0] if isinstance(a, tuple) else "",
)
def test_a_verb_answers_with_the_object_that_came_of_it(shell: Shell, waiting: None, arguments, says) -> None:
    told = json.loads(shell(*arguments, "-o", "json"))
    assert (told["apiVersion"], told["metadata"]["namespace"]) == (names.API_VERSION, shell.namespace)
    assert says(told), told
    again = yaml.safe_load(shell("get-task", f"{told['kind'].lower()}/{told['metadata']['name']}", "-o", "yaml"))
    assert again["metadata"]["uid"] == told["metadata"]["uid"]


def test_of_several_there_is_a_list_also_of_what_was_done_before_an_error(shell: Shell, waiting: None) -> None:
    told = json.loads(shell("suspend", "loops", "c", "-o", "json"))
    assert [(told["kind"]), *(o["kind"] for o in told["items"])] == ["List", "ChapterGeneration", "CourseGeneration"]
    out, err = shell.run("resume", "loops", "nobody", "-o", "yaml", "-n", shell.namespace, code=3)
    [done] = yaml.safe_load(out)["items"]
    assert (done["metadata"]["name"], "is called nobody" in err) == ("loops", True)
    assert shell("suspend", "loops", "c", "-o", "name").splitlines() == ["chaptergen/loops", "coursegen/c"]


def test_what_is_submitted_twice_is_unchanged_until_the_file_changes(shell: Shell, scene: Scene) -> None:
    file = shell.folder / "f.yaml"
    file.write_text(FILE)
    for did in ("created", "unchanged"):
        assert shell("submit", "f.yaml").splitlines() == [f"configmap/text {did}", f"qualval/text {did}"]
    told = json.loads(shell("plan", "f.yaml", "-o", "json"))
    assert [v["wouldBe"] for v in told] == ["unchanged", "unchanged"]
    file.write_text(FILE.replace("suspend: true", "suspend: false"))
    assert [v["wouldBe"] for v in json.loads(shell("plan", "f.yaml", "-o", "json"))] == ["unchanged", "changed"]
    assert shell("submit", "f.yaml").splitlines() == ["configmap/text unchanged", "qualval/text changed"]
    told = json.loads(shell("submit", "f.yaml", "-o", "json"))
    assert [(o["kind"], "managedFields" in o["metadata"]) for o in told["items"]] == [
        ("ConfigMap", False),
        ("QualityValidation", False),
    ]
    file.write_text(FILE.partition("---\n")[0])
    assert json.loads(shell("submit", "f.yaml", "-o", "json"))["kind"] == "ConfigMap"


def test_failed_work_that_no_course_owns_is_purged_and_nothing_else(
    shell: Shell, scene: Scene, kubelet: Kubelet, waiting: None
) -> None:
    kubelet.decide = lambda task: REFUSED
    scene.create("ChapterGeneration", "failed", chapter())
    scene.create("CourseGeneration", "in-vain", course(1))
    for kind, name in (("ChapterGeneration", "failed"), ("CourseGeneration", "in-vain")):
        assert scene.until_ended(name, kind, 60)["phase"] == "Failed"
    assert scene.status("ChapterGeneration", "in-vain-chapter-01")["phase"] == "Failed", "it goes with its course"
    out, err = shell.run("purge", "--failed", "-n", scene.namespace, code=2)
    assert (out, "There is nobody to ask: say --yes." in err) == ("", True)
    out, err = shell.run("purge", "--failed", "--yes", "-o", "json", "-n", scene.namespace)
    told = json.loads(out)
    assert [(o["kind"], o["metadata"]["name"]) for o in told["items"]] == [
        ("CourseGeneration", "in-vain"),
        ("ChapterGeneration", "failed"),
    ]
    assert err.splitlines() == [f"  {scene.namespace}  coursegen/in-vain", f"  {scene.namespace}  chaptergen/failed"]
    left = [n for n in scene.kubectl("get", "coursegen,chaptergen", "-o", "name").split() if "in-vain-" not in n]
    assert left == ["coursegeneration.coursegen.dev/c", "chaptergeneration.coursegen.dev/loops"]


def test_with_all_namespaces_what_failed_anywhere_is_purged(shell: Shell, scene: Scene, kubelet: Kubelet) -> None:
    kubelet.decide = lambda task: REFUSED
    scene.create("ChapterGeneration", "failed", chapter())
    scene.until_ended("failed", "ChapterGeneration", 60)
    out, err = shell.run("purge", "--failed", "--yes", "-A", "-o", "name")
    assert "chaptergen/failed" in out.splitlines()
    assert f"  {scene.namespace}  chaptergen/failed" in err.splitlines()
    out, err = shell.run("purge", "--failed", "--yes", "-n", scene.namespace)
    assert (out, err) == ("", "Nothing has failed.\n")


def test_a_plan_knows_time_and_cost_from_what_was_measured(shell: Shell, scene: Scene, kubelet: Kubelet) -> None:
    def paid(task: TaskInput) -> End | None:
        end = well(task)
        if task.work.kind is not TaskKind.CHAPTER:
            return end
        said = TaskResult.model_validate_json(end.message)
        return End(0, said.model_copy(update={"usage": Usage(cost_micro_usd=20_000)}).to_json(), "Completed")

    kubelet.decide = paid
    scene.create("ModelProvider", "p", {"writer": "openai", "endpoint": "https://m.example/v1", "model": "m"})
    scene.create("CourseGeneration", "before", course(1, providerName="p"))
    assert scene.until_ended("before", seconds=60)["phase"] == "Succeeded"
    queue = "/apis/coursegen.dev/v1alpha1/generationqueues/chapter-generation"
    scene.system.recorder.until(
        lambda: "runP50Seconds" in scene.system.api.get(queue)["status"].get("lastHour", {}), 60, lambda: "no median"
    )
    after = {"apiVersion": names.API_VERSION, "kind": "CourseGeneration", "metadata": {"name": "next"}}
    given = course(3, providerName="p") | {"title": "Another"}
    (shell.folder / "next.yaml").write_text(yaml.safe_dump(after | {"spec": given}))
    [told] = json.loads(shell("plan", "next.yaml", "-o", "json"))
    assert (told["jobs"], told["chapters"], told["costMicroUSD"]) == (3, 3, 60_000), told
    assert told["seconds"] is not None
    assert "$0.06" in shell("plan", "next.yaml")


def test_a_context_is_chosen_by_its_name(shell: Shell, scene: Scene, waiting: None, tmp_path: Path) -> None:
    known = yaml.safe_load(scene.system.kubectl.kubeconfig.read_text())
    [context] = known["contexts"]
    dead = {"name": "dead", "cluster": {"server": "https://127.0.0.1:9"}}
    here = context["context"] | {"namespace": scene.namespace}
    known |= {
        "clusters": [*known["clusters"], dead],
        "contexts": [
            {"name": "first", "context": here | {"cluster": "dead"}},
            {"name": "second", "context": here},
        ],
        "current-context": "first",
    }
    file = tmp_path / "two"
    file.write_text(yaml.safe_dump(known))
    shell.run("why", "loops", "--kubeconfig", str(file), code=5)
    out, _ = shell.run("why", "loops", "--kubeconfig", str(file), "--context", "second", "-o", "json")
    assert json.loads(out)["namespace"] == scene.namespace, "the context's namespace"
    shell.run("why", "loops", "--kubeconfig", str(file), "--context", "third", code=5)
