"""The reader of live progress, without a Redis: nothing that matters hangs on it, and it says so once."""

import asyncio
import contextlib

import pytest

from coursegen_api import names
from coursegen_api.task import Progress
from coursegen_operator import progress


async def test_a_redis_that_is_not_there_is_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_RECONNECT_SECONDS", 0.01)
    reader = progress.ProgressReader(progress.Redis("redis://127.0.0.1:1/0"), dict)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.run(lambda message, namespace: None), 0.5)
    assert [r.message for r in caplog.records] == [
        "redis cannot be read, percentages will be older: ConnectionError",
    ]
    assert not reader.connected


async def test_a_message_comes_with_the_namespace_whose_stream_it_was_on() -> None:
    """Who may append to one stream can write any uid there: the namespace says of whom it may speak."""
    word = Progress(uid="of-b", revision=0, attempt=1, pod_uid="p", percentage=9, stage="s", time=1.0)

    class Streams:
        """Answers one read, as Redis does, and is gone."""

        def __init__(self) -> None:
            self.answers = [[[names.progress_stream("uid-a"), [("1-0", word.fields())]]]]

        async def ping(self) -> None:
            return None

        async def xread(self, wanted: dict[str, str], **_: object) -> object:
            assert set(wanted) == {names.progress_stream("uid-a"), names.progress_stream("uid-b")}
            if not self.answers:
                raise ConnectionError
            return self.answers.pop()

    heard: list[tuple[str, str]] = []
    reader = progress.ProgressReader(progress.Redis("redis://unused"), lambda: {"a": "uid-a", "b": "uid-b"})
    with contextlib.suppress(ConnectionError):
        await reader._follow(
            Streams(),  # type: ignore[arg-type]
            lambda message, namespace: heard.append((message.uid, namespace)),
            progress.Redis("redis://unused").address(),
        )
    assert heard == [("of-b", "a")]
