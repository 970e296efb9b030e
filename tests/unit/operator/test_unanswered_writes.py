"""A write that was not answered may have taken a slot, or may take it yet: until that is known nobody else gets it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from coursegen_api import names
from coursegen_operator.kube import ApiError, ApiUnreachable
from coursegen_operator.plan.world import Defaults, Key

from .simulation import Json, Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
FIRST = Key("ChapterGeneration", "courses", "first")


@pytest.fixture
def sim() -> Simulation:
    """Two chapters, and one slot."""
    sim = Simulation()
    sim.api.edit("generationqueues", "", names.QUEUE_CHAPTER, lambda queue: queue["spec"].update(capacity=1))
    sim.settle()
    for name in ("first", "second"):
        sim.apply("ChapterGeneration", name, CHAPTER)
    return sim


class Outage:
    """From the first chapter's first write on, requests about it are not answered, and watches bring nothing."""

    def __init__(self, sim: Simulation, how: str, requests: int) -> None:
        self._sim, self._how, self._left = sim, how, requests
        self._patch, self._get = sim.api.patch_status, sim.api.get
        self._late: list[Json] = []
        api: Any = sim.api
        api.patch_status, api.get = self.patch_status, self.get

    async def patch_status(self, path: str, patch: Json, metadata_only: bool) -> Json:
        if not path.endswith("/first") or not self._left:
            return await self._patch(path, patch, metadata_only)
        self._left -= 1
        self._sim.watch_is_broken = True
        if self._how == "late":
            self._late.append(patch)
        elif self._how != "lost":
            await self._patch(path, patch)
        raise (
            ApiError(500, "", "etcdserver: request timed out") if self._how == "error" else ApiUnreachable("no answer")
        )

    async def get(self, path: str) -> Json:
        if self._left and path.endswith("/first"):
            self._left -= 1
            raise ApiUnreachable("no answer")
        while self._late:
            await self._patch(path, self._late.pop(0))
        return await self._get(path)


@pytest.mark.parametrize("how", ["done", "error", "lost", "late"])
@pytest.mark.parametrize("requests", [1, 3])
def test_the_slot_of_an_unanswered_write_is_given_to_nobody_else(sim: Simulation, how: str, requests: int) -> None:
    Outage(sim, how, requests)
    for _ in range(40):
        sim.run(0.25)
        assert len(sim.jobs()) <= 1
    assert sim.watch_is_broken
    assert [job["metadata"]["ownerReferences"][0]["name"] for job in sim.jobs()] == ["first"]
    assert sim.status("ChapterGeneration", "second")["holdReason"] == "QueueFull"

    sim.watch_is_broken = False
    sim.resync()
    for name in ("first", "second"):
        sim.run(1)
        sim.start(sim.job_of(name))
        sim.succeed(sim.job_of(name))
    sim.run(1)
    assert [sim.status("ChapterGeneration", name)["phase"] for name in ("first", "second")] == ["Succeeded"] * 2
    assert set(sim.api.jobs_created.values()) == {1}


def delete(sim: Simulation) -> None:
    sim.api.remove("chaptergenerations", "courses", "first")


def suspend(sim: Simulation) -> None:
    sim.change_spec("ChapterGeneration", "first", suspend=True)


@pytest.mark.parametrize("change", [delete, suspend])
def test_the_slot_is_free_again_when_its_write_can_not_be_taken_in_any_more(sim: Simulation, change: Any) -> None:
    Outage(sim, "lost", 1)
    sim.queue.add(FIRST)
    sim.watch()
    while not sim.watch_is_broken:
        visit_next(sim)
    change(sim)
    sim.watch_is_broken = False
    sim.resync()
    sim.run(5)
    assert [job["metadata"]["ownerReferences"][0]["name"] for job in sim.jobs()] == ["second"]


def visit_next(sim: Simulation) -> None:
    key = sim.queue.pop()
    assert key
    try:
        sim.loop.run_until_complete(sim.actor.visit(key))
    except ApiUnreachable:
        sim.queue.add_at(key, sim.time + 0.2)


def test_after_the_longest_time_that_a_request_can_take_a_look_settles_it(sim: Simulation) -> None:
    sim.watch()
    Outage(sim, "lost", 1)
    while not sim.watch_is_broken:
        visit_next(sim)
    scheduler = sim.scheduler
    assert scheduler.in_doubt(FIRST)
    scheduler.release(FIRST)
    assert scheduler.granted(FIRST) == {names.QUEUE_CHAPTER}, "nobody has looked"
    assert scheduler.reread(FIRST) == sim.time + 60.0
    sim.time += 60.0
    assert scheduler.reread(FIRST) is None
    scheduler.release(FIRST)
    assert scheduler.granted(FIRST) == set()


def test_courses_that_are_visited_at_the_same_time_do_not_share_one_course_slot() -> None:
    sim = Simulation(Defaults(image="worker:test", max_courses=1))
    for name in ("first", "second"):
        sim.apply("CourseGeneration", name, {"title": "T", "learningObjectives": ["x"], "chapterCount": 2})
    sim.watch()
    patch = sim.api.patch_status

    async def slow(path: str, body: Json, metadata_only: bool) -> Json:
        await asyncio.sleep(0)
        return await patch(path, body, metadata_only)

    async def visits(keys: Iterator[Key | None]) -> None:
        await asyncio.gather(*(sim.actor.visit(key) for key in keys if key))

    api: Any = sim.api
    api.patch_status = slow
    sim.loop.run_until_complete(visits(iter([sim.queue.pop(), sim.queue.pop()])))
    assert [name for name in ("first", "second") if sim.status("CourseGeneration", name).get("startTime")] == ["first"]
