"""Events come from kopf's watch straight to the one who takes them, on the real API server."""

import asyncio
from collections.abc import AsyncIterator

import kopf
import pytest

from coursegen_api import names
from coursegen_operator import handlers
from coursegen_operator.access import from_kubeconfig

from .conftest import LiveCluster
from .contract.manifests import CHAPTER_ALONE

CHAPTER = {"apiVersion": names.API_VERSION, "kind": "ChapterGeneration", "spec": CHAPTER_ALONE}


class Watching:
    """Takes the events of chapters of one namespace, as a test reads them."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[str | None, str]] = asyncio.Queue()

    def take(self, event: kopf.RawEvent) -> None:
        said = event["type"], event["object"]["metadata"]["name"]
        self.events.put_nowait(said)
        if said[1] == "unreadable":
            raise ValueError("not to be taken in")

    async def next(self) -> tuple[str | None, str]:
        async with asyncio.timeout(60):
            return await self.events.get()


@pytest.fixture
async def watching(cluster: LiveCluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watching]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    found, registry = Watching(), kopf.OperatorRegistry()
    takers = {"chaptergenerations": found.take}
    handlers.register(registry, takers, from_kubeconfig())
    tasks = await kopf.spawn_tasks(
        registry=registry, settings=handlers.settings(30, takers), namespaces=[namespace], clusterwide=False
    )
    yield found
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_events_come_in_order_without_a_task_an_object(
    cluster: LiveCluster, namespace: str, watching: Watching, caplog: pytest.LogCaptureFixture
) -> None:
    collection = f"/apis/{names.API_VERSION}/namespaces/{namespace}/chaptergenerations"

    def request(verb: str, path: str, body: dict[str, object] | None = None) -> None:
        status, answer = cluster.api.request(verb, path, body)
        assert status < 300, answer

    request("POST", collection, CHAPTER | {"metadata": {"name": "unreadable"}})
    assert (await watching.next())[1] == "unreadable"
    request("POST", collection, CHAPTER | {"metadata": {"name": "next"}})
    assert await watching.next() == ("ADDED", "next")
    request("DELETE", f"{collection}/next")
    assert await watching.next() == ("DELETED", "next")

    assert "an event of chaptergenerations could not be taken in" in caplog.text
    assert not [t.get_name() for t in asyncio.all_tasks() if t.get_name().startswith("worker for")]
    assert watching.events.empty()
