"""`python -m tests.bench`: measures, prints a table, writes JSON.

The usual two settings of the controller manager's client limits; with each, on one control plane, the raw ceiling,
the path ceiling, the operator with all courses at once, and with courses that come at a rate it can serve; one after
the other, each in a fresh namespace that is gone before the next begins.
"""

import argparse
import asyncio
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coursegen_operator.access import from_kubeconfig
from localcluster import Access, Cluster, Reporter, cgroups

from . import ceilings, ground, operator_run, processes, report, sample, shipped, worker_start
from .client import Client

LIMITS = {"20/30": (20, 30), "100/200": (100, 200), "200/400": (200, 400), "2000/4000": (2000, 4000)}
"""The controller manager's requests a second and burst: as shipped it sets the pace, at the last the CPU does."""

USUAL = ("200/400", "2000/4000")

OUT = ground.ROOT / "out"

_RUN_SECONDS = 900
_RUN_TASKS = 6_000
"""A run that takes longer is broken off, and the benchmark with it; larger loads may take as much longer."""

_CONNECTIONS = 64

_WARM_SECONDS = 35
"""The garbage collector looks for new kinds every 30 s: until it knows ours, it asks for the owner of each Job."""

_STEADY_SHARE = 0.6
"""Of what the operator got through when all courses came at once: so fast they come in a steady load."""


@dataclass
class Session:
    """One setting, measured."""

    limits: str
    raw: list[float] = field(default_factory=list)
    path: list[float] = field(default_factory=list)
    operator: list[operator_run.Figures] = field(default_factory=list)
    steady: list[operator_run.Steady] = field(default_factory=list)
    restart: list[operator_run.Restart] = field(default_factory=list)
    cpu: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    """By run: CPU seconds of all that belongs to the benchmark, and the share of the machine that others had."""


@dataclass
class Bench:
    """A benchmark, and where it leaves things."""

    size: sample.Size
    cluster: Cluster
    reporter: Reporter
    folder: Path
    rounds: int
    profile: Path | None
    only: str | None
    every: float | None
    """Seconds between the courses of a steady load; None: as the operator's run before it says."""
    program: shipped.Program

    async def session(self, limits: str) -> Session:
        """Measure with one setting."""
        session = Session(limits)
        access = ground.up(self.cluster, self.folder, *LIMITS[limits])
        os.environ["KUBECONFIG"] = str(access.kubeconfig)
        async with Client(from_kubeconfig(), "bench", _CONNECTIONS) as client:
            await ground.sweep(client)
            await asyncio.sleep(_WARM_SECONDS)
            for _ in range(self.rounds):
                for name in ("raw", "path", "operator", "steady"):
                    if self.only in (None, name):
                        await self._run(session, client, access, name)
            if self.only == "restart":
                await self._restart(session, client, access)
        return session

    async def _run(self, session: Session, client: Client, access: Access, name: str) -> None:
        namespace = f"{ground.NAMESPACE}{name}-{time.time_ns() // 10**9:x}"
        with self.reporter.step(f"{session.limits} {name}", f"{self.size.total} tasks") as step:
            async with asyncio.timeout(self._longest()), ground.namespace(client, namespace) as uid:
                if name in ("operator", "steady"):
                    use, seconds = await self._operator(session, client, access, namespace, name)
                else:
                    planned = list(sample.courses(namespace, uid, ground.queues()[0], self.size))
                    meter = Meter(self.cluster.instance.ident)
                    seconds = await getattr(ceilings, name)(client, namespace, planned)
                    getattr(session, name).append(seconds)
                    use = meter.read()
                session.cpu.setdefault(name, []).append(use)
                step.note(f"{seconds:.1f} s, {use['ours']:.0f} CPU seconds, others used {use['others']:.0%}")

    async def _operator(
        self, session: Session, client: Client, access: Access, namespace: str, name: str
    ) -> tuple[dict[str, float], float]:
        assert access.audit_log
        uses = []
        log, profile = OUT / f"{namespace}.log", self.profile if name == (self.only or "operator") else None
        async with operator_run.running(access.kubeconfig, log, profile, program=self.program) as process:
            meter = Meter(self.cluster.instance.ident, process[0])

            def ended() -> None:
                uses.append(meter.read())

            if name == "steady":
                found = await operator_run.steady(
                    client, namespace, self.size, self._every(session), access.audit_log, process[0], ended
                )
                session.steady.append(found)
                return uses[0], found.makespan
            figures = await operator_run.generate(client, namespace, self.size, access.audit_log, process, ended)
        session.operator.append(figures)
        return uses[0], figures.makespan

    def _every(self, session: Session) -> float:
        if self.every is not None:
            return self.every
        return session.operator[-1].makespan / self.size.courses / _STEADY_SHARE

    def _longest(self) -> float:
        return _RUN_SECONDS * max(1.0, self.size.total / _RUN_TASKS)

    async def _restart(self, session: Session, client: Client, access: Access) -> None:
        namespace = f"{ground.NAMESPACE}restart-{time.time_ns() // 10**9:x}"
        log, again = (OUT / f"{namespace}{part}.log" for part in ("", "-again"))
        assert access.audit_log
        keeping = {"profile": None, "keep_jobs_seconds": operator_run.KEPT_SECONDS, "program": self.program}
        start = functools.partial(operator_run.running, access.kubeconfig, **keeping)
        with self.reporter.step(f"{session.limits} restart", f"{self.size.total} tasks") as step:
            async with asyncio.timeout(self._longest()), ground.namespace(client, namespace):
                async with start(log=log) as process:
                    before = await operator_run.measured_load(client, namespace, self.size, process[0])
                step.note(f"load of {before.makespan:.0f} s, {before.cpu_seconds:.1f} CPU seconds a 1,000")
                found = await operator_run.restart(
                    client, namespace, self.size, functools.partial(start, log=again), access.audit_log, before
                )
                session.restart.append(found)
                step.note(f"at work after {found.seconds:.1f} s, {sum(found.writes.values())} needless writes")


class Meter:
    """CPU from now on: of the benchmark's processes (control plane, nodes, client, operator), and of all others."""

    def __init__(self, ident: str, *pids: int) -> None:
        self._ident, self._pids = ident, pids
        self._begun, self._before = time.monotonic(), self._use()

    def _use(self) -> processes.Use:
        return processes.use([os.getpid(), *self._pids, *cgroups.members(self._ident)])

    def read(self) -> dict[str, float]:
        """Give our CPU seconds, and the share of the machine that went to others."""
        now = self._use()
        ours = now.ours - self._before.ours
        whole = (time.monotonic() - self._begun) * (os.cpu_count() or 1)
        return {
            "ours": round(ours, 1),
            "others": round(max(0.0, now.machine - self._before.machine - ours) / whole, 3),
        }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure what the operator costs, beside two ceilings. A quarter of an hour on two quiet cores; a "
        f"run that takes more than {_RUN_SECONDS // 60} minutes for {_RUN_TASKS:,} tasks is broken off.",
    )
    parser.add_argument("--quick", action="store_true", help="10 courses in place of 100: to try it, not to quote")
    parser.add_argument("--courses", type=int, default=sample.Size().courses, help="how many courses (100)")
    parser.add_argument("--whole", action="store_true", help="with outline, validation and exports (shape 2)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each run is made in a session (1)")
    parser.add_argument("--limits", choices=LIMITS, help="only with these limits of the controller manager")
    parser.add_argument(
        "--only",
        choices=("raw", "path", "operator", "steady", "worker", "restart"),
        help="only these runs; a restart, over a load that has ended, is made only if asked for",
    )
    parser.add_argument(
        "--every",
        type=float,
        help="seconds from one course to the next in a steady load "
        f"({_STEADY_SHARE:.0%}% of what the operator's run before it got through)",
    )
    parser.add_argument(
        "--host-python", action="store_true", help="run the operator on this Python, not on that of its image"
    )
    parser.add_argument("--name", default="bench", help="name of the local cluster")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    parser.add_argument(
        "--profile",
        type=Path,
        help="file for a profile of the operator by py-spy (in the PATH): a picture if it ends in .svg, else stacks",
    )
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="json: nothing but JSON")
    asked = parser.parse_args()
    if asked.only == "steady" and asked.every is None:
        parser.error("--only steady needs --every: no run of the operator goes before it")
    return asked


def main() -> int:
    """Measure, print, and leave the figures in out/bench.json."""
    asked = _arguments()
    reporter = Reporter(sys.stderr)
    size = sample.Size(courses=10 if asked.quick else asked.courses, whole=asked.whole)
    cluster = Cluster.named(asked.name, reporter)
    OUT.mkdir(exist_ok=True)
    found: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": processes.machine(),
        "commit": _commit(),
        "size": asdict(size),
        "load_before": os.getloadavg(),
    }
    with tempfile.TemporaryDirectory(prefix="coursegen-bench-") as temporary:
        if asked.only in (None, "worker"):
            with reporter.step("worker start", f"{worker_start.TIMES} times each") as step:
                found["worker_start"] = worker_start.measure(Path(temporary))
                step.note(f"{len(found['worker_start']['kinds'])} kinds of task")
        if asked.only != "worker":
            folder = Path(temporary)
            program = shipped.Program() if asked.host_python else shipped.unpack(folder, reporter)
            found["python"] = program.python()
            bench = Bench(
                size, cluster, reporter, folder, asked.rounds, asked.profile, asked.only, asked.every, program
            )
            try:
                limits = [asked.limits] if asked.limits else USUAL
                found["sessions"] = [asdict(asyncio.run(bench.session(one))) for one in limits]
            finally:
                if not asked.keep:
                    cluster.down()
    found["load_after"] = os.getloadavg()
    (OUT / "bench.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2) if asked.output == "json" else report.text(found))
    return 0


def _commit() -> str:
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
