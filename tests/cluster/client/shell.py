"""A person's shell: commands with kubectl and the plugin on the PATH, in pipes and on a terminal."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
from pathlib import Path

_SECONDS = 120
"""A command that says nothing new for so long is taken for one that never does."""


class Shell:
    """Runs commands with kubectl and the plugin on the PATH."""

    def __init__(self, environment: dict[str, str], folder: Path, namespace: str) -> None:
        self._environment, self.folder, self.namespace = environment, folder, namespace

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            arguments,
            env=self._environment,
            cwd=self.folder,
            stdout=pipe,
            stderr=pipe,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def on_a_terminal(self, *arguments: str, until: str = "", code: int = 0) -> str:
        """Give all that a command writes to a terminal; AssertionError if it ends with another code.

        Arguments:
            until: ^C is pressed as soon as it has said this; empty: it ends by itself.
        """
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        known = {k: v for k, v in self._environment.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
        process = subprocess.Popen(arguments, env=known, cwd=self.folder, stdin=its, stdout=its, stderr=its)
        os.close(its)
        seen = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(ours, 65536):
                seen += part
                if until and until.encode() in seen:
                    process.send_signal(signal.SIGINT)
                    until = ""
        os.close(ours)
        assert process.wait(60) == code, seen.decode()
        return seen.decode()

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Give what `kubectl coursegen …` writes to stdout and stderr; AssertionError if it ends with another code."""
        done = self.start("kubectl", "coursegen", *arguments)
        out, err = done.communicate(timeout=_SECONDS)
        assert done.returncode == code, f"{arguments}: {done.returncode} {out}{err}"
        return out, err

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Give what `kubectl coursegen … -n NAMESPACE` says; AssertionError if it ends with another code."""
        return self.run(*arguments, "-n", self.namespace, code=code)[0]


def until_says(process: "subprocess.Popen[str]", words: str) -> str:
    """Give what a command has written to stdout, as soon as these words are in it; AssertionError if they never are."""
    assert process.stdout is not None
    seen = ""
    giving_up = threading.Timer(_SECONDS, process.kill)
    giving_up.start()
    try:
        for line in process.stdout:
            seen += line
            if words in line:
                return seen
    finally:
        giving_up.cancel()
    raise AssertionError(f"it ended without {words!r}: {seen}")
