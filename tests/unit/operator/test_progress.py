"""The reader of live progress, without a Redis: nothing that matters hangs on it, and it says so once."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import kopf
import pytest

from coursegen_api import names
from coursegen_api.task import Progress
from coursegen_operator import progress, settings
from coursegen_operator.__main__ import Operator
from coursegen_operator.access import Access

UIDS = {"a": "uid-a", "b": "uid-b"}


@dataclass
class Streams:
    """Answers one read, as Redis does, and is gone."""

    entries: Mapping[str, Progress]
    """By the namespace on whose stream it is."""
    asked: list[set[str]] = field(default_factory=list)

    async def ping(self) -> None:
        return None

    async def xread(self, wanted: dict[str, str], **_: object) -> object:
        if self.asked:
            raise ConnectionError
        self.asked.append(set(wanted))
        return [[names.progress_stream(UIDS[n]), [("1-0", said.fields())]] for n, said in self.entries.items()]


async def follow(streams: Streams, take: progress.Take) -> None:
    """Have a reader hear what is on the streams."""
    redis = progress.Redis("redis://unused")
    with contextlib.suppress(ConnectionError):
        await progress.ProgressReader(redis, lambda: UIDS)._follow(streams, take, redis.address())  # type: ignore[arg-type]


def said_of(uid: str, percentage: int = 9) -> Progress:
    return Progress(uid=uid, revision=0, attempt=1, pod_uid="p", percentage=percentage, stage="s", time=1.0)


async def test_a_redis_that_is_not_there_is_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_RECONNECT_SECONDS", 0.0)
    reader = progress.ProgressReader(progress.Redis("redis://127.0.0.1:1/0"), dict)
    tries, again = iter(range(1, 4)), asyncio.Event()
    read = reader._read

    async def tried(take: progress.Take) -> None:
        if next(tries) == 3:
            again.set()
            await asyncio.Event().wait()
        await read(take)

    monkeypatch.setattr(reader, "_read", tried)
    running = asyncio.create_task(reader.run(lambda message, namespace: None))
    async with asyncio.timeout(60):
        await again.wait()
    running.cancel()
    assert [r.message for r in caplog.records] == [
        "redis cannot be read, percentages will be older: ConnectionError",
    ]
    assert not reader.connected


async def test_a_message_comes_with_the_namespace_whose_stream_it_was_on() -> None:
    """Who may append to one stream can write any uid there: the namespace says of whom it may speak."""
    heard: list[tuple[str, str]] = []
    streams = Streams({"a": said_of("of-b")})
    await follow(streams, lambda message, namespace: heard.append((message.uid, namespace)))
    assert streams.asked == [{names.progress_stream(uid) for uid in UIDS.values()}]
    assert heard == [("of-b", "a")]


CHAPTER = {
    "kind": "ChapterGeneration",
    "metadata": {"name": "c", "namespace": "b", "uid": "of-b", "resourceVersion": "1", "generation": 1},
    "spec": {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]},
}


def operator_that_knows(*objects: dict[str, object]) -> Operator:
    told = {"WORKER_IMAGE": "w:1", "LEADER_ELECTION": "false", "NAMESPACES": ",".join(UIDS)}
    config = settings.load({f"COURSEGEN_{name}": text for name, text in told.items()})
    operator = Operator(config, Access(kopf.ConnectionInfo(server="http://unused")))
    operator.snapshot.namespace_uids.update(UIDS)
    for found in objects:
        operator.snapshot.apply(str(found["kind"]), found)
    return operator


@pytest.mark.parametrize(
    ("stream", "percentages", "visits"),
    [
        pytest.param("b", {"of-b": 99}, 1, id="its own namespace's"),
        pytest.param("a", {}, 0, id="a rival's"),
    ],
)
async def test_a_message_moves_an_object_of_the_streams_namespace_alone(
    stream: str, percentages: dict[str, int], visits: int
) -> None:
    """A rival's workers may append to their own stream what they like, of a chapter whose uid they know as well."""
    operator = operator_that_knows(CHAPTER)
    await follow(Streams({stream: said_of("of-b", 99)}), operator._progress)
    assert {uid: said.percentage for uid, said in operator.snapshot.progress.items()} == percentages
    assert len(operator.queue) == visits


async def test_a_rivals_message_does_not_take_the_place_of_what_the_worker_said() -> None:
    operator = operator_that_knows(CHAPTER)
    await follow(Streams({"b": said_of("of-b", 40)}), operator._progress)
    await follow(Streams({"a": said_of("of-b", 99).model_copy(update={"attempt": 2, "time": 2.0})}), operator._progress)
    assert operator.snapshot.progress["of-b"].percentage == 40
