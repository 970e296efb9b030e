"""A watch goes on where it was; after an expiry nothing that happened meanwhile is missed."""

import json
from typing import Any

import httpx
import pytest

from coursegen import AsyncClient, Client, aio, client, errors, transport
from coursegen.access import Access
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


ACCESS = Access("http://api.example", "n", False, dict)
Answer = tuple[int, str] | Exception
LIST = (200, json.dumps({"metadata": {"resourceVersion": "10"}, "items": []}))
HEARD = (200, line("ADDED", raw("a", "12")) + "\n")
GATEWAY_TIMEOUT = (504, "<html>504 Gateway Time-out</html>")
REFUSED = httpx.ConnectError("refused")
TOO_MANY = (429, '{"message": "too many requests"}')


def answering(*answers: Answer) -> httpx.MockTransport:
    """Stand for an API server, and what is before it, that gives one answer after the other."""
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        said = left.pop(0)
        if isinstance(said, Exception):
            raise said
        return httpx.Response(said[0], text=said[1])

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    "between",
    [
        [(503, '{"message": "apiserver is shutting down"}')],
        [GATEWAY_TIMEOUT, (502, "<html>"), REFUSED],
        [TOO_MANY],
        [(410, '{"message": "too old"}'), GATEWAY_TIMEOUT, REFUSED, LIST],
    ],
    ids=["503", "away", "429", "away after an expiry"],
)
async def test_a_watch_outlives_an_api_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, between: list[Answer]
) -> None:
    for module in (client, aio):
        monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    with Client(access=ACCESS) as blocking:
        blocking._http = httpx.Client(transport=answering(LIST, *between, HEARD), base_url="http://a")
        assert told([next(blocking.watch(ChapterGeneration))]) == [("ADDED", "a")]
    async with AsyncClient(access=ACCESS) as awaiting:
        awaiting._http = httpx.AsyncClient(transport=answering(LIST, *between, HEARD), base_url="http://a")
        assert told([await anext(awaiting.watch(ChapterGeneration))]) == [("ADDED", "a")]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([GATEWAY_TIMEOUT], errors.UnreachableError),
        ([LIST, (403, '{"message": "forbidden"}')], errors.RefusedError),
        ([LIST, (404, '{"message": "no such kind"}')], errors.NotFoundError),
    ],
    ids=["it never began", "forbidden", "the kind is gone"],
)
def test_a_watch_ends_where_waiting_does_not_help(answers: list[Answer], error: type[CoursegenError]) -> None:
    with Client(access=ACCESS) as blocking:
        blocking._http = httpx.Client(transport=answering(*answers), base_url="http://a")
        with pytest.raises(error):
            next(blocking.watch(ChapterGeneration))


def chapter(phase: str) -> Answer:
    conditions = [{"type": "Finished", "status": "True", "reason": phase, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    status = {"phase": phase, "observedGeneration": 1, "conditions": conditions if phase == "Succeeded" else []}
    found = raw("a", "12") | {"status": status}
    return 200, json.dumps(found | {"metadata": found["metadata"] | {"generation": 1}})


@pytest.mark.parametrize(
    "between",
    [[(503, '{"message": "apiserver is shutting down"}')], [GATEWAY_TIMEOUT, (502, "<html>"), REFUSED], [TOO_MANY]],
    ids=["503", "away", "429"],
)
async def test_a_wait_outlives_an_api_server_that_is_away(
    monkeypatch: pytest.MonkeyPatch, between: list[Answer]
) -> None:
    for module in (client, aio):
        monkeypatch.setattr(module, "_RECONNECT_SECONDS", 0)
    monkeypatch.setattr(transport, "BUSY_TRIES", 0)
    answers = chapter("Running"), *between, chapter("Running"), chapter("Succeeded")
    with Client(access=ACCESS) as blocking:
        blocking._http = httpx.Client(transport=answering(*answers), base_url="http://a")
        assert blocking.wait("chaptergen/a").status.phase == "Succeeded"
    async with AsyncClient(access=ACCESS) as awaiting:
        awaiting._http = httpx.AsyncClient(transport=answering(*answers), base_url="http://a")
        assert (await awaiting.wait("chaptergen/a")).status.phase == "Succeeded"


@pytest.mark.parametrize(
    ("answers", "error", "words"),
    [
        ([GATEWAY_TIMEOUT], errors.UnreachableError, "HTTP 504"),
        ([chapter("Running"), (404, '{"message": "a is gone"}')], errors.NotFoundError, "a is gone"),
        ([chapter("Running"), (403, '{"message": "forbidden"}')], errors.RefusedError, "forbidden"),
        (
            [chapter("Running"), GATEWAY_TIMEOUT],
            TimeoutError,
            "has not ended after 0 s: The API server does not answer",
        ),
    ],
    ids=["it never began", "deleted", "forbidden", "away for too long"],
)
def test_a_wait_ends_where_waiting_does_not_help(answers: list[Answer], error: type[Exception], words: str) -> None:
    with Client(access=ACCESS) as blocking:
        blocking._http = httpx.Client(transport=answering(*answers), base_url="http://a")
        with pytest.raises(error, match=words):
            blocking.wait("chaptergen/a", timeout_seconds=0.001)


@pytest.mark.parametrize(
    ("status", "code"), [(502, 5), (503, 5), (504, 5), (404, 3), (400, 4), (401, 4), (409, 4), (429, 4), (500, 4)]
)
def test_an_answer_of_who_stands_before_an_api_server_that_is_away_is_none(status: int, code: int) -> None:
    assert errors.of_answer(status, "words").exit_code == code
