"""When a course should be finished, and where waiting work stands."""

import statistics

import pytest

from coursegen_api.base import FailureClass
from coursegen_operator.plan import clock, eta
from coursegen_operator.plan.world import COURSE_SLOTS, Defaults, Measured
from coursegen_operator.positions import Positions

from ...sim.eta import Load, run
from .simulation import Simulation

QUEUE = "chapter-generation"
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


def course(chapters: int = 4, **more: object) -> dict:
    given = [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(chapters)]
    return {"title": "T", "learningObjectives": ["x"], "chapters": given, "quality": {"enabled": False}} | more


def measured(sim: Simulation, seconds: float = 60.0, runs: int = 20, queue: str = QUEUE) -> None:
    for _ in range(runs):
        sim.actor.doer.history.take(Measured(queue, waited=0.0, ran=seconds, took=seconds), sim.time)


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
        ({}, 2, 20, 120, "Low"),
        ({"exports": [{"format": "pdf"}]}, 50, 20, 210, "High"),
    ],
    ids=["all run", "little measured", "in waves, as slots allow", "with what follows"],
)
def test_an_estimate_adds_up_what_is_left(spec: dict, capacity: int, runs: int, seconds: float, certainty: str) -> None:
    sim = Simulation()
    set_capacity(sim, capacity)
    measured(sim, runs=runs)
    measured(sim, seconds=150.0, queue="export")
    sim.apply("CourseGeneration", "c", course(**spec))
    sim.run(6)
    left, how_sure = told(sim)
    assert left == pytest.approx(seconds, abs=0.1 * seconds + 6)
    assert how_sure == certainty


UNKNOWN = {
    "nothing measured": 0,
    "hardly anything measured": 2,
    "an export, of which nothing is measured, follows": 20,
    "suspended": 20,
    "suspended while its chapters run": 20,
    "paused": 20,
    "what follows is stopped": 20,
    "waits for its course slot": 20,
}


@pytest.mark.parametrize(("how", "runs"), UNKNOWN.items())
def test_what_cannot_be_known_is_not_guessed(how: str, runs: int) -> None:
    sim = Simulation(Defaults(image="worker:test", max_courses=0 if "slot" in how else 10))
    measured(sim, runs=runs)
    set_capacity(sim, 0 if how == "paused" else 10)
    if "stopped" in how:
        measured(sim, queue="export")
        sim.change_spec("GenerationQueue", "export", namespace="", stopPolicy="Hold")
    exports = [{"format": "pdf"}] if "follows" in how else []
    sim.apply("CourseGeneration", "c", course(suspend=how == "suspended", exports=exports))
    sim.run(6)
    if "run" in how:
        assert told(sim)[1] == "High"
        sim.change_spec("CourseGeneration", "c", suspend=True)
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
    for _ in range(90):
        measured(sim, seconds=60, runs=10)
        sim.queue.add(key)
        sim.run(1)
    assert sim.api.writes["PATCH"] - before <= 4
    assert (told(sim)[0] or 0) < 120


def test_who_started_later_is_not_told_to_be_finished_sooner() -> None:
    sim = Simulation()
    measured(sim)
    set_capacity(sim, 3)
    for n in range(6):
        sim.apply("CourseGeneration", f"c{n}", course())
        sim.run(2)
    sim.run(40)
    ends = [told(sim, f"c{n}")[0] or 0.0 for n in range(6)]
    assert ends == sorted(ends)
    assert ends[5] == pytest.approx(24 / 3 * 60, rel=0.2)


def test_an_estimate_does_not_stay_in_the_past() -> None:
    sim = Simulation()
    measured(sim)
    sim.apply("CourseGeneration", "c", course())
    sim.run(6)
    for job in sim.jobs():
        sim.start(job)
    for _ in range(600):
        sim.run(1)
        assert (told(sim)[0] or 0.0) > -eta.ALONE_SECONDS
    assert told(sim)[0] == pytest.approx(90, abs=90)


def test_a_retry_puts_the_end_off() -> None:
    sim = Simulation()
    measured(sim)
    sim.apply("CourseGeneration", "c", course(1))
    sim.run(6)
    sim.fail(sim.jobs()[0], FailureClass.BAD_OUTPUT)
    sim.run(6)
    retry = clock.parse(sim.status("ChapterGeneration", sim.names("ChapterGeneration")[0])["nextRetryTime"])
    assert told(sim)[0] == pytest.approx(retry - sim.time + 60, abs=10)


@pytest.mark.parametrize("done", [10, 50, 90])
def test_what_a_worker_says_of_its_progress_counts_the_more_the_further_it_is(done: int) -> None:
    """Half of the usual time has passed."""
    sim = Simulation()
    sim.change_spec("GenerationQueue", QUEUE, namespace="", timeoutSeconds=1200)
    measured(sim, seconds=600)
    sim.apply("CourseGeneration", "c", course(1))
    sim.run(1)
    sim.start(sim.jobs()[0])
    sim.run(300)
    sim.report(sim.jobs()[0], done)
    sim.run(1)
    left = 1 - done / 100
    assert told(sim)[0] == pytest.approx(left * (left * 600 + 300), rel=0.12)


def test_a_restart_changes_no_estimate() -> None:
    sim = Simulation()
    for n in range(2):
        sim.apply("CourseGeneration", f"before{n}", course())
        sim.run(1)
        for job in sim.jobs():
            sim.start(job)
        sim.run(60 + 30 * n)
        sim.work()
    sim.apply("CourseGeneration", "c", course())
    sim.run(6)
    before = told(sim)
    sim.restart()
    sim.run(40)
    left, certainty = told(sim)
    assert (before[1], certainty) == ("Low", "Low")
    assert left == pytest.approx((before[0] or 0) - 40, abs=10)


def test_the_rest_of_a_slow_course_is_taken_to_be_slow_as_well() -> None:
    """Four chapters took twice as long as usual, four wait: each of the slots for them is one slow chapter long."""
    sim = Simulation()
    measured(sim)
    measured(sim, seconds=60, queue="export")
    set_capacity(sim, 4)
    sim.apply("CourseGeneration", "c", course(8, exports=[{"format": "pdf"}]))
    sim.run(6)
    before = told(sim)[0]
    for job in sim.jobs():
        sim.start(job)
    sim.run(100)
    for job in sim.jobs():
        sim.succeed(job)
    sim.run(6)
    slow = (4 + 4 * 106 / 60) / 8
    assert before == pytest.approx(3 * 60, rel=0.1)
    assert told(sim)[0] == pytest.approx(2 * 60 * slow, rel=0.12)


def test_estimates_are_about_right_once_something_was_measured_and_after_a_restart() -> None:
    """Twenty courses of random durations and too few slots for them, as `python -m tests.sim.eta` has them."""
    ended = run(1, 20, Load("too few slots", 8)).lives.values()
    known = [life for life in ended if life.phase != "cold"]
    errors = [life.sample(share).error for life in known for share in (0.1, 0.25, 0.5)]
    assert None not in errors
    assert statistics.median(abs(error or 0.0) for error in errors) < 0.3
    assert abs(statistics.median(error or 0.0 for error in errors)) < 0.25


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


@pytest.mark.parametrize("restarted", [False, True])
def test_how_long_courses_hold_their_slots_is_known_from_those_that_ended(restarted: bool) -> None:
    sim = Simulation(Defaults(image="worker:test", max_courses=1))
    for name in "abc":
        sim.apply("CourseGeneration", name, course(1))
        sim.run(1)
    sim.run(100)
    sim.work(sim.jobs())
    if restarted:
        sim.restart()
        sim.run(1)
    positions = Positions(sim.snapshot, sim.scheduler, sim.actor.doer.history, lambda: True)
    found = positions.of(sim.api.objects["coursegenerations", "courses", "c"]["metadata"]["uid"])
    assert found is not None
    assert found.seconds == pytest.approx(100, rel=0.1)
