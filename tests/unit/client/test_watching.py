"""A watch goes on where it was; after an expiry nothing that happened meanwhile is missed."""

import json
from typing import Any

import pytest

from coursegen.errors import CoursegenError
from coursegen.watching import Watching
from coursegen_api.chapter import ChapterGeneration


def raw(name: str, version: str) -> dict[str, Any]:
    spec = {"title": name, "learningObjectives": ["x"]}
    return {
        "metadata": {"name": name, "namespace": "n", "uid": f"uid-{name}", "resourceVersion": version},
        "spec": spec,
    }


def line(kind: str, obj: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "object": obj})


def told(changes: list[Any]) -> list[tuple[str, str]]:
    return [(c.type, c.object.metadata.name) for c in changes]


@pytest.fixture
def watch() -> Watching[ChapterGeneration]:
    watch = Watching(ChapterGeneration, "n")
    first = watch.relist({"metadata": {"resourceVersion": "10"}, "items": [raw("a", "5"), raw("b", "6")]})
    assert told(first) == [("ADDED", "a"), ("ADDED", "b")]
    return watch


def test_it_goes_on_from_the_last_version_that_it_heard_of(watch: Watching[ChapterGeneration]) -> None:
    change = watch.take(line("MODIFIED", raw("a", "12")))
    assert change
    assert (told([change]), watch.request().query["resourceVersion"]) == ([("MODIFIED", "a")], "12")
    assert watch.take(line("BOOKMARK", {"metadata": {"resourceVersion": "20"}})) is None
    assert watch.request().query["resourceVersion"] == "20"


def test_after_an_expiry_the_list_tells_what_came_changed_and_went(watch: Watching[ChapterGeneration]) -> None:
    assert watch.take(line("ERROR", {"code": 410, "message": "too old"})) is None
    assert watch.version == ""
    again = watch.relist({"metadata": {"resourceVersion": "30"}, "items": [raw("a", "25"), raw("c", "26")]})
    assert told(again) == [("DELETED", "b"), ("MODIFIED", "a"), ("ADDED", "c")]


def test_another_error_is_raised(watch: Watching[ChapterGeneration]) -> None:
    with pytest.raises(CoursegenError, match="no room"):
        watch.take(line("ERROR", {"code": 500, "message": "no room"}))
