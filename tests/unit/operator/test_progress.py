"""The reader of live progress, without a Redis: nothing that matters hangs on it, and it says so once."""

import asyncio
import contextlib

import pytest

from coursegen_operator import progress


async def test_a_redis_that_is_not_there_is_told_once_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "_RECONNECT_SECONDS", 0.01)
    reader = progress.ProgressReader(progress.Redis("redis://127.0.0.1:1/0"), dict)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.run(lambda message: None), 0.5)
    assert [r.message for r in caplog.records] == [
        "redis cannot be read, percentages will be older: ConnectionError",
    ]
    assert not reader.connected
