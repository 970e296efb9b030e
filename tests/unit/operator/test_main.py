"""The process: it ends when it should, and what it logs is one line of JSON a record, whatever people write."""

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from coursegen_operator.__main__ import _run, log_to_stderr
from coursegen_operator.access import AccessError, from_kubeconfig

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


PROGRAMS = ["coursegen_operator", "coursegen_gateway"]


def started(program: str, folder: Path, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run a program outside of any cluster until it ends."""
    told = {"COURSEGEN_WORKER_IMAGE": "w:1"} if program == "coursegen_operator" else {}
    told |= {"HOME": str(folder)} | environ
    return subprocess.run([sys.executable, "-m", program], env=told, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_start_prints_the_settings_and_what_is_to_be_said_against_them(program: str, tmp_path: Path) -> None:
    done = started(program, tmp_path, COURSEGEN_REDIS_URL="redis://user:hidden@redis")
    *lines, last = done.stderr.splitlines()
    assert (done.returncode, "no cluster" in last) == (2, True), done.stderr
    printed, warned = (json.loads(line) for line in lines)
    assert '"redis_url": "set"' in printed["message"]
    assert warned["level"] == "warning"
    assert "COURSEGEN_REDIS_URL names a Redis without TLS" in warned["message"]
    assert "hidden" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        ("users: [{user: {token: hidden}]", "is none, or"),
        ("- hidden", "is none, or"),
        ("users: hidden", "is none, or"),
        ("current-context: hidden", "is none, or"),
        ("{}", "is none, or"),
    ],
)
def test_a_kubeconfig_that_is_none_ends_the_start_with_a_sentence(
    text: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "kubeconfig"
    if text is not None:
        file.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(file))
    with pytest.raises(AccessError, match=said) as refused:
        from_kubeconfig()
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("program", "name", "value"),
    [
        ("coursegen_operator", "COURSEGEN_LEASE_NAMESPACE", "Not_A"),
        ("coursegen_gateway", "COURSEGEN_ALLOWED_ORIGINS", "*"),
    ],
)
def test_a_setting_that_is_refused_ends_the_process_with_one_sentence(
    program: str, name: str, value: str, tmp_path: Path
) -> None:
    done = started(program, tmp_path, **{name: value})
    [line] = done.stderr.splitlines()
    assert done.returncode == 2
    assert line.startswith(f"{program.replace('_', '-')}: {name} ")
