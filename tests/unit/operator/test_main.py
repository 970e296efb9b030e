"""The process: it ends when it should, and what it logs is one line of JSON a record, whatever people write."""

import asyncio
import json
import logging

import pytest

from coursegen_operator.__main__ import _run, log_to_stderr

HOSTILE = {
    "a line of its own": 'Loops\n{"level": "error", "message": "forged"}',
    "a return": "Loops\rall is well",
    "the end of the text": 'Loops", "level": "error", "message": "forged',
    "a terminal's orders": "Loops \x1b[2J\x9b2J",
    "line ends that are not ASCII's": "Loops\x85\u2028\u2029{}",
    "text that runs backwards": "Loops \u202etxt.exe",
    "half a character": "Loops \ud800",
    "a place for values": "Loops %s %(name)s {0}",
}
"""Titles, by what they try."""


@pytest.mark.parametrize("program", ["coursegen_operator.act", "coursegen_gateway.uploads", "uvicorn.error"])
@pytest.mark.parametrize("title", HOSTILE.values(), ids=HOSTILE)
def test_a_title_is_never_more_than_a_part_of_one_line(
    program: str, title: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        log_to_stderr("INFO")
        log = logging.getLogger(program)
        log.warning("visit of %s failed: %s", title, ValueError(title))
        try:
            int(title)
        except ValueError:
            log.exception("a part failed: %s", title)
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    said = capsys.readouterr().err
    lines = said.splitlines()
    assert len(lines) == 2
    assert all(character.isprintable() for line in lines for character in line)
    warned, failed = (json.loads(line) for line in lines)
    assert warned["message"] == f"visit of {title} failed: {title}"
    assert (failed["message"], failed["trace"].startswith("Traceback")) == (f"a part failed: {title}", True)
    assert [(r["level"], r["logger"]) for r in (warned, failed)] == [("warning", program), ("error", program)]


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
