"""Who leads: the decisions as a table, and elections among replicas that are paused, killed and badly connected."""

import asyncio
import copy
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from coursegen_operator import lease
from coursegen_operator.election import Election, LeaseLostError
from coursegen_operator.kube import ApiError, ApiUnreachable
from coursegen_operator.lease import Move, Seen, Terms

from ..simulated import SimulatedLoop

Json = dict[str, Any]

TERMS = Terms("me")
PLACE = ("coursegen-operator", "coursegen-system")


def seen(holder: str = "other", version: str = "7", duration: float = 15, since: float = 100) -> Seen:
    return Seen(version, holder, duration, 0, since, {})


@pytest.mark.parametrize(
    ("found", "leads", "now", "move"),
    [
        pytest.param(seen(holder="", version=""), False, 100, Move.TAKE, id="there is none"),
        pytest.param(seen(holder=""), False, 100, Move.TAKE, id="released"),
        pytest.param(seen(), False, 114.9, Move.WAIT, id="held by another"),
        pytest.param(seen(), False, 115, Move.TAKE, id="not renewed for as long as I have seen it"),
        pytest.param(seen(duration=30), False, 120, Move.WAIT, id="its holder has a longer duration"),
        pytest.param(seen(duration=5), False, 110, Move.WAIT, id="its holder has a shorter duration"),
        pytest.param(seen(version=""), False, 110, Move.WAIT, id="deleted while another held it"),
        pytest.param(seen(version=""), False, 115, Move.TAKE, id="deleted, and its holder has had its time"),
        pytest.param(seen(holder="me"), True, 103, Move.TAKE, id="mine: renew"),
        pytest.param(seen(holder="me"), False, 103, Move.TAKE, id="mine, by a write whose answer was lost"),
        pytest.param(seen(), True, 101, Move.STOP, id="taken from me"),
        pytest.param(seen(holder=""), True, 101, Move.STOP, id="released in my name"),
    ],
)
def test_what_a_candidate_does(found: Seen, leads: bool, now: float, move: Move) -> None:
    assert lease.move(found, TERMS, leads, now) is move


def test_a_version_is_timed_from_when_it_was_first_seen_and_not_by_what_it_says() -> None:
    spec = {"holderIdentity": "other", "renewTime": "1999-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15}
    raw = {"metadata": {"resourceVersion": "7"}, "spec": spec}
    first = lease.see(raw, None, 100)
    assert lease.see(raw, first, 110).since == 100
    assert lease.see(raw | {"metadata": {"resourceVersion": "8"}}, first, 110).since == 110
    gone = lease.see(None, first, 112)
    assert (gone.holder, gone.since) == ("other", 112)
    assert lease.see(None, gone, 120).since == 112


def test_a_candidate_looks_at_the_moment_at_which_it_may_take_over() -> None:
    assert lease.pause(seen(), TERMS, False, 101) == TERMS.retry
    assert lease.pause(seen(), TERMS, False, 114.75) == 0.25
    assert lease.pause(seen(holder="me"), TERMS, True, 101) == TERMS.renew


def test_a_new_holder_is_counted_and_keeps_what_it_does_not_know() -> None:
    raw = {
        "metadata": {"resourceVersion": "7"},
        "spec": {"holderIdentity": "o", "leaseTransitions": 4, "strategy": "x"},
    }
    body = lease.held(lease.see(raw, None, 0), *PLACE, TERMS, "now")
    assert body["metadata"] == {"resourceVersion": "7"}
    assert (body["spec"]["leaseTransitions"], body["spec"]["strategy"]) == (5, "x")
    again = lease.held(lease.see(body, None, 0), *PLACE, TERMS, "later")
    assert (again["spec"]["leaseTransitions"], again["spec"]["acquireTime"]) == (5, "now")


# ---- elections, in simulated time -------------------------------------------------------------------------


@dataclass
class FakeLeases:
    """The API server's part: one Lease, one writer of each version, and an unreliable way to it."""

    random: random.Random
    unreliable: bool = True
    version: int = 0
    lease: Json | None = None

    async def get(self, path: str) -> Json:
        await self._way()
        if self.lease is None:
            raise ApiError(404, "NotFound", "there is none")
        found = copy.deepcopy(self.lease)
        await self._way()
        return found

    async def create(self, path: str, body: Json) -> Json:
        return await self._write(body, None)

    async def replace(self, path: str, body: Json) -> Json:
        return await self._write(body, body["metadata"]["resourceVersion"])

    async def _write(self, body: Json, version: str | None) -> Json:
        await self._way()
        present = self.lease["metadata"]["resourceVersion"] if self.lease else None
        if version != present:
            raise ApiError(409 if present else 404, "Conflict", "stale")
        self.version += 1
        self.lease = copy.deepcopy(body)
        self.lease["metadata"] |= {"resourceVersion": str(self.version)}
        written = copy.deepcopy(self.lease)
        await self._way()
        return written

    async def _way(self) -> None:
        """Take a while, seldom for ever; or lose what is on it."""
        if self.unreliable:
            await asyncio.sleep(self.random.choice([0.0, 0.01, 0.01, 0.2, 2.0, 9.0]))
            if self.random.random() < 0.05:
                raise ApiUnreachable("lost on the way")


@dataclass
class Replicas:
    """Some candidates with clocks that differ by hours; one that ends is replaced, as Kubernetes does."""

    loop: SimulatedLoop
    api: FakeLeases
    random: random.Random
    alive: list[Election] = field(default_factory=list)
    ever: int = 0

    async def live(self) -> None:
        """Be one replica after the other, for ever."""
        while True:
            offset, self.ever = self.random.uniform(-1e5, 1e5), self.ever + 1
            kube: Any = self.api
            terms = Terms(f"replica-{self.ever}")
            election = Election(kube, PLACE[1], PLACE[0], terms, lambda offset=offset: self.loop.now + offset)
            self.alive.append(election)
            try:
                await self._campaign(election)
            except LeaseLostError:
                pass
            finally:
                self.alive.remove(election)
            await asyncio.sleep(1)

    async def _campaign(self, election: Election) -> None:
        while True:
            await asyncio.sleep(await election.step())
            if not self.api.unreliable:
                continue
            what = self.random.random()
            if what < 0.03:
                await asyncio.sleep(self.random.uniform(0, 40))  # stopped, and continued
            elif what < 0.04:
                return  # killed
            elif what < 0.05:
                await election.release()
                return

    def leaders(self) -> list[str]:
        return [e.terms.identity for e in self.alive if e.may_write()]


@pytest.mark.parametrize("seed", range(8))
def test_never_may_two_write_and_soon_after_the_last_trouble_one_may(seed: int) -> None:
    loop, dice = SimulatedLoop(), random.Random(seed)
    api = FakeLeases(dice)
    replicas = Replicas(loop, api, dice)

    async def history() -> None:
        tasks = [asyncio.create_task(replicas.live()) for _ in range(3)]
        led = 0
        for _ in range(8_000):
            await asyncio.sleep(0.05)
            assert len(replicas.leaders()) <= 1
            led += len(replicas.leaders())
        assert led > 2_000, "somebody leads most of the time"
        api.unreliable = False
        await asyncio.sleep(60)
        assert len(replicas.leaders()) == 1
        for task in tasks:
            task.cancel()

    loop.run_until_complete(history())


def test_the_first_replica_leads_at_once_and_the_next_when_it_goes() -> None:
    loop = SimulatedLoop()
    kube: Any = FakeLeases(random.Random(0), unreliable=False)
    one, two = (Election(kube, PLACE[1], PLACE[0], Terms(n), loop.time) for n in ("one", "two"))

    async def history() -> None:
        campaigns = [asyncio.create_task(e.campaign()) for e in (one, two)]
        await asyncio.sleep(30)
        assert (one.may_write(), two.may_write()) == (True, False)
        await one.release()
        assert not one.may_write()
        await asyncio.sleep(TERMS.retry + 0.1)
        assert two.may_write()
        campaigns[1].cancel()  # killed: nobody releases
        begun = loop.now
        three = Election(kube, PLACE[1], PLACE[0], Terms("three"), loop.time)
        campaigns.append(asyncio.create_task(three.campaign()))
        await three.elected.wait()
        assert TERMS.duration - TERMS.renew <= loop.now - begun <= TERMS.duration + TERMS.retry
        campaigns[2].cancel()

    loop.run_until_complete(history())


def test_a_leader_that_was_paused_past_its_lease_neither_writes_nor_renews() -> None:
    loop = SimulatedLoop()
    kube: Any = FakeLeases(random.Random(0), unreliable=False)
    leader = Election(kube, PLACE[1], PLACE[0], TERMS, loop.time)

    async def history() -> None:
        await leader.step()
        assert leader.may_write()
        version = kube.version
        loop.now += TERMS.duration - TERMS.margin
        assert not leader.may_write()
        loop.now += TERMS.margin
        with pytest.raises(LeaseLostError):
            await leader.step()
        assert kube.version == version

    loop.run_until_complete(history())


def test_a_replica_that_cannot_reach_the_lease_says_so() -> None:
    loop = SimulatedLoop()
    api = FakeLeases(random.Random(0), unreliable=False)
    kube: Any = api
    replica = Election(kube, PLACE[1], PLACE[0], TERMS, loop.time)
    assert PLACE[0] in replica.trouble()
    loop.run_until_complete(replica.step())
    assert replica.trouble() == ""
    loop.now += TERMS.duration
    assert replica.trouble() == ""
    loop.now += 1
    assert PLACE[0] in replica.trouble()
