"""The PrometheusRule of the Prometheus operator, from the plain rules.yaml that every Prometheus reads."""

from pathlib import Path
from typing import Any

import yaml

SOURCE = Path(__file__).parent / "rules.yaml"

_HEAD = """\
# Generated from deploy/monitoring/rules.yaml by `make generate`; do not edit.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: coursegen
  namespace: coursegen-system
spec:
"""


def groups() -> list[dict[str, Any]]:
    """Give the groups of rules."""
    found: list[dict[str, Any]] = yaml.safe_load(SOURCE.read_text())["groups"]
    return found


def alerts() -> dict[str, dict[str, Any]]:
    """Give the alerts by name."""
    return {rule["alert"]: rule for group in groups() for rule in group["rules"] if "alert" in rule}


def manifest() -> str:
    """Give the manifest; the comments of the source stay."""
    lines = SOURCE.read_text().splitlines()
    return _HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)
