"""The process: it ends when it should."""

import asyncio

from coursegen_operator.__main__ import _run


def test_a_task_that_swallows_its_cancellation_does_not_keep_the_process() -> None:
    left = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue  # as kopf's watches do at times

    async def work() -> None:
        left.append(asyncio.create_task(stubborn()))
        await asyncio.sleep(0)
        left[0].cancel()

    _run(work())
    assert not left[0].done()
    asyncio.set_event_loop(None)
