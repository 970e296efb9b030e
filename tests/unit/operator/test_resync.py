"""The full list: taken in page by page, and never one that is older than what is known."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from coursegen_operator import resync
from coursegen_operator.kube import ApiUnreachable
from coursegen_operator.snapshot import Snapshot

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
    await resync._list(kube, snapshot, "ChapterGeneration", "chaptergenerations", ("",))
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
