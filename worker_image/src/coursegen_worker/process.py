"""The process: reads its task, sees to the deadline and to being stopped, and has one last word.

Signals and the deadline are a thread's business (`_Sentinel`), not the work's: work that hangs in a
library or in a system call ends in time all the same. Whoever holds the last word first, the work or
the sentinel, writes the result; the other is silent.
"""

import json
import os
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from coursegen_api import names
from coursegen_worker import log
from coursegen_worker.meter import Meter
from coursegen_worker.progress import Identity, Progress

if TYPE_CHECKING:
    from coursegen_api.base import FailureClass
    from coursegen_api.task import TaskInput, TaskResult
    from coursegen_worker.store import Store

REPORT_SECONDS = 10.0
"""The worker ends itself as Timeout so long before its deadline."""
COMMIT_SECONDS = 5.0
"""So long a stop or timeout waits for a write that has begun."""
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(started: float) -> int:
    """Do the task in the environment; give the exit code.

    Args:
        started: when the process started, on the monotonic clock.
    """
    _hold_signals()
    raw = os.environ.get(names.ENV_TASK, "")
    progress = _progress(raw)
    last_word = _LastWord(progress, Meter())
    try:
        return _run(raw, started, progress, last_word)
    except BaseException as error:  # the boundary of the process: every failure becomes a result
        return last_word.say(*_failure(error))


def _run(raw: str, started: float, progress: Progress, last_word: "_LastWord") -> int:
    from coursegen_api import authorities
    from coursegen_api.task import TaskKind
    from coursegen_worker import tasks
    from coursegen_worker.failures import storage_unavailable
    from coursegen_worker.store import RETRIES, Store

    task = _parse(raw)
    log.event("task-started", kind=task.work.kind, uid=task.uid, revision=task.revision, attempt=task.attempt)
    try:
        authorities.trust(os.environ.get(names.ENV_CA, ""))
    except ValueError as error:
        raise storage_unavailable(f"{names.ENV_CA} in the Secret {names.SECRET_STORE} {error}") from error
    retries = 0 if task.work.kind == TaskKind.CLEANUP else RETRIES
    store = Store.open(os.environ.get(names.ENV_STORE_URL), task.namespace_uid, retries)
    deadline = started + task.deadline_seconds - REPORT_SECONDS
    _Sentinel(deadline, task.deadline_seconds, store, last_word).start()
    result = tasks.run(task, tasks.Tools(store, progress, last_word.meter, deadline))
    progress.report(100, "done")
    return last_word.say(result, 0)


def _hold_signals() -> None:
    """Keep stop signals pending until the sentinel waits for them.

    Blocked before any thread starts, so that every thread inherits it. The handler only replaces the
    default action, which the kernel drops for process 1 of a container.
    """
    for number in _STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)


def _progress(raw: str) -> Progress:
    """Start progress from the raw task, before the contract's models are imported (0.3 s)."""
    try:
        task: dict[str, Any] = json.loads(raw)
        identity = Identity(
            str(task["uid"]), int(task["revision"]), int(task["attempt"]), os.environ.get(names.ENV_POD_UID, "")
        )
        stream = names.progress_stream(str(task["namespaceUid"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return Progress(None, "", Identity("", 0, 0, ""))
    return Progress(os.environ.get(names.ENV_REDIS_URL) or None, stream, identity)


def _parse(raw: str) -> "TaskInput":
    from pydantic import ValidationError

    from coursegen_api.task import TASK_INPUT
    from coursegen_worker.failures import invalid_input

    if not raw:
        raise invalid_input(f"no task: the variable {names.ENV_TASK} is not set")
    try:
        return TASK_INPUT.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the document"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise invalid_input(f"bad task: {field}: {first['msg']}{more}") from error


def _failure(error: BaseException) -> "tuple[TaskResult, int]":
    """Turn an exception into the result and the exit code; the traceback goes to the log alone."""
    from coursegen_api.base import FailureClass
    from coursegen_api.task import TaskResult, exit_code
    from coursegen_worker.failures import TaskFailedError, one_line

    if isinstance(error, TaskFailedError):
        log.event("task-failed", failure=error.failure.value, message=error.message)
        result = TaskResult(
            failure_class=error.failure, message=error.message, retry_after_seconds=error.retry_after_seconds
        )
        return result, exit_code(error.failure)
    log.event("task-crashed", traceback="".join(traceback.format_exception(error)))
    message = one_line(f"unexpected {type(error).__name__}: {error}")
    return TaskResult(failure_class=FailureClass.INTERNAL, message=message), exit_code(FailureClass.INTERNAL)


class _LastWord:
    """Writes the result once. Whoever comes second finds the process ending."""

    def __init__(self, progress: Progress, meter: Meter) -> None:
        self._progress = progress
        self.meter = meter
        self._lock = threading.Lock()

    def say(self, result: "TaskResult", code: int) -> int:
        """Write the result to the termination log; give the exit code. What failed says what it has paid."""
        if not self._lock.acquire(blocking=False):
            _wait_for_the_end()
        if result.usage is None:
            result = result.model_copy(update={"usage": self.meter.usage()})
        text = result.to_json()
        path = Path(os.environ.get(names.ENV_TERMINATION_LOG) or "/dev/termination-log")
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            log.event("result-not-written", path=path, error=error)
        log.event("task-ended", exitCode=code, percentage=self._progress.percentage, message=result.message)
        self._progress.close()
        return code


@dataclass
class _Sentinel:
    """Ends the process when it is told to stop or its time is up, whatever the work is doing."""

    deadline: float
    deadline_seconds: int
    store: "Store"
    last_word: _LastWord

    def start(self) -> None:
        threading.Thread(target=self._watch, name="sentinel", daemon=True).start()

    def _watch(self) -> None:
        from coursegen_api.base import FailureClass

        remaining = self.deadline - time.monotonic()
        if remaining > 0 and signal.sigtimedwait(_STOP_SIGNALS, remaining):
            self._end(FailureClass.STOPPED, "was told to stop")
        else:
            limit = f"{self.deadline_seconds} s, less {REPORT_SECONDS:g} s to report"
            self._end(FailureClass.TIMEOUT, f"ran out of time (deadline {limit})")

    def _end(self, failure: "FailureClass", what: str) -> None:
        """Let a write that has begun finish, since its artifact saves the next attempt the work."""
        from coursegen_api.task import TaskResult, exit_code

        self.store.committing.acquire(timeout=COMMIT_SECONDS)
        progress = self.last_word._progress
        message = f"{what} at {progress.percentage} %, while {progress.stage}"
        code = self.last_word.say(TaskResult(failure_class=failure, message=message), exit_code(failure))
        sys.stderr.flush()
        os._exit(code)


def _wait_for_the_end() -> NoReturn:
    while True:
        time.sleep(60)
