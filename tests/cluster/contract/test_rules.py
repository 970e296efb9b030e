"""Every rule of the six CRDs, on the API server: the border is accepted, one step beyond is refused by name."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from ..conftest import LiveCluster
from . import manifests, schema, tables
from .manifests import MODELS, SPECS
from .schema import Json

STRICT = "dryRun=All&fieldValidation=Strict"

PHRASES = {
    "minLength": "should be at least",
    "maxLength": "Too long",
    "pattern": "should match",
    "minimum": "should be greater than or equal to",
    "maximum": "should be less than or equal to",
    "minItems": "should have at least",
    "maxItems": "must have at most",
    "maxProperties": "must have at most",
    "enum": "Unsupported value",
    "required": "Required value",
    "unique": "Duplicate value",
}
"""What the API server says of each keyword; of a CEL rule it says the rule's own message."""

WRONG_TYPE = {"string": 7, "integer": "x", "number": "x", "boolean": "x", "array": "x", "object": "x"}


def create(cluster: LiveCluster, manifest: Json) -> tuple[int, Any]:
    """Ask the API server whether it would take an object, as kubectl asks."""
    path = manifests.collection(manifest["kind"], "default")
    return cluster.api.request("POST", f"{path}?{STRICT}", manifest)


def causes(answer: Any) -> list[tuple[str, str]]:
    """Give field and message of everything that an answer complains about."""
    listed = (answer.get("details") or {}).get("causes") or []
    return [(cause.get("field", ""), cause.get("message", "")) for cause in listed]


def row_id(row: tables.Row) -> str:
    return f"{row.kind} {row.path} {row.keyword}"


def start_of(row: tables.Row, changes: Any) -> Json:
    return manifests.changed(manifests.base(row.kind, row.path), changes)


@pytest.mark.parametrize("row", tables.ROWS, ids=row_id)
def test_the_border_of_a_rule_is_accepted_and_parsed(cluster: LiveCluster, row: tables.Row) -> None:
    status, answer = create(cluster, start_of(row, row.accepted))
    assert status == 201, answer.get("message")
    parsed = MODELS[row.kind].model_validate(answer)
    assert parsed.model_dump()["spec"] is not None


@pytest.mark.parametrize("row", tables.ROWS, ids=row_id)
def test_what_breaks_a_rule_is_refused_by_the_name_of_its_field(cluster: LiveCluster, row: tables.Row) -> None:
    manifest = start_of(row, row.refused)
    status, answer = create(cluster, manifest)
    assert status == 422, answer
    phrase = PHRASES.get(row.keyword, row.keyword)
    field = _field(row, manifest)
    assert any(_names(f, field) and phrase in m for f, m in causes(answer)), causes(answer)


def _field(row: tables.Row, manifest: Json) -> str:
    if row.keyword in PHRASES:
        return manifests.shown(row.path, manifest)
    rule = next(r for path, r in schema.cel_rules(row.kind) if (path, r["message"]) == (row.path, row.keyword))
    return manifests.shown(row.path, manifest) + rule.get("fieldPath", "")


def _names(said: str, field: str) -> bool:
    """A duplicate is named by its index."""
    return said == field or (said.startswith(f"{field}[") and said.endswith("]"))


@pytest.mark.parametrize("row", [r for r in tables.ROWS if r.keyword in {*PHRASES} - {"unique"}], ids=row_id)
def test_the_models_refuse_what_the_schema_refuses(row: tables.Row) -> None:
    with pytest.raises(ValidationError):
        MODELS[row.kind].model_validate(start_of(row, row.refused))


def test_no_rule_is_without_a_row() -> None:
    stated = {rule for kind in schema.crds() for rule in schema.static_rules(kind)}
    tried = {schema.Rule(r.kind, r.path, r.keyword) for r in tables.ROWS}
    assert sorted(stated - tried) == []
    assert sorted(tried - stated) == []


# ---- what holds of every field --------------------------------------------------------------------------


def fields() -> Iterator[tuple[str, str, Json]]:
    """Give every node of every spec."""
    for kind in schema.crds():
        for path, node in schema.spec_nodes(kind):
            yield kind, path, node


@pytest.mark.parametrize(("kind", "spec"), [(kind, spec) for kind, specs in SPECS.items() for spec in specs])
def test_a_manifest_with_every_field_is_accepted_and_comes_back_as_it_was(
    cluster: LiveCluster, kind: str, spec: Json
) -> None:
    status, answer = create(cluster, manifests.manifest(kind, spec))
    assert status == 201, answer
    parsed = MODELS[kind].model_validate(answer)
    assert parsed.wire()["spec"] == answer["spec"]


@pytest.mark.parametrize(
    ("kind", "path"), [(k, p) for k, p, node in fields() if "properties" in node], ids=lambda value: str(value)
)
def test_an_unknown_field_is_refused_by_its_name(cluster: LiveCluster, kind: str, path: str) -> None:
    manifest = manifests.base(kind, path)
    manifest = manifests.changed(manifest, {f"{path}.surprise": 1})
    status, answer = create(cluster, manifest)
    assert status == 400
    assert f'unknown field "{manifests.shown(path, manifest)}.surprise"' in answer["message"]
    with pytest.raises(ValidationError):
        MODELS[kind].model_validate(manifest)


@pytest.mark.parametrize(
    ("kind", "path", "wrong"),
    [(k, p, WRONG_TYPE[node["type"]]) for k, p, node in fields()],
    ids=lambda value: str(value),
)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field(
    cluster: LiveCluster, kind: str, path: str, wrong: Any
) -> None:
    manifest = manifests.base(kind, path)
    status, answer = create(cluster, manifests.changed(manifest, {path: wrong}))
    assert status == 422
    assert any(f == manifests.shown(path, manifest) and "must be of type" in m for f, m in causes(answer)), answer
