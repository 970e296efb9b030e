"""Generates the API reference from the models: `python -m coursegen_api.docs FILE` writes it, `--check` compares."""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import crd, names
from .kinds import Kind
from .task import EXIT_CODES

_HEAD = f"""<!-- Generated from crds/src/coursegen_api by `make generate`; do not edit. -->
# API reference: `{names.API_VERSION}`

`kubectl explain <short name>.spec` shows the same in a terminal; `kubectl get {names.CATEGORY} -A` lists every object.
Unknown fields are refused. A field is *fixed* if it cannot be changed, added or taken away after creation.
metadata.name has at most {names.MAX_NAME} characters.
"""

_EXITS = """
## Exit codes of a worker

| Code | Failure class |
|---|---|
| 0 | none: the work succeeded |
"""

_IMMUTABLE = re.compile(r"(\w+) is immutable: ")
_RANGES = (("minimum", "maximum", ""), ("minLength", "maxLength", " characters"), ("minItems", "maxItems", " items"))

Json = dict[str, Any]


def reference() -> str:
    """Give the whole reference as Markdown."""
    parts = [_HEAD]
    parts += ["\n".join(_kind(kind)) for kind in crd.KINDS]
    codes = "".join(f"| {code} | {failure.value} |\n" for code, failure in sorted(EXIT_CODES.items()))
    return "\n".join(parts) + _EXITS + codes


def _kind(kind: type[Kind]) -> Iterator[str]:
    schema = crd.schema(kind)
    spec, status = schema["properties"]["spec"], schema["properties"]["status"]
    stated = list(_rules(schema, ""))
    rules = [(path, message) for path, message in stated if not _IMMUTABLE.match(message)]
    fixed = {found[1] for _, message in stated if (found := _IMMUTABLE.match(message))}
    yield f"## {kind.kind_name()}"
    yield ""
    yield f"{schema['description']} Short name `{kind.meta.short}`, {kind.meta.scope.lower()}."
    yield ""
    yield "| spec | Type | | Meaning |"
    yield "|---|---|---|---|"
    for path, node, required in _fields(spec, ""):
        top = path.split(".")[0].removesuffix("[]")
        notes = ["required"] * required + ["fixed"] * (top in fixed and path == top)
        yield f"| `{path}` | {_type(node)} | {', '.join(notes)} | {_cell(node['description'])} |"
    if rules:
        yield ""
        yield "| Where | Rule |"
        yield "|---|---|"
        yield from (f"| `{path}` | {_cell(message)} |" for path, message in rules)
    yield ""
    yield "| status | Type | Meaning |"
    yield "|---|---|---|"
    for path, node, _ in _fields(status, ""):
        yield f"| `{path}` | {_type(node)} | {_cell(node['description'])} |"
    yield ""


def _rules(node: Json, path: str) -> Iterator[tuple[str, str]]:
    """Give place and message of the CEL rules of a node and of everything below."""
    for rule in node.get("x-kubernetes-validations", ()):
        yield (path + rule.get("fieldPath", "")).removeprefix("."), rule["message"]
    for name, child in node.get("properties", {}).items():
        yield from _rules(child, f"{path}.{name}")
    if "items" in node:
        yield from _rules(node["items"], f"{path}[]")


def _fields(node: Json, prefix: str) -> Iterator[tuple[str, Json, bool]]:
    """Give path, schema and necessity of every field, what must be there first."""
    required = node.get("required", ())
    for name, child in sorted(node.get("properties", {}).items(), key=lambda item: item[0] not in required):
        path = f"{prefix}{name}"
        yield path, child, name in required
        inner = child.get("items", child)
        if "properties" in inner:
            yield from _fields(inner, f"{path}[]." if "items" in child else f"{path}.")


def _type(node: Json) -> str:
    """Give a type with its bounds, in a few words."""
    if "items" in node:
        return f"list of {_type(node['items'])}{_range(node)}"
    if "additionalProperties" in node:
        return f"map to {_type(node['additionalProperties'])}, ≤ {node['maxProperties']} keys"
    if "enum" in node:
        return " · ".join(f"`{value}`" for value in node["enum"])
    if node.get("format") == "date-time":
        return "time"
    return f"{node['type']}{_range(node)}"


def _range(node: Json) -> str:
    for low, high, unit in _RANGES:
        if high in node:
            least = node.get(low, 0)
            return f", {least}–{node[high]}{unit}" if least or not unit else f", ≤ {node[high]}{unit}"
    return f", ≥ {node['minimum']}" if "minimum" in node else ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;").replace("*", r"\*")


def main() -> int:
    """Write the file, or say that it is stale."""
    parser = argparse.ArgumentParser(prog="python -m coursegen_api.docs", description=__doc__)
    parser.add_argument("file", type=Path, help="where the reference is, for example docs/api.md")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is stale")
    arguments = parser.parse_args()
    text = reference()
    if arguments.file.exists() and arguments.file.read_text() == text:
        return 0
    if arguments.check:
        print(f"stale: {arguments.file}; run `make generate` and commit the result", file=sys.stderr)
        return 1
    arguments.file.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
