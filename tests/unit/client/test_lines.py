"""Lines of an answer that is read as it comes: a newline ends one, and nothing else that Unicode calls a line's end."""

import json
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from coursegen import AsyncClient, Client
from coursegen.access import Access
from coursegen_api.chapter import ChapterGeneration

ACCESS = Access("http://api.example", "n", False, dict)
ODD = "simpler\u0085\u2028\u2029\x0b\x0c\x1c\r, please ü"
SIZES = (1, 7, 100_000)


class Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, cut where it happens to be."""

    def __init__(self, body: bytes, size: int) -> None:
        self.pieces = [body[i : i + size] for i in range(0, len(body), size)]

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def answering(body: bytes, size: int) -> httpx.MockTransport:
    """Stand for an API server: an empty list, then a watch or a log with this body."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/log") or "watch" in request.url.params:
            return httpx.Response(200, stream=Pieces(body, size))
        return httpx.Response(200, json={"metadata": {"resourceVersion": "1"}, "items": []})

    return httpx.MockTransport(answer)


def client(body: bytes, size: int) -> Client:
    made = Client(access=ACCESS)
    made._http = httpx.Client(transport=answering(body, size), base_url=ACCESS.server)
    return made


def async_client(body: bytes, size: int) -> AsyncClient:
    made = AsyncClient(access=ACCESS)
    made._http = httpx.AsyncClient(transport=answering(body, size), base_url=ACCESS.server)
    return made


def events(*feedback: str) -> bytes:
    """Write events as an API server does: UTF-8, one a line."""
    out = []
    for version, text in enumerate(feedback, 2):
        spec = {"title": "x", "regeneration": {"requestId": "r", "feedback": text}}
        meta = {"name": f"c{version}", "namespace": "n", "uid": f"u{version}", "resourceVersion": str(version)}
        out.append(json.dumps({"type": "ADDED", "object": {"metadata": meta, "spec": spec}}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in out).encode()


def feedback(obj: ChapterGeneration) -> str:
    return obj.spec.regeneration.feedback if obj.spec.regeneration else ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_watch_takes_an_event_with_any_character_in_it(size: int) -> None:
    body = events(ODD, "second")
    with client(body, size) as blocking:
        changes = blocking.watch(ChapterGeneration)
        assert [feedback(next(changes).object) for _ in range(2)] == [ODD, "second"]
    async with async_client(body, size) as awaiting:
        heard = awaiting.watch(ChapterGeneration)
        assert [feedback((await anext(heard)).object) for _ in range(2)] == [ODD, "second"]


@pytest.mark.parametrize("size", SIZES)
async def test_a_log_has_a_line_for_each_newline_and_what_is_no_utf8_is_replaced(size: int) -> None:
    body, lines = f"{ODD}\n\nlast".encode() + b"\xff", [ODD, "", "last\ufffd"]
    with client(body, size) as blocking:
        assert list(blocking.lines("/log")) == lines
    async with async_client(body, size) as awaiting:
        assert [line async for line in awaiting.lines("/log")] == lines
