"""Events at a start: none is posted before it is known which were, and none of the others is lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coursegen_operator import events
from coursegen_operator.events import EventPoster
from coursegen_operator.kube import ApiUnreachable
from coursegen_operator.plan import clock
from coursegen_operator.plan.world import PostEvent

from .test_compact import read
from .test_snapshot import KEY

NOW = clock.parse("2026-01-01T00:01:00Z")
CHAPTER = read(1)
ENDED = CHAPTER.model_copy(
    update={"status": CHAPTER.status.model_copy(update={"completion_time": "2026-01-01T00:00:30Z"})}
)


class Kube:
    """An API server that lists Events when told to, and loses the first posts: the edge, faked."""

    def __init__(self, lost: int = 0) -> None:
        self.listed: list[Any] = []
        self.created: list[str] = []
        self.lost = lost
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[Any]:
        self.asked.set()
        await self.go_on.wait()
        yield {"items": self.listed}

    async def create(self, path: str, body: Any, metadata_only: bool) -> Any:
        if self.lost:
            self.lost -= 1
            raise ApiUnreachable("no answer")
        self.created.append(body["metadata"]["name"])
        return body


def poster(kube: Any) -> EventPoster:
    return EventPoster(kube, lambda: NOW)


def told(reason: str) -> PostEvent:
    return PostEvent("Normal", reason, "It is in the store.")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_AGAIN_SECONDS", 0.0)


async def test_what_comes_while_it_is_asked_what_was_posted_is_posted_afterwards_if_it_was_not() -> None:
    before, kube = Kube(), Kube(lost=2)
    first = poster(before)
    await first.recall([])
    await first.post(KEY, CHAPTER.metadata, told("ChapterSucceeded"), "0")
    kube.listed = [{"metadata": {"name": n, "creationTimestamp": "2026-01-01T00:00:31Z"}} for n in before.created]
    second = poster(kube)
    recalling = asyncio.create_task(second.recall([ENDED]))
    await kube.asked.wait()
    await second.post(KEY, CHAPTER.metadata, told("ChapterSucceeded"), "0")
    await second.post(KEY, CHAPTER.metadata, told("ChapterFailed"), "1")
    assert kube.created == []
    kube.go_on.set()
    await recalling
    assert len(kube.created) == 1
    assert kube.created != before.created
    await second.post(KEY, CHAPTER.metadata, told("ChapterSucceeded"), "2")
    assert len(kube.created) == 2


async def test_a_list_that_does_not_come_holds_nothing_up_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "_RECALL_SECONDS", 0.0)
    kube = Kube()
    silent = poster(kube)
    await silent.post(KEY, CHAPTER.metadata, told("ChapterSucceeded"), "0")
    await silent.recall([ENDED])
    assert len(kube.created) == 1
