"""The generated CRDs: bounded, structural, up to date, and explained field by field."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from coursegen_api import crd, docs
from coursegen_api.crd import KINDS

ROOT = Path(__file__).parents[3]
CRDS = {kind.kind_name(): crd.crd(kind) for kind in KINDS}
SHORT = {
    "CourseGeneration": "coursegen",
    "ChapterGeneration": "chaptergen",
    "QualityValidation": "qualval",
    "CourseExport": "courseexp",
    "ArtifactCleanup": "artclean",
    "GenerationQueue": "genqueue",
    "ModelProvider": "modelprov",
}

Json = dict[str, Any]


def nodes(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], path + "{}")


def version(kind: str) -> Json:
    (only,) = CRDS[kind]["spec"]["versions"]
    return only


def fields(*parts: str) -> list[Any]:
    """Give every node below spec or status of every kind, as parameters."""
    schemas = ((kind, version(kind)["schema"]["openAPIV3Schema"]["properties"]) for kind in CRDS)
    return [
        pytest.param(node, id=f"{kind} {path}")
        for kind, properties in schemas
        for part in parts
        for path, node in nodes(properties[part], part)
    ]


@pytest.mark.parametrize("kind", CRDS)
def test_the_managers_of_a_status_are_kept_for_all_of_it_and_those_of_a_spec_field_by_field(kind: str) -> None:
    properties = version(kind)["schema"]["openAPIV3Schema"]["properties"]
    assert properties["status"]["x-kubernetes-map-type"] == "atomic"
    assert not any("x-kubernetes-map-type" in node for _, node in nodes(properties["spec"], "spec"))


@pytest.mark.parametrize("node", fields("spec", "status"))
def test_every_field_is_structural_and_bounded(node: Json) -> None:
    assert not {"$ref", "anyOf", "oneOf", "allOf", "not", "nullable"} & set(node)
    bounds = {
        "string": {"maxLength", "enum"},
        "array": {"maxItems"},
        "object": {"properties", "maxProperties"},
        "integer": {"format"},
    }
    wanted = bounds.get(node["type"])
    assert wanted is None or wanted & set(node)
    assert not ("properties" in node and "additionalProperties" in node)


@pytest.mark.parametrize("node", [p for p in fields("spec", "status") if not p.id.endswith(("[]", "{}"))])
def test_every_field_is_explained_by_a_sentence(node: Json) -> None:
    words = node["description"]
    assert re.fullmatch(r"[A-Za-z].*\.", words, re.DOTALL), words
    assert len(words.split()) >= 2, words
    assert len(words) <= 300


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("node", [p for p in fields("spec") if "default" in p.values[0]])
def test_a_default_is_stated(node: Json) -> None:
    if node["default"] == {}:
        assert "Default: " in node["description"]
    else:
        assert f"Default: {_default(node['default'])}." in node["description"]


@pytest.mark.parametrize("node", [p for p in fields("spec") if not p.id.endswith(("spec", "[]", "{}"))])
def test_a_person_is_told_an_example_a_default_or_the_choices(node: Json) -> None:
    inner = node.get("items", node)
    told = re.search(r"(Example|Default): ", node["description"])
    assert told or "properties" in inner or any(value in node["description"] for value in node.get("enum", ())), node


@pytest.mark.parametrize("kind", list(CRDS))
def test_kubectl_knows_every_kind_by_category_and_short_name(kind: str) -> None:
    named = CRDS[kind]["spec"]["names"]
    assert (named["categories"], named["shortNames"]) == (["generations"], [SHORT[kind]])
    assert version(kind)["subresources"] == {"status": {}}
    assert CRDS[kind]["spec"]["scope"] == ("Cluster" if kind == "GenerationQueue" else "Namespaced")


@pytest.mark.parametrize("kind", ["ChapterGeneration", "QualityValidation", "CourseExport"])
def test_the_work_of_a_course_is_selectable(kind: str) -> None:
    assert {"jsonPath": ".spec.courseName"} in version(kind)["selectableFields"]


@pytest.mark.parametrize(
    "kind", ["CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport", "ArtifactCleanup"]
)
def test_failed_work_is_selectable(kind: str) -> None:
    assert {"jsonPath": ".status.phase"} in version(kind)["selectableFields"]


@pytest.mark.parametrize("kind", list(CRDS))
def test_columns_name_fields_that_exist(kind: str) -> None:
    schema = version(kind)["schema"]["openAPIV3Schema"]
    known = {path for path, _ in nodes(schema, "")} | {".metadata.creationTimestamp"}
    for column in version(kind)["additionalPrinterColumns"]:
        plain = re.sub(r"\[\?\(@\.(\w+)==.*?\)\]", "[]", column["jsonPath"])
        assert plain in known, column


def test_the_generated_files_are_up_to_date() -> None:
    for name, text in crd.files():
        assert (ROOT / "crds" / name).read_text() == text, f"{name} is stale: run `make generate`"
    assert (ROOT / "docs" / "api.md").read_text() == docs.reference(), "docs/api.md is stale: run `make generate`"


def test_the_files_of_crds_are_the_generated_ones_and_no_others() -> None:
    assert {p.name for p in (ROOT / "crds").glob("*.yaml")} == {name for name, _ in crd.files()}
    for name, text in crd.files():
        assert "&id" not in text, f"{name} has an anchor: no person reads that"
        assert yaml.safe_load(text)["kind"] in ("CustomResourceDefinition", "Kustomization")


@pytest.mark.parametrize(
    ("module", "target", "stale"),
    [("coursegen_api.crd", "crds", "crds/chaptergenerations.yaml"), ("coursegen_api.docs", "api.md", "api.md")],
)
def test_a_stale_file_is_named(tmp_path: Path, module: str, target: str, stale: str) -> None:
    (tmp_path / "crds").mkdir()

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", module, str(tmp_path / target), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run().returncode == 0
    (tmp_path / stale).write_text("old")
    found = run("--check")
    assert (found.returncode, Path(stale).name in found.stderr) == (1, True)
