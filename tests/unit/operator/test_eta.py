"""When a course should be finished, and where waiting work stands."""

import pytest

from coursegen_operator.plan import clock
from coursegen_operator.plan.world import COURSE_SLOTS, Defaults, Measured

from .simulation import Simulation

QUEUE = "chapter-generation"
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


def course(chapters: int = 4, **more: object) -> dict:
    given = [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(chapters)]
    return {"title": "T", "learningObjectives": ["x"], "chapters": given, "quality": {"enabled": False}} | more


def measured(sim: Simulation, seconds: float = 60.0, runs: int = 20, queue: str = QUEUE) -> None:
    for _ in range(runs):
        sim.actor.doer.history.take(Measured(queue, waited=0.0, ran=seconds), sim.time)


def told(sim: Simulation, name: str = "c") -> tuple[float | None, str]:
    status = sim.status("CourseGeneration", name)
    at = status.get("estimatedCompletionTime")
    return (clock.parse(at) - sim.time if at else None), status["estimateCertainty"]


def set_capacity(sim: Simulation, capacity: int) -> None:
    sim.change_spec("GenerationQueue", QUEUE, namespace="", capacity=capacity)


@pytest.mark.parametrize(
    ("spec", "capacity", "runs", "seconds", "certainty"),
    [
        ({}, 50, 20, 60, "High"),
        ({}, 50, 5, 60, "Low"),
        ({}, 2, 20, 150, "Low"),
        ({"exports": [{"format": "pdf"}]}, 50, 20, 210, "Low"),
    ],
    ids=["all run", "little measured", "in waves, as slots allow", "with what follows"],
)
def test_an_estimate_adds_up_what_is_left(spec: dict, capacity: int, runs: int, seconds: float, certainty: str) -> None:
    sim = Simulation()
    sim.change_spec("GenerationQueue", "export", namespace="", timeoutSeconds=300)
    set_capacity(sim, capacity)
    measured(sim, runs=runs)
    sim.apply("CourseGeneration", "c", course(**spec))
    sim.run(6)
    left, how_sure = told(sim)
    assert left == pytest.approx(seconds, abs=0.12 * seconds + 6)
    assert how_sure == certainty


@pytest.mark.parametrize("how", ["nothing measured", "suspended", "paused", "waits for its course slot"])
def test_what_cannot_be_known_is_not_guessed(how: str) -> None:
    sim = Simulation(Defaults(image="worker:test", max_courses=0 if "slot" in how else 10))
    if how != "nothing measured":
        measured(sim)
    set_capacity(sim, 0 if how == "paused" else 10)
    sim.apply("CourseGeneration", "c", course(suspend=how == "suspended"))
    sim.run(60)
    assert told(sim) == (None, "Unknown")


def test_the_end_of_a_course_ends_its_estimate() -> None:
    sim = Simulation()
    measured(sim)
    sim.apply("CourseGeneration", "c", course())
    sim.work()
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status.keys() & {"estimatedCompletionTime", "estimateCertainty"}) == ("Succeeded", set())


def test_an_estimate_alone_is_written_seldom_and_only_if_it_has_moved() -> None:
    sim = Simulation()
    measured(sim, seconds=600)
    sim.apply("CourseGeneration", "c", course())
    sim.run(6)
    for job in sim.jobs():
        sim.start(job)
    sim.run(30)
    key = sim.key("CourseGeneration", "c")
    before = sim.api.writes["PATCH"]
    for _ in range(20):
        sim.queue.add(key)
        sim.run(1)
    assert sim.api.writes["PATCH"] == before  # nothing has moved
    for _ in range(60):
        measured(sim, seconds=60, runs=10)
        sim.queue.add(key)
        sim.run(1)
    assert sim.api.writes["PATCH"] - before <= 3
    assert (told(sim)[0] or 0) < 120


# ---- position -------------------------------------------------------------------------------------------


def test_the_position_is_how_many_go_before_it() -> None:
    sim = Simulation()
    set_capacity(sim, 2)
    for n in range(6):
        sim.apply("ChapterGeneration", f"c{n}", CHAPTER)
        sim.run(1)
    sim.apply("ChapterGeneration", "urgent", CHAPTER | {"deadlineTime": clock.stamp(sim.time + 60)})
    sim.run(1)
    found = {n: sim.scheduler.position(sim.key("ChapterGeneration", n), 60.0) for n in ("urgent", "c2", "c5", "c0")}
    assert {n: p and (p.ahead, p.seconds) for n, p in found.items()} == {
        "urgent": (0, 30.0),
        "c2": (1, 60.0),
        "c5": (4, 150.0),
        "c0": None,
    }


@pytest.mark.parametrize(
    ("queue", "provider", "seconds"),
    [
        ({"capacity": 10}, {}, 60.0),
        ({"capacity": 10, "namespaceCapacity": 2}, {}, 300.0),
        ({"capacity": 10, "tenants": [{"namespace": "courses", "capacity": 5}]}, {}, 120.0),
        ({"capacity": 10}, {"concurrency": 1}, 600.0),
        ({"capacity": 10, "stopPolicy": "Hold"}, {}, None),
        ({"capacity": 10, "namespaceCapacity": 0}, {}, None),
        ({"capacity": 0}, {}, None),
        ({"capacity": 10}, {"budget": {"tokens": 0}}, None),
    ],
    ids=["queue", "namespace", "tenant", "provider", "stopped", "none for it", "paused", "over budget"],
)
def test_a_wait_is_reckoned_by_the_narrowest_limit_and_not_at_all_where_people_keep_it(
    queue: dict, provider: dict, seconds: float | None
) -> None:
    sim = Simulation(Defaults(image="worker:test", max_jobs=10))
    sim.change_spec("GenerationQueue", QUEUE, namespace="", capacity=10)
    for n in range(10):
        sim.apply("ChapterGeneration", f"runs{n}", CHAPTER, namespace="other")
    sim.run(1)
    sim.apply("ModelProvider", "p", provider)
    for n in range(10):
        sim.apply("ChapterGeneration", f"c{n}", CHAPTER | {"providerName": "p"})
    sim.change_spec("GenerationQueue", QUEUE, namespace="", **queue)
    sim.run(1)
    found = sim.scheduler.position(sim.key("ChapterGeneration", "c9"), 60.0)
    assert found is not None
    assert (found.ahead, found.seconds) == (9, seconds)


def test_asking_for_a_position_changes_nothing() -> None:
    sim = Simulation()
    set_capacity(sim, 0)
    for n in range(5):
        sim.apply("ChapterGeneration", f"c{n}", CHAPTER)
    sim.run(1)
    before = (sim.scheduler.book.counts(), dict(sim.scheduler.book.turns), sim.api.writes.copy())
    for n in range(5):
        assert sim.scheduler.position(sim.key("ChapterGeneration", f"c{n}"))
    assert (sim.scheduler.book.counts(), dict(sim.scheduler.book.turns), sim.api.writes.copy()) == before


def test_a_position_reckons_with_the_shares_of_namespaces() -> None:
    sim = Simulation()
    set_capacity(sim, 0)
    for n in range(10):
        sim.apply("ChapterGeneration", f"c{n}", CHAPTER)
    sim.run(1)
    sim.apply("ChapterGeneration", "late", CHAPTER, namespace="other")
    sim.run(1)
    key = sim.key("ChapterGeneration", "late")
    found = sim.scheduler.position(type(key)(key.kind, "other", "late"))
    assert found is not None
    assert found.ahead <= 1


def test_a_course_that_waits_for_its_slot_has_a_position_as_well() -> None:
    sim = Simulation(Defaults(image="worker:test", max_courses=1))
    for name in "abc":
        sim.apply("CourseGeneration", name, course())
        sim.run(1)
    found = sim.scheduler.position(sim.key("CourseGeneration", "c"), 100.0)
    assert found is not None
    assert (found.queue, found.ahead, found.seconds) == (COURSE_SLOTS, 1, 200.0)
