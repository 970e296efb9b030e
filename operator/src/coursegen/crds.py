"""Whether the CRDs of a cluster are those of this client: by their fields, since all are called v1alpha1."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from coursegen_api import crd, names
from coursegen_api.kinds import Kind

from . import calls, kinds
from .calls import Call, Json

_PARTS = ("spec", "status")


@dataclass(frozen=True)
class Difference:
    """What a CRD and this client do not have in common: fields (`spec.language`), and values of them (`spec.a=b`)."""

    name: str
    """The CRD's."""
    lacking: Sequence[str]
    """Known to this client alone."""
    beyond: Sequence[str]
    """Known to the CRD alone."""


def served() -> Call[dict[str, Json]]:
    """Read the schemas that the API server publishes, by kind; whoever may log in may read them."""
    found = yield from calls.read(f"/openapi/v3/apis/{names.API_VERSION}")
    schemas: dict[str, Json] = {}
    for schema in found.get("components", {}).get("schemas", {}).values():
        for of in schema.get("x-kubernetes-group-version-kind", ()):
            if of["group"] == names.GROUP:
                schemas[of["kind"]] = schema
    return schemas


def missing(resources: Json) -> list[str]:
    """Name the CRDs that are not served at all, from the list of the version's resources."""
    there = {r["name"] for r in resources["resources"]}
    return [_name(k) for k in kinds.ALL if k.meta.plural not in there]


def differences(schemas: dict[str, Json]) -> list[Difference]:
    """Compare each schema that is served with that of this client."""
    found = []
    for kind in kinds.ALL:
        if kind.__name__ in schemas:
            ours, theirs = _known(kind), frozenset(_fields(schemas[kind.__name__]))
            found.append(Difference(_name(kind), _topmost(ours - theirs), _topmost(theirs - ours)))
    return [d for d in found if d.lacking or d.beyond]


def _name(kind: type[Kind]) -> str:
    return f"{kind.meta.plural}.{names.GROUP}"


@cache
def _known(kind: type[Kind]) -> frozenset[str]:
    """Give what this client knows of a kind; making its schema takes a tenth of a second."""
    return frozenset(_fields(crd.schema(kind)))


def _fields(schema: Json) -> Iterator[str]:
    for part in _PARTS:
        yield from _below(part, schema.get("properties", {}).get(part, {}))


def _below(path: str, schema: Json) -> Iterator[str]:
    yield path
    yield from (f"{path}={value}" for value in schema.get("enum", ()))
    for name, inner in schema.get("properties", {}).items():
        yield from _below(f"{path}.{name}", inner)
    for sign, key in (("[]", "items"), ("{}", "additionalProperties")):
        if isinstance(schema.get(key), dict):
            yield from _below(f"{path}{sign}", schema[key])


def _topmost(paths: frozenset[str]) -> list[str]:
    """Leave out what lies in a field that is named already."""
    return sorted(p for p in paths if not any(p.startswith(f"{other}{sign}") for other in paths for sign in ".[{="))
