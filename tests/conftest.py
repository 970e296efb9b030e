"""`make test` works with both cores: what shares a cluster stays together, everything else goes to whoever is free."""

from pathlib import Path

import pytest

_HERE = Path(__file__).parent

_TOGETHER = ("e2e", "cluster/operator", "cluster", "faults")
"""Folders whose tests share something that is slow to start; the longest begin first."""


def _group(path: Path) -> str | None:
    return next((f for f in _TOGETHER if _HERE / f in path.parents), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: number for number, name in enumerate((*_TOGETHER, None))}
    items.sort(key=lambda item: order[_group(item.path)])
    for item in items:
        if group := _group(item.path):
            item.add_marker(pytest.mark.xdist_group(group))
