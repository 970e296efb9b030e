"""A real Redis that goes, forgets, refuses or stalls while the operator reads percentages from it."""

import asyncio
import itertools
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis import asyncio as redis_asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from coursegen_api import names
from coursegen_api.task import Progress

from .. import programs
from . import load
from .run import Plan, Scene

Json = dict[str, Any]

_SLOW_SECONDS = 60.0
_FALL_SECONDS = 3.0

Harm = Callable[["redis_asyncio.Redis", "subprocess.Popen[bytes]"], Awaitable[None]]


_numbers = itertools.count(1)


def _socket() -> Path:
    """Give a place for a Redis to listen at that nobody else has; a port could be taken before it starts."""
    return Path(tempfile.gettempdir()) / f"faults-redis-{os.getpid()}-{next(_numbers)}.sock"


@asynccontextmanager
async def _redis(socket: Path) -> AsyncIterator[tuple["redis_asyncio.Redis", "subprocess.Popen[bytes]"]]:
    process = _start(socket)
    once = Retry(NoBackoff(), 0)  # nobody answers for a stalled one, however often it is asked
    client = redis_asyncio.Redis(unix_socket_path=str(socket), socket_timeout=1, socket_connect_timeout=1, retry=once)
    try:
        yield client, process
    finally:
        await client.aclose()
        _end(process, socket)


def _start(socket: Path) -> "subprocess.Popen[bytes]":
    argv = ["setpriv", "--pdeathsig", "KILL", programs.redis_server()]
    argv += ["--port", "0", "--unixsocket", str(socket), "--save", ""]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _end(process: "subprocess.Popen[bytes]", socket: Path) -> None:
    process.kill()
    process.wait()
    socket.unlink(missing_ok=True)


async def _report(scene: Scene, client: "redis_asyncio.Redis", percentage: int) -> None:
    """Say of every chapter what a worker would, whether or not it runs.

    The worker's clock is slow: what is said next is not too soon after it to be written.
    """
    uid = (await scene.ground.ask("GET", f"/api/v1/namespaces/{scene.namespace}"))["metadata"]["uid"]
    for chapter in await _chapters(scene):
        number = len(chapter.get("status", {}).get("attempts") or ())
        said = Progress(
            uid=chapter["metadata"]["uid"], revision=0, attempt=max(1, number), percentage=percentage,
            stage="writing", time=time.time() - _SLOW_SECONDS, pod_uid="none",
        )  # fmt: skip
        await client.xadd(names.progress_stream(uid), said.fields())  # type: ignore[arg-type]


async def _chapters(scene: Scene) -> list[Json]:
    found: list[Json] = (await scene.ground.ask("GET", load.path(scene.namespace, "chaptergenerations")))["items"]
    return found


async def _until_shown(scene: Scene, percentage: int) -> None:
    """Wait until a chapter says that it is so far, or has ended."""

    async def shown() -> bool:
        return any(c.get("status", {}).get("progressPercentage", 0) >= percentage for c in await _chapters(scene))

    await scene.until(shown)


async def _with(scene: Scene, socket: Path, harm: Harm) -> None:
    async with _redis(socket) as (client, process):
        await scene.until_written("POST jobs a-chapter-01")
        await _report(scene, client, 40)
        await _until_shown(scene, 40)
        await harm(client, process)
        for percentage in (20, 60):  # back, and on
            try:
                await _report(scene, client, percentage)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(0.2)
        await scene.until_written("POST events a CourseSucceeded")


async def _fall(scene: Scene, socket: Path) -> None:
    """Report of a chapter that it is at 60 %, and then for a while that it is at 20 %."""
    async with _redis(socket) as (client, _):
        await load.create(scene.ground, scene.namespace, [load.ENDLESS])
        await scene.until_written(f"POST jobs {load.ENDLESS}")
        await _report(scene, client, 60)
        await _until_shown(scene, 60)
        await _report(scene, client, 20)
        await asyncio.sleep(_FALL_SECONDS)
        await load.use(scene.ground, scene.namespace, [load.ENDLESS])


async def _kill(client: "redis_asyncio.Redis", process: "subprocess.Popen[bytes]") -> None:
    process.kill()


async def _flush(client: "redis_asyncio.Redis", process: "subprocess.Popen[bytes]") -> None:
    await client.flushall()


async def _read_only(client: "redis_asyncio.Redis", process: "subprocess.Popen[bytes]") -> None:
    await client.execute_command("REPLICAOF", "127.0.0.1", "1")  # type: ignore[no-untyped-call]


async def _stall(client: "redis_asyncio.Redis", process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGSTOP)


_HARM: dict[str, Harm] = {"killed": _kill, "flushed": _flush, "read-only": _read_only, "stalled": _stall}


def plans() -> list[Plan]:
    """Give a plan for each harm, with a Redis of its own, and one for a worker that takes its word back."""
    return [*(_plan(name, harm) for name, harm in _HARM.items()), falls()]


def _plan(name: str, harm: Harm) -> Plan:
    socket = _socket()
    return Plan(
        f"redis: {name}",
        trouble=lambda scene: _with(scene, socket, harm),
        settings={"redis_url": f"unix://{socket}"},
        must_meet=False,
    )


def falls() -> Plan:
    """Give the plan in which a percentage falls within an attempt."""
    socket = _socket()
    return Plan(
        "redis: a percentage falls",
        trouble=lambda scene: _fall(scene, socket),
        settings={"redis_url": f"unix://{socket}"},
        parts=(load.ENDLESS,),
        brings_load=True,
        must_meet=False,
    )
