"""One run of the operator: a process on this machine, a load, and what both did."""

import asyncio
import re
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from coursegen_api import names

from . import audit, ground, latency, processes, sample, shipped
from .client import Client

Json = dict[str, Any]

_READY_SECONDS = 60
_TIDY_SECONDS = 240
_POSTS_AT_ONCE = 32
KEPT_SECONDS = 24 * 3600
"""For a restart: the Jobs are still there."""
_QUIET_SECONDS = 60


@dataclass(frozen=True)
class Figures:
    """What was measured of the operator."""

    makespan: float
    """Seconds from the first course's creation to the last one's end."""
    requests: dict[str, float]
    """A task, by verb and resource: from the first course's creation until the Jobs are removed."""
    kopf_requests: int
    refused: dict[str, int]
    cpu_seconds: float
    """For 1,000 chapters, over the same time."""
    peak_megabytes: float
    visits: dict[str, float]
    """A chapter, by the kind of object that was visited."""
    latencies: latency.Latencies


@dataclass(frozen=True)
class Steady:
    """What was measured while courses came one after the other, no faster than the machine can serve them."""

    every: float
    """Seconds from one course to the next."""
    makespan: float
    cpu_seconds: float
    """For 1,000 chapters, their Jobs not removed."""
    latencies: latency.Latencies


@dataclass(frozen=True)
class Restart:
    """What an operator did that was started over a finished load."""

    objects: int
    jobs: int
    seconds: float
    """From the start of the process until a new course has its first Job."""
    writes: dict[str, int]
    """Needless ones, by verb and resource: of about a minute, those about the new course left out."""
    load: "Load"


@dataclass(frozen=True)
class Load:
    """What the operator took for a load whose Jobs it did not remove."""

    makespan: float
    cpu_seconds: float
    """For 1,000 chapters."""
    peak_megabytes: float


@asynccontextmanager
async def running(
    kubeconfig: Path,
    log: Path,
    profile: Path | None,
    keep_jobs_seconds: int = 120,
    program: shipped.Program = shipped.Program(),  # noqa: B008 - frozen
) -> AsyncIterator[tuple[int, int]]:
    """Run an operator that watches every namespace, and give its process id and its port once it is ready."""
    port = _free_port()
    environment = program.environment(kubeconfig) | {
        "COURSEGEN_WORKER_IMAGE": sample.IMAGE,
        "COURSEGEN_HTTP_PORT": str(port),
        "COURSEGEN_LEADER_ELECTION": "false",
        "COURSEGEN_MAX_JOBS": str(ground.CAPACITY),
        "COURSEGEN_MAX_CONCURRENT_COURSES": str(ground.CAPACITY),
        "COURSEGEN_KEEP_JOBS_SECONDS": str(keep_jobs_seconds),
    }
    with log.open("wb") as out:
        process = _start(program.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
    profiler = None
    try:
        await _ready(port, process, log)
        if profile:
            form = "flamegraph" if profile.suffix == ".svg" else "raw"
            watch = ["py-spy", "record", "--pid", str(process.pid), "--format", form, "--rate", "100"]
            profiler = _start([*watch, "--output", str(profile)], stdout=subprocess.DEVNULL)
        yield process.pid, port
        if process.poll() is not None:
            raise RuntimeError(f"the operator ended with {process.returncode}, see {log}")
    finally:
        if profiler:
            profiler.send_signal(signal.SIGINT)
            profiler.wait()
        process.terminate()
        process.wait(30)


def _start(command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, **options)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def _ready(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
    raise TimeoutError(f"the operator is not ready, see {log}")


async def generate(
    client: Client, namespace: str, size: sample.Size, log: Path, process: tuple[int, int], ended: Callable[[], None]
) -> Figures:
    """Have a load generated, wait until its Jobs are removed as well, and measure; `ended` is called in between."""
    pid, port = process
    since, cpu = audit.position(log), processes.cpu_seconds(pid)
    makespan = await load(client, namespace, size)
    ended()
    await _removed(client, namespace)
    used = processes.cpu_seconds(pid) - cpu
    counts = audit.count(log, since)
    return Figures(
        makespan=makespan,
        requests={what: n / size.total for what, n in counts.own.most_common()},
        kopf_requests=sum(counts.kopf.values()),
        refused=dict(counts.refused),
        cpu_seconds=used * 1000 / size.total,
        peak_megabytes=processes.peak_megabytes(pid),
        visits={kind: number / size.total for kind, number in (await _visits(port)).items()},
        latencies=latency.read(log, since, namespace),
    )


async def steady(
    client: Client, namespace: str, size: sample.Size, every: float, log: Path, pid: int, ended: Callable[[], None]
) -> Steady:
    """Have a load generated that comes course by course, and measure how long each step takes."""
    since, cpu = audit.position(log), processes.cpu_seconds(pid)
    makespan = await load(client, namespace, size, every)
    ended()
    used = processes.cpu_seconds(pid) - cpu
    return Steady(every, makespan, used * 1000 / size.total, latency.read(log, since, namespace))


async def load(client: Client, namespace: str, size: sample.Size, every: float = 0.0) -> float:
    """Have a load generated, and give the seconds that it took.

    Arguments:
        every: seconds from one course to the next; without it they come all at once.
    """
    path = f"/apis/{names.API_VERSION}/namespaces/{namespace}/coursegenerations"
    slots = asyncio.Semaphore(_POSTS_AT_ONCE)
    begun = time.monotonic()
    async with asyncio.TaskGroup() as group:
        seen = group.create_task(_all_ended(client, path, size.courses))
        for number in range(1, size.courses + 1):
            group.create_task(_post(client, path, sample.course(namespace, number, size), slots))
            await asyncio.sleep(max(0.0, begun + number * every - time.monotonic()) if every else 0.0)
    return seen.result() - begun


async def measured_load(client: Client, namespace: str, size: sample.Size, pid: int) -> Load:
    """Have a load generated, and measure what the operator takes for it."""
    cpu = processes.cpu_seconds(pid)
    makespan = await load(client, namespace, size)
    used = processes.cpu_seconds(pid) - cpu
    return Load(makespan, used * 1000 / size.total, processes.peak_megabytes(pid))


async def restart(
    client: Client,
    namespace: str,
    size: sample.Size,
    start: Callable[[], AbstractAsyncContextManager[object]],
    audit_log: Path,
    before: Load,
) -> Restart:
    """Start an operator over what a load has left, with its Jobs, and see when it works again and what it writes.

    Arguments:
        start: runs the operator, one that keeps Jobs.
    """
    jobs = f"/apis/batch/v1/namespaces/{namespace}/jobs"
    ours = f"/apis/{names.API_VERSION}/namespaces/{namespace}"
    there = [await _count(client, path) for path in (f"{ours}/coursegenerations", f"{ours}/chaptergenerations", jobs)]
    since, begun = audit.position(audit_log), time.monotonic()
    last = sample.course(namespace, size.courses + 1, sample.Size(chapters=1))
    name = last["metadata"]["name"]
    async with start():
        await client.request("POST", f"{ours}/coursegenerations?fieldValidation=Strict", last)
        async for job in client.follow(jobs):
            if job["metadata"]["name"].startswith(name):
                break
        seconds = time.monotonic() - begun
        await asyncio.sleep(_QUIET_SECONDS)
        writes = audit.writes(audit_log, since, but=name)
    return Restart(there[0] + there[1], there[2], seconds, dict(writes), before)


async def _count(client: Client, path: str) -> int:
    page = await client.request("GET", f"{path}?limit=1")
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)


async def _visits(port: int) -> dict[str, float]:
    """Read from /metrics how many visits the operator has made, by kind."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.findall(r'coursegen_visit_seconds_count\{kind="(\w+)"\} (\S+)', await answer.text())
    return {kind: float(number) for kind, number in found}


async def _post(client: Client, path: str, course: Json, slots: asyncio.Semaphore) -> None:
    async with slots:
        await client.request("POST", f"{path}?fieldValidation=Strict", course)


async def _all_ended(client: Client, path: str, count: int) -> float:
    ended: dict[str, str] = {}
    async for course in client.follow(path):
        found = {c["type"]: c for c in course.get("status", {}).get("conditions") or ()}
        if found.get("Finished", {}).get("status") == "True":
            ended[course["metadata"]["name"]] = found["Finished"]["reason"]
            if len(ended) == count:
                break
    outcomes = Counter(ended.values())
    if set(outcomes) != {"Succeeded"}:
        raise RuntimeError(f"courses ended as {dict(outcomes)}: the figures would mean nothing")
    return time.monotonic()


async def _removed(client: Client, namespace: str) -> None:
    """Wait until the operator has removed the Jobs, which is part of its work."""
    deadline = time.monotonic() + _TIDY_SECONDS
    while time.monotonic() < deadline:
        left = await client.request("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs?limit=1")
        if not left["items"]:
            return
        await asyncio.sleep(2)
    raise TimeoutError(f"Jobs are left {_TIDY_SECONDS} s after the last course ended")
