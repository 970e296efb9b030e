"""What may change after creation and what may not, on the API server."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from ..conftest import LiveCluster
from . import manifests, schema, tables
from .manifests import ABSENT, CMI5, SCORM, SPECS
from .schema import Json

_IMMUTABLE = re.compile(r"(\w+) is immutable: create another object instead")
QUEUE_RULE = "queueName cannot be changed while the work is admitted: wait for its end, or cancel it"
EXPORTS_RULE = "an export cannot be changed or taken away: add another format"
WORK = ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport", "ArtifactCleanup")

Apply = Callable[[Json], Json]
Update = Callable[[Json, Mapping[str, Any]], tuple[int, Any]]


class Fixed(NamedTuple):
    """An immutable field of a kind."""

    kind: str
    field: str

    @property
    def path(self) -> str:
        return f"spec.{self.field}"


def fixed_fields() -> list[Fixed]:
    stated = ((kind, message) for kind in schema.crds() for message in sorted(schema.transition_rules(kind)))
    return [Fixed(kind, found[1]) for kind, message in stated if (found := _IMMUTABLE.fullmatch(message))]


@pytest.fixture
def apply(cluster: LiveCluster, namespace: str) -> Iterator[Apply]:
    """Create an object for real: only what is stored has a past that rules can compare with."""
    made: list[str] = []

    def create(manifest: Json) -> Json:
        path = manifests.collection(manifest["kind"], namespace)
        status, answer = cluster.api.request("POST", f"{path}?fieldValidation=Strict", manifest)
        assert status == 201, answer
        made.append(f"{path}/{manifest['metadata']['name']}")
        stored: Json = answer
        return stored

    yield create
    for path in made:
        cluster.api.request("DELETE", path)


@pytest.fixture
def update(cluster: LiveCluster, namespace: str) -> Update:
    """Ask whether a change of a stored object would be taken."""

    def put(stored: Json, changes: Mapping[str, Any]) -> tuple[int, Any]:
        path = f"{manifests.collection(stored['kind'], namespace)}/{stored['metadata']['name']}"
        changed = manifests.changed(stored, changes)
        return cluster.api.request("PUT", f"{path}?dryRun=All&fieldValidation=Strict", changed)

    return put


def complaints(answer: Any) -> list[tuple[str, str]]:
    return [(c.get("field", ""), c.get("message", "")) for c in answer.get("details", {}).get("causes", ())]


def assert_refused(answered: tuple[int, Any], field: str, message: str) -> None:
    status, answer = answered
    assert status == 422, answer
    assert any(f == field and message in m for f, m in complaints(answer)), answer


@pytest.mark.parametrize("fixed", fixed_fields(), ids=lambda fixed: ".".join(fixed))
def test_an_immutable_field_cannot_be_changed_nor_taken_away(apply: Apply, update: Update, fixed: Fixed) -> None:
    stored = apply(manifests.base(fixed.kind, fixed.path))
    assert_refused(update(stored, {fixed.path: tables.OTHER[fixed.field]}), fixed.path, f"{fixed.field} is immutable")
    needed = fixed.field in schema.schema(fixed.kind)["properties"]["spec"].get("required", ())
    words = "Required value" if needed else f"{fixed.field} is immutable"
    assert_refused(update(stored, {fixed.path: ABSENT}), fixed.path, words)
    assert update(stored, {})[0] == 200


@pytest.mark.parametrize("fixed", fixed_fields(), ids=lambda fixed: ".".join(fixed))
def test_an_immutable_field_cannot_be_added(
    cluster: LiveCluster, apply: Apply, update: Update, namespace: str, fixed: Fixed
) -> None:
    full = manifests.base(fixed.kind, fixed.path)
    without = manifests.changed(full, {fixed.path: ABSENT})
    path = manifests.collection(fixed.kind, namespace)
    if cluster.api.request("POST", f"{path}?dryRun=All", without)[0] != 201:
        # It is needed there: another manifest of the kind does without.
        others = [s for s in SPECS[fixed.kind] if fixed.field not in s]
        if not others:
            return
        without = manifests.manifest(fixed.kind, others[0])
    stored = apply(without)
    value = tables.OTHER[fixed.field]
    if stored["spec"].get(fixed.field) == value:  # by default: then the other one is the change
        value = full["spec"][fixed.field]
    answered = update(stored, {fixed.path: value})
    assert_refused(answered, fixed.path, f"{fixed.field} is immutable")


@pytest.mark.parametrize(
    ("kind", "changes"), tables.MUTABLE, ids=lambda value: value if isinstance(value, str) else "+".join(value)
)
def test_what_steers_the_work_can_be_changed_added_and_taken_away(
    apply: Apply, update: Update, kind: str, changes: Mapping[str, Any]
) -> None:
    stored = apply(manifests.base(kind, next(iter(changes))))
    status, answer = update(stored, changes)
    assert status == 200, answer
    assert answer["metadata"]["generation"] == stored["metadata"]["generation"] + 1


def test_it_is_decided_of_every_field_whether_it_may_change() -> None:
    fields = {(k, f) for k in schema.crds() for f in schema.schema(k)["properties"]["spec"]["properties"]}
    fixed = {(f.kind, f.field) for f in fixed_fields()}
    mutable = {(kind, path.split(".")[1]) for kind, changes in tables.MUTABLE for path in changes}
    assert fields - fixed - mutable == set()
    assert fixed & mutable == set()


def test_every_rule_about_changes_is_tried_here() -> None:
    stated = {message for kind in schema.crds() for message in schema.transition_rules(kind)}
    assert {m for m in stated if not _IMMUTABLE.fullmatch(m)} == {QUEUE_RULE, EXPORTS_RULE}
    assert {f.field for f in fixed_fields()} == set(tables.OTHER)


@pytest.mark.parametrize(
    "exports",
    [
        [SCORM | {"includeAssessments": True}],
        [{"format": "scorm", "scorm": SCORM["scorm"]}, {"format": "json"}],
        [SCORM | {"scorm": {"version": "scorm-1.2", "packaging": "PerChapter"}}],
        [SCORM | {"scorm": {"version": "scorm-2004-3rd"}}],
        [{"format": "scorm", "includeAssessments": False}],
        [{"format": "json"}],
        [],
        ABSENT,
    ],
    ids=[
        "changed",
        "by its default",
        "another SCORM",
        "SCORM by its default",
        "without SCORM",
        "replaced",
        "emptied",
        "taken away",
    ],
)
def test_an_export_is_added_but_never_changed_nor_taken_away(apply: Apply, update: Update, exports: Any) -> None:
    stored = apply(manifests.base("CourseGeneration", "spec.exports"))
    assert_refused(update(stored, {"spec.exports": exports}), "spec.exports", EXPORTS_RULE)


@pytest.mark.parametrize("exports", [[{"format": "cmi5"}], [CMI5 | {"cmi5": {"packaging": "Single"}}]])
def test_a_cmi5_export_is_not_changed_either(apply: Apply, update: Update, exports: Any) -> None:
    stored = apply(manifests.base("CourseGeneration", "spec.exports[].cmi5"))
    assert_refused(update(stored, {"spec.exports": exports}), "spec.exports", EXPORTS_RULE)


def test_exports_can_be_added_to_a_course_that_had_none(apply: Apply, update: Update) -> None:
    course = manifests.changed(manifests.base("CourseGeneration", "spec.exports"), {"spec.exports": ABSENT})
    assert update(apply(course), {"spec.exports": [{"format": "pdf"}]})[0] == 200


def _conditions(**answers: str) -> Json:
    stamp = "2026-01-01T00:00:00Z"
    return {
        "conditions": [
            {"type": kind, "status": status, "reason": "Because", "lastTransitionTime": stamp}
            for kind, status in answers.items()
        ]
    }


@pytest.mark.parametrize("kind", WORK)
@pytest.mark.parametrize(
    ("answers", "allowed"),
    [
        ({}, True),
        ({"Admitted": "False", "Finished": "False"}, True),
        ({"Admitted": "True", "Finished": "False"}, False),
        ({"Admitted": "True"}, False),
        ({"Admitted": "True", "Finished": "True"}, True),
    ],
    ids=["no status yet", "waiting", "admitted", "admitted, as an older operator says it", "ended"],
)
def test_the_queue_is_fixed_while_the_work_is_admitted(
    cluster: LiveCluster,
    namespace: str,
    apply: Apply,
    update: Update,
    kind: str,
    answers: dict[str, str],
    allowed: bool,
) -> None:
    stored = apply(manifests.base(kind, "spec.queueName"))
    path = f"{manifests.collection(kind, namespace)}/{stored['metadata']['name']}/status?fieldValidation=Strict"
    if answers:
        patch = {"status": _conditions(**answers)}
        status, stored = cluster.api.request("PATCH", path, patch, kind="application/merge-patch+json")
        assert status == 200, stored
    for queue in ("another", ABSENT):
        answered = update(stored, {"spec.queueName": queue})
        if allowed:
            assert answered[0] == 200, answered
        else:
            assert_refused(answered, "spec.queueName", QUEUE_RULE)
    assert update(stored, {"spec.suspend": False})[0] == 200


def test_a_default_that_is_left_out_later_is_no_change(apply: Apply, update: Update) -> None:
    spec = {"title": "t", "learningObjectives": ["o"]}
    stored = apply(manifests.manifest("CourseGeneration", spec | {"targetAudience": {"proficiencyLevel": "beginner"}}))
    assert update(stored, {"spec": spec})[0] == 200


@pytest.mark.parametrize("kind", [k for k, c in schema.crds().items()])
def test_status_is_written_apart_from_the_spec(cluster: LiveCluster, namespace: str, apply: Apply, kind: str) -> None:
    status = {"observedGeneration": 7}
    created = apply(manifests.manifest(kind, SPECS[kind][0]) | {"status": status})
    assert "status" not in created
    path = f"{manifests.collection(kind, namespace)}/{created['metadata']['name']}"
    patch = {"spec": {"suspend": False, "capacity": 1, "concurrency": 1}, "status": status}
    answered, after = cluster.api.request("PATCH", f"{path}/status", patch, kind="application/merge-patch+json")
    assert answered == 200, after
    assert (after["spec"], after["status"]) == (created["spec"], status)
    assert after["metadata"]["generation"] == created["metadata"]["generation"]
