"""Generates the CRDs from the models: `python -m coursegen_api.crd DIR` writes them, `--check` compares.

A structural schema differs from pydantic's JSON Schema: no $ref, no anyOf for optional fields, no
additionalProperties beside properties, no titles.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import names
from .base import cel
from .chapter import ChapterGeneration
from .cleanup import ArtifactCleanup
from .course import CourseGeneration
from .export import CourseExport
from .kinds import Column, Kind
from .provider import ModelProvider
from .queue import GenerationQueue
from .validation import QualityValidation

KINDS: tuple[type[Kind], ...] = (
    CourseGeneration,
    ChapterGeneration,
    QualityValidation,
    CourseExport,
    ArtifactCleanup,
    GenerationQueue,
    ModelProvider,
)

_DROPPED = frozenset(["title", "discriminator", "const", "anyOf", "allOf", "$ref", "default", "propertyNames"]) | {
    "additionalProperties",
    "patternProperties",
}


def structural(node: dict[str, Any], defs: dict[str, Any], defaults: bool) -> dict[str, Any]:
    """Turn one node of a JSON Schema into a structural schema; ValueError for what cannot be one."""
    merged = _resolve(node, defs)
    out = {k: v for k, v in merged.items() if k not in _DROPPED}
    if "const" in merged:
        out["enum"] = [merged["const"]]
    if defaults and merged.get("default") is not None:
        out["default"] = merged["default"]
    if "properties" in merged:
        out["properties"] = {k: structural(v, defs, defaults) for k, v in sorted(merged["properties"].items())}
    elif values := _values_of_map(merged):
        out["additionalProperties"] = structural(values, defs, defaults)
        if "maxProperties" not in out:
            raise ValueError(f"a map without a bound: {node}")
    if "items" in merged:
        out["items"] = structural(merged["items"], defs, defaults)
        if "maxItems" not in out:
            raise ValueError(f"a list without a bound: {node}")
    if out.get("type") == "integer":
        out["format"] = "int64"
    if "type" not in out:
        raise ValueError(f"not structural: {node}")
    return out


def _resolve(node: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """Follow references and optional fields; what stands beside a reference wins over its target."""
    here = {k: v for k, v in node.items() if k not in ("$ref", "anyOf", "allOf")}
    if "$ref" in node:
        return _resolve(defs[node["$ref"].rsplit("/", 1)[1]], defs) | here
    if "allOf" in node and len(node["allOf"]) == 1:
        return _resolve(node["allOf"][0], defs) | here
    if "anyOf" in node:
        branches = [b for b in node["anyOf"] if b.get("type") != "null"]
        if len(branches) != 1:
            raise ValueError(f"a choice between types: {node}")
        return _resolve(branches[0], defs) | here
    return here


def _values_of_map(node: dict[str, Any]) -> dict[str, Any] | None:
    """Give the schema of a map's values; a rule for its keys (a pattern) has to be said in CEL."""
    patterns = list(node.get("patternProperties", {}).values())
    values = patterns[0] if patterns else node.get("additionalProperties")
    return values if isinstance(values, dict) else None


def _column(column: Column) -> dict[str, Any]:
    wire: dict[str, Any] = {"name": column.name, "type": column.type, "jsonPath": column.path}
    if column.wide:
        wire["priority"] = 1
    return wire


def schema(kind: type[Kind]) -> dict[str, Any]:
    """Give the OpenAPI v3 schema of a kind."""
    document = kind.model_json_schema(by_alias=True, mode="validation")
    defs = document.get("$defs", {})
    spec = structural(document["properties"]["spec"], defs, defaults=True)
    status = structural(document["properties"]["status"], defs, defaults=False)
    # The operator alone writes a status. The API server keeps the managers of each field that it knows, and they were a
    # third of a chapter's size; so to it, a status is one field.
    status["x-kubernetes-map-type"] = "atomic"
    if kind.meta.spec_rules:
        spec |= cel(*kind.meta.spec_rules)
    out: dict[str, Any] = {
        "description": kind.__doc__,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"Always {names.API_VERSION}."},
            "kind": {"type": "string", "description": f"Always {kind.kind_name()}."},
            "metadata": {
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": names.MAX_NAME}},
            },
            "spec": spec,
            "status": status,
        },
    }
    if kind.meta.rules:
        out |= cel(*kind.meta.rules)
    return out


def crd(kind: type[Kind]) -> dict[str, Any]:
    """Give the CustomResourceDefinition of a kind."""
    meta = kind.meta
    version: dict[str, Any] = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema(kind)},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(c) for c in meta.columns],
    }
    if meta.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in meta.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{meta.plural}.{names.GROUP}",
            "labels": {"app.kubernetes.io/part-of": "coursegen"},
        },
        "spec": {
            "group": names.GROUP,
            "scope": meta.scope,
            "names": {
                "kind": kind.kind_name(),
                "listKind": f"{kind.kind_name()}List",
                "plural": meta.plural,
                "singular": kind.kind_name().lower(),
                "shortNames": [meta.short],
                "categories": [names.CATEGORY],
            },
            "versions": [version],
        },
    }


def files() -> Iterator[tuple[str, str]]:
    """Give name and text of each generated file, the kustomization among them."""
    import yaml  # a tool of development: the images that carry this package have no use for it

    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            del data
            return True

    head = "# Generated from crds/src/coursegen_api by `make generate`; do not edit.\n"
    listed = []
    for kind in KINDS:
        file_name = f"{kind.meta.plural}.yaml"
        listed.append(file_name)
        yield file_name, head + yaml.dump(crd(kind), Dumper=Plain, sort_keys=False, width=110, allow_unicode=True)
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(listed),
    }
    yield "kustomization.yaml", head + yaml.safe_dump(kustomization, sort_keys=False)


def main() -> int:
    """Write the files, or say which are stale."""
    parser = argparse.ArgumentParser(prog="python -m coursegen_api.crd", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the files are, for example crds")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    arguments = parser.parse_args()
    stale = []
    for file_name, text in files():
        path = arguments.directory / file_name
        if not path.exists() or path.read_text() != text:
            stale.append(file_name)
            if not arguments.check:
                path.write_text(text)
    if arguments.check and stale:
        print(f"stale: {', '.join(stale)}; run `make generate` and commit the result", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
