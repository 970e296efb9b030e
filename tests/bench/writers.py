"""`python -m tests.bench.writers`: how long a chapter by a model takes, with many courses at once.

The scripted server (tests/worker/scripted_model.py) writes as fast as a model, and fails as often as asked. The tasks
run as threads of this process: what is measured is the writer and its store, without the cluster. The start of a
worker's process is measured by itself, one after the other.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, redirect_stderr
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import create_connection, socket
from typing import Any

from coursegen_api import names
from coursegen_api.task import ChapterTask, CourseContext, TaskInput
from coursegen_worker import tasks
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.meter import Meter
from coursegen_worker.process import REPORT_SECONDS
from coursegen_worker.progress import Identity, Progress
from coursegen_worker.store import Store

from ..worker.scripted_model import ScriptedModel
from . import processes

SERVER = Path(__file__).parents[1] / "worker" / "scripted_model.py"
AIM_SECONDS = 90
"""p99 of a chapter; FR-021 allows 120."""

_UID = "0d9c7c56-5f1f-4a05-9d2c-3f9b6f1f0a11"
_START_SECONDS = 20.0
_STARTS = 5


@dataclass(frozen=True)
class Chapter:
    """One chapter, as it went."""

    seconds: float
    failure: str | None
    tokens: int


@dataclass(frozen=True)
class Size:
    """What is generated, and how the server behaves."""

    courses: int
    chapters: int
    objectives: int
    tokens_per_second: float
    failing: float


def _task(size: Size, endpoint: str, number: int) -> TaskInput:
    course = number // size.chapters
    work = ChapterTask(
        chapter_id=f"chapter-{number}",
        course=CourseContext(title=f"Course {course}", subject_domain="Trade"),
        title=f"Step {number}",
        learning_objectives=[f"Explain step {number}.{n}" for n in range(size.objectives)],
    )
    writer = {"type": "openai", "provider": "bench", "endpoint": endpoint, "model": "scripted-1"}
    values = {"uid": _UID, "namespace_uid": _UID, "name": "bench", "revision": 0, "attempt": 1, "deadline_seconds": 120}
    return TaskInput.model_validate(values | {"writer": writer, "work": work})


def _write(size: Size, endpoint: str, folder: Path, number: int) -> Chapter:
    task = _task(size, endpoint, number)
    meter, begun = Meter(), time.monotonic()
    tools = tasks.Tools(
        Store.open(folder.as_uri(), _UID),
        Progress(None, "", Identity("", 0, 0, "")),
        meter,
        begun + task.deadline_seconds - REPORT_SECONDS,
    )
    failure = None
    try:
        tasks.run(task, tools)
    except TaskFailedError as error:
        failure = error.failure.value
    return Chapter(time.monotonic() - begun, failure, meter.tokens)


def starts(size: Size, folder: Path) -> list[float]:
    """Give the seconds from the start of a worker's process to its first request; the first start is not counted."""
    found = []
    for number in range(_STARTS + 1):
        asked = threading.Event()
        model = ScriptedModel(lambda _, asked=asked: asked.set())  # type: ignore[misc]
        model.start()
        store = folder / f"start-{number}"
        store.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            names.ENV_TASK: _task(size, model.endpoint, number).to_json(),
            names.ENV_STORE_URL: store.as_uri(),
            names.ENV_TERMINATION_LOG: str(store / "last-word"),
        }
        begun = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "coursegen_worker"], env=environment, stderr=subprocess.DEVNULL
        )
        if not asked.wait(60):
            raise RuntimeError("the worker asked for nothing")
        found.append(time.monotonic() - begun)
        process.wait(60)
        model.stop()
    return found[1:]


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """Write all chapters at once; give the percentiles of those that succeeded, and how many did not."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(SERVER), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--tokens-per-second", str(size.tokens_per_second), "--failing", str(size.failing)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, server)
        count = size.courses * size.chapters
        begun = time.monotonic()
        with ThreadPoolExecutor(count) as pool, Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            endpoint = f"http://127.0.0.1:{port}/v1"
            written = list(pool.map(lambda n: _write(size, endpoint, folder, n), range(count)))
        makespan = time.monotonic() - begun
    finally:
        server.terminate()
        server.wait(10)
    whole = sorted(c.seconds for c in written if c.failure is None)
    return {
        "machine": processes.machine(),
        "size": asdict(size),
        "makespan": makespan,
        "start": statistics.median(starts(size, folder)),
        "succeeded": len(whole),
        "failures": dict(Counter(c.failure for c in written if c.failure)),
        "seconds": {f"p{p}": percentile(whole, p) for p in (50, 95, 99)} if whole else {},
        "tokens_a_chapter": sum(c.tokens for c in written) / count,
    }


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Give the least value that so many percent of the values do not pass (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def text(found: dict[str, Any]) -> str:
    """Say it to people."""
    size = found["size"]
    failed = ", ".join(f"{n} {name}" for name, n in sorted(found["failures"].items())) or "none"
    lines = [
        f"{size['courses']} courses of {size['chapters']} chapters at once, {size['objectives']} objectives a chapter;",
        f"{size['tokens_per_second']:g} tokens/s a stream, {size['failing']:.0%} of the requests fail",
        "",
        *(f"  {name:<10} {seconds:6.1f} s" for name, seconds in found["seconds"].items()),
        f"  {'start':<10} {found['start']:6.2f} s from a process to its first request, median of {_STARTS}",
        f"  {'all':<10} {found['makespan']:6.1f} s",
        f"  {'failed':<10} {failed}",
        f"  {'tokens':<10} {found['tokens_a_chapter']:6.0f} a chapter, by the server's figures",
        "",
        f"aim: p99 under {AIM_SECONDS} s",
    ]
    return "\n".join(lines)


def _wait(port: int, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if server.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the scripted server did not start") from None
            time.sleep(0.05)
        else:
            return


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.writers", description=__doc__)
    parser.add_argument("--courses", type=int, default=100, help="at once (100)")
    parser.add_argument("--chapters", type=int, default=2, help="of each course, at once (2)")
    parser.add_argument("--objectives", type=int, default=3, help="of each chapter (3)")
    parser.add_argument("--tokens-per-second", type=float, default=40.0, help="of each stream (40)")
    parser.add_argument("--failing", type=float, default=0.1, help="share of the requests (0.1)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="json: nothing but JSON")
    asked = parser.parse_args()
    size = Size(asked.courses, asked.chapters, asked.objectives, asked.tokens_per_second, asked.failing)
    with tempfile.TemporaryDirectory(prefix="coursegen-bench-") as temporary:
        found = measure(size, Path(temporary))
    print(json.dumps(found, indent=2) if asked.output == "json" else text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
