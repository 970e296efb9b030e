"""What goes wrong, run by run. The writes and events of a clean run are the places at which things are tried."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, replace

from coursegen_api import names
from coursegen_api.base import HoldReason

from . import answers, clocks, leaders, limits, load, redis_trouble
from .fault import SLOW_SECONDS, Act, Ask, Fault, intents, kopf, lists, writes
from .ground import CAPACITY
from .run import LONG_QUIET_SECONDS, QUIET_SECONDS, Plan, Result, Scene

_AT_A_WRITE = (Act.KILL_BEFORE, Act.KILL_AFTER, Act.LOSE)

CLEAN = Plan("nothing goes wrong", must_meet=False)


def at_writes(keys: Iterable[str]) -> list[Plan]:
    """Give a plan for each of some writes and each thing that can happen to it."""
    return [at_write(key, act) for key in keys for act in _AT_A_WRITE]


def at_write(key: str, act: Act = Act.KILL_AFTER) -> Plan:
    """Give the plan in which something happens to one write."""
    return Plan(f"{key}: {act.value}", lambda: [Fault(act, key=key)])


def twice(key: str) -> Plan:
    """Give the plan in which the operator is killed at a write, and again at the first write after its start."""
    return Plan(
        f"{key}: the operator is killed when it is committed, and again at its next write",
        lambda: [Fault(Act.KILL_AFTER, key=key), Fault(Act.KILL_AFTER, writes, after=key)],
    )


# ---- the programs around it --------------------------------------------------------------------------------

_TIMES = {
    "while an outline is made": "POST jobs a-*-r0-a1",
    "while chapters are made": load.MOMENT,
    "while a course is exported": "POST courseexports a-",
}


def programs() -> list[Plan]:
    """Give plans in which the API server or etcd is killed, and started again."""
    return [
        Plan(
            f"{program} is killed {when}",
            trouble=_killed(program, key), must_meet=False, quiet=LONG_QUIET_SECONDS,
        )
        for program in ("kube-apiserver", "etcd")
        for when, key in _TIMES.items()
    ]  # fmt: skip


def _killed(program: str, key: str) -> Callable[[Scene], Awaitable[None]]:
    async def trouble(scene: Scene) -> None:
        await scene.until_written(key)
        await scene.ground.kill(program)
        scene.calm()

    return trouble


# ---- sets -------------------------------------------------------------------------------------------------


def everything(learned: Result) -> list[Plan]:
    """Give the whole set: every write and every pair of events of a clean run, and everything else."""
    others = [*answers.refusals(), *answers.unanswered(), *answers.watches(), *programs()]
    others += [*leaders.plans(), *redis_trouble.plans(), *limits.plans(), *clocks.plans()]
    others += [replace(CLEAN, name="nothing goes wrong, nor for a minute afterwards", quiet=LONG_QUIET_SECONDS)]
    return [*others, *at_writes(learned.written), *map(twice, learned.written[::5]), *answers.pairs(learned.events)]


_SHORT_KEYS = (
    "POST jobs a-chapter-01-*-r0-a1 #1",
    "PATCH chaptergenerations/status a-chapter-01 #3",
)


def short() -> list[Plan]:
    """Give a set that takes a minute or two: one of each kind."""
    chosen = {"every third status write is answered 409", "every third write is answered 500", answers.STALE}
    others = [p for p in [*answers.refusals(), *answers.watches()] if p.name in chosen]
    others += [limits.plan("an outage", limits.AT_ITS_STANDING), limits.plan("a budget is used up", limits.NOTHING)]
    return [*at_writes(_SHORT_KEYS), *others, *answers.unanswered(), answers.pair("jobs", 2), leaders.PAUSED]


# ---- planted bugs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Catch:
    """What shows a planted bug."""

    plan: Plan
    judge: str
    """Who has to object; others may as well."""


_SHOWN_SECONDS = 10.0


def _shown_by(judge: str, plan: Plan, parts: Collection[str], quiet: float = 0.0) -> Catch:
    """Try a plan on parts of the load; nobody waits longer than a clean run takes with all of it."""
    return Catch(replace(plan, parts=parts, quiet=quiet, settle=_SHOWN_SECONDS, settle_runs=1.0), judge)


def _slow_jobs() -> Plan:
    """Kill when it is written that a chapter runs, and have its Job listed later than the chapter at the next start."""

    def faults() -> list[Fault]:
        kill = Fault(Act.KILL_AFTER, _says_that_it_runs)
        return [kill, Fault(Act.SLOW, lambda ask: kill.times == 0 and kopf("jobs")(ask) and lists(ask), 3)]

    async def cancelled_later(scene: Scene) -> None:
        await load.create(scene.ground, scene.namespace, ENDLESS)
        await scene.until_met(2)
        await asyncio.sleep(SLOW_SECONDS)
        await load.use(scene.ground, scene.namespace, ENDLESS)

    name = "killed when a chapter runs, and the next list of Jobs takes four seconds"
    return Plan(name, faults, cancelled_later, brings_load=True)


def _says_that_it_runs(ask: Ask) -> bool:
    if ask.what != f"PATCH chaptergenerations/status {load.ENDLESS}":
        return False
    attempts = json.loads(ask.body)["status"].get("attempts") or [{}]
    return "startTime" in attempts[-1]


def _unseen() -> Plan:
    """Lose the answer to a creation, whatever its name, and keep back what else could tell of it."""
    created = lambda ask: ask.verb == "POST" and ask.resource == "jobs"  # noqa: E731
    return Plan(
        "the answer to the first creation of a Job is lost, and the watch of Jobs freezes",
        lambda: [Fault(Act.LOSE, created), Fault(Act.FREEZE, kopf("jobs"), 1, seconds=8)],
    )


_HELD = "PATCH chaptergenerations/status b-chapter-03 #1"
"""The write that says so of the last chapter."""


def _all_at_once(create: Callable[[Scene], Awaitable[None]]) -> Callable[[Scene], Awaitable[None]]:
    """Have three chapters wait for a paused queue, then let it go on; what begins runs until one too many is seen."""

    async def trouble(scene: Scene) -> None:
        scene.ground.kubelet.seconds = 12.0
        client, capacity = scene.ground.client, CAPACITY[names.QUEUE_CHAPTER]
        try:
            await client.patch(limits.QUEUE, {"spec": {"capacity": 0}})
            await create(scene)
            await limits.until_held(scene, HoldReason.QUEUE_PAUSED, 3)
        finally:
            await client.patch(limits.QUEUE, {"spec": {"capacity": capacity}})
        scene.calm()

    return trouble


async def _given(scene: Scene) -> None:
    await load.create(scene.ground, scene.namespace, B)


def _begin_unseen(faults: Callable[[], list[Fault]]) -> Plan:
    return Plan(
        "all chapters may begin at once, and nothing tells of it", faults, _all_at_once(_given), brings_load=True
    )


def _spent_at_once() -> Plan:
    """Let chapters begin side by side, of which a budget pays for one."""
    name = "chapters may begin at once, and the budget pays for one"
    return Plan(name, trouble=_all_at_once(limits.poor_chapters), must_meet=False, brings_load=True)


def _untold(*resources: str) -> list[Fault]:
    """Freeze watches, and refuse lists, from when all chapters wait: either would tell what was not answered."""
    freeze = [Fault(Act.FREEZE, kopf(one), 1, after=_HELD, seconds=8) for one in resources]
    return [*freeze, Fault(Act.ANSWER, lambda ask: ask.resource in resources and lists(ask), 8, 503, after=_HELD)]


A, B, ENDLESS, STUBBORN, TIDY = ("a",), ("b",), (load.ENDLESS,), (load.STUBBORN,), ("tidy",)

_LAST_JOB = f"POST jobs {load.STUBBORN}-*-r2-a1 #1"
_OF_CHAPTER = "PATCH chaptergenerations/status a-chapter-01"

CATCHES = {
    "random_job_names": _shown_by("one_job_an_attempt", _unseen(), B),
    "job_before_intent": _shown_by("intent_first", CLEAN, B),
    "counters_in_memory": _shown_by("capacity_holds", at_write(f"{_OF_CHAPTER} #2"), load.COURSES),
    "trusting_an_empty_cache": _shown_by("same_end", _slow_jobs(), ENDLESS),
    "edge_triggered": _shown_by(
        "settles", replace(at_write(f"{_OF_CHAPTER} #1"), must_meet=False), A
    ),  # or never begins
    "name_reused_on_retry": _shown_by("one_job_an_attempt", CLEAN, B),
    "job_removed_before_its_outcome": _shown_by("outcome_before_removal", CLEAN, B),
    "no_lease_check": _shown_by("only_the_leader_writes", leaders.PAUSED, load.COURSES),
    "believing_an_old_list": _shown_by("same_end", Plan(answers.STALE, answers.stale), load.COURSES),
    "no_fence": _shown_by("capacity_holds", _begin_unseen(lambda: _untold("chaptergenerations", "jobs")), B),
    "grant_forgotten": _shown_by(
        "capacity_holds", _begin_unseen(lambda: [Fault(Act.LOSE, intents, 12), *_untold("chaptergenerations")]), B
    ),
    "orphaning_delete": _shown_by("no_orphans", CLEAN, ENDLESS),
    "retries_without_end": _shown_by("retries_are_bounded", CLEAN, STUBBORN),
    "no_job_no_success": _shown_by("success_is_final", CLEAN, TIDY, QUIET_SECONDS),
    "requests_in_memory": _shown_by("revisions_are_asked_for", at_write(_LAST_JOB), STUBBORN),
    "progress_as_it_comes": _shown_by("nothing_goes_back", redis_trouble.falls(), ENDLESS),
    "busy_for_nothing": _shown_by("quiet_at_the_end", CLEAN, ENDLESS, QUIET_SECONDS),
    "impatient": _shown_by("waits_as_told", answers.busy(), load.COURSES),
    "circuits_ignored": _shown_by("only_probes_while_open", limits.plan("an outage", limits.NOTHING), ()),
    "nothing_reserved": _shown_by("budgets_hold", _spent_at_once(), ()),
    "charged_twice": _shown_by("paid_once", limits.plan("a budget is used up", limits.NOTHING), ()),
    "lease_never_released": _shown_by("another_takes_over", leaders.TOLD, load.COURSES),
}
"""By planted bug, what shows it: every judge objects to one."""
