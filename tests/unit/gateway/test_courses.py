"""Courses by their owner's id: one that several bear is named by its task_id, wherever a path names a course."""

from typing import Any

import httpx
import kopf
import pytest

from coursegen_gateway import app
from coursegen_gateway.access import Caller, Right
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.settings import Settings
from coursegen_gateway.state import CHAPTERS, COURSES
from coursegen_operator.access import Access

from .test_parts import chapter

SIBLINGS = ("", "/generation-status", "/chapters")


class Reader:
    """A gate that lets everybody read in some namespaces, and change nothing."""

    def __init__(self, *namespaces: str) -> None:
        self.namespaces = namespaces

    async def caller(self, token: str) -> Caller:
        return Caller("alice", "", (), (), token)

    async def may(self, caller: Caller, right: Right) -> bool:
        return right.verb == "get" and right.namespace in self.namespaces


def a_course(name: str, uid: str, namespace: str) -> dict[str, Any]:
    made = chapter(uid=uid) | {"spec": {"courseId": "python", "title": "Python"}, "status": {}}
    made["metadata"] |= {"name": name, "namespace": namespace}
    return made


@pytest.fixture
def gateway() -> Gateway:
    """Give one with three courses of one id: two in the namespace n, and one where alice may read nothing."""
    gateway = Gateway(Settings(read_only=True), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    gateway.gate = Reader("n")  # type: ignore[assignment]
    for name, uid, namespace in (("python", "u1", "n"), ("python-v2", "u2", "n"), ("secret", "u3", "other")):
        gateway.state.put(COURSES, a_course(name, uid, namespace))
    part = chapter(uid="u4")
    part["spec"] |= {"courseName": "python-v2", "chapterId": "loops"}
    gateway.state.put(CHAPTERS, part)
    return gateway


async def asked(gateway: Gateway, method: str, path: str, query: dict[str, str], body: Any = None) -> httpx.Response:
    transport, headers = httpx.ASGITransport(app=app.build(gateway)), {"Authorization": "Bearer token"}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example", headers=headers) as client:
        return await client.request(method, f"/api/v1/courses/python{path}", params=query, json=body)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 409),
        ({"namespace": "n"}, 409),
        ({"task_id": "u1"}, 200),
        ({"task_id": "u2", "namespace": "n"}, 200),
        ({"task_id": "u2", "namespace": "other"}, 404),
        ({"task_id": "u3"}, 404),
        ({"task_id": "u4"}, 404),
        ({"task_id": "u" * 65}, 422),
    ],
)
async def test_one_of_several_courses_with_one_id_is_named_by_its_task_id(
    gateway: Gateway, query: dict[str, str], status: int
) -> None:
    for sibling in SIBLINGS:
        answer = await asked(gateway, "GET", sibling, query)
        assert answer.status_code == status, answer.text
    if status == 409:
        assert [c["task_id"] for c in sorted(answer.json()["candidates"], key=lambda c: c["name"])] == ["u1", "u2"]
        assert "task_id" in answer.json()["detail"]


async def test_each_of_them_is_shown_as_itself_and_a_chapter_is_made_anew_in_the_one_that_is_named(
    gateway: Gateway,
) -> None:
    for task_id, name, chapters in (("u1", "python", 0), ("u2", "python-v2", 1)):
        shown = (await asked(gateway, "GET", "", {"task_id": task_id})).json()
        assert (shown["task_id"], shown["name"], len(shown["chapter_tasks"])) == (task_id, name, chapters)
        wish = {"chapter_id": "loops", "feedback": "Simpler"}
        # This gateway is read-only, which it says once it has found the chapter.
        answer = await asked(gateway, "POST", "/regenerate-chapter", {"task_id": task_id}, wish)
        assert answer.status_code == (403 if chapters else 404)
