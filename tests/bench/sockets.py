"""How long a worker's word takes to a thousand WebSockets.

`PYTHONPATH=deploy:deploy/local python -m tests.bench.sockets [--sockets 1000]`; a minute and a half on two cores

A real API server, Redis and gateway; chapters that run according to their status; words on the stream as workers write
them. Measured is the time from a word's own time, taken just before it is sent to Redis, to its arrival at a client.
All of it, the clients as well, is on this one machine.
"""

import argparse
import asyncio
import json
import math
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import asyncio as redis_asyncio
from websockets.asyncio.client import ClientConnection, connect

from coursegen_api import names
from coursegen_api.task import Progress

from ..cluster.operator.conftest import control_plane
from ..cluster.operator.gateway.place import Place, apply_rights, start_redis
from ..e2e.scene import Scene, chapter
from . import processes

_TASKS = 50
_NAMESPACE = "sockets"
_STARTED = "2026-01-01T00:00:00Z"


def main() -> int:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="tests.bench.sockets", description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000, help="open at once (default: 1000)")
    parser.add_argument("--seconds", type=int, default=20, help="of reports, two a second a task (default: 20)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, control_plane(Path(folder)) as system:
        apply_rights(system)
        place = Place(system, Path(folder), start_redis(Path(folder)), None, {"COURSEGEN_STORE_URL": ""})
        try:
            place.gateway(max_sockets=str(arguments.sockets + 10))
            scene = Scene(system, _NAMESPACE)
            system.create_tenant(_NAMESPACE, {})
            uids = [_running(scene, number) for number in range(_TASKS)]
            token = place.token(_NAMESPACE, "listener", role="coursegen-author")
            found = asyncio.run(_measure(place, uids, token, arguments.sockets, arguments.seconds))
        finally:
            for server in (*place.gateways.values(), place.redis):
                server.stop()
    print(found.told(arguments.sockets, arguments.seconds))
    return 0 if found.delays else 1


@dataclass
class Found:
    """What was measured."""

    delays: list[float] = field(default_factory=list)
    """Seconds from a worker's word to a client, of each message."""
    last: dict[int, str] = field(default_factory=dict)
    """The last stage that each socket has heard."""
    cores: float = 0
    """That the gateway kept busy while words came."""
    megabytes: float = 0
    """Of the gateway, at most."""

    def told(self, sockets: int, seconds: int) -> str:
        """Write it for people."""
        if not self.delays:
            return "Nothing arrived."
        shares = ", ".join(f"p{share} {_share(self.delays, share) * 1000:.0f} ms" for share in (50, 95, 99))
        whole = sum(stage == f"Step {seconds * 2 - 1}" for stage in self.last.values())
        return "\n".join(
            (
                f"{sockets} sockets on {_TASKS} chapters, two words a second of each, {seconds} s: "
                f"{len(self.delays)} messages",
                f"From the word to the client: {shares}, worst {max(self.delays) * 1000:.0f} ms",
                f"The last word was heard by {whole} of {sockets}",
                f"The gateway: {self.cores:.2f} of a core, {self.megabytes:.0f} MB at most",
                f"On {processes.machine()}",
            )
        )


def _running(scene: Scene, number: int) -> str:
    """Make a chapter whose status says that it runs; no operator is there to say otherwise."""
    name = f"chapter-{number}"
    made = scene.create("ChapterGeneration", name, chapter())
    attempt = {"number": 1, "jobName": name, "admissionTime": _STARTED, "startTime": _STARTED}
    path = f"/apis/{names.API_VERSION}/namespaces/{scene.namespace}/chaptergenerations/{name}/status"
    status = {"status": {"phase": "Running", "attempts": [attempt]}}
    scene.system.request("PATCH", path, status, "application/merge-patch+json")
    return str(made["metadata"]["uid"])


async def _measure(place: Place, uids: list[str], token: str, count: int, seconds: int) -> Found:
    found = Found()
    gateway = place.gateways["gateway"]
    address = f"ws://127.0.0.1:{gateway.port}/ws/tasks/"
    headers = {"Authorization": f"Bearer {token}"}

    async def open_one(number: int) -> ClientConnection:
        return await connect(address + uids[number % len(uids)], additional_headers=headers, proxy=None)

    async def listen(number: int, connection: ClientConnection) -> None:
        async for text in connection:
            message = json.loads(text)
            if "reported_time" in message:
                found.delays.append(time.time() - message["reported_time"])
                found.last[number] = message["stage"]

    sockets: list[ClientConnection] = []
    for first in range(0, count, 50):
        sockets += await asyncio.gather(*(open_one(n) for n in range(first, min(count, first + 50))))
    listeners = [asyncio.create_task(listen(n, s)) for n, s in enumerate(sockets)]
    assert gateway.process
    before, begun = processes.cpu_seconds(gateway.process.pid), time.monotonic()
    await _report(place, uids, seconds)
    found.cores = (processes.cpu_seconds(gateway.process.pid) - before) / (time.monotonic() - begun)
    await asyncio.sleep(2)
    found.megabytes = processes.peak_megabytes(gateway.process.pid)
    for listener in listeners:
        listener.cancel()
    await asyncio.gather(*listeners, *(s.close() for s in sockets), return_exceptions=True)
    return found


async def _report(place: Place, uids: list[str], seconds: int) -> None:
    """Report twice a second for each task, spread over the half second as workers are."""
    client = redis_asyncio.Redis(port=place.redis.port)
    stream: Any = names.progress_stream(place.namespace_uid(_NAMESPACE))
    for tick in range(seconds * 2):
        for uid in uids:
            percentage = min(99, tick * 50 // seconds)
            word = Progress(uid=uid, revision=0, attempt=1, pod_uid="pod", percentage=percentage, stage=f"Step {tick}",
                            time=time.time())  # fmt: skip
            await client.xadd(stream, word.fields(), maxlen=10_000)  # type: ignore[arg-type]
            await asyncio.sleep(0.5 / len(uids))
    await client.aclose()


def _share(values: list[float], percent: int) -> float:
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


if __name__ == "__main__":
    sys.exit(main())
