"""What the proxy does to a request is what its fault says: to the API server behind it, and to who asked."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from coursegen_operator.kube import METADATA

from ...faults import proxy as proxies
from ...faults.fault import Act, Fault, begins_watch, kopf, lists, numbered, writes
from ...faults.proxy import Proxy

JOBS = "/apis/batch/v1/namespaces/n/jobs"
JOB = {"metadata": {"name": "a-chapter-01-0123456789-r0-a1"}}
KEY = "POST jobs a-chapter-01-*-r0-a1 #1"
EVENTS = 3


@dataclass
class Behind:
    """A server that answers everything, and remembers what reached it."""

    reached: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    lists: int = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.reached.append(f"{request.method} {request.path}")
        self.accepted.append(request.headers["Accept"])
        if "watch" in request.query:
            lines = [json.dumps({"type": "ADDED", "number": n}) for n in range(1, EVENTS + 1)]
            return web.Response(text="".join(f"{line}\n" for line in lines))
        self.lists += request.method == "GET"
        return web.json_response({"metadata": {"name": "a"}, "spec": {}, "items": [], "version": self.lists})


@dataclass
class Way:
    """A client before the proxy, and what is behind it."""

    proxy: Proxy
    behind: Behind
    session: aiohttp.ClientSession
    kills: list[str] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    """What the last watch has brought: events by number, -1 for a broken one, the code of an error."""

    async def ask(self, verb: str, query: str = "", body: Any = None) -> tuple[int, Any]:
        """Ask; code 0 if there is no answer, or half of one."""
        url = f"http://127.0.0.1:{self.proxy.port}{JOBS}{query}"
        try:
            async with self.session.request(verb, url, json=body) as response:
                return response.status, await response.json()
        except aiohttp.ClientError:
            return 0, None

    async def create(self) -> int:
        """Create the Job."""
        return (await self.ask("POST", body=JOB))[0]

    async def watch(self) -> list[int]:
        """Watch to the end."""
        self.seen = []
        try:
            async with self.session.get(f"http://127.0.0.1:{self.proxy.port}{JOBS}?watch=1") as response:
                async for line in response.content:
                    event = json.loads(line) if line.endswith(b"\n") else {"number": -1}
                    self.seen.append(event["number"] if "number" in event else event["object"]["code"])
        except aiohttp.ClientError:
            self.seen.append(-1)
        return self.seen

    async def give_up(self, work: Coroutine[Any, Any, object], when: Callable[[], bool]) -> None:
        """Begin something that will not end, and leave it at some time."""
        begun = asyncio.create_task(work)
        await until(when)
        begun.cancel()


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.01)


@asynccontextmanager
async def way(*faults: Fault) -> AsyncIterator[Way]:
    behind = Behind()
    runner = web.ServerRunner(web.Server(behind.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with (
        Proxy(f"http://127.0.0.1:{runner.addresses[0][1]}", ssl.create_default_context()) as proxy,
        aiohttp.ClientSession(headers={"User-Agent": "kopf/test"}) as session,
    ):
        made = Way(proxy, behind, session)
        proxy.begin(list(faults), lambda: made.kills.append("killed"))
        yield made
    await runner.cleanup()


@pytest.mark.parametrize(
    ("act", "reaches", "kills", "code"),
    [
        (Act.KILL_BEFORE, False, True, 0),
        (Act.KILL_AFTER, True, True, 0),
        (Act.LOSE, True, False, 0),
        (Act.ANSWER, False, False, 503),
        (Act.HALF, True, False, 0),
    ],
)
async def test_a_write_that_a_fault_meets(act: Act, reaches: bool, kills: bool, code: int) -> None:
    async with way(Fault(act, key=KEY, code=503)) as made:
        assert await made.create() == code
        assert (bool(made.behind.reached), bool(made.kills), made.proxy.met) == (reaches, kills, 1)
        assert await made.create() == 200, "the same write, but for its number, is met no more"
        assert made.proxy.written == [KEY, KEY.replace("#1", "#2")]


async def test_what_is_kept_back_arrives_when_it_is_released_though_its_client_has_gone() -> None:
    async with way(Fault(Act.KEEP, key=KEY)) as made:
        await made.give_up(made.create(), lambda: made.proxy.kept == KEY)
        assert made.behind.reached == []
        made.proxy.released.set()
        await until(lambda: bool(made.behind.reached))
        assert made.behind.reached == [f"POST {JOBS}"]


async def test_a_write_that_is_never_answered_does_not_reach_the_api_server() -> None:
    async with way(Fault(Act.SILENCE, key=KEY)) as made:
        await made.give_up(made.create(), lambda: made.proxy.met == 1)
        assert made.behind.reached == []


async def test_a_stale_list_is_the_first_one() -> None:
    async with way(Fault(Act.STALE, lists, after=KEY)) as made:
        first = await made.ask("GET")
        await made.create()
        assert await made.ask("GET") == first
        assert await made.ask("GET") != first


@pytest.mark.parametrize(
    ("act", "brings"),
    [
        (Act.DROP, [1, 3]),
        (Act.CUT, [1, -1]),
        (Act.EXPIRED, [1, 410]),
        (Act.ERROR, [1, 500]),
    ],
)
async def test_a_watch_whose_second_event_a_fault_meets(act: Act, brings: list[int]) -> None:
    async with way(Fault(act, numbered(kopf("jobs"), lambda seen: seen == 2))) as made:
        assert await made.watch() == brings
        assert await made.watch() == [1, 2, 3]
        assert made.proxy.events["jobs"] >= EVENTS


async def test_a_frozen_watch_brings_nothing_more() -> None:
    async with way(Fault(Act.FREEZE, numbered(kopf("jobs"), lambda seen: seen == 2))) as made:
        await made.give_up(made.watch(), lambda: made.proxy.met == 1 and made.seen == [1])


async def test_a_watch_can_be_refused_before_its_first_event() -> None:
    async with way(Fault(Act.ANSWER, begins_watch("jobs"), code=410)) as made:
        assert (await made.ask("GET", "?watch=1"))[0] == 410
        assert (await made.ask("GET"))[0] == 200


async def test_who_asks_again_before_the_time_is_up_that_a_429_told_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxies, "RETRY_AFTER_SECONDS", 600)
    async with way(Fault(Act.ANSWER, writes, code=429)) as made:
        assert await made.create() == 429
        assert (await made.ask("POST", body={"metadata": {"name": "another"}}))[0] == 200
        assert made.proxy.impatient == []
        await made.create()
        assert len(made.proxy.impatient) == 1


async def test_who_asks_for_metadata_gets_no_more_and_the_audit_log_the_whole() -> None:
    async with way() as made:
        accepts = {"Accept": METADATA}
        url = f"http://127.0.0.1:{made.proxy.port}{JOBS}"
        async with made.session.post(url, json=JOB, headers=accepts) as response:
            answer = await response.json()
        assert (answer["kind"], answer["metadata"], "spec" in answer) == ("PartialObjectMetadata", {"name": "a"}, False)
        assert made.behind.accepted == ["application/json"]
