"""One run: a fresh namespace, the load, one plan of faults, and what the judges say of it."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from coursegen_api import names

from ..bench.client import RefusedError
from . import auditlog, load, oracles, process
from .fault import Fault
from .ground import CAPACITY, Ground
from .process import Replica

Json = dict[str, Any]

SETTLE_SECONDS = 60.0
"""After the last fault everything has to have come to its end; on a machine that is five times overbooked."""

QUIET_SECONDS = 6.0
"""So long nothing is written then; longer than any period in which the operator writes something regularly."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Plan:
    """What goes wrong in one run; `name` says it."""

    name: str
    faults: Callable[[], list[Fault]] = list
    trouble: Callable[["Scene"], Awaitable[None]] | None = None
    """What is done besides, while the load is being worked on."""
    replicas: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    quiet: float = QUIET_SECONDS
    settle: float = SETTLE_SECONDS
    patience: float = 2 * SETTLE_SECONDS
    """So long its trouble may take."""
    brings_load: bool = False
    """The trouble creates the courses itself."""
    must_meet: bool = True
    """The run says nothing if no fault met its request."""


@dataclass
class Scene:
    """What a plan's trouble may reach."""

    ground: Ground
    namespace: str
    replicas: list[Replica]
    troubled: float = 0.0
    """When the last trouble ended, by the loop's clock."""

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is so that no event tells of."""
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)

    async def until_written(self, part: str = "", more: int = 1) -> None:
        """Wait until a write whose name has such a part has come by, or so many more of any kind."""
        written = self.ground.proxy.written
        before = len(written) if not part else 0

        async def found() -> bool:
            return sum(part in key for key in written[before:]) >= more

        await self.until(found)

    async def leader(self) -> str:
        """Give who holds the Lease."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{self.namespace}"
        return str((await self.ground.ask("GET", path))["spec"].get("holderIdentity", ""))


@dataclass
class Result:
    """How a run went."""

    plan: Plan
    wrong: list[str]
    met: int
    seconds: float
    written: list[str]
    end_state: dict[str, Any]
    exits: list[int]

    @property
    def says_something(self) -> bool:
        """Tell whether the plan's fault took place."""
        return bool(self.met) or not self.plan.must_meet or bool(self.wrong)


async def run(
    ground: Ground,
    plan: Plan,
    normal: dict[str, Any] | None = None,
    bug: str = "",
    capacity: Mapping[str, int] = CAPACITY,
) -> Result:
    """Carry out a plan.

    Arguments:
        normal: what the load comes to without faults; None while that is being learned.
        bug: the planted bug that the operator runs with.
    """
    namespace = f"faults-{next(_numbers)}"
    begun, since = time.monotonic(), auditlog.position(ground.audit_log)
    account = {"metadata": {"name": names.WORKER_SERVICE_ACCOUNT}, "automountServiceAccountToken": False}
    await ground.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    await ground.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    replicas: list[Replica] = []
    ground.proxy.begin(plan.faults(), lambda: [r.kill() for r in replicas][-1])
    server, log = f"http://127.0.0.1:{ground.proxy.port}", ground.folder / f"{namespace}.log"
    settings = {"bug": bug, "lease_name": namespace} | plan.settings
    async with process.running(server, namespace, log, plan.replicas, **settings) as started:
        replicas += started
        if not plan.brings_load:
            await load.create(ground, namespace)
        wrong = await _until_settled(Scene(ground, namespace, replicas), plan)
        came_to = await load.end_state(ground, namespace)
        settled = time.time()
        if not wrong:
            await asyncio.sleep(plan.quiet)
        exits = [code for r in replicas for code in r.ends]
    entries = [e for e in auditlog.read(ground.audit_log, since) if e.namespace in (namespace, "default", "")]
    history = oracles.History(entries, capacity)
    wrong += oracles.judge(history)
    if not wrong:
        wrong += [f"quiet_at_the_end: {said}" for said in oracles.quiet_at_the_end(history, settled)]
    if normal is not None:
        wrong += _differences(normal, came_to)
    written, met = list(ground.proxy.written), ground.proxy.met
    await _remove(ground, namespace)
    return Result(plan, wrong, met, time.monotonic() - begun, written, came_to, exits)


async def _until_settled(scene: Scene, plan: Plan) -> list[str]:
    """Wait until all is done and tidied up; say what is not, some time after the last fault."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    trouble = asyncio.create_task(plan.trouble(scene)) if plan.trouble else None
    try:
        while True:
            await asyncio.sleep(0.2)
            now = loop.time()
            if trouble and not trouble.done():
                if now - begun > plan.patience:
                    return [f"settles: after {plan.patience:.0f} s the moment for the trouble has not come"]
                continue
            if trouble:
                trouble.result()
            left = await _left(scene.ground, scene.namespace)
            if not left:
                return []
            if now - max(begun, scene.ground.proxy.last, scene.troubled) > plan.settle:
                return [f"settles: {plan.settle:.0f} s after the last fault there is still {', '.join(left[:4])}"]
    finally:
        if trouble:
            trouble.cancel()


async def _left(ground: Ground, namespace: str) -> list[str]:
    """Name what is not finished, or not removed."""
    try:
        courses = (await ground.ask("GET", load.path(namespace, "coursegenerations")))["items"]
        jobs = (await ground.ask("GET", f"/apis/batch/v1/namespaces/{namespace}/jobs"))["items"]
        pods = (await ground.ask("GET", f"/api/v1/namespaces/{namespace}/pods"))["items"]
        queues = (await ground.ask("GET", f"/apis/{names.API_VERSION}/generationqueues"))["items"]
    except (RefusedError, OSError, aiohttp.ClientError, TimeoutError) as error:
        return [f"an API server that does not answer ({type(error).__name__})"]
    open_courses = [c for c in courses if not c.get("status", {}).get("completionTime")]
    used = [q for q in queues if q.get("status", {}).get("active") or q.get("status", {}).get("pending")]
    return [f"{kind} {o['metadata']['name']}" for kind, found in
            (("course", open_courses), ("Job", jobs), ("Pod", pods), ("used queue", used)) for o in found]  # fmt: skip


def _differences(normal: dict[str, Any], came_to: dict[str, Any]) -> list[str]:
    names_of_all = sorted(normal.keys() | came_to.keys())
    return [
        f"same_end: {name} is {came_to.get(name)}, not {normal.get(name)}"
        for name in names_of_all
        if came_to.get(name) != normal.get(name)
    ]


async def _remove(ground: Ground, namespace: str) -> None:
    """Have the namespace deleted; nobody waits for it."""
    await ground.ask("DELETE", f"/api/v1/namespaces/{namespace}")
