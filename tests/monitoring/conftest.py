"""Prometheus' own programs."""

import sys
from pathlib import Path

import pytest

from localcluster import Reporter, prometheus

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
COMPONENT = ROOT / "deploy" / "components" / "monitoring"


@pytest.fixture(scope="session")
def programs() -> prometheus.Prometheus:
    """Give prometheus and promtool, brought here if the machine has none."""
    return prometheus.ensure(Reporter(sys.stderr))
