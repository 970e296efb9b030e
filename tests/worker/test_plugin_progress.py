"""The plugin and the gateway read live percentages from a real Redis, as the operator's own user may."""

import asyncio
from dataclasses import dataclass
from typing import Any

import kopf
import pytest

from coursegen.cli.live import Words
from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.task import Progress
from coursegen_gateway.gateway import Gateway, end
from coursegen_gateway.settings import Settings
from coursegen_gateway.state import CHAPTERS, NAMESPACES
from coursegen_operator.access import Access

from .servers import RedisServer

UID = "0f3b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10"


@dataclass
class FakeClient:
    """Knows the namespace's uid; the real client is tested on a real API server."""

    uid: str

    def read(self, path: str) -> dict[str, Any]:
        return {"metadata": {"uid": self.uid}}


def running(percentage: int, attempt: int = 1) -> ChapterGeneration:
    begun = {"number": attempt, "jobName": "j", "admissionTime": "2026-11-28T12:00:00Z"}
    status = {"phase": "Running", "progressPercentage": percentage, "attempts": [begun]}
    spec = {"title": "Loops", "learningObjectives": ["Write a loop"]}
    meta = {"name": "loops", "namespace": "n", "uid": UID}
    return ChapterGeneration.model_validate({"metadata": meta, "spec": spec, "status": status})


def say(redis_server: RedisServer, stream: str, percentage: int, attempt: int = 1) -> None:
    word = Progress(uid=UID, revision=0, attempt=attempt, pod_uid="p", percentage=percentage, stage="writing", time=1.0)
    redis_server.client().xadd(stream, word.fields())


def shown(words: Words, obj: ChapterGeneration) -> tuple[int, str | None]:
    words.read(["n"])
    newer = words.over(obj)
    return newer.status.progress_percentage, newer.status.stage


def test_the_last_word_about_the_running_attempt_is_shown_and_never_less_than_status(
    redis_server: RedisServer,
) -> None:
    uid = "11111111-8a54-4c0e-9a57-2f1f3c9d7a10"
    stream = names.progress_stream(uid)
    client = redis_server.client()
    client.acl_setuser(
        "reader",
        enabled=True,
        nopass=True,
        keys=["coursegen:progress:*"],
        commands=["-@all", "+xread", "+ping"],
    )
    words = Words(FakeClient(uid), f"redis://reader:any@127.0.0.1:{redis_server.port}/0")  # type: ignore[arg-type]
    assert shown(words, running(10)) == (10, None)
    for number in range(1100):
        say(redis_server, stream, number % 60)
    say(redis_server, stream, 40)
    assert shown(words, running(10)) == (40, "writing")
    say(redis_server, stream, 50)
    assert shown(words, running(10)) == (50, "writing")
    assert shown(words, running(70)) == (70, "writing")
    assert shown(words, running(10, attempt=2)) == (10, None), "an earlier attempt's words are not about this one"
    client.xadd(stream, {"uid": UID, "nonsense": "x"})
    assert shown(words, running(10)) == (50, "writing")
    client.xadd(stream, {"uid": b"\xff"})
    say(redis_server, stream, 55)
    assert shown(words, running(10)) == (55, "writing")
    client.delete(stream)
    assert shown(words, running(10)) == (55, "writing")


async def test_the_gateway_reads_on_whatever_a_tenant_appends(redis_server: RedisServer) -> None:
    uid = "22222222-8a54-4c0e-9a57-2f1f3c9d7a10"
    url = f"redis://:{redis_server.password}@127.0.0.1:{redis_server.port}/0"
    gateway = Gateway(Settings(redis_url=url), Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))  # type: ignore[arg-type]
    gateway.state.put(NAMESPACES, {"metadata": {"name": "n", "uid": uid, "resourceVersion": "1"}})
    found = running(10).wire() | {"metadata": {"name": "loops", "namespace": "n", "uid": UID, "resourceVersion": "2"}}
    gateway.state.put(CHAPTERS, found)
    listener = gateway.hub.listen(UID)
    for junk in ({"uid": b"\xff\xfe"}, {b"\xff": b"\xff"}, {"uid": UID, "time": "inf"}):
        redis_server.client().xadd(names.progress_stream(uid), junk)  # type: ignore[arg-type]
    say(redis_server, names.progress_stream(uid), 42)
    assert gateway.progress
    reading = asyncio.create_task(gateway.progress.run(gateway.state.take))
    async with asyncio.timeout(60):
        await listener.wake.wait()
        assert (reading.done(), gateway.hears_redis(), gateway.state.progress[UID].percentage) == (False, True, 42)
        await end([reading])


@pytest.mark.parametrize("url", [None, "redis://127.0.0.1:1/0", "no-url"])
def test_without_redis_the_percentages_are_those_of_status(url: str | None) -> None:
    assert shown(Words(FakeClient("u"), url), running(10)) == (10, None)  # type: ignore[arg-type]
