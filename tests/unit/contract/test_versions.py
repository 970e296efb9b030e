"""Within v1alpha1 what was valid stays valid, as docs/operations.md promises: each spec is held to the released one."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ... import released

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]

ACCEPTED: dict[str, str] = {}
"""Changes that break the letter of the promise, each with the reason why they were made all the same."""

AT_MOST = ("maximum", "maxLength", "maxItems", "maxProperties")
AT_LEAST = ("minimum", "minLength", "minItems", "minProperties")
SAME = ("type", "format", "pattern", "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-list-map-keys")
NOTES = {"description", "title", "example"}
KNOWN = {
    *AT_MOST, *AT_LEAST, *SAME, *NOTES,
    "default", "enum", "required", "properties", "items", "additionalProperties", "x-kubernetes-validations",
}  # fmt: skip
"""What a schema may consist of, for this to judge it."""


def breaks(old: Json, new: Json, path: str) -> Iterator[str]:
    """Say in what a schema takes less than the one before, or something else for what is left out."""
    assert set(old) | set(new) <= KNOWN, f"{path}: {sorted((set(old) | set(new)) - KNOWN)} is judged by nobody"
    for word in SAME:
        if old.get(word) != new.get(word) and not (word == "pattern" and word not in new):
            yield f"{path}: {word} {old.get(word)} is now {new.get(word)}"
    for word in (*AT_MOST, *AT_LEAST):
        if word in new and (word not in old or _narrower(word, old[word], new[word])):
            yield f"{path}: {word} {old.get(word)} is now {new[word]}"
    if "default" in old and old["default"] != new.get("default"):
        yield f"{path}: default {old['default']} is now {new.get('default')}"
    if "enum" in new and (gone := [v for v in old.get("enum", ["everything"]) if v not in new["enum"]]):
        yield f"{path}: no longer takes {', '.join(map(str, gone))}"
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{path}.{name}: is required now"
    known = [rule["rule"] for rule in old.get("x-kubernetes-validations", ())]
    for rule in new.get("x-kubernetes-validations", ()):
        if rule["rule"] not in known:
            yield f"{path}: a new rule: {rule['rule']}"
    yield from _parts(old, new, path)


def _parts(old: Json, new: Json, path: str) -> Iterator[str]:
    for name, part in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            yield f"{path}.{name}: is gone"
        else:
            yield from breaks(part, new["properties"][name], f"{path}.{name}")
    for word, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if word in old and word in new:
            yield from breaks(old[word], new[word], f"{path}{mark}")
        elif word in old:
            yield f"{path}{mark}: is gone"


def _narrower(word: str, before: float, after: float) -> bool:
    return after < before if word in AT_MOST else after > before


def crds(tree: Path) -> dict[str, Json]:
    """Give the CRDs of a tree, by plural."""
    files = (f for f in (tree / "crds").glob("*.yaml") if f.stem != "kustomization")
    return {f.stem: yaml.safe_load(f.read_text())["spec"] for f in files}


def spec_of(crd: Json) -> Json:
    [version] = crd["versions"]
    found: Json = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Json]:
    return crds(released.unpack(tmp_path_factory.mktemp("released")))


def test_no_field_of_a_spec_is_gone_and_no_rule_stricter_than_in_the_released_version(before: dict[str, Json]) -> None:
    now = crds(ROOT)
    found = [b for plural, crd in before.items() for b in breaks(spec_of(crd), spec_of(now[plural]), f"{plural} spec")]
    assert sorted(found) == sorted(ACCEPTED), "docs/operations.md, versions of the contract"


def test_every_kind_of_the_released_version_is_there_under_its_names(before: dict[str, Json]) -> None:
    now = crds(ROOT)
    assert len(before) == 7
    for plural, crd in before.items():
        assert {k: now[plural][k] for k in ("group", "scope")} == {k: crd[k] for k in ("group", "scope")}
        assert now[plural]["names"]["kind"] == crd["names"]["kind"]
        assert set(now[plural]["names"].get("shortNames", ())) >= set(crd["names"].get("shortNames", ()))
        [was], [version] = crd["versions"], now[plural]["versions"]
        assert (version["name"], version["served"], version["storage"]) == (was["name"], True, True)
        assert version["subresources"] == was["subresources"]
        selectable = [[f["jsonPath"] for f in v.get("selectableFields", ())] for v in (was, version)]
        assert set(selectable[0]) <= set(selectable[1])


OLD: Json = {
    "type": "object",
    "required": ["a"],
    "x-kubernetes-validations": [{"rule": "self.a != ''"}],
    "properties": {
        "a": {"type": "string", "minLength": 1, "maxLength": 9, "pattern": "^x"},
        "b": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
        "c": {"type": "string", "enum": ["One", "Two"]},
        "d": {"type": "array", "maxItems": 3, "items": {"type": "string"}},
        "e": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 5}},
    },
}


def changed(path: str, value: object) -> Json:
    """Give OLD with one thing set, or taken out for None."""
    found = deepcopy(OLD)
    *way, last = path.split("/")
    place = found
    for part in way:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return found


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("properties/a", None, "s.a: is gone"),
        ("properties/a/type", "integer", "s.a: type string is now integer"),
        ("properties/a/pattern", "^xy", "s.a: pattern ^x is now ^xy"),
        ("properties/c/pattern", "^O", "s.c: pattern None is now ^O"),
        ("properties/a/minLength", 2, "s.a: minLength 1 is now 2"),
        ("properties/a/maxLength", 8, "s.a: maxLength 9 is now 8"),
        ("properties/c/maxLength", 8, "s.c: maxLength None is now 8"),
        ("properties/b/minimum", 2, "s.b: minimum 1 is now 2"),
        ("properties/b/maximum", 8, "s.b: maximum 9 is now 8"),
        ("properties/b/default", 4, "s.b: default 3 is now 4"),
        ("properties/b/default", None, "s.b: default 3 is now None"),
        ("properties/c/enum", ["One"], "s.c: no longer takes Two"),
        ("properties/a/enum", ["x"], "s.a: no longer takes everything"),
        ("properties/d/maxItems", 2, "s.d: maxItems 3 is now 2"),
        ("properties/d/items/maxLength", 2, "s.d[]: maxLength None is now 2"),
        ("properties/e/additionalProperties/maxLength", 4, "s.e{}: maxLength 5 is now 4"),
        ("required", ["a", "b"], "s.b: is required now"),
        ("x-kubernetes-validations", [{"rule": "self.a == 'x'"}], "s: a new rule: self.a == 'x'"),
    ],
)
def test_whatever_takes_less_than_before_is_seen(path: str, value: object, said: str) -> None:
    assert list(breaks(OLD, changed(path, value), "s")) == [said]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("properties/f", {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}),
        ("properties/a/pattern", None),
        ("properties/a/maxLength", 10),
        ("properties/b/minimum", None),
        ("properties/c/enum", ["One", "Two", "Three"]),
        ("properties/c/enum", None),
        ("properties/c/default", "One"),
        ("required", []),
        ("x-kubernetes-validations", []),
        ("properties/a/description", "what it is"),
    ],
)
def test_what_takes_as_much_or_more_is_no_break(path: str, value: object) -> None:
    assert list(breaks(OLD, changed(path, value), "s")) == []
