"""Which visits go first, on whole objects: what has ended, then what shows nothing yet."""

from collections.abc import Callable
from typing import Any

import pytest

from coursegen_operator.effects import gather_seconds
from coursegen_operator.plan.limits import Limits, QueueLimits, StopPolicy, Tenant, fits
from coursegen_operator.plan.world import Key
from coursegen_operator.workqueue import Turn

from .simulation import Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
ALONE = Key("ChapterGeneration", "courses", "alone")
COURSE = Key("CourseGeneration", "courses", "a")


def course(chapters: int, **more: Any) -> dict[str, Any]:
    given = [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(1, chapters + 1)]
    return {"title": "T", "learningObjectives": ["x"], "chapters": given, "quality": {"enabled": False}} | more


def chapter(index: int) -> Key:
    return Key("ChapterGeneration", "courses", f"a-chapter-{index:02d}")


def apply_alone(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "alone", CHAPTER)
    sim.watch()


def apply_course(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "a", course(2))
    sim.watch()


def visit(sim: Simulation, key: Key) -> None:
    sim.loop.run_until_complete(sim.actor.visit(key))


def alone_is_written(sim: Simulation) -> None:
    apply_alone(sim)
    visit(sim, ALONE)


def alone_has_ended(sim: Simulation) -> None:
    alone_is_written(sim)
    sim.succeed(sim.jobs()[0])
    sim.watch()


def alone_is_told(sim: Simulation) -> None:
    alone_has_ended(sim)
    sim.settle()


def alone_is_deleted(sim: Simulation) -> None:
    alone_is_written(sim)
    sim.api.remove("chaptergenerations", "courses", "alone")
    sim.watch()


def no_slots(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=0)
    apply_alone(sim)


def course_has_begun(sim: Simulation) -> None:
    apply_course(sim)
    visit(sim, COURSE)


def first_chapter_is_written(sim: Simulation) -> None:
    course_has_begun(sim)
    visit(sim, chapter(1))
    visit(sim, COURSE)


def chapters_have_ended(sim: Simulation) -> None:
    apply_course(sim)
    sim.settle()
    for job in sim.jobs():
        sim.succeed(job)
    sim.watch()
    sim.pods.read()
    for index in (1, 2):
        visit(sim, chapter(index))


def one_chapter_has_ended(sim: Simulation) -> None:
    apply_course(sim)
    sim.settle()
    sim.succeed(sim.jobs()[0])
    sim.watch()
    sim.pods.read()
    visit(sim, chapter(1))


def nothing(sim: Simulation) -> None:
    pass


@pytest.mark.parametrize(
    ("happened", "key", "turn"),
    [
        (apply_course, COURSE, Turn.FIRST),
        (course_has_begun, COURSE, Turn.CHANGED),
        (course_has_begun, chapter(1), Turn.FIRST),
        (first_chapter_is_written, chapter(1), Turn.CHANGED),
        (first_chapter_is_written, chapter(2), Turn.CHANGED),
        (one_chapter_has_ended, COURSE, Turn.CHANGED),
        (chapters_have_ended, COURSE, Turn.ENDED),
        (apply_alone, ALONE, Turn.FIRST),
        (no_slots, ALONE, Turn.CHANGED),
        (alone_is_written, ALONE, Turn.CHANGED),
        (alone_has_ended, ALONE, Turn.ENDED),
        (alone_is_told, ALONE, Turn.CHANGED),
        (alone_is_deleted, ALONE, Turn.CHANGED),
        (nothing, Key("GenerationQueue", "", "export"), Turn.CHANGED),
    ],
    ids=lambda v: v.__name__ if callable(v) else str(v),
)
def test_the_line_of_an_object_follows_from_what_is_known(
    happened: Callable[[Simulation], None], key: Key, turn: Turn
) -> None:
    sim = Simulation()
    happened(sim)
    assert sim.queue.turn_of(key) is turn


@pytest.mark.parametrize(
    ("capacity", "order"),
    [
        (50, ["a1", "b1", "c1", "a2", "a3", "a4", "b2", "b3", "b4", "c2", "c3", "c4"]),
        (6, ["a1", "a2", "a3", "a4", "b1", "b2"]),
    ],
    ids=["slots for all: each has its first", "slots are scarce: the order of admission"],
)
def test_the_first_job_of_a_course_goes_before_the_last_of_another_where_there_are_slots_for_both(
    capacity: int, order: list[str]
) -> None:
    sim = Simulation()
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=capacity)
    sim.settle()
    for name in "abc":
        sim.apply("CourseGeneration", name, course(4))
    sim.run(1)
    made = [job["metadata"]["ownerReferences"][0]["name"] for job in sim.jobs()]
    assert [name[0] + name[-1] for name in made] == order


def test_a_result_is_written_before_what_is_new_is_begun() -> None:
    sim = Simulation()
    alone_is_written(sim)
    for name in "abcdef":
        sim.apply("CourseGeneration", name, course(4))
    sim.watch()
    sim.succeed(sim.jobs()[0])
    sim.watch()
    sim.pods.read()
    key = sim.queue.pop()
    assert key == ALONE


def test_that_ended_jobs_are_removed_brings_no_visit_of_what_is_over() -> None:
    sim = Simulation()
    apply_course(sim)
    sim.work()
    for job in sim.jobs(active=False):
        sim.api.remove("jobs", "courses", job["metadata"]["name"])
    sim.watch()
    assert sim.queue.pop() is None


QUEUE = QueueLimits(8, 10)


@pytest.mark.parametrize(
    ("bounds", "is_room"),
    [
        (Limits(100, 400, {"q": QUEUE}, {}), True),
        (Limits(100, 9, {"q": QUEUE}, {}), False),
        (Limits(100, 400, {"q": QueueLimits(8, 9)}, {}), False),
        (Limits(100, 400, {"q": QueueLimits(8, 10, namespace_capacity=9)}, {}), False),
        (Limits(100, 400, {"q": QueueLimits(8, 10, tenants={"n": Tenant(namespace="n", capacity=9)})}, {}), False),
        (Limits(100, 400, {"q": QUEUE}, {"n/p": 9}), False),
        (Limits(100, 400, {"q": QUEUE}, {"other/p": 9}), True),
        (Limits(100, 400, {"q": QueueLimits(8, 10, stopped=StopPolicy.HOLD)}, {}), False),
        (Limits(100, 400, {}, {}), False),
    ],
    ids=["all", "Jobs in all", "queue", "each namespace", "tenant", "provider", "another's", "stopped", "no queue"],
)
def test_there_are_slots_for_all_if_no_limit_can_bind(bounds: Limits, is_room: bool) -> None:
    assert fits(10, "q", "n", "p", bounds) is is_room


@pytest.mark.parametrize(("courses", "seconds"), [(0, 1.0), (50, 1.0), (100, 2.0), (200, 4.0), (10_000, 5.0)])
def test_courses_roll_up_their_children_so_many_times_a_second_and_each_after_five_at_most(
    courses: int, seconds: float
) -> None:
    assert gather_seconds(courses) == seconds
