"""Graphs from a Prometheus that misbehaves: odd values, no answer, and how often it is asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from coursegen_gateway.graphs import QUERIES, Prometheus

WELL = {"status": "success", "data": {"result": [{"metric": {"kind": "chapter"}, "values": [[1, "2"], [31, "NaN"]]}]}}


@asynccontextmanager
async def saying(
    body: Any, status: int = 200, media: str = "application/json"
) -> AsyncIterator[tuple[Prometheus, list[str]]]:
    """Give a reader of a server that answers every query the same, and the queries that it has heard."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.query["query"])
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(text=text, status=status, content_type=media)

    made = web.Application()
    made.router.add_get("/api/v1/query_range", answer)
    async with TestServer(made) as server, aiohttp.ClientSession() as session:
        yield Prometheus(f"http://reader:secret@{server.host}:{server.port}/", session), asked


async def test_every_graph_is_asked_for_once_however_many_look_at_it() -> None:
    async with saying(WELL) as (prometheus, asked):
        found = await asyncio.gather(*(prometheus.graphs(3600) for _ in range(20)))
        assert (found[0].available, len(asked)) == (True, len(QUERIES))
        assert [g.name for g in found[0].graphs] == [q.name for q in QUERIES]
        await prometheus.graphs(86_400)
        assert len(asked) == 2 * len(QUERIES)
    assert not any("$" in query for query in asked)


async def test_what_is_no_number_is_a_gap_in_the_line() -> None:
    async with saying(WELL) as (prometheus, _):
        [line] = (await prometheus.graphs(3600)).graphs[0].series
    assert (line.name, line.points) == ("chapter", [(1.0, 2.0), (31.0, None)])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"body": {"status": "error", "error": "parse error at char 3"}, "status": 400}, "parse error at char 3"),
        ({"body": {"status": "success", "data": {}}}, "gives no graphs"),
        ({"body": "{"}, "gives no graphs"),
        ({"body": "<html>", "status": 502, "media": "text/html"}, "does not answer: ContentTypeError"),
    ],
    ids=["an error", "no result", "no JSON", "a page"],
)
async def test_a_prometheus_that_gives_nothing_is_said_without_its_password(answer: Any, words: str) -> None:
    async with saying(**answer) as (prometheus, _):
        found = await prometheus.graphs(3600)
    assert (found.available, found.graphs, words in found.reason) == (False, [], True), found.reason
    assert "secret" not in found.reason


async def test_a_prometheus_that_is_gone_and_one_that_was_never_set_are_said() -> None:
    async with aiohttp.ClientSession() as session:
        gone = await Prometheus("http://127.0.0.1:9", session).graphs(3600)
        unset = await Prometheus("", session).graphs(3600)
    assert "does not answer: ClientConnector" in gone.reason
    assert "COURSEGEN_PROMETHEUS_URL" in unset.reason
