"""Completion as a person has it: real shells on a terminal, in which Tab is pressed."""

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ... import programs
from .shell import Shell

_SECONDS = 60
READY, RAN = "READY", "RAN"
_STUB = {
    "bash": f"PS1='{READY}> '; bind 'set bell-style none'; coursegen() {{ echo {RAN}: \"$*\" ; }}",
    "zsh": f"PS1='{READY}> '; autoload -U compinit && compinit -u -D; coursegen() {{ print -r -- {RAN}: \"$*\" ; }}",
    "fish": f"function fish_prompt; echo -n '{READY}> '; end; function coursegen; echo {RAN}: $argv; end",
}
"""A prompt to wait for, and a `coursegen` that says what it was called with."""

_STARTED: dict[str, Callable[[], list[str]]] = {
    "bash": lambda: ["bash", "--norc", "--noprofile", "-i"],
    "zsh": lambda: [programs.zsh(), "-f", "-i"],
    "fish": lambda: [programs.fish(), "--no-config", "-i"],
}


class Terminal:
    """A shell on a terminal; a line is typed once it has shown its prompt."""

    def __init__(self, argv: list[str], environment: dict[str, str], folder: Path) -> None:
        self._ours, its = pty.openpty()
        known = environment | {"TERM": "dumb"}
        self._process = subprocess.Popen(
            ["setsid", "--ctty", *argv], env=known, cwd=folder, stdin=its, stdout=its, stderr=its
        )
        os.close(its)
        self.seen = ""

    def until(self, pattern: str, begin: int = 0) -> "re.Match[str]":
        """Wait until the shell has written something; AssertionError if it does not."""
        end = time.monotonic() + _SECONDS
        while not (found := re.search(pattern, self.seen[begin:])):
            ready, _, _ = select.select([self._ours], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.seen!r}"
            self.seen += os.read(self._ours, 65536).decode(errors="replace")
        return found

    def type(self, keys: str) -> int:
        """Press keys; gives how much had been written before."""
        begin = len(self.seen)
        os.write(self._ours, keys.encode())
        return begin

    def close(self) -> None:
        """End the shell."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            os.close(self._ours)


@pytest.fixture(params=_STARTED)
def terminal(request: pytest.FixtureRequest, environment: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
    """Give each shell, with the script that `completion` prints for it."""
    folder = tmp_path / "here"
    (folder / "results").mkdir(parents=True)
    (folder / "notes.md").touch()
    script = subprocess.run(
        ["coursegen", "completion", request.param], env=environment, capture_output=True, text=True, check=True
    ).stdout
    (tmp_path / "script").write_text(f"{_STUB[request.param]}\n{script}")
    shell = Terminal(_STARTED[request.param](), environment, folder)
    begin = shell.type(f"source {tmp_path}/script\n")
    shell.until(f"{READY}> ", begin)
    yield shell
    shell.close()


CASES = (
    ("coursegen susp", "suspend"),
    ("coursegen -n {namespace} wh", "-n {namespace} why"),
    ("coursegen why -n {namespace} chap", "why -n {namespace} chaptergen/loops"),
    ("coursegen export x --format sco", "export x --format scorm"),
    ("coursegen completion ba", "completion bash"),
    ("coursegen submit no", "submit notes.md"),
    ("coursegen validate no", "validate notes.md"),
    ("coursegen download x -d res", "download x -d results"),
    ("coursegen status --kubeconfig no", "status --kubeconfig notes.md"),
)


def test_tab_completes_what_belongs_there(terminal: Terminal, shell: Shell, waiting: None) -> None:
    for typed, ran in CASES:
        begin = terminal.type(typed.format(namespace=shell.namespace) + "\t\n")
        said = terminal.until(rf"\n{RAN}: ([^\r\n]*)\r?\n", begin)
        assert said[1].strip().rstrip("/") == ran.format(namespace=shell.namespace), terminal.seen[begin:]
        terminal.until(f"{READY}> ", begin + said.end())
