"""One run: a fresh namespace, the load, one plan of faults, and what the judges say of it."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from coursegen_api import names

from ..bench.client import RefusedError
from . import auditlog, kubelet, load, oracles, process
from .fault import Fault
from .ground import CAPACITY, Ground
from .history import Handover
from .process import Replica

Json = dict[str, Any]

SETTLE_SECONDS = 60.0
"""After the last fault everything has to have come to its end."""

SETTLE_RUNS = 4.0
"""Or after so many times a clean run, if that is longer: the machine may be busy with something else."""

QUIET_SECONDS = 6.0
"""So long nothing is written then; longer than any period in which the operator writes something regularly."""

LONG_QUIET_SECONDS = 60.0
"""Of some plans of each kind: of all of them it would be ten hours more."""

_LOOK_SECONDS = 0.2

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
    parts: Collection[str] = load.ALL
    """The parts of the load; none: what comes out is compared as it is."""
    brings_load: bool = False
    """The trouble creates the load, and does what people do to it."""
    comes_to: Callable[[Json], Iterable[str]] | None = None
    """Says what is wrong with the end of a load of its own; without it, it is compared with the clean run's."""
    quiet: float = QUIET_SECONDS
    settle: float = SETTLE_SECONDS
    settle_runs: float = SETTLE_RUNS
    patience: float = 2 * SETTLE_SECONDS
    """So long its trouble may take."""
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
    handovers: list[Handover] = field(default_factory=list)

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

    async def until_met(self, times: int = 1) -> None:
        """Wait until faults have met so many requests."""

        async def met() -> bool:
            return self.ground.proxy.met >= times

        await self.until(met)

    async def leader(self) -> str:
        """Give who holds the Lease."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/default/leases/{self.namespace}"
        return str((await self.ground.ask("GET", path))["spec"].get("holderIdentity", ""))

    def replica(self, identity: str) -> Replica:
        """Give the replica that goes, or went, by an identity."""
        return next(r for r in self.replicas if identity in r.log.read_text())

    def calm(self) -> None:
        """Say that the last trouble is over now."""
        self.troubled = asyncio.get_running_loop().time()


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
    events: dict[str, int] = field(default_factory=dict)
    """By resource, the events that kopf's watches brought."""
    handovers: list[Handover] = field(default_factory=list)

    @property
    def took_place(self) -> bool:
        """Tell whether the plan's fault met a request, if it has to."""
        return bool(self.met) or not self.plan.must_meet

    @property
    def says_something(self) -> bool:
        """Tell whether the run is worth anything."""
        return self.took_place or bool(self.wrong)

    @property
    def judges(self) -> set[str]:
        """Name the judges that object."""
        return {said.partition(":")[0] for said in self.wrong}

    @property
    def work_seconds(self) -> float:
        """Give what the run took without its quiet end."""
        return self.seconds - self.plan.quiet


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
    begun, since = time.monotonic(), auditlog.position(ground.audit_log)
    async with _scene(ground, plan, bug) as scene:
        wrong = await _until_settled(scene, plan)
        came_to = await load.end_state(ground, scene.namespace)
        settled = time.time()
        if not wrong:
            await asyncio.sleep(plan.quiet)
        exits = [code for r in scene.replicas for code in r.ends]
    entries = [e for e in auditlog.read(ground.audit_log, since) if e.namespace in (scene.namespace, "default", "")]
    history = oracles.History(entries, capacity, scene.handovers)
    wrong += oracles.judge(history)
    wrong += [f"waits_as_told: {said}" for said in ground.proxy.impatient]
    if not wrong:
        wrong += [f"quiet_at_the_end: {said}" for said in oracles.quiet_at_the_end(history, settled)]
    if plan.comes_to:
        wrong += [f"same_end: {said}" for said in plan.comes_to(came_to)]
    elif normal is not None:
        wrong += _differences(load.of_parts(normal, plan.parts) if plan.parts else normal, came_to)
    if wrong and not bug:
        auditlog.keep(ground.audit_log, since, ground.folder / f"{scene.namespace}.audit.jsonl")
    await ground.ask("DELETE", f"/api/v1/namespaces/{scene.namespace}")  # nobody waits for it
    proxy, seconds = ground.proxy, time.monotonic() - begun
    written, events = list(proxy.written), dict(proxy.events)
    return Result(plan, wrong, proxy.met, seconds, written, came_to, exits, events, scene.handovers)


@asynccontextmanager
async def _scene(ground: Ground, plan: Plan, bug: str) -> AsyncIterator[Scene]:
    """Start the operator in a fresh namespace, behind a proxy that knows the plan; end it after the body."""
    namespace = f"faults-{next(_numbers)}"
    account = {"metadata": {"name": names.WORKER_SERVICE_ACCOUNT}, "automountServiceAccountToken": False}
    await ground.ask("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    await ground.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", account)
    replicas: list[Replica] = []
    ground.kubelet.decide, ground.kubelet.seconds = kubelet.as_the_load_expects, kubelet.RUN_SECONDS
    ground.proxy.begin(plan.faults(), lambda: [r.kill() for r in replicas][-1])
    server, log = f"http://127.0.0.1:{ground.proxy.port}", ground.folder / f"{namespace}.log"
    settings = {"bug": bug, "lease_name": namespace} | plan.settings
    async with process.running(server, namespace, log, plan.replicas, **settings) as started:
        replicas += started
        yield Scene(ground, namespace, replicas)


async def _until_settled(scene: Scene, plan: Plan) -> list[str]:
    """Create the load, and wait until all is done and tidied up; say what is not, some time after the last fault."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    parts = () if plan.brings_load else plan.parts
    await load.create(scene.ground, scene.namespace, parts)
    trouble = asyncio.create_task(plan.trouble(scene)) if plan.trouble else None
    people = asyncio.create_task(load.use(scene.ground, scene.namespace, parts))
    try:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = loop.time()
            if trouble and not trouble.done():
                if now - begun > plan.patience:
                    return [f"settles: after {plan.patience:.0f} s the moment for the trouble has not come"]
                continue
            for task in (trouble, people):
                if task and task.done():
                    task.result()
            left = await _left(scene.ground, scene.namespace) if people.done() else "settles: somebody still waits"
            if not left:
                return []
            if now - max(begun, scene.ground.proxy.last, scene.troubled) > plan.settle:
                return [f"{left}, {plan.settle:.0f} s after the last fault"]
    finally:
        people.cancel()
        if trouble:
            trouble.cancel()


async def _left(ground: Ground, namespace: str) -> str:
    """Say what is not finished, or not removed; looks no further than the first kind of which something is left."""
    jobs, pods = f"/apis/batch/v1/namespaces/{namespace}/jobs", f"/api/v1/namespaces/{namespace}/pods"
    try:
        for plural in load.KINDS:
            items = (await ground.ask("GET", load.path(namespace, plural)))["items"]
            if left := [o for o in items if not load.is_over(o)]:
                return f"settles: there is still work in {plural}, {left[0]['metadata']['name']}"
        for where, kind in ((jobs, "Job"), (pods, "Pod")):
            if left := (await ground.ask("GET", where))["items"]:
                return f"no_orphans: the work is over, and there is still {kind} {left[0]['metadata']['name']}"
        queues = (await ground.ask("GET", f"/apis/{names.API_VERSION}/generationqueues"))["items"]
        providers = (await ground.ask("GET", load.path(namespace, "modelproviders")))["items"]
        chapters = (await ground.ask("GET", load.path(namespace, "chaptergenerations")))["items"]
    except (RefusedError, OSError, aiohttp.ClientError, TimeoutError) as error:
        return f"settles: the API server does not answer ({type(error).__name__})"
    for gate in (*queues, *providers):
        if gate.get("status", {}).get("active") or gate.get("status", {}).get("pending"):
            return f"settles: {gate['kind']} {gate['metadata']['name']} says that it is used"
    paid = [p for p in providers if p["spec"].get("budget")]
    return _unsettled(paid[0], chapters) if paid else ""


def _unsettled(provider: Json, chapters: Collection[Json]) -> str:
    """Say that a provider has not taken in what chapters have cost, all of which are its own."""
    usage = provider.get("status", {}).get("usage", {})
    costs = [c["status"].get("usage", {}) for c in chapters]
    cost = sum(u.get("promptTokens", 0) + u.get("completionTokens", 0) for u in costs)
    if usage.get("tokens", 0) == cost:
        return ""
    return f"settles: provider {provider['metadata']['name']} says {usage}, and its work has cost {cost} tokens"


def _differences(normal: dict[str, Any], came_to: dict[str, Any]) -> list[str]:
    names_of_all = sorted(normal.keys() | came_to.keys())
    return [
        f"same_end: {name} is {came_to.get(name)}, not {normal.get(name)}"
        for name in names_of_all
        if came_to.get(name) != normal.get(name)
    ]
