"""Tasks over HTTP: what a search may look at depends on who searches; whose log is the newest."""

from typing import Any

import httpx
import kopf
import pytest

from coursegen_api import names
from coursegen_gateway import app, present
from coursegen_gateway.access import Caller
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.settings import Settings
from coursegen_gateway.state import CHAPTERS, PODS
from coursegen_operator.access import Access

from .test_parts import chapter


class Reader:
    """A gate that lets everybody list some kinds."""

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds
        self.asked: list[str] = []
        """Of which kinds it was asked."""

    async def caller(self, token: str) -> Caller:
        return Caller("alice", "", (), (), token)

    async def namespaces(self, caller: Caller, verb: str, resource: str, wanted: set[str]) -> set[str]:
        self.asked.append(resource)
        return wanted if resource in self.kinds else set()


def gateway_for(*kinds: str) -> Gateway:
    """Give one with a chapter and its Pod on a node, for somebody who may list some kinds."""
    gateway = Gateway(Settings(), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    gateway.gate = Reader(*kinds)  # type: ignore[assignment]
    gateway.state.put(CHAPTERS, chapter())
    meta: dict[str, Any] = {
        **chapter(uid="p1")["metadata"],
        "name": "j-x7k2p",
        "labels": {names.LABEL_OBJECT_UID: "u1"},
    }
    gateway.state.put(PODS, {"metadata": meta, "spec": {"nodeName": "node-b"}})
    return gateway


@pytest.mark.parametrize(
    ("kinds", "query", "found"),
    [
        ((CHAPTERS,), "worker:j-x7k2p", 1),
        ((CHAPTERS,), "worker:node-b", 0),
        ((CHAPTERS, PODS), "worker:node-b", 1),
        ((CHAPTERS, PODS), "-worker:node-b", 0),
        ((CHAPTERS, PODS), "(Worker:node-b OR title:x)", 1),
        ((CHAPTERS,), "kwargs:chapter_id=two", 1),
        ((PODS,), "", 0),
        ((PODS,), "worker:node-b", 0),
    ],
)
@pytest.mark.parametrize("path", ["tasks", "chapters"])
async def test_nodes_are_searched_by_who_may_list_pods(
    kinds: tuple[str, ...], query: str, found: int, path: str
) -> None:
    gateway = gateway_for(*kinds)
    transport = httpx.ASGITransport(app=app.build(gateway))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.example") as client:
        headers = {"Authorization": "Bearer token"}
        answer = await client.get(f"/api/v1/{path}", params={"q": query}, headers=headers)
    assert (answer.status_code, answer.json()["total"]) == (200, found)
    asked: list[str] = gateway.gate.asked  # type: ignore[attr-defined]
    assert (PODS in asked) is ("worker" in query.lower()), "each namespace is a question to the API server"


@pytest.mark.parametrize(
    ("pods", "newest"),
    [
        ([("a1", 0, 1, "00"), ("a2", 0, 2, "00")], "a2"),  # created in one second
        ([("a9", 0, 9, "00"), ("a10", 0, 10, "00")], "a10"),
        ([("r0", 0, 4, "00"), ("r1", 1, 1, "00")], "r1"),
        ([("evicted", 0, 1, "00"), ("in its place", 0, 1, "07")], "in its place"),
        ([("odd", "x", "y", "09"), ("a1", 0, 1, "00")], "a1"),  # labels are a tenant's to write
    ],
    ids=["two attempts", "ten", "made anew", "replaced", "forged"],
)
@pytest.mark.parametrize("turn", [1, -1])
async def test_the_newest_log_is_that_of_the_last_attempt(
    pods: list[tuple[str, Any, Any, str]], newest: str, turn: int
) -> None:
    gateway = gateway_for(CHAPTERS)
    gateway.state.remove(PODS, next(iter(gateway.state.of_kind(PODS).values())))
    for name, revision, attempt, second in pods[::turn]:
        labels = {names.LABEL_OBJECT_UID: "u1", names.LABEL_REVISION: str(revision), names.LABEL_ATTEMPT: str(attempt)}
        made = {"labels": labels, "creationTimestamp": f"2026-01-01T00:00:{second}Z"}
        gateway.state.put(PODS, {"metadata": chapter(uid=name)["metadata"] | {"name": name} | made})
    assert max(gateway.state.pods_of(gateway.state.by_uid["u1"]), key=present.recency)["metadata"]["name"] == newest
