"""The plugin as a shell sees it: completion under kubectl, output for machines, pipes, and ^C."""

import json
import signal
import tarfile
from pathlib import Path

import pytest
import yaml

from coursegen_api import names

from ...e2e.scene import Scene, course
from ..operator.kubelet import Kubelet, well
from .conftest import TITLE
from .shell import Shell


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("susp",), ["suspend", ":4"]),
        (("why", "-n", "{namespace}", ""), ["coursegen/c", "chaptergen/loops", ":4"]),
        (("why", "-n", "{namespace}"), ["{namespace}", ":4"]),
        (("validate", "-n", "{namespace}", "my"), [":0"]),
        (("download", "x", "-d", ""), [":16"]),
    ],
)
def test_kubectl_itself_completes_verbs_names_and_values(
    shell: Shell, waiting: None, words: tuple[str, ...], offered: list[str]
) -> None:
    asked = [w.format(namespace=shell.namespace) for w in words]
    out, err = shell.start("kubectl", "__complete", "coursegen", *asked).communicate(timeout=60)
    assert out.splitlines() == [o.format(namespace=shell.namespace) for o in offered], err


def test_machines_get_json_yaml_and_names(shell: Shell, waiting: None) -> None:
    status = json.loads(shell("status", "-o", "json"))
    assert {q["name"]: q["priority"] for q in status["queues"]}["chapter-generation"] == 8
    assert status["courses"]["byPhase"] == {"Suspended": 1}
    assert json.loads(shell("get-task", "c", "-o", "json"))["spec"]["title"] == TITLE
    assert yaml.safe_load(shell("why", "loops", "-o", "yaml"))["holdReason"] == "Suspended"
    assert shell("get-task", "loops", "-o", "name") == "chaptergen/loops\n"
    assert shell("resume", "loops", "-o", "name") == "chaptergen/loops\n"
    assert shell("active", "-o", "json") == "[]\n"
    assert shell("performance", "-o", "json").startswith("{")
    assert shell("status", "-o", "name", code=2) == ""


def test_nothing_is_coloured_or_cut_off_in_a_pipe_that_closes_early(shell: Shell, waiting: None) -> None:
    line = f"kubectl coursegen status -n {shell.namespace} -o wide | head -1"
    out, err = shell.start("sh", "-c", line).communicate(timeout=60)
    assert (out, err) == ("PART       STATE    SAYS\n", "")


def test_on_a_terminal_monitor_redraws_in_place_and_sums_up(shell: Shell, waiting: None) -> None:
    seen = shell.on_a_terminal("kubectl", "coursegen", "monitor", "-n", shell.namespace, "--duration", "2")
    assert "left, ^C ends it" in seen
    assert "chapter-generation" in seen
    assert "\x1b[" in seen, "it is drawn over"
    assert "95 % of tasks succeed: unknown, nothing ended" in seen.rpartition("Summary")[2]


def test_a_support_bundle_has_everything_but_content(shell: Shell, waiting: None, tmp_path: Path) -> None:
    shell("support-bundle", "--file", "b.tar.gz")
    with tarfile.open(tmp_path / "b.tar.gz") as archive:
        files = {m.name.partition("/")[2]: (archive.extractfile(m) or archive).read() for m in archive.getmembers()}  # type: ignore[union-attr]
    assert {"README.txt", "errors.txt", "status.json", "coursegenerations.json", "jobs.json", "events.json"} <= set(
        files
    )
    assert files["errors.txt"] == b"none\n"
    assert [n for n, content in files.items() if TITLE.encode() in content or b"Write a for loop" in content] == []
    assert json.loads(files["coursegenerations.json"])["items"][0]["status"]["holdReason"] == "Suspended"
    assert [p.name for p in tmp_path.iterdir() if "making" in p.name] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_test_queue_leaves_nothing_behind(shell: Shell, scene: Scene, number: signal.Signals) -> None:
    scratch = Scene(scene.system, f"scratch-{number.name.lower()}", [])
    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData={"COURSEGEN_STORE_URL": "s3://none"})
    with Kubelet(scratch, lambda task: None):  # a Pod that ran would take 30 s to be removed
        load = ("test-queue", "--courses", "1", "--scratch", scratch.namespace, "-n", scene.namespace)
        running = shell.start("kubectl-coursegen", *load)
        scratch.until("CourseGeneration", "trial-001", lambda s: s.get("chapters", {}).get("total"), 60)
        running.send_signal(number)
        out, err = running.communicate(timeout=120)
    assert (running.returncode, f"Namespace {scratch.namespace} is being removed" in err) == (130, True), out + err
    scene.kubectl("wait", "--for=delete", f"namespace/{scratch.namespace}", "--timeout=240s")


def test_a_namespace_that_was_prepared_for_loads_is_used_and_left(shell: Shell, scene: Scene) -> None:
    prepared = Scene(scene.system, f"{scene.namespace}-loads", [])
    scene.system.create_tenant(prepared.namespace, {})
    path = f"/api/v1/namespaces/{prepared.namespace}"
    labels = {"metadata": {"labels": {names.LABEL_TEST_QUEUE: "true"}}}
    scene.system.request("PATCH", path, labels, "application/merge-patch+json")
    load = ("test-queue", "--courses", "1", "--chapters", "1", "-o", "json")
    with Kubelet(prepared, well):
        verdict = json.loads(shell(*load))
        assert (verdict["passed"], verdict["faults"]) == (True, [])
        prepared.create("CourseGeneration", "of-another", course(1, suspend=True))
        shell(*load, code=2)
    left = scene.system.api.get(f"/apis/{names.API_VERSION}/namespaces/{prepared.namespace}/coursegenerations")["items"]
    assert [c["metadata"]["name"] for c in left] == ["of-another"]
    scene.system.api.request("DELETE", path)
