"""The long-running programs of an instance: how one is started, recognised and looked at."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Nothing of the caller's environment comes along: a proxy variable would send the cluster's own requests away.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


@dataclass(frozen=True)
class ProcessId:
    """A process that can be told from a later one with the same number."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The identity of a running process; a zombie has ended."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return None
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZX" else cls(pid, int(fields[19]))

    def alive(self) -> bool:
        """Says whether this very process still runs."""
        return ProcessId.of(self.pid) == self

    def started(self) -> float:
        """When it started, in seconds since the epoch, exact to a second."""
        stat = Path("/proc/stat").read_text()
        boot = next(line for line in stat.splitlines() if line.startswith("btime ")).split()[1]
        return int(boot) + self.start_ticks / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Program:
    """A program as it should run: its command line, and the files that it reads once, when it starts."""

    name: str
    argv: tuple[str, ...]
    reads: tuple[Path, ...] = field(default=())

    @property
    def fingerprint(self) -> str:
        """Changes when a running process no longer is what it should be."""
        digest = hashlib.sha256("\0".join(self.argv).encode())
        for path in self.reads:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Running:
    """A started program."""

    process: ProcessId
    fingerprint: str


def start(argv: Sequence[str], *, cgroup: Path, log: Path) -> ProcessId:
    """Starts a process in a cgroup, in a session of its own, with its output appended to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    with log.open("ab") as sink:
        child = subprocess.Popen(
            ["sh", "-c", enter, str(cgroup), *argv],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    # Never waited for: it outlives this program. One that has ended is seen as dead: a zombie has no identity.
    return ProcessId.of(child.pid) or ProcessId(child.pid, -1)


def boot_id() -> str:
    """Changes with every boot of the machine: what was recorded before says nothing about processes of now."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def is_root() -> bool:
    """Says whether this program may make namespaces, cgroups and links."""
    return os.geteuid() == 0
