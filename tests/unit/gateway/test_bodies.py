"""Bodies of requests: whose they are is known before any of them comes, and few lie in memory at a time."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import kopf
import pytest

from coursegen_api.course import MAX_OBJECTIVES_SIZE
from coursegen_gateway import app, guard
from coursegen_gateway.access import Caller, Right
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.problems import Problem
from coursegen_gateway.settings import Settings
from coursegen_operator.access import Access

from ..simulated import simulated

_MANY = 40


class Door:
    """A gate that takes a token for its user's name, lets nobody do anything, and may keep people waiting."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()

    async def caller(self, token: str) -> Caller:
        if token == "nobody":
            raise Problem(401, "no")
        return Caller(token, "", (), (), token)

    async def may(self, caller: Caller, right: Right) -> bool:
        return False

    async def demand(self, caller: Caller, right: Right, what: str) -> None:
        await self.open.wait()
        raise Problem(403, f"You may not {what}.")


def a_gateway() -> Gateway:
    gateway = Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    gateway.gate = Door()  # type: ignore[assignment]
    return gateway


class Body:
    """A chapter that somebody sends, and whether anybody has asked for it."""

    begun = False

    async def sent(self) -> AsyncIterator[bytes]:
        self.begun = True
        yield b'{"namespace": "n", "title": "Loops",'
        yield b'"learning_objectives": ["Learn"]}'


async def answered(
    gateway: Gateway, method: str, path: str, token: str, body: Any, media_type: str = "application/json"
) -> httpx.Response:
    headers = {"Content-Type": media_type} if media_type else {}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app=app.build(gateway))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example", headers=headers) as client:
        return await client.request(method, path, content=body)


def changes() -> list[tuple[str, str]]:
    """Give method and path of everything that changes something."""
    paths = app.build(a_gateway()).openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods if method != "get"]


async def test_nothing_of_a_body_is_received_before_it_is_known_who_sends_it() -> None:
    assert {("POST", "/api/v1/courses"), ("POST", "/api/v1/uploads")} < set(changes())
    for method, path in changes():
        for token in ("", "nobody"):
            body = Body()
            answer = await answered(a_gateway(), method, path, token, body.sent())
            assert (answer.status_code, body.begun) == (401, False), (method, path, token)
    body = Body()
    assert (await answered(a_gateway(), "POST", "/api/v1/chapters", "alice", body.sent())).status_code == 403
    assert body.begun


@pytest.mark.parametrize(
    ("users", "at_once"),
    [([f"user-{n}" for n in range(_MANY)], guard.BODIES), (["alice"] * _MANY, guard.BODIES_OF_ONE)],
    ids=["of all", "of one"],
)
async def test_so_many_bodies_lie_in_memory_at_once_and_the_others_wait(users: list[str], at_once: int) -> None:
    gateway, bodies = a_gateway(), [Body() for _ in users]
    door: Any = gateway.gate
    door.open.clear()
    sending = [
        asyncio.create_task(answered(gateway, "POST", "/api/v1/chapters", user, body.sent()))
        for user, body in zip(users, bodies, strict=True)
    ]
    # A verb has no body, and waits for nobody's.
    assert (await answered(gateway, "POST", "/api/v1/tasks/u1/cancel", "alice", b"")).status_code == 404
    for _ in range(1000):
        await asyncio.sleep(0)
    assert sum(body.begun for body in bodies) == at_once
    door.open.set()
    assert [(await one).status_code for one in sending] == [403] * _MANY


@simulated
async def test_a_body_that_does_not_come_to_its_end_makes_way_for_others() -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(3600)

    begun, gateway = asyncio.get_running_loop().time(), a_gateway()
    answers = await asyncio.gather(
        *(answered(gateway, "POST", "/api/v1/chapters", "alice", never()) for _ in range(guard.BODIES_OF_ONE)),
        answered(gateway, "POST", "/api/v1/chapters", "alice", Body().sent()),
    )
    assert [a.status_code for a in answers] == [*[408] * guard.BODIES_OF_ONE, 403]
    assert asyncio.get_running_loop().time() - begun == pytest.approx(guard.BODY_SECONDS)


@pytest.mark.parametrize(
    ("path", "body", "errors"),
    [
        (
            "/api/v1/courses",
            {"namespace": "n", "title": "T", "learning_objectives": ["a"], "courseId": "c"},
            {"courseId": "there is no such field; names are in snake_case here: course_id"},
        ),
        (
            "/api/v1/courses",
            {"namespace": "n", "title": "T", "learning_objectives": ["a"], "chapters": [{"id": "a", "dueDate": "x"}]},
            {
                "chapters.0.title": "Field required",
                "chapters.0.learning_objectives": "Field required",
                "chapters.0.dueDate": "there is no such field; names are in snake_case here: due_date",
            },
        ),
        (
            "/api/v1/tasks/u1/regenerate",
            {"feedback": "Simpler", "focus_area": "simplification"},
            {"focus_area": "there is no such field"},
        ),
    ],
    ids=["kubectl's spelling", "within another field", "snake_case"],
)
async def test_a_field_that_there_is_not_is_named_as_the_caller_wrote_it(
    path: str, body: Any, errors: dict[str, str]
) -> None:
    answer = await answered(a_gateway(), "POST", path, "alice", json.dumps(body).encode())
    assert answer.status_code == 422
    assert {e["field"]: e["message"] for e in answer.json()["errors"]} == errors


@pytest.mark.parametrize(
    ("media_type", "body", "words"),
    [
        ("application/json", b"{}", ""),
        ("Application/JSON; charset=utf-8", b"{}", ""),
        ("application/merge-patch+json", b"{}", ""),
        ("", b"", ""),
        ("application/x-www-form-urlencoded", b"{}", "application/json; it is application/x-www-form-urlencoded."),
        ("text/plain", b"{}", "application/json; it is text/plain."),
        ("", b"{}", "application/json; there is none."),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/v1/courses"), ("POST", "/api/v1/tasks/u1/regenerate"), ("PATCH", "/api/v1/queues/default")],
)
async def test_json_that_is_not_said_to_be_json_is_told_the_header_that_is_missing(
    method: str, path: str, media_type: str, body: bytes, words: str
) -> None:
    answer = await answered(a_gateway(), method, path, "alice", body, media_type)
    assert (answer.status_code == 415, words in answer.json()["detail"]) == (bool(words), True), answer.text


async def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_bound() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 65536
            yield b" " * 65536

    answer = await answered(a_gateway(), "POST", "/api/v1/chapters", "alice", endless())
    assert (answer.status_code, "kubectl" in answer.json()["detail"]) == (413, True)
    assert taken <= guard.MAX_BODY + 65536


def test_the_largest_course_that_kubernetes_takes_fits_into_a_body() -> None:
    objectives = ["x" * (MAX_OBJECTIVES_SIZE // 100 // 20)] * 20
    chapter = {
        "id": "i" * 20, "title": "t" * 100, "learning_objectives": objectives, "estimated_duration": "PT20H30M",
        "complexity_level": "intermediate",
    }  # fmt: skip
    course = {"namespace": "n" * 63, "course_id": "c" * 63, "title": "t" * 200, "learning_objectives": objectives}
    assert len(json.dumps(course | {"chapters": [chapter] * 100})) <= guard.MAX_BODY
