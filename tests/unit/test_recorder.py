"""The tests' recorder misses nothing when a watch ends: the API server is a stand-in that says what a test wants."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e import recorder as recorders
from tests.e2e.recorder import Json, Recorder

PODS = {"Pod": "/api/v1/pods"}


def pod(name: str, version: int) -> Json:
    return {"metadata": {"namespace": "ns", "name": name, "uid": name, "resourceVersion": str(version)}}


class Script(Recorder):
    """A recorder whose lists and watches are given in advance."""

    def __init__(self, lists: list[Json], watches: list[list[Json] | Exception]) -> None:
        super().__init__(api=self)  # type: ignore[arg-type]
        self._lists, self._watches = iter(lists), iter(watches)
        self.asked: list[str] = []

    def get(self, path: str) -> Json:
        """Answer a list, in the place of the API."""
        return next(self._lists)

    def _watch(self, path: str, version: str) -> Iterator[Any]:
        self.asked.append(version)
        told = next(self._watches, None)
        if told is None:
            self._ends.wait(30)
            return
        if isinstance(told, Exception):
            raise told
        yield from told


def listed(version: int, *items: Json) -> Json:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


@pytest.mark.parametrize(
    "end",
    [
        {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}},
        {"kind": "Status", "code": 410, "message": "too old"},
    ],
)
def test_a_watch_that_ends_with_an_error_is_begun_again_from_a_list(monkeypatch: pytest.MonkeyPatch, end: Json) -> None:
    monkeypatch.setattr(recorders, "PATHS", PODS)
    lists = [listed(1, pod("stays", 1), pod("goes", 1)), listed(9, pod("stays", 1), pod("comes", 8))]
    script = Script(lists, [[{"type": "MODIFIED", "object": pod("goes", 2)}, end], ConnectionResetError(), [
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}},
        {"type": "ADDED", "object": pod("late", 12)},
    ]])  # fmt: skip
    script.start()
    script.until(lambda: script.now("Pod", "ns", "late"), 30, lambda: "it never comes")
    script.stop()
    assert [o["metadata"]["name"] for o in script.all("Pod", "ns")] == ["comes", "late", "stays"]
    assert len(script.versions("Pod", "ns", "goes")) == 2
    assert len(script.versions("Pod", "ns", "stays")) == 1, "what has not changed is no new version"
    assert script.asked[:3] == ["1", "9", "9"]
