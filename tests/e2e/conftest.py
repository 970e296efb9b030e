"""Bad days on a real cluster with real Pods, side by side: each test waits far more than it works.

A test here is a function of one argument, its `scene`. All that are selected begin together, each in a thread and
a namespace of its own; what pytest calls a test then awaits that thread. `COURSEGEN_E2E_CLUSTER=name` keeps the cluster
of that name for the next run.
"""

import os
import re
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from localcluster import Cluster, paths

from . import system as systems
from .scene import Scene

_KEEP = "COURSEGEN_E2E_CLUSTER"
_NAME = re.compile(r"e2e-(\d+)")
_AT_ONCE = 8
"""Scenes that are played at once; more would wait for the node's cores rather than for what they test."""

_MARKERS = (
    "own_operator: the scene starts an operator of its own; the deployed one leaves its namespace alone",
    "long: the scene waits for minutes, so it begins first",
    "takes_away: the scene takes a Pod of the system away, so it begins when none is left that looks at one",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


_UNTOUCHED = ("takes_away", "long", "own_operator")
"""Marks of scenes that go on all the same when a Pod of the system is taken away."""


def _has(item: pytest.Item, *markers: str) -> bool:
    return any(item.get_closest_marker(marker) for marker in markers)


class Stage:
    """The scenes of this run."""

    def __init__(self, items: list[pytest.Item]) -> None:
        self._items = sorted(items, key=lambda i: (not _has(i, "long"), _has(i, "takes_away")))
        self._running: dict[str, Future[None]] = {}
        self._suffix = f"{os.getpid() % 46656:x}"

    def namespace(self, item: pytest.Item) -> str:
        """Name the namespace of a test: the test's own words, as far as they fit."""
        words = re.sub("[^a-z0-9]+", "-", item.name.removeprefix("test_"))
        return f"{words[:40].strip('-')}-{self._items.index(item)}-{self._suffix}"

    def watched(self) -> list[str]:
        """Name the namespaces that the deployed operator watches."""
        return [self.namespace(i) for i in self._items if not _has(i, "own_operator")]

    def begin(self, system: systems.System) -> None:
        """Begin every scene."""
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="scene")
        for item in self._items:
            self._running[item.nodeid] = pool.submit(self._play, item, system)
        pool.shutdown(wait=False)

    def _play(self, item: pytest.Item, system: systems.System) -> None:
        assert isinstance(item, pytest.Function)
        if _has(item, "takes_away"):
            wait([self._running[i.nodeid] for i in self._items if not _has(i, *_UNTOUCHED)])
        scene = Scene(system, self.namespace(item))
        begun = time.monotonic()
        system.create_tenant(scene.namespace, system.secrets())
        try:
            item.obj(scene, **(item.callspec.params if hasattr(item, "callspec") else {}))
            scene.check()
        finally:
            for operator in scene.operators:
                operator.kill()
            item.user_properties.append(("seconds", round(time.monotonic() - begun, 1)))
            system.api.request("DELETE", f"/api/v1/namespaces/{scene.namespace}")

    def result(self, item: pytest.Item) -> None:
        """Await a scene; raises what it raised."""
        self._running[item.nodeid].result()

    def end(self) -> None:
        """Begin no scene that has not begun."""
        for future in self._running.values():
            future.cancel()


def _sweep() -> None:
    """Take down what a killed test run has left: its name says whose it was."""
    for left in paths.instances():
        known = _NAME.fullmatch(left.name)
        if known and not Path(f"/proc/{known[1]}").exists():
            Cluster.named(left.name).down()


@pytest.fixture(scope="session")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Bring the system up, begin the scenes of all selected tests, and take all down at the end."""
    _sweep()
    kept = os.environ.get(_KEEP)
    folder = Path(tempfile.gettempdir()) / f"coursegen-{kept}" if kept else tmp_path_factory.mktemp("system")
    folder.mkdir(exist_ok=True)
    stage = Stage([i for i in request.session.items if i.get_closest_marker("e2e")])
    with systems.running(kept or f"e2e-{os.getpid()}", folder, stage.watched(), keep=bool(kept)) as system:
        stage.begin(system)
        try:
            yield stage
        finally:
            stage.end()


@pytest.fixture
def scene(stage: Stage) -> Stage:
    """Stand in for the scene: the real one is made where the test is played."""
    return stage


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Await the scene where pytest would call the test."""
    stage = pyfuncitem.funcargs.get("scene")
    if not isinstance(stage, Stage):
        return None
    stage.result(pyfuncitem)
    return True
