"""The PrometheusRule of the Prometheus operator, from the plain rules.yaml that every Prometheus reads."""

from pathlib import Path

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


def manifest() -> str:
    """Give the manifest; the comments of the source stay."""
    lines = SOURCE.read_text().splitlines()
    return _HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines)
