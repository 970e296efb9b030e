"""The operator as a process behind the proxy: started again whenever it ends, as Kubernetes does."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..bench import sample
from ..ports import free_port
from .ground import ROOT

_AGAIN_SECONDS = 0.1


@dataclass
class Replica:
    """One replica: the process of now, and how the ones before ended."""

    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None
    ends: list[int] = field(default_factory=list)
    """Exit codes; negative: the signal that ended it."""
    started: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send a signal, unless it has just ended."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)

    async def keep(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                with self.log.open("ab") as log:
                    self.process = _start(self.environment, log)
                self.started.set()
                self.ends.append(await asyncio.to_thread(self.process.wait))
                await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            if self.process and self.process.poll() is None:
                self.process.send_signal(signal.SIGCONT)
                self.process.kill()


def _start(environment: Mapping[str, str], log: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "tests.faults.launch"],
        env=dict(environment), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,  # type: ignore[call-overload]
    )  # fmt: skip


@asynccontextmanager
async def running(server: str, namespace: str, log: Path, number: int, **settings: str) -> AsyncIterator[list[Replica]]:
    """Run some replicas for one namespace, and end them after the body.

    Arguments:
        server: the proxy's URL.
        settings: further ones of the operator, in small letters; `bug` names a planted bug, `clock` a file that
            says by how many seconds its clock is off.
    """
    environment = {
        "PATH": os.environ["PATH"],
        "FAULTS_SERVER": server,
        "FAULTS_BUG": settings.pop("bug", ""),
        "FAULTS_CLOCK": settings.pop("clock", ""),
        "COURSEGEN_NAMESPACES": namespace,
        "COURSEGEN_WORKER_IMAGE": sample.IMAGE,
        "COURSEGEN_LEADER_ELECTION": "false",
        "COURSEGEN_KEEP_JOBS_SECONDS": "1",
        "COURSEGEN_RESYNC_SECONDS": "4",
        "COURSEGEN_REQUEST_TIMEOUT_SECONDS": "2",
    }
    environment |= {f"COURSEGEN_{name.upper()}": value for name, value in settings.items()}
    replicas = [
        Replica(environment | {"COURSEGEN_HTTP_PORT": str(free_port())}, log.with_suffix(f".{n}.log"))
        for n in range(number)
    ]
    tasks = [asyncio.create_task(r.keep()) for r in replicas]
    try:
        yield replicas
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
