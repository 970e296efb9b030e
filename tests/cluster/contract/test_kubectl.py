"""What kubectl shows: tables that answer "what is it doing" in one line, selectors, names, explanations."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..conftest import LiveCluster
from . import manifests, scene, schema

GOLDEN = Path(__file__).with_name("kubectl_get.txt")

COMMANDS = (
    "get coursegen,chaptergen,genqueue",
    "get coursegen,chaptergen,genqueue -o wide",
    "get qualval,courseexp,modelprov",
    "get qualval,courseexp,modelprov -o wide",
)


@pytest.fixture(scope="module")
def work(cluster: LiveCluster) -> Iterator[str]:
    """Give a namespace in the middle of its work."""
    namespace = "scene"
    cluster.create_namespace(namespace)
    paths = []
    for manifest, status in scene.SCENE:
        path = manifests.collection(manifest["kind"], namespace)
        labelled = manifest | {"metadata": manifest["metadata"] | {"labels": {"scene": namespace}}}
        code, answer = cluster.api.request("POST", f"{path}?fieldValidation=Strict", labelled)
        assert code == 201, answer
        paths.append(f"{path}/{manifest['metadata']['name']}")
        patch = {"status": scene.expand(status)}
        code, answer = cluster.api.request(
            "PATCH", f"{paths[-1]}/status?fieldValidation=Strict", patch, kind="application/merge-patch+json"
        )
        assert code == 200, answer
        assert manifests.MODELS[manifest["kind"]].model_validate(answer).wire()["status"] is not None
    yield namespace
    for path in paths:
        cluster.api.request("DELETE", path)
    cluster.api.request("DELETE", f"/api/v1/namespaces/{namespace}")


def _printed(cluster: LiveCluster, namespace: str, command: str) -> str:
    shown = cluster.kubectl(*command.split(), "-n", namespace, "-l", f"scene={namespace}")
    assert shown.returncode == 0, shown.stderr
    lines = (re.sub(r"(?<= )\d{1,2}s ?(?= |$)", "0s ", line).rstrip() for line in shown.stdout.splitlines())
    return "\n".join([f"$ kubectl {command}", *lines, ""])


def test_the_tables_say_what_each_thing_is_doing(cluster: LiveCluster, work: str) -> None:
    printed = "\n".join(_printed(cluster, work, command) for command in COMMANDS)
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(printed)
    assert printed == GOLDEN.read_text()


@pytest.mark.parametrize("kind", [k for k, c in schema.crds().items() if c["spec"]["scope"] == "Namespaced"])
def test_the_category_lists_every_kind(cluster: LiveCluster, work: str, kind: str) -> None:
    listed = cluster.kubectl("get", "generations", "-A", "-o", "name").stdout
    assert f"{kind.lower()}.coursegen.dev/" in listed


@pytest.mark.parametrize(
    ("resource", "course", "names"),
    [
        ("chaptergen", "python", [f"python-chapter-0{i}" for i in range(1, 6)]),
        ("chaptergen", "html", []),
        ("qualval", "html", ["html-quality-0a1b2c3d"]),
        ("courseexp", "python", ["python-scorm-0a1b2c3d"]),
    ],
)
def test_the_work_of_a_course_can_be_selected(
    cluster: LiveCluster, work: str, resource: str, course: str, names: list[str]
) -> None:
    selector = f"--field-selector=spec.courseName={course}"
    listed = cluster.kubectl("get", resource, "-n", work, selector, "-o", "name")
    assert [line.split("/")[1] for line in listed.stdout.split()] == names


def test_failed_work_can_be_purged_by_one_verb(cluster: LiveCluster, work: str) -> None:
    kinds = "coursegen,chaptergen,qualval,courseexp"
    done = cluster.kubectl(
        "delete", kinds, "-n", work, "--field-selector=status.phase=Failed", "--dry-run=server", "-o", "name"
    )
    assert done.returncode == 0, done.stderr
    failed = cluster.kubectl("get", kinds, "-n", work, "-o", "jsonpath={range .items[?(@.status.phase=='Failed')]}"
        "{.metadata.name} {end}")  # fmt: skip
    assert sorted(line.split("/")[1] for line in done.stdout.split()) == sorted(failed.stdout.split())
    assert failed.stdout.split()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("coursegen.spec.estimatedDuration", ("ISO 8601", "Example: PT20H.")),
        ("coursegen.spec.quality.minReadabilityScore", ("Flesch", "0 to 100", "Default: 80.")),
        ("coursegen.spec.failurePolicy", ("ENUM:", "ExportPartial", "Default: Fail.")),
        ("chaptergen.spec.learningObjectives", ("a line each", "Example: [Write a for loop].")),
        ("genqueue.spec.backoffSeconds", ("Seconds", "Default: [60, 120, 240].")),
        ("coursegen.status.holdMessage", ("What it waits for",)),
    ],
)
def test_explain_gives_meaning_unit_default_and_example(
    cluster: LiveCluster, field: str, words: tuple[str, ...]
) -> None:
    shown = " ".join(cluster.kubectl("explain", field).stdout.split())
    assert [word for word in words if word not in shown] == []


@pytest.mark.parametrize("kind", list(schema.crds()))
def test_a_condition_of_one_type_is_there_once(cluster: LiveCluster, work: str, kind: str) -> None:
    manifest = next(m for m, _ in scene.SCENE if m["kind"] == kind)
    condition = {"type": "Ready", "status": "True", "reason": "R", "lastTransitionTime": scene.STAMP}
    path = f"{manifests.collection(kind, work)}/{manifest['metadata']['name']}/status?dryRun=All"
    patch = {"status": {"conditions": [condition, condition]}}
    code, answer = cluster.api.request("PATCH", path, patch, kind="application/merge-patch+json")
    assert code == 422
    assert "status.conditions[1]: Duplicate value" in answer["message"]
