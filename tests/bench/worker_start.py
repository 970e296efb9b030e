"""How long a worker of each kind of task takes to start: real processes, a real Redis on loopback, a folder as store.

Three moments, in seconds from the start of the process: its first progress message; its first request to a model, where
it asks one; its end, with the smallest work that its kind has. What Linux says of CPU and memory stands beside them.
`python -m tests.bench.worker_start` measures this alone.
"""

import argparse
import json
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis

from coursegen_api import names
from coursegen_api.base import ExportFormat
from coursegen_api.inuse import InUse
from coursegen_api.task import (
    ChapterRef,
    ChapterTask,
    CleanupTask,
    CourseContext,
    ExportTask,
    OutlineTask,
    QualityBar,
    Source,
    ValidationTask,
    Work,
)

from .. import programs
from ..worker.scripted_model import Asked, ScriptedModel
from . import worker_process

TIMES = 15
AIMS = {"chapter": ("ended", 0.3), "outline": ("ended", 0.3), "chapter, model": ("asked", 1.6)}
"""The most seconds to a moment, as a median."""

_WAIT_MILLISECONDS = 30_000
_COURSE = CourseContext(title="Python Programming", subject_domain="Computer Science")
_CHAPTER = ChapterTask(chapter_id="chapter-1", course=_COURSE, title="Loops", learning_objectives=["Write a loop"])


@dataclass
class Moments:
    """What was measured of one kind, a value for each start."""

    said: list[float] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)

    def spread(self) -> dict[str, dict[str, float]]:
        """Give least, median and most of what was measured."""
        measured = {name: values for name, values in vars(self).items() if values}
        return {n: {"min": min(v), "median": statistics.median(v), "max": max(v)} for n, v in measured.items()}


class Bench:
    """A Redis, a model that answers at once, and a store with one chapter in it."""

    def __init__(self, folder: Path, port: int, model: ScriptedModel) -> None:
        self._folder, self._port, self._model = folder, port, model
        self._client = redis.Redis(port=port, decode_responses=True)
        self._store = folder / "store"
        self._kept = folder / "kept"
        self._kept.mkdir()
        self._asked_at = 0.0
        model.script = self._note

    def measure(self, times: int) -> dict[str, Moments]:
        """Start each kind so often; the first start of each is not counted: it writes the bytecode."""
        found = {}
        for kind, work, writer in self._kinds():
            found[kind] = Moments()
            for number in range(times + 1):
                self._start(work, writer, found[kind] if number else Moments())
        return found

    def _kinds(self) -> Iterator[tuple[str, Work, dict[str, Any]]]:
        model = {"type": "openai", "provider": "bench", "endpoint": self._model.endpoint, "model": "scripted-1"}
        wish = OutlineTask(course_id="course-1", course=_COURSE, learning_objectives=["Learn loops"], chapter_count=1)
        yield "outline", wish, {}
        yield "chapter", _CHAPTER, {}
        yield "chapter, model", _CHAPTER, {"writer": model}
        source = Source(chapters=[self._written()])
        yield "validation", ValidationTask(source=source, bar=QualityBar()), {}
        for form in ExportFormat:
            yield f"export, {form.value}", ExportTask(source=source, format=form), {}
        yield "cleanup", CleanupTask(retention_days=2, in_use=InUse.of([], "")), {}

    def _written(self) -> ChapterRef:
        """Write the chapter that others read, into the store that each start gets a copy of."""
        ended = worker_process.start(worker_process.task(_CHAPTER), self._kept, self._folder / "word").end()
        artifact = ended.result.artifact
        if artifact is None:
            raise RuntimeError(f"no chapter was written: {ended.result.message}")
        return ChapterRef(index=1, key=artifact.key, sha256=artifact.sha256)

    def _start(self, work: Work, writer: dict[str, Any], found: Moments) -> None:
        stream = names.progress_stream(worker_process.UID)
        self._client.delete(stream)
        shutil.rmtree(self._store, ignore_errors=True)
        if work is _CHAPTER:
            self._store.mkdir()
        else:
            shutil.copytree(self._kept, self._store)
        self._asked_at = 0.0
        told = worker_process.task(work, **writer)
        address = {names.ENV_REDIS_URL: f"redis://127.0.0.1:{self._port}/0"}
        started = worker_process.start(told, self._store, self._folder / "word", **address)
        heard = self._client.xread({stream: "0"}, count=1, block=_WAIT_MILLISECONDS)
        said = time.monotonic() - started.begun
        ended = started.end()
        if not heard or ended.failure:
            raise RuntimeError(f"a worker failed: {ended.result.message}")
        found.said.append(said)
        if self._asked_at:
            found.asked.append(self._asked_at - started.begun)
        found.ended.append(ended.seconds)
        found.cpu.append(ended.cpu_seconds)
        found.megabytes.append(ended.peak_megabytes)

    def _note(self, _: Asked) -> None:
        self._asked_at = self._asked_at or time.monotonic()


def measure(folder: Path, times: int = TIMES) -> dict[str, Any]:
    """Measure every kind."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [programs.redis_server(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    model = ScriptedModel()
    threading.Thread(target=model.serve, daemon=True).start()
    try:
        _wait(redis.Redis(port=port))
        kinds = Bench(folder, port, model).measure(times)
    finally:
        model.stop()
        server.terminate()
        server.wait(10)
    spreads = {kind: moments.spread() for kind, moments in kinds.items()}
    return {"times": times, "python": sys.version.split()[0], "kinds": spreads}


def _wait(client: "redis.Redis[bytes]") -> None:
    for _ in range(100):
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("redis-server does not answer")


def text(found: dict[str, Any]) -> str:
    """Say it to people."""
    lines = [
        f"Worker start, seconds from the start of the process, median of {found['times']} (most)",
        f"  {'':<16}{'first word':>16}{'asks a model':>16}{'ended':>16}{'CPU':>7}{'MB':>6}   aim",
    ]
    for kind, measured in found["kinds"].items():
        moments = "".join(f"{_spread(measured.get(name)):>16}" for name in ("said", "asked", "ended"))
        taken = f"{measured['cpu']['median']:>7.2f}{measured['megabytes']['median']:>6.0f}"
        lines.append(f"  {kind:<16}{moments}{taken}   {_aim(kind, measured)}".rstrip())
    return "\n".join(lines)


def _spread(moment: dict[str, float] | None) -> str:
    return f"{moment['median']:.2f} ({moment['max']:.2f})" if moment else ""


def _aim(kind: str, measured: dict[str, Any]) -> str:
    if kind not in AIMS:
        return ""
    name, most = AIMS[kind]
    missed = "" if measured[name]["median"] <= most else ", missed"
    return f"{name} ≤ {most:g} s{missed}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.worker_start", description=__doc__)
    parser.add_argument("--times", type=int, default=TIMES, help=f"starts of each kind ({TIMES})")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="json: nothing but JSON")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coursegen-bench-") as temporary:
        found = measure(Path(temporary), asked.times)
    print(json.dumps(found, indent=2) if asked.output == "json" else text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
