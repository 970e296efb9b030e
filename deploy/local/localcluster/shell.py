"""Running other programs: their output goes to a log or comes back, a failure becomes a sentence."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcluster.errors import LocalClusterError


def output(argv: Sequence[str], *, stdin: str | None = None) -> str:
    """Runs a short program and returns what it printed."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LocalClusterError(f"`{' '.join(argv)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout


def succeeds(argv: Sequence[str]) -> bool:
    """Says whether a program ends with 0; a program that is not there does not."""
    try:
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def logged(
    argv: Sequence[str], *, what: str, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Runs a long program with its output appended to a log; `what` names it in the error."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(argv)}\n".encode())
        sink.flush()
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **env} if env is not None else None,
            cwd=cwd,
            check=False,
        )
    if done.returncode != 0:
        raise LocalClusterError(f"{what} failed (exit code {done.returncode}).", log=log)
