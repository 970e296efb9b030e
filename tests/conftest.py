"""How the tests are shared between processes: those of one system stay in one process, the longest begin first.

`pytest -n 2` alone would start the same cluster in both processes. pytest-xdist has groups for that (`--dist
loadgroup`), but its version 3.8 does not see the marks under pytest 9; so the scheduler is told here what is a group.
"""

from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import settings
from xdist.dsession import DSession
from xdist.scheduler import LoadScopeScheduling

SYSTEMS = ("tests/cluster/operator", "tests/faults", "tests/e2e", "tests/cluster/client", "tests/cluster")
"""Folders whose tests share what they start, the longest first. Elsewhere each file stands for itself."""

# Before any test is read, since each takes what holds then: no example fails because the machine took its time, and
# every run looks at the same ones. tests/unit/operator says how hard it looks at histories.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.load_profile("fixed")


def system(nodeid: str) -> str:
    """Name what a test shares with others: a folder of SYSTEMS, or its own file."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((folder for folder in SYSTEMS if file.is_relative_to(folder)), str(file))


class BySystem(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole systems, in the order in which the tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return system(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: DSession) -> BySystem:
    config.option.loadscopereorder = False
    return BySystem(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    twice = [nodeid for nodeid, count in Counter(item.nodeid for item in items).items() if count > 1]
    if twice:
        raise pytest.UsageError(f"pytest-xdist runs one of several tests that have the same id: {twice[:3]}")
    place = {name: number for number, name in enumerate(SYSTEMS)}
    items.sort(key=lambda item: place.get(system(item.nodeid), len(place)))
