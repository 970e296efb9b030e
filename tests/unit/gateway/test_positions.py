"""Where waiting work stands, from operators of which one leads, others stand by, and some say nothing of use."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from coursegen_gateway import positions, present
from coursegen_gateway.positions import Found, Positions
from coursegen_gateway.state import CHAPTERS, COURSES, Entry
from coursegen_operator.plan.position import MOST, Position

STANDS = Position("chapter-generation", 12, 95.0)
LEADS = (200, {"position": {"queue": "chapter-generation", "ahead": 12, "seconds": 95.0}})
KNOWS_NOT = (200, {"position": None})
STANDS_BY = (503, {"message": "it stands by"})
BUSY = (429, {"message": "ask again later"})
NO_OPERATOR = (200, {"status": "success"})


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it wait for an operator for as long as this machine may stand still."""
    monkeypatch.setattr(positions, "_ANSWER", aiohttp.ClientTimeout(total=60))


@asynccontextmanager
async def operators(*answers: tuple[int, Any]) -> AsyncIterator[tuple[Positions, list[str]]]:
    """Give a reader of operators that each answer in their way, and the UIDs that they are asked about."""
    asked: list[str] = []

    def answering(code: int, body: Any) -> Any:
        async def answer(request: web.Request) -> web.Response:
            asked.append(request.match_info["uid"])
            return web.Response(text=json.dumps(body), status=code, content_type="application/json")

        return answer

    async with AsyncExitStack() as stack:
        urls = ["http://no-such-name.invalid:8080"]
        for code, body in answers:
            made = web.Application()
            made.router.add_get("/position/{uid}", answering(code, body))
            server = await stack.enter_async_context(TestServer(made))
            urls.append(f"http://{server.host}:{server.port}")
        session = await stack.enter_async_context(aiohttp.ClientSession())
        yield Positions(urls, session), asked


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        pytest.param([STANDS_BY, LEADS], Found(STANDS), id="the one that leads knows"),
        pytest.param([KNOWS_NOT, LEADS], Found(STANDS), id="another shard has never heard of it"),
        pytest.param([KNOWS_NOT, STANDS_BY], Found(), id="it waits for no slot"),
        pytest.param([KNOWS_NOT, BUSY], Found(unknown=positions.BUSY), id="who is asked too often may know"),
        pytest.param([STANDS_BY], Found(unknown=positions.SILENT), id="nobody leads"),
        pytest.param([NO_OPERATOR], Found(unknown=positions.SILENT), id="something else answers"),
        pytest.param([], Found(unknown=positions.SILENT), id="nobody knows the name"),
    ],
)
async def test_the_operator_that_leads_says_where_work_stands(answers: list[tuple[int, Any]], found: Found) -> None:
    async with operators(*answers) as (reader, _):
        assert await reader.of("u1") == found


async def test_an_operator_is_asked_once_however_many_look_at_the_same_task() -> None:
    async with operators(LEADS) as (reader, asked):
        await asyncio.gather(*(reader.of("u1") for _ in range(20)), reader.of("u2"))
        assert sorted(asked) == ["u1", "u2"]


async def test_without_an_operators_address_that_is_what_is_said() -> None:
    async with aiohttp.ClientSession() as session:
        assert "COURSEGEN_OPERATOR_URL" in (await Positions((), session).of("u1")).unknown


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Found(STANDS), (True, True, 12, False, "1970-01-01T00:01:40.000Z")),
        (Found(Position("", MOST, None)), (True, True, MOST, True, None)),
        (Found(), (True, False, None, False, None)),
        (Found(unknown="why"), (False, False, None, False, None)),
    ],
)
def test_a_position_is_shown_with_the_time_at_which_its_turn_comes(found: Found, said: tuple[Any, ...]) -> None:
    p = present.position(found, 5.0)
    assert (p.available, p.waiting, p.ahead, p.ahead_is_at_least, p.estimated_start_time) == said
    assert (p.queue_name or "") == (found.position.queue if found.position else "")
    assert p.reason == found.unknown


@pytest.mark.parametrize(
    ("plural", "status", "asked"),
    [
        (CHAPTERS, {"phase": "Held", "holdReason": "QueueFull"}, True),
        (COURSES, {"phase": "Running", "outline": {"holdReason": "QueueFull"}}, True),
        (CHAPTERS, {"phase": "Running"}, False),
        (CHAPTERS, {"phase": "Cancelled", "holdReason": "QueueFull"}, False),
        (CHAPTERS, {}, False),
    ],
)
def test_the_operator_is_asked_about_what_is_held(plural: str, status: dict[str, Any], asked: bool) -> None:
    assert present.held(Entry(plural, {"status": status})) is asked
