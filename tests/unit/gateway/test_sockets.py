"""WebSockets in simulated time: heartbeat, the check of access each minute, resuming, and readers that are slow."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import kopf
import pytest
from starlette.websockets import WebSocket

from coursegen_api.task import Progress
from coursegen_gateway import sockets
from coursegen_gateway.access import Gate
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.settings import Settings
from coursegen_gateway.sockets import PROTOCOL, TOKEN_PROTOCOL
from coursegen_gateway.state import CHAPTERS
from coursegen_operator.access import Access
from coursegen_operator.kube import ApiUnreachable

from ..simulated import simulated
from .test_parts import chapter

Json = dict[str, Any]

UID, TOKEN = "u1", "token?>"
_STEP = 0.001


@dataclass
class Reviews:
    """The API server's answers about one person."""

    valid: bool = True
    namespaces: set[str] = field(default_factory=lambda: {"n"})
    """Where they may read."""
    answers: bool = True

    async def create(self, path: str, body: Json) -> Json:
        if not self.answers:
            raise ApiUnreachable("nobody answers")
        if path.endswith("tokenreviews"):
            valid = self.valid and body["spec"]["token"] == TOKEN
            return {"status": {"authenticated": valid, "user": {"username": "alice"}}}
        return {"status": {"allowed": body["spec"]["resourceAttributes"]["namespace"] in self.namespaces}}


class Wire:
    """A client's end of a socket, in memory."""

    def __init__(self, path: str, query: str = "", offers: tuple[str, ...] = (), **headers: str) -> None:
        given = {"authorization": f"Bearer {TOKEN}", "host": "gateway.example"} | headers
        scope = {
            "type": "websocket", "path": path, "query_string": query.encode(),
            "headers": [(k.encode(), v.encode()) for k, v in given.items()], "client": ("192.0.2.1", 1),
            "subprotocols": list(offers),
        }  # fmt: skip
        self.socket = WebSocket(scope, self._receive, self._send)
        self.reads = asyncio.Event()
        """A client that does not read fills the buffers between, and then sending waits."""
        self.reads.set()
        self.heard: list[tuple[float, Json]] = []
        self.chosen: str | None = None
        self.code: int | None = None
        self.reason = ""
        self.ended = 0.0
        self._asked, self._gone = False, asyncio.Event()
        self._begun = asyncio.get_running_loop().time()

    @property
    def seconds(self) -> float:
        """How long the socket has been open."""
        return round(asyncio.get_running_loop().time() - self._begun, 2)

    def said(self, kind: str) -> list[tuple[float, Json]]:
        """What was heard of one type, and when."""
        return [(at, m) for at, m in self.heard if m["type"] == kind]

    def leave(self) -> None:
        """Go, without a word."""
        self._gone.set()

    async def _receive(self) -> Json:
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        await self._gone.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.reads.wait()
            self.heard.append((self.seconds, json.loads(message["text"])))
        elif message["type"] == "websocket.accept":
            self.chosen = message["subprotocol"]
        elif message["type"] == "websocket.close":
            self.code, self.ended, self.reason = message["code"], self.seconds, message["reason"]


@dataclass
class Room:
    """A gateway without a cluster, one chapter in it, and what its API server says."""

    gateway: Gateway
    reviews: Reviews
    version: int = 1

    def percentage(self, value: int, uid: str = UID) -> None:
        """Say how far the chapter is, as its worker does."""
        now = asyncio.get_running_loop().time()
        word = Progress(uid=uid, revision=0, attempt=1, pod_uid="p", percentage=value, stage="Writing", time=now)
        self.gateway.state.take(word, "n")

    def status(self, **status: Any) -> None:
        """Write the chapter's status, as the operator does."""
        self.version += 1
        self.gateway.state.put(CHAPTERS, chapter(self.version, **status))

    def dropped(self) -> dict[str, float]:
        """Give how many sockets were not opened or ended from this side, by reason."""
        [family] = self.gateway.metrics.dropped.collect()
        return {s.labels["reason"]: s.value for s in family.samples if s.name.endswith("_total") and s.value}

    @asynccontextmanager
    async def listening(
        self, query: str = "", feed: bool = False, offers: tuple[str, ...] = (), **headers: str
    ) -> AsyncIterator[Wire]:
        """Have a socket open during the body."""
        wire = Wire(f"/ws/tasks{'' if feed else f'/{UID}'}", query, offers, **headers)
        serving: Coroutine[Any, Any, None] = (
            sockets.follow_all(self.gateway, wire.socket)
            if feed
            else sockets.follow_task(self.gateway, wire.socket, UID)
        )
        task = asyncio.ensure_future(serving)
        await asyncio.sleep(_STEP)
        try:
            yield wire
        finally:
            wire.leave()
            await task


def room() -> Room:
    """Make a gateway whose clock is the loop's."""
    gateway = Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    reviews = Reviews()
    gateway.gate = Gate(reviews, asyncio.get_running_loop().time)  # type: ignore[arg-type]
    made = Room(gateway, reviews)
    gateway.state.put(CHAPTERS, chapter())
    return made


@simulated
async def test_a_socket_of_which_nothing_is_new_has_a_heartbeat_every_fifteen_seconds() -> None:
    here = room()
    async with here.listening() as wire:
        await asyncio.sleep(59)
        assert [at for at, _ in wire.said("heartbeat")] == [15, 30, 45]
        assert len(wire.said("state")) == 1
    assert here.gateway.hub.listeners == 0


# What becomes of the caller after 70 seconds; when the socket is closed, and with which code.
CHECKS = [
    pytest.param({}, None, None, "", id="nothing"),
    pytest.param({"namespaces": set()}, 120, 4404, "access", id="the right is taken away"),
    pytest.param({"valid": False}, 120, 4401, "access", id="the token is not valid any more"),
    pytest.param({"answers": False}, 360, 1013, "unanswered", id="the API server does not say for five checks"),
]


@pytest.mark.parametrize(("becomes", "at", "code", "reason"), CHECKS)
@simulated
async def test_access_is_checked_again_every_minute(
    becomes: Json, at: float | None, code: int | None, reason: str
) -> None:
    here = room()
    async with here.listening() as wire:
        await asyncio.sleep(70)
        for name, value in becomes.items():
            setattr(here.reviews, name, value)
        await asyncio.sleep((at or 600) - 71)
        here.percentage(50)
        await asyncio.sleep(_STEP)
        assert wire.code is None
        assert wire.heard[-1][1].get("progress_percentage") == 50, "until then it is told what is new"
        await asyncio.sleep(2)
        assert (wire.code, wire.ended or None) == (code, at)
        assert list(here.dropped()) == ([reason] if reason else [])
        told = len(wire.heard)
        here.percentage(60)
        await asyncio.sleep(20)
        assert (len(wire.heard) == told) is (code is not None)


@simulated
async def test_an_api_server_that_answers_again_is_believed() -> None:
    here = room()
    async with here.listening() as wire:
        await asyncio.sleep(30)
        for _ in range(5):
            here.reviews.answers = False
            await asyncio.sleep(240)
            here.reviews.answers = True
            await asyncio.sleep(60)
        assert wire.code is None


@simulated
async def test_the_feed_says_no_more_of_a_namespace_once_the_right_to_it_was_seen_to_be_gone() -> None:
    here = room()
    async with here.listening(feed=True) as wire:
        here.percentage(10)
        await asyncio.sleep(1)
        here.reviews.namespaces = set()
        await asyncio.sleep(60)
        here.percentage(20)
        await asyncio.sleep(1)
        assert [m["progress_percentage"] for _, m in wire.said("state")] == [10]
        here.reviews.namespaces = {"n"}
        await asyncio.sleep(60)
        here.percentage(30)
        await asyncio.sleep(1)
        assert [m["progress_percentage"] for _, m in wire.said("state")] == [10, 30]
    async with here.listening("namespace=n", feed=True) as wire:
        await asyncio.sleep(30)
        here.reviews.namespaces = set()
        await asyncio.sleep(31)
        assert (wire.code, wire.ended) == (4403, 60)


# The whole life of a chapter, one change after the other.
LIFE = [
    ("percentage", 10), ("percentage", 40), ("status", {"holdReason": "RetryBackoff", "phase": "Held"}),
    ("status", {"phase": "Running"}), ("percentage", 70), ("status", {"phase": "Succeeded", "progressPercentage": 100}),
]  # fmt: skip


async def live(here: Room, changes: list[tuple[str, Any]]) -> None:
    for kind, value in changes:
        if kind == "percentage":
            here.percentage(value)
        else:
            here.status(**value)
        await asyncio.sleep(_STEP)


@pytest.mark.parametrize("heard", range(len(LIFE) + 1))
@simulated
async def test_who_comes_back_is_told_the_newest_state_once_wherever_the_line_broke(heard: int) -> None:
    here = room()
    async with here.listening() as wire:
        await live(here, LIFE[:heard])
        states = [m for _, m in wire.said("state")]
        assert len(states) == heard + 1, "each change is told"
    await live(here, LIFE[heard:])
    async with here.listening(f"after={states[-1]['cursor']}") as wire:
        again = [m for _, m in wire.said("state")]
        whole = heard == len(LIFE)
        assert [m["phase"] for m in again] == ([] if whole else ["Succeeded"]), "what was seen is not told twice"
        here.status(phase="Succeeded", progressPercentage=100, revision=1)
        await asyncio.sleep(_STEP)
        assert wire.said("state")[-1][1]["revision"] == 1


@simulated
async def test_a_cursor_of_no_sense_is_answered_by_the_present_state() -> None:
    here = room()
    async with here.listening("after=..%2F%00") as wire:
        assert len(wire.said("state")) == 1


@simulated
async def test_a_reader_that_stops_for_a_while_finds_the_newest_state_and_no_backlog() -> None:
    here = room()
    async with here.listening() as slow, here.listening() as quick:
        slow.reads.clear()
        for value in range(1, 91):
            here.percentage(value)
            await asyncio.sleep(0.1)
        assert [m["progress_percentage"] for _, m in quick.said("state")] == list(range(91)), "nobody waits for it"
        slow.reads.set()
        await asyncio.sleep(_STEP)
        # The first, the one that was on its way, and what is true now.
        assert [m["progress_percentage"] for _, m in slow.said("state")] == [0, 1, 90]


@pytest.mark.parametrize("feed", [False, True])
@simulated
async def test_a_reader_that_takes_nothing_for_half_a_minute_is_let_go(feed: bool) -> None:
    here = room()
    async with here.listening(feed=feed) as wire:
        wire.reads.clear()
        here.percentage(1)
        await asyncio.sleep(29)
        assert here.gateway.hub.listeners == 1
        await asyncio.sleep(4)
        assert here.gateway.hub.listeners == 0
        assert len(wire.heard) == 1
        assert here.dropped() == {"slow": 1}


@simulated
async def test_the_feed_tells_of_an_object_at_most_four_times_a_second() -> None:
    here = room()
    async with here.listening(feed=True) as wire:
        for value in range(1, 91):
            here.percentage(value)
            await asyncio.sleep(0.02)
        await asyncio.sleep(1)
        told = wire.said("state")
        assert told[-1][1]["progress_percentage"] == 90
        assert all(later - earlier > 0.24 for (earlier, _), (later, _) in pairwise(told))


@simulated
async def test_a_feed_that_is_too_far_behind_is_told_to_read_everything_anew() -> None:
    here = room()
    async with here.listening(feed=True) as wire:
        wire.reads.clear()
        here.percentage(1)
        await asyncio.sleep(1)
        for number in range(2500):
            here.gateway.hub.change(CHAPTERS, f"other-{number}")
        wire.reads.set()
        await asyncio.sleep(1)
        assert len(wire.said("reset")) == 1


# Headers, and the code that the door is closed with.
DOORS = [
    ({"origin": "https://gateway.example"}, None),
    ({"origin": "https://evil.example"}, 4403),
    ({"origin": "null"}, 4403),
    ({"authorization": ""}, 4401),
    ({"authorization": "Basic YTpi"}, 4401),
]


@pytest.mark.parametrize(("headers", "code"), DOORS)
@simulated
async def test_a_door_is_closed_with_a_code_that_says_why(headers: dict[str, str], code: int | None) -> None:
    here = room()
    async with here.listening(**headers) as wire:
        assert wire.code == code
        assert bool(wire.heard) is (code is None)
        assert here.dropped() == ({"refused": 1} if code else {})


@simulated
async def test_one_socket_more_than_the_setting_is_asked_to_come_again() -> None:
    here = room()
    here.gateway.settings = Settings(max_sockets=3)
    async with contextlib.AsyncExitStack() as open_:
        wires = [await open_.enter_async_context(here.listening()) for _ in range(4)]
        assert [w.code for w in wires] == [None, None, None, 4429]
        assert here.dropped() == {"limit": 1}


_CODED = base64.urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("offers", "code", "chosen"),
    [
        ((PROTOCOL, TOKEN_PROTOCOL + _CODED), None, PROTOCOL),
        ((TOKEN_PROTOCOL + _CODED, PROTOCOL), None, PROTOCOL),
        ((TOKEN_PROTOCOL + _CODED,), None, None),
        ((PROTOCOL, TOKEN_PROTOCOL + _CODED[:-1]), 4401, PROTOCOL),
        ((PROTOCOL, TOKEN_PROTOCOL + "_w"), 4401, PROTOCOL),
        ((PROTOCOL, TOKEN_PROTOCOL + "!"), 4401, PROTOCOL),
        ((PROTOCOL, TOKEN_PROTOCOL), 4401, PROTOCOL),
        ((PROTOCOL,), 4401, PROTOCOL),
        ((), 4401, None),
    ],
)
@simulated
async def test_a_browser_offers_its_token_as_a_subprotocol_which_is_never_the_one_that_is_chosen(
    offers: tuple[str, ...], code: int | None, chosen: str | None
) -> None:
    here = room()
    async with here.listening(offers=offers, authorization="") as wire:
        assert (wire.code, wire.chosen, len(wire.said("state"))) == (code, chosen, 0 if code else 1)


@simulated
async def test_a_ticket_of_another_replica_is_refused_in_words_that_fit_into_a_close_frame() -> None:
    here, there = room(), room()
    ticket = there.gateway.tickets.give(await here.gateway.caller(f"Bearer {TOKEN}", ""), UID)
    async with here.listening(f"ticket={ticket}", authorization="") as wire:
        assert (wire.code, wire.reason) == (4401, sockets._NO_TICKET)
    async with there.listening(f"ticket={ticket}", authorization="") as wire:
        assert wire.code is None
