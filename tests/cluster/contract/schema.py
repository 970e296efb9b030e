"""Walks the generated CRDs: which rules there are, so that a table can be held against them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CRDS = Path(__file__).parents[3] / "crds"

BOUNDS = (
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "enum",
)

Json = dict[str, Any]


@dataclass(frozen=True, order=True)
class Rule:
    """One rule of a CRD: where it stands, and what it is (a keyword, or the message of a CEL rule)."""

    kind: str
    path: str
    """As kubectl explain has it, with [] for the items of a list and {} for the values of a map."""
    keyword: str


@cache
def crds() -> dict[str, Json]:
    """Give the CRDs by kind."""
    files = (yaml.safe_load(p.read_text()) for p in sorted(CRDS.glob("*.yaml")) if p.name != "kustomization.yaml")
    return {crd["spec"]["names"]["kind"]: crd for crd in files}


def schema(kind: str) -> Json:
    """Give the OpenAPI schema of a kind."""
    found: Json = crds()[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def nodes(node: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Give every node below (and with) a node, with its path."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}" if path else name)
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if "additionalProperties" in node:
        yield from nodes(node["additionalProperties"], path + "{}")


def spec_nodes(kind: str) -> Iterator[tuple[str, Json]]:
    """Give every node of a kind's spec."""
    return nodes(schema(kind)["properties"]["spec"], "spec")


def cel_rules(kind: str) -> Iterator[tuple[str, Json]]:
    """Give the CEL rules of a kind, those of the whole object among them, each with its node's path."""
    for path, node in (("", schema(kind)), *spec_nodes(kind)):
        for rule in node.get("x-kubernetes-validations", ()):
            yield path, rule


def is_transition(rule: Json) -> bool:
    """Tell whether a CEL rule is about a change."""
    return "oldSelf" in rule["rule"]


def static_rules(kind: str) -> set[Rule]:
    """Give every rule that a manifest alone can break."""
    found = {Rule(kind, path, rule["message"]) for path, rule in cel_rules(kind) if not is_transition(rule)}
    found |= {Rule(kind, name, "required") for name in schema(kind)["required"]}
    for path, node in (*nodes(schema(kind)["properties"]["metadata"], "metadata"), *spec_nodes(kind)):
        found |= {Rule(kind, path, keyword) for keyword in BOUNDS if keyword in node}
        found |= {Rule(kind, f"{path}.{name}", "required") for name in node.get("required", ())}
        if node.get("x-kubernetes-list-type") == "map":
            found.add(Rule(kind, path, "unique"))
    return found


def transition_rules(kind: str) -> set[str]:
    """Give the messages of the rules about changes."""
    return {rule["message"] for _, rule in cel_rules(kind) if is_transition(rule)}
