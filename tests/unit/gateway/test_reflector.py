"""What a reflector makes of lists and watches, without a network."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from coursegen_gateway.reflector import Reflector
from coursegen_gateway.state import CHAPTERS, State
from coursegen_operator.kube import ApiUnreachable

Page = tuple[dict[str, int], str | Exception]
"""Names with their versions, and the list's version; or what breaks it off after them."""


class Lists:
    """Answers each list with pages, and never a watch."""

    def __init__(self, *lists: list[Page]) -> None:
        self.lists = iter(lists)

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[dict[str, Any]]:
        for there, version in next(self.lists):
            if isinstance(version, Exception):
                raise version
            yield {"items": [chapter(*one) for one in there.items()], "metadata": {"resourceVersion": version}}


def chapter(name: str, version: int) -> dict[str, Any]:
    meta = {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": meta | {"managedFields": [{"manager": "kubectl"}]}, "spec": {"courseName": "c"}}


def listed(state: State, *pages: Page) -> None:
    """Have a list taken in; it ends where the watch would begin."""
    reflector = Reflector(Lists(list(pages)), state, CHAPTERS, "/chapters", resync_seconds=0)  # type: ignore[arg-type]
    asyncio.run(reflector._once())


def known(state: State) -> dict[str, int]:
    return {name: int(item["metadata"]["resourceVersion"]) for (_, name), item in state.of_kind(CHAPTERS).items()}


def test_a_list_of_several_pages_says_all_that_exists() -> None:
    state = State()
    listed(state, ({"a": 1, "b": 2}, "5"), ({"c": 3}, "5"))
    assert known(state) == {"a": 1, "b": 2, "c": 3}
    listed(state, ({"b": 4}, "9"))
    assert known(state) == {"b": 4}


def test_a_list_that_breaks_off_removes_nothing_and_what_it_brought_stays() -> None:
    state = State()
    listed(state, ({"a": 1, "b": 2}, "5"))
    with pytest.raises(ApiUnreachable):
        listed(state, ({"a": 7, "c": 8}, "9"), ({}, ApiUnreachable("gone")))
    assert known(state) == {"a": 7, "b": 2, "c": 8}


def test_what_was_created_after_a_list_was_made_stays() -> None:
    state = State()
    state.put(CHAPTERS, chapter("new", 6))
    listed(state, ({"a": 1}, "5"))
    assert known(state) == {"a": 1, "new": 6}


def test_who_manages_which_field_costs_no_memory() -> None:
    state = State()
    listed(state, ({"a": 1}, "5"))
    assert "managedFields" not in state.of_kind(CHAPTERS)["n", "a"]["metadata"]
