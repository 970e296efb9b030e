"""When Pods are read: once for all that is due, never for a Job that needs no look, and ever more seldom."""

import asyncio
from typing import Any

import pytest

from coursegen_operator.plan.world import JobView, Key, ReadPods
from coursegen_operator.pods import PodReader, Wishes

from .simulation import Simulation

KEY = Key("ChapterGeneration", "courses", "c")


def job(name: str = "j", uid: str = "u", **more: Any) -> JobView:
    return JobView("courses", name, uid, "", "", "", "", "", "", created=0.0, **more)


def wish(name: str = "j", uid: str = "u", at: float = 0.0) -> ReadPods:
    return ReadPods("courses", name, uid, at=at)


@pytest.mark.parametrize(
    ("found", "read"),
    [
        (job(), True),
        (job(ready=1), False),
        (job(finished="Complete"), True),
        (job(ready=1, finished="Failed"), True),
        (job(uid="another"), False),
        (None, False),
    ],
    ids=["not ready", "ready", "ended", "ended, still counted ready", "another of that name", "gone"],
)
def test_only_a_job_that_ended_or_is_not_ready_is_read(found: JobView | None, read: bool) -> None:
    wishes = Wishes()
    wishes.put(KEY, wish())
    due = wishes.take(0.0, {("courses", "j"): found} if found else {})
    assert bool(due) is read
    assert wishes.next_time() is None


def test_looks_of_the_same_second_are_made_together() -> None:
    wishes = Wishes()
    wishes.put(KEY, wish("a", at=4.2))
    wishes.put(KEY, wish("b", at=4.9))
    jobs = {("courses", n): job(n) for n in "ab"}
    assert wishes.next_time() == 5.0
    assert wishes.take(4.9, jobs) == []
    assert {w.job.job_name for w in wishes.take(5.0, jobs)} == {"a", "b"}


@pytest.mark.parametrize(("first", "then"), [(10.0, 5.0), (5.0, 10.0)])
def test_the_last_wish_for_a_job_counts(first: float, then: float) -> None:
    wishes = Wishes()
    wishes.put(KEY, wish(at=first))
    wishes.put(KEY, wish(at=then))
    jobs = {("courses", "j"): job()}
    assert wishes.next_time() == then
    assert [w.job.at for w in wishes.take(20.0, jobs)] == [then]
    assert wishes.take(20.0, jobs) == []


def test_a_job_without_a_pod_is_looked_at_ever_more_seldom() -> None:
    sim = Simulation()
    sim.apply("ChapterGeneration", "c", {"courseContext": CONTEXT, "title": "Loops", "learningObjectives": ["Loop"]})
    sim.run(1)
    begun, looks = sim.time - 1, []
    deliver = sim.deliver
    sim.deliver = lambda uid, reading: (looks.append(round(reading.time - begun)), deliver(uid, reading))
    sim.run(120)
    assert looks == [5, 10, 20, 40, 70, 100]


CONTEXT = {"title": "Python", "subjectDomain": "Computer Science"}


class SlowKube:
    """Lists the Pods of a Job "slow" when told to, and of others at once: the edge, faked."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def list(self, path: str, **selectors: str) -> dict[str, Any]:
        if "slow" in selectors.get("labelSelector", ""):
            self.asked.set()
            await self.go_on.wait()
        return {"items": []}


async def test_a_read_that_takes_its_time_does_not_keep_the_next_one() -> None:
    kube: Any = SlowKube()
    jobs = {("courses", name): job(name, finished="Complete") for name in ("slow", "fast")}
    told: asyncio.Queue[str] = asyncio.Queue()
    keys = {name: Key("ChapterGeneration", "courses", name) for name in ("slow", "fast")}
    reader = PodReader(kube, jobs, lambda key, uid, reading: told.put_nowait(key.name))
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(10):
        reader.want(keys["slow"], wish("slow"))
        await kube.asked.wait()
        reader.want(keys["fast"], wish("fast"))
        assert await told.get() == "fast"
        kube.go_on.set()
        assert await told.get() == "slow"
    task.cancel()
