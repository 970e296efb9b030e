"""A real API server for every test in this folder: started once a session, taken down at its end."""

import itertools
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from coursegen_api.crd import KINDS
from coursegen_api.names import CATEGORY, GROUP
from coursegen_operator.access import from_kubeconfig
from coursegen_operator.kube import Kube

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "deploy" / "local"))

from localcluster import Access, Cluster, Options, paths  # noqa: E402 - found only on the path set above
from localcluster.api import Api, Manifest  # noqa: E402

from . import existing  # noqa: E402

_NAME = re.compile(r"t-(\d+)-[0-9a-f]{4}")
_SECONDS = 120
_PATIENCE_SECONDS = 60
"""What is not so by then is taken for what never will be."""

T = TypeVar("T")


def until(holds: Callable[[], T], what: str) -> T:
    """Give what the API server says as soon as that is something: what it goes by, roles and policies, it watches."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, f"never so: {what}"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class LiveCluster:
    """A running API server with the CRDs, as its administrator sees it."""

    access: Access | existing.Reached
    api: Api

    @property
    def kubeconfig(self) -> Path:
        return self.access.kubeconfig

    def kubectl(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run kubectl; the caller looks at returncode, stdout and stderr."""
        command = [str(self.access.kubectl), f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=_SECONDS, check=False)

    def wait_for_discovery(self) -> None:
        """Wait until the API server tells of every kind, some time after it serves it; kubectl's cache has all then."""
        wanted = {f"{kind.meta.plural}.{GROUP}" for kind in KINDS}
        asked = ("api-resources", f"--categories={CATEGORY}", "-o", "name")  # this never asks the cache
        until(lambda: wanted <= set(self.kubectl(*asked).stdout.split()), f"{sorted(wanted)} in discovery")

    def create_namespace(self, name: str) -> None:
        """Create a namespace; AssertionError if the API server refuses."""
        manifest: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        status, answer = self.api.request("POST", "/api/v1/namespaces", manifest)
        assert status == 201, answer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


def _sweep() -> None:
    """Take down what a killed test run has left: its name says whose it was."""
    for left in paths.instances():
        known = _NAME.fullmatch(left.name)
        if known and not Path(f"/proc/{known[1]}").exists():
            Cluster.named(left.name).down()


@pytest.fixture(scope="session")
def cluster() -> Iterator[LiveCluster]:
    """Give an API server of this process alone, with the CRDs established; or one that is there (existing.py)."""
    _sweep()
    if os.environ.get(existing.VARIABLE, "local") != "local":
        with existing.reached() as (reached, api):
            yield _with_our_kinds(LiveCluster(reached, api))
        return
    instance = Cluster.named(f"t-{os.getpid()}-{secrets.token_hex(2)}")
    try:
        access = instance.up(Options(control_plane_only=True))
        yield _with_our_kinds(LiveCluster(access, Api(access.address, instance.instance.pki)))
    finally:
        instance.down()


def _with_our_kinds(live: LiveCluster) -> LiveCluster:
    applied = live.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
    assert applied.returncode == 0, applied.stderr
    part = "--selector=app.kubernetes.io/part-of=coursegen"
    waited = live.kubectl("wait", "--for=condition=Established", "crd", part, f"--timeout={_PATIENCE_SECONDS}s")
    assert waited.returncode == 0, waited.stderr
    live.wait_for_discovery()
    return live


_numbers = itertools.count(1)


@pytest.fixture
def namespace(cluster: LiveCluster) -> Iterator[str]:
    """Give a fresh namespace; what is in it goes with the test."""
    name = f"test-{next(_numbers)}"
    cluster.create_namespace(name)
    yield name
    cluster.api.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
async def kube(cluster: LiveCluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kube]:
    """Give the operator's own client."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    async with Kube(from_kubeconfig()) as client:
        yield client
