"""What happens to a leader and to its Lease: killed, told to stop, paused, cut off, too late; and what it loses."""

import signal
import time
from collections.abc import Awaitable, Callable

from . import load
from .fault import Act, Ask, Fault, every, lease_writes, numbered
from .history import Handover
from .run import Plan, Scene

TAKEOVER_SECONDS = 20.0
"""Promised after a SIGKILL, with the lease as it is shipped."""

AT_ONCE_SECONDS = 10.0
"""After a SIGTERM. A lease that is not released runs out 12 s after the leader's last word at the earliest."""

_SHIPPED = {"leader_election": "true"}
_SHORT = _SHIPPED | {"lease_duration_seconds": "4", "lease_renew_seconds": "1", "lease_margin_seconds": "1"}

_STATUS = load.MOMENT
_JOB = "POST jobs a-chapter-01-*-r0-a1 #1"


def _two(name: str, trouble: Callable[[Scene], Awaitable[None]] | None, terms: dict[str, str] = _SHORT) -> Plan:
    return Plan(name, trouble=trouble, replicas=2, settings=terms, must_meet=False)


async def _leader_at_work(scene: Scene) -> str:
    await scene.until_written(load.MOMENT)
    return await scene.leader()


async def _until_replaced(scene: Scene, first: str) -> None:
    async def replaced() -> bool:
        return await scene.leader() not in (first, "")

    await scene.until(replaced)


# ---- ends ---------------------------------------------------------------------------------------------------


def _ended_by(number: int, what: str, seconds: float) -> Callable[[Scene], Awaitable[None]]:
    async def trouble(scene: Scene) -> None:
        leader = await _leader_at_work(scene)
        scene.handovers.append(Handover(what, leader, time.time(), seconds))
        scene.replica(leader).signal(number)
        await _until_replaced(scene, leader)
        scene.calm()

    return trouble


async def _killed_again_and_again(scene: Scene) -> None:
    for _ in range(3):
        await scene.until_written(more=5)
        if leader := await scene.leader():
            scene.replica(leader).kill()
        scene.calm()


# ---- pauses -------------------------------------------------------------------------------------------------


async def _paused(scene: Scene) -> None:
    """Stop the leader in the middle of its work, let another take over, and let it go on."""
    leader = await _leader_at_work(scene)
    paused = scene.replica(leader)
    paused.signal(signal.SIGSTOP)
    await _until_replaced(scene, leader)
    paused.signal(signal.SIGCONT)
    scene.calm()


async def _too_late(scene: Scene) -> None:
    """Pause the leader while a write of its is on its way, which arrives when another has written the same."""
    proxy = scene.ground.proxy
    await scene.until_met()
    leader = await scene.leader()
    scene.replica(leader).signal(signal.SIGSTOP)
    what, _, number = proxy.kept.rpartition("#")
    await scene.until_written(f"{what}#{int(number) + 1}")
    await scene.until_written(more=3)  # by then the other's has been answered
    proxy.released.set()
    scene.replica(leader).signal(signal.SIGCONT)
    scene.calm()


def _late(what: str, key: str) -> Plan:
    return Plan(
        f"the leader is paused, and {what} arrives when another leads",
        lambda: [Fault(Act.KEEP, key=key)],
        trouble=_too_late, replicas=2, settings=_SHORT,
    )  # fmt: skip


# ---- a network that breaks one way ---------------------------------------------------------------------------


def _cut_off(act: Act) -> Callable[[Scene], Awaitable[None]]:
    async def trouble(scene: Scene) -> None:
        leader = await _leader_at_work(scene)

        def asks(ask: Ask) -> bool:
            return ask.agent.endswith(leader)

        scene.ground.proxy.faults.append(Fault(act, asks, 10**6))
        await _until_replaced(scene, leader)
        scene.calm()

    return trouble


# ---- the Lease ----------------------------------------------------------------------------------------------


def _of_the_lease(name: str, faults: Callable[[], list[Fault]]) -> Plan:
    return Plan(f"the Lease: {name}", faults, replicas=2, settings=_SHORT)


def _first(act: Act) -> Callable[[], list[Fault]]:
    return lambda: [Fault(act, numbered(lease_writes, lambda seen: seen == 1))]


def _renewals(act: Act, times: int, code: int = 500) -> Callable[[], list[Fault]]:
    return lambda: [Fault(act, numbered(lease_writes, lambda seen: seen > 2), times, code)]


PAUSED = _two("the leader is paused past its lease", _paused)

TOLD = _two("the leader is told to stop", _ended_by(signal.SIGTERM, "told to stop", AT_ONCE_SECONDS), _SHIPPED)


def plans() -> list[Plan]:
    """Give all of them; each runs two replicas."""
    killed = _ended_by(signal.SIGKILL, "killed", TAKEOVER_SECONDS)
    return [
        PAUSED,
        TOLD,
        _two("the leader is killed", killed, _SHIPPED),
        _two("the leader is killed, three times", _killed_again_and_again),
        _late("a status write", _STATUS),
        _late("the creation of a Job", _JOB),
        _two("the leader's requests do not arrive any more", _cut_off(Act.SILENCE)),
        _two("the leader hears no answer any more", _cut_off(Act.LOSE)),
        _of_the_lease("both are killed before it is taken", _first(Act.KILL_BEFORE)),
        _of_the_lease("both are killed when it is taken, and not answered", _first(Act.KILL_AFTER)),
        _of_the_lease("it is taken, and the answer is lost", _first(Act.LOSE)),
        _of_the_lease("a renewal is committed, and the answer is lost", _renewals(Act.LOSE, 1)),
        _of_the_lease("two renewals are answered 409", _renewals(Act.ANSWER, 2, 409)),
        _of_the_lease("every second write is answered 500", lambda: [Fault(Act.ANSWER, every(2, lease_writes), 6)]),
        _of_the_lease("six renewals are never answered", _renewals(Act.SILENCE, 6)),
    ]
