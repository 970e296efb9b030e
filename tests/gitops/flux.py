"""Flux's way to judge an object: our CEL, evaluated by Google's own runtime in the order that RFC-0009 of Flux sets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from cel_expr_python import cel

Json = dict[str, Any]

COURSES = Path(__file__).parents[2] / "deploy" / "gitops" / "flux" / "courses.yaml"

_ENV = cel.NewEnv(variables=dict.fromkeys(("apiVersion", "kind", "metadata", "spec", "status"), cel.Type.DYN))


def expressions() -> dict[str, dict[str, str]]:
    """Read the expressions of the example, by kind."""
    manifests = [m for m in yaml.safe_load_all(COURSES.read_text()) if m and m["kind"] == "Kustomization"]
    return {e["kind"]: e for m in manifests for e in m["spec"]["healthCheckExprs"]}


def status(exprs: Mapping[str, str], obj: Json) -> str:
    """Give InProgress, Failed or Current; Unknown where an expression has no value, at which Flux goes on waiting."""
    observed = obj.get("status", {}).get("observedGeneration")
    if observed is not None and observed != obj["metadata"]["generation"]:
        return "InProgress"
    for field, answer in (("inProgress", "InProgress"), ("failed", "Failed"), ("current", "Current")):
        if field in exprs:
            value = _ENV.compile(exprs[field]).eval(data=obj)
            if value.type() != cel.Type.BOOL:
                return "Unknown"
            if value.plain_value():
                return answer
    return "InProgress"
