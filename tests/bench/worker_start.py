"""How long a worker takes from the start of its process to its first progress message, in a real Redis on loopback."""

import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import redis

from coursegen_api import names
from coursegen_api.task import ChapterTask, CourseContext, TaskInput

from .. import programs

TIMES = 15

_UID = "0d9c7c56-5f1f-4a05-9d2c-3f9b6f1f0a11"
_WAIT_MILLISECONDS = 10_000


def measure(folder: Path) -> dict[str, Any]:
    """Start workers one after the other; the first is not counted: it writes the bytecode."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [programs.redis_server(), "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        client = redis.Redis(port=port, decode_responses=True)
        _wait(client)
        seconds = [_start(client, port, folder) for _ in range(TIMES + 1)][1:]
    finally:
        server.terminate()
        server.wait(10)
    return {
        "times": TIMES,
        "min": min(seconds),
        "median": statistics.median(seconds),
        "max": max(seconds),
        "python": sys.version.split()[0],
    }


def _wait(client: "redis.Redis[str]") -> None:
    for _ in range(100):
        try:
            client.ping()
        except redis.ConnectionError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("redis-server does not answer")


def _start(client: "redis.Redis[str]", port: int, folder: Path) -> float:
    stream = names.progress_stream(_UID)
    client.delete(stream)
    work = ChapterTask(
        chapter_id="chapter-1",
        course=CourseContext(title="Python Programming", subject_domain="Computer Science"),
        title="Loops",
        learning_objectives=["Write a loop"],
    )
    task = TaskInput(
        uid=_UID, namespace_uid=_UID, name="chapter-1", revision=0, attempt=1, deadline_seconds=60, work=work
    )
    environment = {
        "PATH": os.environ["PATH"],
        names.ENV_TASK: task.to_json(),
        names.ENV_STORE_URL: (folder / "store").as_uri(),
        names.ENV_REDIS_URL: f"redis://127.0.0.1:{port}/0",
        names.ENV_TERMINATION_LOG: str(folder / "last-word"),
        names.ENV_POD_UID: "pod-1",
    }
    (folder / "store").mkdir(exist_ok=True)
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "coursegen_worker"], env=environment, stderr=subprocess.PIPE)
    heard = client.xread({stream: "0"}, count=1, block=_WAIT_MILLISECONDS)
    seconds = time.monotonic() - begun
    _, log = process.communicate(timeout=60)
    if not heard or process.returncode:
        raise RuntimeError(f"the worker ended with {process.returncode}: {log.decode()[-500:]}")
    return seconds
