"""Bad input as people type it: refused, in words that name the field."""

import json
from typing import Any

import pytest
import yaml

from ..conftest import ROOT, LiveCluster
from . import manifests
from .manifests import CHAPTER
from .schema import Json

GOOD = {"title": "Python Programming", "learningObjectives": ["Learn Python basics"]}
OBJECTIVES = ["🎓" * 300] * 20

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("an unknown field", {"titel": "Python"}, 'unknown field "spec.titel"'),
    ("a field in the wrong place", {"quality": {"title": "x"}}, 'unknown field "spec.quality.title"'),
    ("an empty title", {"title": ""}, "spec.title"),
    ("a title of spaces", {"title": "   "}, "spec.title"),
    ("no title", {"title": None}, "spec.title: Required value"),
    ("no objectives", {"learningObjectives": []}, "spec.learningObjectives"),
    ("0 chapters", {"chapterCount": 0}, "spec.chapterCount"),
    ("101 chapters", {"chapterCount": 101}, "spec.chapterCount"),
    ("an empty list of chapters", {"chapters": []}, "spec.chapters"),
    ("a list of 101 chapters", {"chapters": [CHAPTER | {"id": f"c{i}"} for i in range(101)]}, "spec.chapters"),
    ("a negative duration", {"estimatedDuration": "-PT20H"}, "spec.estimatedDuration"),
    ("the duration PT20X", {"estimatedDuration": "PT20X"}, "spec.estimatedDuration"),
    ("the duration PT", {"estimatedDuration": "PT"}, "must name at least one amount, for example PT20H"),
    ("the duration P", {"estimatedDuration": "P"}, "spec.estimatedDuration"),
    ("an unknown export format", {"exports": [{"format": "docx"}]}, "spec.exports[0].format"),
    (
        "a version of SCORM that YAML reads as a number",
        {"exports": [{"format": "scorm", "scorm": {"version": 1.2}}]},
        "spec.exports[0].scorm.version",
    ),
    ("a title of 2 MB", {"title": "x" * 2_000_000}, "spec.title"),
    (
        "chapters of 2 MB",
        {"chapters": [CHAPTER | {"id": f"c{i}", "learningObjectives": OBJECTIVES} for i in range(85)]},
        "spec.chapters",
    ),
    ("objectives of 2 MB", {"learningObjectives": ["x" * 300] * 7000}, "spec.learningObjectives"),
]


def course(name: str = "course-123", **changes: Any) -> Json:
    spec = {k: v for k, v in (GOOD | changes).items() if v is not None}
    return manifests.manifest("CourseGeneration", spec, name)


@pytest.mark.parametrize(("changes", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input_is_refused_in_words_that_name_the_field(
    cluster: LiveCluster, namespace: str, changes: dict[str, Any], words: str
) -> None:
    manifest = json.dumps(course(**changes))
    # Not `apply`: it sends everything twice (its annotation), and what is over 3 MiB no schema gets to see.
    created = cluster.kubectl("create", "-n", namespace, "-f", "-", stdin=manifest)
    assert created.returncode != 0
    assert words in created.stderr


def test_a_name_of_60_characters_is_refused_by_its_name(cluster: LiveCluster, namespace: str) -> None:
    manifest = json.dumps(course("c" * 60))
    applied = cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin=manifest)
    assert applied.returncode != 0
    assert "metadata.name" in applied.stderr
    assert "52" in applied.stderr


def test_the_largest_course_that_the_schema_allows_can_be_stored_with_its_status(
    cluster: LiveCluster, namespace: str
) -> None:
    objectives = ["<" * 100] * 20  # six bytes each where it is stored
    chapters = [CHAPTER | {"id": f"{i:063d}", "title": "<" * 200, "learningObjectives": objectives} for i in range(100)]
    path = manifests.collection("CourseGeneration", namespace)
    status, answer = cluster.api.request("POST", path, course(chapters=chapters, learningObjectives=["<" * 300] * 20))
    assert status == 201, answer
    patch = {"status": {"outlineTitles": ["<" * 200] * 100}}
    status, answer = cluster.api.request(
        "PATCH", f"{path}/course-123/status", patch, kind="application/merge-patch+json"
    )
    assert status == 200, answer


def examples() -> list[Json]:
    files = [*sorted((ROOT / "examples").rglob("*.yaml")), ROOT / "deploy" / "base" / "queues.yaml"]
    documents = [d for f in files for d in yaml.safe_load_all(f.read_text()) if d]
    return [d for d in documents if d["kind"] in manifests.MODELS]


@pytest.mark.parametrize("example", examples(), ids=lambda e: f"{e['kind']} {e['metadata']['name']}")
def test_what_we_ship_is_accepted(cluster: LiveCluster, example: Json) -> None:
    path = manifests.collection(example["kind"], "default")
    status, answer = cluster.api.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", example)
    assert status == 201, answer
    assert manifests.MODELS[example["kind"]].model_validate(answer).metadata.name == example["metadata"]["name"]
