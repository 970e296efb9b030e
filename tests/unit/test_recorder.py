"""The tests' recorder misses nothing when a watch ends or lags: a stand-in of the API server says what a test wants."""

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.e2e import recorder as recorders
from tests.e2e.recorder import Json, Recorder

PODS = {"Pod": "/api/v1/pods"}


def pod(name: str, version: int) -> Json:
    return {"metadata": {"namespace": "ns", "name": name, "uid": name, "resourceVersion": str(version)}}


class Script(Recorder):
    """A recorder whose lists and watches are given in advance."""

    def __init__(self, lists: list[Json], watches: list[Iterable[Json] | Exception]) -> None:
        super().__init__(api=self)  # type: ignore[arg-type]
        self._lists, self._watches = iter(lists), iter(watches)
        self.asked: list[str] = []
        self.listed: list[str] = []
        self.looked = threading.Event()

    def get(self, path: str) -> Json:
        """Answer a list, in the place of the API."""
        self.listed.append(path)
        if len(self.listed) > 1:
            self.looked.set()
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


def test_who_looks_waits_for_what_the_api_server_has_and_its_watch_has_not_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorders, "PATHS", PODS)

    def late() -> Iterator[Json]:
        script.looked.wait(30)
        yield {"type": "DELETED", "object": pod("goes", 3)}
        yield {"type": "MODIFIED", "object": pod("stays", 4)}

    script = Script([listed(2, pod("stays", 1), pod("goes", 2)), listed(5, pod("stays", 4))], [late()])
    script.start()
    assert script.all("Pod", "ns") == [pod("stays", 4)]
    assert script.listed == ["/api/v1/pods", "/api/v1/namespaces/ns/pods"]
    script.stop()


def test_who_looks_does_not_wait_for_what_had_gone_when_a_watch_was_begun_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorders, "PATHS", PODS)

    def ends() -> Iterator[Json]:
        script.looked.wait(30)
        yield {"kind": "Status", "code": 410, "message": "too old"}

    looked_at = listed(5, pod("stays", 4), pod("goes", 5))
    script = Script([listed(2, pod("stays", 1)), looked_at, listed(7, pod("stays", 4))], [ends()])
    script.start()
    assert script.all("Pod", "ns") == [pod("stays", 4)]
    script.stop()
