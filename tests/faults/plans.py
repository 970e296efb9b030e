"""What goes wrong, run by run. The writes of a clean run are the places at which a crash or a lost answer is tried."""

import asyncio
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace

from . import redis_trouble
from .fault import Act, Ask, Fault, kopf, lists
from .run import Plan, Scene

_AT_A_WRITE = (Act.KILL_BEFORE, Act.KILL_AFTER, Act.LOSE)
_WATCHED = ("jobs", "chaptergenerations", "coursegenerations", "qualityvalidations", "courseexports")
_MOMENT = "PATCH chaptergenerations/status a-chapter-01 #1"
"""When the chapters have begun: the time for what is tried once."""

_LEADERS = {
    "leader_election": "true",
    "lease_duration_seconds": "4",
    "lease_renew_seconds": "1",
    "lease_margin_seconds": "1",
}

_SHOWN_SECONDS = 20.0

CLEAN = Plan("nothing goes wrong", must_meet=False)


def at_writes(keys: Iterable[str], acts: Iterable[Act] = _AT_A_WRITE) -> list[Plan]:
    """Give a plan for each of some writes and each thing that can happen to it."""
    return [Plan(f"{key}: {act.value}", lambda key=key, act=act: [Fault(act, key=key)]) for key in keys for act in acts]  # type: ignore[misc]


def every(number: int, where: Callable[[Ask], bool]) -> Callable[[Ask], bool]:
    """Match every so manieth request of some."""
    seen = 0

    def counted(ask: Ask) -> bool:
        nonlocal seen
        if not where(ask):
            return False
        seen += 1
        return seen % number == 0

    return counted


def writes(ask: Ask) -> bool:
    """Match what the operator writes, the Lease left out."""
    return ask.write and ask.resource != "leases"


def patches(ask: Ask) -> bool:
    """Match status writes."""
    return ask.verb == "PATCH"


def answers() -> list[Plan]:
    """Give plans in which the API server refuses, is silent, or breaks off."""
    out = [
        Plan("every third status write is answered 409", lambda: [Fault(Act.ANSWER, every(3, patches), 12, 409)]),
        Plan(
            "every fifth write is committed, and half of its answer comes",
            lambda: [Fault(Act.HALF, every(5, writes), 8)],
        ),
        Plan("every ninth write is never answered", lambda: [Fault(Act.SILENCE, every(9, writes), 4)]),
        Plan("every third list is half", lambda: [Fault(Act.HALF, every(3, lists), 5)]),
        Plan("two lists are never answered", lambda: [Fault(Act.SILENCE, every(4, lists), 2, after=_MOMENT)]),
    ]
    for code in (429, 500, 503):
        out.append(
            Plan(
                f"every third write is answered {code}",
                lambda code=code: [Fault(Act.ANSWER, every(3, writes), 12, code)],
            )  # type: ignore[misc]
        )
        out.append(
            Plan(
                f"every second list is answered {code}", lambda code=code: [Fault(Act.ANSWER, every(2, lists), 8, code)]
            )
        )  # type: ignore[misc]
    return out


def watches() -> list[Plan]:
    """Give plans in which watches lie, break or freeze."""
    out = [Plan("stale lists after every watch broke", _stale), Plan("watches freeze after they broke", _frozen)]
    out.append(Plan("stale lists after a restart", _stale_after_restart))
    for resource in _WATCHED:
        for act in (Act.EXPIRED, Act.ERROR, Act.CUT):
            out.append(Plan(f"watch of {resource}: {act.value}", lambda r=resource, a=act: [Fault(a, kopf(r), 2)]))  # type: ignore[misc]
    for resource in ("jobs", "chaptergenerations"):
        for first in (1, 2, 4, 8):
            out.append(
                Plan(
                    f"{resource}: events {first} and {first + 1} are kept back", lambda r=resource, n=first: _held(r, n)
                )
            )  # type: ignore[misc]
    return out


def _stale() -> list[Fault]:
    breaks = [Fault(Act.CUT, kopf(r), 1, after=_MOMENT) for r in _WATCHED]
    return [*breaks, Fault(Act.STALE, lists, 12, after=_MOMENT)]


def _frozen() -> list[Fault]:
    breaks = [Fault(Act.CUT, kopf(r), 1, after=_MOMENT) for r in _WATCHED]
    return [*breaks, *(Fault(Act.FREEZE, kopf(r), 1, after=_MOMENT, seconds=8) for r in _WATCHED)]


def _stale_after_restart() -> list[Fault]:
    """What is old here is what kopf reads: the operator's own list is always a consistent read."""
    key = "PATCH chaptergenerations/status a-chapter-01 #2"
    by_kopf = lambda ask: lists(ask) and ask.agent.startswith("kopf")  # noqa: E731
    return [Fault(Act.KILL_AFTER, key=key), Fault(Act.STALE, by_kopf, 5, after=key)]


def _held(resource: str, first: int) -> list[Fault]:
    seen = 0

    def pair(ask: Ask) -> bool:
        nonlocal seen
        if not kopf(resource)(ask):
            return False
        seen += 1
        return seen in (first, first + 1)

    return [Fault(Act.DROP, pair, 2)]


# ---- what happens to the programs around it ----------------------------------------------------------------


def _killed(program: str) -> Callable[[Scene], object]:
    async def trouble(scene: Scene) -> None:
        await scene.until_written(_MOMENT)
        await scene.ground.kill(program)
        scene.troubled = asyncio.get_running_loop().time()

    return trouble


async def pause_the_leader(scene: Scene) -> None:
    """Stop the leader in the middle of its work, let another take over, and let it go on."""
    await scene.until_written(_MOMENT)
    first = await scene.leader()
    paused = next(r for r in scene.replicas if first in r.log.read_text())
    paused.signal(signal.SIGSTOP)

    async def replaced() -> bool:
        return await scene.leader() != first

    await scene.until(replaced)
    paused.signal(signal.SIGCONT)
    scene.troubled = asyncio.get_running_loop().time()


async def kill_the_leader(scene: Scene) -> None:
    """Kill whoever leads, three times."""
    for _ in range(3):
        await scene.until_written(more=5)
        leader = await scene.leader()
        for replica in scene.replicas:
            if leader and leader in replica.log.read_text():
                replica.kill()
        scene.troubled = asyncio.get_running_loop().time()


def programs() -> list[Plan]:
    """Give plans in which another program than the operator is killed, or a replica is paused."""
    out = [
        Plan("the API server is killed", trouble=_killed("kube-apiserver"), must_meet=False),  # type: ignore[arg-type]
        Plan("etcd is killed", trouble=_killed("etcd"), must_meet=False),  # type: ignore[arg-type]
        PAUSED,
        Plan(
            "the leader is killed, three times", trouble=kill_the_leader, replicas=2, settings=_LEADERS, must_meet=False
        ),
    ]
    return out + redis_trouble.plans()


PAUSED = Plan(
    "the leader is paused past its lease",
    trouble=pause_the_leader, replicas=2, settings=_LEADERS, must_meet=False,
)  # fmt: skip


# ---- sets -------------------------------------------------------------------------------------------------


def everything(keys: Iterable[str]) -> list[Plan]:
    """Give the whole set: every write of a clean run, and everything else."""
    return [*at_writes(keys), *answers(), *watches(), *programs()]


_SHORT_KEYS = (
    "POST jobs a-chapter-01-*-r0-a1 #1",
    "PATCH chaptergenerations/status a-chapter-01 #3",
)


def short() -> list[Plan]:
    """Give a set that takes a minute or two: one of each kind."""
    others = {
        "every third status write is answered 409",
        "every third write is answered 500",
        "stale lists after every watch broke",
        "jobs: events 2 and 3 are kept back",
        "the leader is paused past its lease",
    }
    return [*at_writes(_SHORT_KEYS), *(p for p in [*answers(), *watches(), *programs()] if p.name in others)]


def _slow_jobs(key: str) -> Plan:
    """Kill, and have the Jobs listed later than the chapters at the next start."""
    return Plan(
        f"{key}: killed, and the next list of Jobs takes four seconds",
        lambda: [Fault(Act.KILL_AFTER, key=key), Fault(Act.SLOW, kopf("jobs"), 3, after=key)],
    )


def _catches() -> dict[str, Plan]:
    """Give, by planted bug, a plan that shows it; what is not done soon is not done, so none of them waits for long."""
    chosen = {
        "random_job_names": at_writes(["POST jobs a-chapter-01-*-r0-a1 #1"], [Act.LOSE])[0],
        "job_before_intent": CLEAN,
        "counters_in_memory": at_writes(["PATCH chaptergenerations/status a-chapter-01 #2"], [Act.KILL_AFTER])[0],
        "trusting_an_empty_cache": _slow_jobs("PATCH chaptergenerations/status a-chapter-01 #3"),
        "edge_triggered": at_writes(["PATCH chaptergenerations/status a-chapter-01 #1"], [Act.KILL_AFTER])[0],
        "name_reused_on_retry": CLEAN,
        "job_removed_before_its_outcome": CLEAN,
        "no_lease_check": PAUSED,
        "believing_an_old_list": Plan("stale lists after every watch broke", _stale),
    }
    return {bug: replace(plan, quiet=0, settle=_SHOWN_SECONDS) for bug, plan in chosen.items()}


CATCHES = _catches()
