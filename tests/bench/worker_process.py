"""Worker processes as benchmarks start them: told everything by their environment, as in a Job, and measured."""

import os
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import TASK_RESULT, TaskInput, TaskResult, Work

from . import processes

_LOOK_SECONDS = 0.01

UID = "0d9c7c56-5f1f-4a05-9d2c-3f9b6f1f0a11"


@dataclass(frozen=True)
class Ended:
    """One process, from its start to its end, with what Linux says that it took."""

    seconds: float
    cpu_seconds: float
    peak_megabytes: float
    result: TaskResult

    @property
    def failure(self) -> FailureClass | None:
        return self.result.failure_class


@dataclass(frozen=True)
class Started:
    """A process under way."""

    process: "subprocess.Popen[bytes]"
    begun: float
    word: Path

    def end(self) -> Ended:
        """Wait for its end; raises RuntimeError if it left no result."""
        peak = self._peak_until_its_end()
        seconds = time.monotonic() - self.begun
        _, status, use = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if not self.word.exists():
            raise RuntimeError(f"a worker ended with {self.process.returncode} and without a result")
        result = TASK_RESULT.validate_json(self.word.read_bytes())
        return Ended(seconds, use.ru_utime + use.ru_stime, peak, result)

    def _peak_until_its_end(self) -> float:
        """Follow how large it gets, in MB: what Linux says at its end counts what it was forked from, too."""
        peak, end = 0.0, os.pidfd_open(self.process.pid)
        try:
            while not select.select([end], [], [], _LOOK_SECONDS)[0]:
                peak = max(peak, processes.peak_megabytes(self.process.pid))
        finally:
            os.close(end)
        return peak


def task(work: Work, number: int = 0, **changes: object) -> TaskInput:
    """Give a whole task for some work."""
    values: dict[str, object] = {"uid": UID, "namespace_uid": UID, "name": f"bench-{number}", "revision": 0}
    return TaskInput.model_validate(values | {"attempt": 1, "deadline_seconds": 120, "work": work} | changes)


def start(told: TaskInput, store: Path, word: Path, **environment: str) -> Started:
    """Start a worker over a folder as its store; `word` is where it leaves its result."""
    word.unlink(missing_ok=True)
    variables = {
        "PATH": os.environ["PATH"],
        names.ENV_TASK: told.to_json(),
        names.ENV_STORE_URL: store.as_uri(),
        names.ENV_TERMINATION_LOG: str(word),
        names.ENV_POD_UID: "pod-1",
        **environment,
    }
    command = [sys.executable, "-m", "coursegen_worker"]
    begun = time.monotonic()
    process = subprocess.Popen(command, env=variables, stderr=subprocess.DEVNULL)
    return Started(process, begun, word)
