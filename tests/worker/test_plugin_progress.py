"""The plugin reads live percentages from a real Redis, as the operator's own user may."""

from dataclasses import dataclass
from typing import Any

import pytest

from coursegen.cli.live import Words
from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.task import Progress

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
    client.delete(stream)
    assert shown(words, running(10)) == (50, "writing")


@pytest.mark.parametrize("url", [None, "redis://127.0.0.1:1/0", "no-url"])
def test_without_redis_the_percentages_are_those_of_status(url: str | None) -> None:
    assert shown(Words(FakeClient("u"), url), running(10)) == (10, None)  # type: ignore[arg-type]
