"""The full list: taken in page by page, and never one that is older than what is known."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from coursegen_operator import health, resync
from coursegen_operator.kube import ApiUnreachable
from coursegen_operator.metrics import Metrics
from coursegen_operator.snapshot import Snapshot
from coursegen_operator.workqueue import WorkQueue

from .test_snapshot import chapter

Json = dict[str, Any]


class Pages:
    """A list of several pages, and what the snapshot knew when each was asked for."""

    def __init__(self, snapshot: Snapshot, version: int, *pages: list[Json]) -> None:
        self.snapshot, self.version, self.all = snapshot, version, pages
        self.known: list[list[str]] = []

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[Json]:
        for items in self.all:
            self.known.append(sorted(k.name for k in self.snapshot.objects))
            yield {"metadata": {"resourceVersion": str(self.version)}, "items": items}


async def listed(snapshot: Snapshot, pages: Pages) -> list[str]:
    kube: Any = pages
    await resync._list(kube, snapshot, set(), "ChapterGeneration", "chaptergenerations", ("",))
    return sorted(k.name for k in snapshot.objects)


async def test_a_page_is_taken_in_before_the_next_is_asked_for_and_only_the_whole_says_what_is_gone() -> None:
    snapshot = Snapshot()
    snapshot.apply("ChapterGeneration", chapter(3, "u0", "gone"))
    pages = Pages(snapshot, 9, [chapter(5, "u1", "a")], [], [chapter(6, "u2", "b")])
    assert await listed(snapshot, pages) == ["a", "b"]
    assert pages.known == [["gone"], ["a", "gone"], ["a", "gone"]]


async def test_an_older_list_is_refused_and_changes_nothing() -> None:
    snapshot = Snapshot()
    await listed(snapshot, Pages(snapshot, 9, [chapter(5, "u1", "a")]))
    with pytest.raises(ApiUnreachable, match="older than the one before"):
        await listed(snapshot, Pages(snapshot, 8, [chapter(4, "u2", "b")]))
    assert [k.name for k in snapshot.objects] == ["a"]


class World(Pages):
    """An API server with these chapters and nothing else."""

    def __init__(self, snapshot: Snapshot, chapters: list[Json], broken: int = 0) -> None:
        super().__init__(snapshot, 9, chapters)
        self.broken = broken
        """So many lists break off after their first page."""

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[Json]:
        items = self.all[0] if path.endswith("/chaptergenerations") else []
        yield {"metadata": {"resourceVersion": str(self.version)}, "items": items}
        if items and self.broken:
            self.broken -= 1
            raise ApiUnreachable("no second page")

    async def list(self, path: str, **selectors: str) -> list[Json]:
        return []


FINISHED = {"type": "Finished", "status": "True", "reason": "Succeeded", "lastTransitionTime": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize("broken", [0, 2])
@pytest.mark.parametrize(
    ("whole", "visited"), [(True, {"over", "on", "new", "ended meanwhile"}), (False, {"on", "new", "ended meanwhile"})]
)
async def test_what_has_ended_and_has_not_changed_is_visited_by_a_whole_list_alone(
    whole: bool, visited: set[str], broken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resync, "_RETRY_SECONDS", 0.0)
    snapshot, queue = Snapshot(), WorkQueue()
    over = chapter(5, "u1", "over", conditions=[FINISHED])
    for known in (over, chapter(6, "u2", "on"), chapter(4, "u4", "ended meanwhile")):
        snapshot.apply("ChapterGeneration", known)
    now = [
        over,
        chapter(6, "u2", "on"),
        chapter(7, "u3", "new"),
        chapter(8, "u4", "ended meanwhile", conditions=[FINISHED]),
    ]
    kube: Any = World(snapshot, now, broken)
    lister = resync.Resync(kube, snapshot, queue, health.Health(300), Metrics())
    await lister.once(whole)
    found = set()
    while key := queue.pop():
        found.add(key.name)
    assert found == visited
