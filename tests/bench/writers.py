"""`python -m tests.bench.writers`: how long a chapter by a model takes, with many courses at once.

The scripted server (tests/worker/scripted_model.py) writes as fast as a model, and fails as often as asked. Two runs:

*writer*: all chapters at once, as threads of one process. This is what the writer and its store take of a chapter's
time, with a hundred courses at once; the share of a core that they used says whether they waited for each other.
*workers*: real processes, as Jobs start them, so many at once as asked. What one takes of CPU and memory says how many
a machine carries: a start takes CPU that a hundred at once would wait for on two cores.
"""

import argparse
import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, redirect_stderr
from dataclasses import asdict, dataclass
from pathlib import Path
from socket import create_connection, socket
from typing import Any

from coursegen_api.task import ChapterTask, CourseContext, TaskInput
from coursegen_worker import tasks
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.meter import Meter
from coursegen_worker.process import REPORT_SECONDS
from coursegen_worker.progress import Identity, Progress
from coursegen_worker.store import Store

from . import processes, worker_process

SERVER = Path(__file__).parents[1] / "worker" / "scripted_model.py"
AIM_SECONDS = 90
"""p99 of a chapter; FR-021 allows 120."""

_START_SECONDS = 20.0


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
    return worker_process.task(work, number, writer=writer)


def _write(size: Size, endpoint: str, folder: Path, number: int) -> Chapter:
    task = _task(size, endpoint, number)
    meter, begun = Meter(), time.monotonic()
    tools = tasks.Tools(
        Store.open(folder.as_uri(), worker_process.UID),
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


@contextmanager
def _serving(size: Size) -> Iterator[str]:
    """Run the server in a process of its own; give its endpoint."""
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(SERVER), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--tokens-per-second", str(size.tokens_per_second), "--failing", str(size.failing)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(port, server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(10)


def writer(size: Size, folder: Path) -> dict[str, Any]:
    """Write all chapters at once, as threads of this process."""
    count = size.courses * size.chapters
    with _serving(size) as endpoint, Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        begun, used = time.monotonic(), _cpu_seconds()
        with ThreadPoolExecutor(count) as pool:
            written = list(pool.map(lambda n: _write(size, endpoint, folder, n), range(count)))
        makespan, used = time.monotonic() - begun, _cpu_seconds() - used
    return _summary(written, makespan) | {"cores": used / makespan}


def workers(size: Size, at_once: int, folder: Path) -> dict[str, Any]:
    """Write so many chapters, at once and in real processes; say what one takes, and how many this machine carries."""

    def run(number: int) -> worker_process.Ended:
        store, word = folder / f"store-{number}", folder / f"word-{number}"
        store.mkdir()
        return worker_process.start(_task(size, endpoint, number), store, word).end()

    with _serving(size) as endpoint:
        begun = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            ended = list(pool.map(run, range(at_once)))
        makespan = time.monotonic() - begun
    written = [Chapter(e.seconds, e.failure.value if e.failure else None, _tokens(e)) for e in ended]
    cpu = statistics.fmean(e.cpu_seconds for e in ended)
    megabytes = max(e.peak_megabytes for e in ended)
    return _summary(written, makespan) | {"at_once": at_once, "cpu": cpu, "megabytes": megabytes}


def _tokens(ended: worker_process.Ended) -> int:
    usage = ended.result.usage
    return (usage.prompt_tokens or 0) + (usage.completion_tokens or 0) if usage else 0


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _summary(written: list[Chapter], makespan: float) -> dict[str, Any]:
    whole = sorted(c.seconds for c in written if c.failure is None)
    return {
        "makespan": makespan,
        "succeeded": len(whole),
        "failures": dict(Counter(c.failure for c in written if c.failure)),
        "seconds": {f"p{p}": percentile(whole, p) for p in (50, 95, 99)} if whole else {},
        "tokens_a_chapter": sum(c.tokens for c in written) / len(written),
    }


def carried(found: dict[str, Any], cores: int, megabytes: float) -> tuple[int, int]:
    """Give how many such workers a machine carries at once: by its cores, and by its memory.

    By cores: a worker of p50 seconds that takes so many CPU seconds of them has a core for a share of its time only.
    """
    return int(cores * found["seconds"]["p50"] / found["cpu"]), int(megabytes / found["megabytes"])


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Give the least value that so many percent of the values do not pass (nearest rank)."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def text(found: dict[str, Any]) -> str:
    """Say it to people."""
    size, machine = found["size"], found["machine"]
    lines = [
        f"{machine}; {size['tokens_per_second']:g} tokens/s a stream, {size['failing']:.0%} of the requests fail, "
        f"{size['objectives']} objectives a chapter",
        "",
    ]
    if alone := found.get("writer"):
        lines += [
            f"writer: {size['courses']} courses of {size['chapters']} chapters at once, threads of one process "
            f"that used {alone['cores']:.0%} of a core; aim: p99 under {AIM_SECONDS} s",
            *_figures(alone),
            "",
        ]
    if real := found.get("workers"):
        lines += [f"workers: {real['at_once']} processes at once, from their start to their end", *_figures(real)]
        lines += [
            f"  {'CPU':<10} {real['cpu']:6.2f} s a chapter",
            f"  {'memory':<10} {real['megabytes']:6.0f} MB at most",
        ]
        if real["seconds"]:
            by_cores, by_memory = carried(real, os.cpu_count() or 1, found["megabytes"])
            lines.append(f"  {'carried':<10} {by_cores:6} at once by this machine's cores, {by_memory} by its memory")
    return "\n".join(lines)


def _figures(run: dict[str, Any]) -> Iterator[str]:
    for name, seconds in run["seconds"].items():
        yield f"  {name:<10} {seconds:6.1f} s"
    yield f"  {'all':<10} {run['makespan']:6.1f} s"
    failed = ", ".join(f"{n} {name}" for name, n in sorted(run["failures"].items())) or "none"
    yield f"  {'failed':<10} {failed}"
    yield f"  {'tokens':<10} {run['tokens_a_chapter']:6.0f} a chapter, by the server's figures"


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
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.writers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--courses", type=int, default=100, help="at once (100)")
    parser.add_argument("--chapters", type=int, default=2, help="of each course, at once (2)")
    parser.add_argument("--objectives", type=int, default=3, help="of each chapter (3)")
    parser.add_argument("--tokens-per-second", type=float, default=40.0, help="of each stream (40)")
    parser.add_argument("--failing", type=float, default=0.1, help="share of the requests (0.1)")
    parser.add_argument("--workers", type=int, default=16, help="real processes at once (16)")
    parser.add_argument("--only", choices=("writer", "workers"), help="only this run")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="json: nothing but JSON")
    asked = parser.parse_args()
    size = Size(asked.courses, asked.chapters, asked.objectives, asked.tokens_per_second, asked.failing)
    found: dict[str, Any] = {
        "machine": processes.machine(),
        "megabytes": processes.memory_megabytes(),
        "load_before": os.getloadavg(),
        "size": asdict(size),
    }
    with tempfile.TemporaryDirectory(prefix="coursegen-bench-") as temporary:
        if asked.only in (None, "writer"):
            found["writer"] = writer(size, Path(temporary))
        if asked.only in (None, "workers"):
            found["workers"] = workers(size, asked.workers, Path(temporary))
    print(json.dumps(found, indent=2) if asked.output == "json" else text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
