"""When Pods are read: once for all that is due, never for a Job that needs no look, and ever more seldom."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from coursegen_operator.plan import running
from coursegen_operator.plan.world import Defaults, JobView, Key, PodView, Reading, ReadPods
from coursegen_operator.pods import PodReader, Wishes

from .simulation import Simulation

DEFAULTS = Defaults(image="worker:test")
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


def test_where_thousands_wait_looks_that_are_made_again_come_in_batches_the_oldest_first() -> None:
    jobs = {("courses", f"j{n}"): job(f"j{n}", uid=f"u{n}") for n in range(1000)}
    wishes = Wishes()
    for number in range(1000):
        wishes.put(KEY, replace(wish(f"j{number}", f"u{number}", at=float(number % 10)), again=True))
    taken: list[str] = []
    now = 10.0
    while (at := wishes.next_time()) is not None:
        now = max(now, at)
        batch = [w.job.job_name for w in wishes.take(now, jobs)]
        assert 0 < len(batch) <= 60
        assert wishes.take(now + 1.0, jobs) == [], "too soon"
        taken += batch
    assert sorted(taken) == sorted(name for _, name in jobs)
    assert [int(name[-1]) for name in taken] == sorted(int(name[-1]) for name in taken)
    assert now == 10.0 + 16 * 1.5


@pytest.mark.parametrize("found", [job("first", "f"), job("first", "f", finished="Complete")], ids=["new", "ended"])
def test_a_first_look_and_an_end_wait_for_no_batch(found: JobView) -> None:
    jobs = {("courses", f"j{n}"): job(f"j{n}", uid=f"u{n}") for n in range(100)} | {("courses", "first"): found}
    wishes = Wishes()
    for number in range(100):
        wishes.put(KEY, replace(wish(f"j{number}", f"u{number}"), again=True))
    assert len(wishes.take(10.0, jobs)) == 60
    wishes.put(KEY, wish("first", "f", at=10.0))
    assert wishes.next_time() == 10.0
    assert [w.job.job_name for w in wishes.take(10.0, jobs)] == ["first"]


def test_a_clock_that_was_set_back_holds_no_batch_up() -> None:
    jobs = {("courses", "j"): job()}
    wishes = Wishes()
    for now in (5000.0, 100.0):
        wishes.put(KEY, replace(wish(at=now - 1), again=True))
        assert len(wishes.take(now, jobs)) == 1


def test_a_job_without_a_pod_is_looked_at_ever_more_seldom() -> None:
    sim = Simulation()
    sim.apply("ChapterGeneration", "c", {"courseContext": CONTEXT, "title": "Loops", "learningObjectives": ["Loop"]})
    sim.run(1)
    begun, looks = sim.time - 1, []
    deliver = sim.deliver
    visits = counted(sim)

    def noted(key: Key, uid: str, reading: Reading | None) -> ReadPods | None:
        assert reading
        looks.append(round(reading.time - begun))
        return deliver(key, uid, reading)

    sim.deliver = noted
    sim.run(120)
    assert looks == [5, 10, 20, 40, 70, 100]
    assert visits == [], "nothing was to be done about it"


def counted(sim: Simulation) -> list[Key]:
    """Give the visits that are made from now on."""
    visits: list[Key] = []
    pop = sim.queue.pop

    def noted() -> Key | None:
        if key := pop():
            visits.append(key)
        return key

    sim.queue.pop = noted  # type: ignore[method-assign]
    return visits


PENDING = PodView("p", "p", "u", created=0.0, phase="Pending")
RUNS = replace(PENDING, phase="Running", running=True)
NO_NODE = replace(PENDING, scheduled=False, message="0/3 nodes are available")
NO_IMAGE = replace(PENDING, waiting_reason="ErrImagePull")
TAKEN_OFF = replace(PENDING, disrupted=True, to_be_gone=40.0)
FOREIGN = replace(RUNS, job_uid="another")


@pytest.mark.parametrize(
    ("before", "now", "found", "news"),
    [
        (None, (), job(), False),
        (None, (PENDING,), job(), False),
        ((), (PENDING,), job(), False),
        ((PENDING,), (PENDING, FOREIGN), job(), False),
        ((NO_NODE,), (NO_NODE,), job(), False),
        (None, (NO_NODE,), job(), True),
        ((PENDING,), (NO_IMAGE,), job(), True),
        ((NO_IMAGE,), (PENDING,), job(), True),
        ((PENDING,), (RUNS,), job(), True),
        ((NO_NODE,), (replace(NO_NODE, message="0/4 nodes are available"),), job(), True),
        ((TAKEN_OFF,), (TAKEN_OFF,), job(), True),
        ((PENDING,), (PENDING,), job(finished="Failed"), True),
        ((PENDING,), (PENDING,), job(deleting=True), True),
        ((PENDING,), (PENDING,), job(ready=1), True),
    ],
    ids=[
        "no Pod yet", "the first Pod waits", "a Pod has come", "another's Pod runs", "no node, as before", "no node",
        "no image", "the image is there", "it runs", "no node, in other words", "its node is gone: time counts",
        "the Job has ended", "the Job goes", "the Job is ready",
    ],
)  # fmt: skip
def test_only_what_a_visit_would_act_on_is_news(
    before: tuple[PodView, ...] | None, now: tuple[PodView, ...], found: JobView, news: bool
) -> None:
    known = Reading(10.0, before) if before is not None else None
    look = running.look_again(found, known, Reading(20.0, now), DEFAULTS)
    assert (look is None) is news
    assert look is None or look.at == 40.0, "after twice the age"


def test_once_the_pod_is_overdue_every_look_is_news() -> None:
    late = DEFAULTS.not_started_seconds
    assert running.look_again(job(), Reading(20.0), Reading(late - 1), DEFAULTS)
    assert running.look_again(job(), Reading(20.0), Reading(late), DEFAULTS) is None


CONTEXT = {"title": "Python", "subjectDomain": "Computer Science"}


class SlowKube:
    """Lists the Pods of a Job "slow" when told to, and of others at once: the edge, faked."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()

    async def list(self, path: str, **selectors: str) -> list[Any]:
        if "slow" in selectors.get("labelSelector", ""):
            self.asked.set()
            await self.go_on.wait()
        return []


async def test_a_read_that_takes_its_time_does_not_keep_the_next_one() -> None:
    kube: Any = SlowKube()
    jobs = {("courses", name): job(name, finished="Complete") for name in ("slow", "fast")}
    told: asyncio.Queue[str] = asyncio.Queue()
    keys = {name: Key("ChapterGeneration", "courses", name) for name in ("slow", "fast")}
    reader = PodReader(kube, jobs, lambda key, uid, reading: told.put_nowait(key.name))
    task = asyncio.create_task(reader.run())
    async with asyncio.timeout(60):
        reader.want(keys["slow"], wish("slow"))
        await kube.asked.wait()
        reader.want(keys["fast"], wish("fast"))
        assert await told.get() == "fast"
        kube.go_on.set()
        assert await told.get() == "slow"
    task.cancel()


async def test_a_job_that_is_deleted_before_its_pods_are_read_ends_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = {("courses", n): job(n, n) for n in "ab"}
    read: set[str] = set()
    both = asyncio.Event()

    class Kube:
        async def list(self, path: str, **selectors: str) -> list[Any]:
            return []

    def deliver(key: Key, uid: str, reading: Reading | None) -> None:
        read.add(uid)
        if read == {"a", "b"}:
            both.set()

    reader = PodReader(Kube(), jobs, deliver)  # type: ignore[arg-type]
    due = reader._round

    def then_one_goes() -> Any:
        found = due()
        jobs.pop(("courses", "a"), None)
        return found

    monkeypatch.setattr(reader, "_round", then_one_goes)
    for name in "ab":
        reader.want(KEY, wish(name, name))
    task, done = asyncio.create_task(reader.run()), asyncio.create_task(both.wait())
    ended, _ = await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED)
    assert ended == {done}
    task.cancel()


@pytest.mark.parametrize(
    ("known", "new", "taken"),
    [
        ((100.0, False), (101.0, False), True),
        ((101.0, False), (100.0, False), False),
        ((100.0, True), (100.0, True), True),
        ((101.0, True), (102.0, False), False),
        ((101.0, False), (100.0, True), True),
        ((3700.0, False), (100.0, False), True),
        ((3700.0, False), (100.0, True), True),
    ],
    ids=["next", "overtaken", "same", "before the end", "of the end", "clock set back", "end, clock set back"],
)
def test_an_answer_is_dropped_only_if_another_overtook_it(
    known: tuple[float, bool], new: tuple[float, bool], taken: bool
) -> None:
    sim = Simulation()
    sim.apply("ChapterGeneration", "c", {"title": "T", "learningObjectives": ["x"], "courseContext": {"title": "T"}})
    sim.run(1)
    uid = sim.jobs()[0]["metadata"]["uid"]
    sim.snapshot.readings[uid] = Reading(known[0], final=known[1])
    reading = Reading(new[0], final=new[1])
    sim.deliver(KEY, uid, reading)
    assert (sim.snapshot.readings[uid] is reading) is taken
