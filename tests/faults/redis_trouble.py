"""A real Redis that goes, forgets, refuses or stalls while the operator reads percentages from it."""

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

from coursegen_api import names
from coursegen_api.task import Progress

from .. import programs
from ..e2e.system import free_port
from .run import Plan, Scene

Harm = Callable[["redis_asyncio.Redis", "subprocess.Popen[bytes]"], Awaitable[None]]


@asynccontextmanager
async def _redis(port: int) -> AsyncIterator["subprocess.Popen[bytes]"]:
    process = _start(port)
    try:
        yield process
    finally:
        process.kill()


def _start(port: int) -> "subprocess.Popen[bytes]":
    argv = [
        "setpriv",
        "--pdeathsig",
        "KILL",
        programs.redis_server(),
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
    ]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _report(scene: Scene, client: "redis_asyncio.Redis", percentage: int) -> None:
    """Say of every chapter what a worker would, whether or not it runs."""
    uid = (await scene.ground.ask("GET", f"/api/v1/namespaces/{scene.namespace}"))["metadata"]["uid"]
    path = f"/apis/{names.API_VERSION}/namespaces/{scene.namespace}/chaptergenerations"
    for chapter in (await scene.ground.ask("GET", path))["items"]:
        number = len(chapter.get("status", {}).get("attempts") or ())
        said = Progress(
            uid=chapter["metadata"]["uid"], revision=0, attempt=max(1, number), percentage=percentage,
            stage="writing", time=time.time(), pod_uid="none",
        )  # fmt: skip
        await client.xadd(names.progress_stream(uid), said.fields())  # type: ignore[arg-type]


async def _with(scene: Scene, port: int, harm: Harm) -> None:
    async with _redis(port) as process:
        client = redis_asyncio.Redis(port=port, socket_timeout=1, socket_connect_timeout=1)
        await scene.until_written("POST jobs a-chapter-01")
        await _report(scene, client, 40)
        await asyncio.sleep(0.3)
        await harm(client, process)
        for percentage in (20, 60):  # back, and on
            try:
                await _report(scene, client, percentage)
            except (RedisError, OSError, TimeoutError):
                await asyncio.sleep(0.2)
        await scene.until_written("POST events b CourseSucceeded")
        await client.aclose()


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
    """Give a plan for each harm, with a Redis of its own."""
    return [_plan(name, harm, free_port()) for name, harm in _HARM.items()]


def _plan(name: str, harm: Harm, port: int) -> Plan:
    url = f"redis://127.0.0.1:{port}/0"
    return Plan(
        f"redis: {name}", trouble=lambda scene: _with(scene, port, harm), settings={"redis_url": url}, must_meet=False
    )
