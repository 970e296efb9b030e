"""What was measured, and what queues say of it."""

import random

import pytest

from coursegen_api.base import FailureClass, Outcome, TaskStatus
from coursegen_api.course import CourseGeneration
from coursegen_api.names import QUEUE_COURSE
from coursegen_operator.plan import clock, history
from coursegen_operator.plan.history import History, Sketch, quantile
from coursegen_operator.plan.world import Measured

from .simulation import START, Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
QUEUE = "chapter-generation"


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_quantile_is_right_to_within_a_twentieth_however_many_there_are(share: float) -> None:
    chance, sketch = random.Random(1), Sketch()
    values = sorted(chance.lognormvariate(4, 1) for _ in range(10_000))
    for value in values:
        sketch.add(value)
    exact = values[int(share * len(values))]
    assert quantile(share, [sketch]) == pytest.approx(exact, rel=0.06)
    assert len(sketch.counts) < 150


def test_without_measurements_there_is_no_quantile() -> None:
    assert quantile(0.5, [Sketch(), Sketch()]) is None


def test_the_last_hour_forgets_what_is_older() -> None:
    history = History()
    history.take(Measured("q", waited=10.0, ran=60.0), START)
    history.take(Measured("q", ended=Outcome.SUCCEEDED), START)
    history.take(Measured("q", retried=True), START)
    history.take(Measured("q", ended=Outcome.FAILED), START + 1800)
    early, late = history.figures("q", START + 1800), history.figures("q", START + 3700)
    assert early
    assert late
    assert (early.succeeded, early.failed, early.retried, round(early.run_p50 or 0, -1)) == (1, 1, 1, 60)
    assert (late.succeeded, late.failed, late.retried, late.run_p50) == (0, 1, 0, None)
    assert history.figures("q", START + 9000) is None
    assert len(history.queues["q"].periods) <= 12


def test_durations_are_those_of_late() -> None:
    history = History()
    for n in range(1000):
        seconds = 10.0 if n < 500 else 100.0
        history.take(Measured("q", ran=seconds, took=seconds), START + n)
    usual = history.usual["q"]
    assert (usual.run, usual.slot, usual.took[0], usual.took[-1]) == pytest.approx((100,) * 4, rel=0.06)
    assert usual.count <= 400


def busy() -> Simulation:
    sim = Simulation()
    sim.change_spec("GenerationQueue", QUEUE, namespace="", capacity=2)
    for n in range(6):
        sim.apply("ChapterGeneration", f"c{n}", CHAPTER)
    for _ in range(2):
        sim.run(60)
        for job in sim.jobs():
            sim.start(job)
            sim.succeed(job)
        sim.run(1)
    return sim


def standing(sim: Simulation) -> dict:
    sim.stand()
    return sim.api.objects["generationqueues", "", QUEUE]["status"]


def test_a_queue_says_what_goes_on_and_how_it_went() -> None:
    sim = busy()
    status = standing(sim)
    assert {k: status[k] for k in ("capacity", "active", "pending")} == {"capacity": 2, "active": 2, "pending": 0}
    assert "oldestPendingTime" not in status
    hour = status["lastHour"]
    assert (hour["succeeded"], hour["failed"], hour["successRatePercent"]) == (4, 0, 100)
    assert hour["waitP50Seconds"] == pytest.approx(60, abs=4)
    assert hour["waitP95Seconds"] == pytest.approx(120, abs=8)
    assert hour["runP50Seconds"] == pytest.approx(60, abs=4)


def test_since_when_the_longest_wait_lasts_is_a_time_and_costs_no_write_as_it_grows() -> None:
    sim = Simulation()
    sim.change_spec("GenerationQueue", QUEUE, namespace="", capacity=0)
    for n in range(3):
        sim.apply("ChapterGeneration", f"c{n}", CHAPTER)
        sim.run(10)
    status = standing(sim)
    assert (status["pending"], status["oldestPendingTime"]) == (3, sim.status("ChapterGeneration", "c0")["queuedTime"])
    before = sim.api.writes.copy()
    for _ in range(20):
        sim.run(5)
        sim.stand()
    assert sim.api.writes == before


def test_a_queue_of_which_nothing_is_known_says_nothing() -> None:
    assert "lastHour" not in standing(Simulation())


def test_a_restart_knows_what_the_attempts_in_status_tell() -> None:
    sim = busy()
    before, usual = standing(sim)["lastHour"], sim.actor.doer.history.usual
    sim.restart()
    assert standing(sim)["lastHour"] == before
    assert sim.actor.doer.history.usual == usual
    assert usual[QUEUE].count == 4


def test_a_queue_says_how_many_attempts_were_followed_by_another_also_after_a_restart() -> None:
    sim = Simulation()
    for name in ("waits", "goes-on", "fails"):
        sim.apply("ChapterGeneration", name, CHAPTER)
    sim.run(60)
    failures = {
        "waits": FailureClass.BAD_OUTPUT,
        "goes-on": FailureClass.BAD_OUTPUT,
        "fails": FailureClass.INVALID_INPUT,
    }
    for name, failure in failures.items():
        sim.fail(sim.job_of(name), failure)
    sim.run(1)
    assert (standing(sim)["lastHour"]["failed"], standing(sim)["lastHour"]["retried"]) == (1, 2)
    sim.run(200)
    sim.succeed(sim.job_of("goes-on"))
    sim.run(1)
    before = standing(sim)["lastHour"]
    assert [before[name] for name in ("succeeded", "failed", "retried")] == [1, 1, 2]
    sim.restart()
    assert standing(sim)["lastHour"] == before


def attempt(number: int, begun: float, ended: float, outcome: Outcome) -> dict:
    times = {"admissionTime": clock.stamp(START + begun), "completionTime": clock.stamp(START + ended)}
    return {"number": number, "jobName": f"j{number}", "outcome": outcome, **times}


FAILED, DONE, BACK = Outcome.FAILED, Outcome.SUCCEEDED, Outcome.WITHDRAWN


@pytest.mark.parametrize(
    ("attempts", "cached", "took"),
    [
        ([(0, 60, DONE)], False, 60.0),
        ([(0, 30, FAILED), (100, 160, DONE)], False, 160.0),
        ([(0, 30, BACK), (3600, 3660, DONE)], False, 60.0),
        ([(0, 60, FAILED)], False, None),
        ([(0, 1, DONE)], True, None),
        ([], False, None),
    ],
    ids=["at once", "with a retry", "taken back before", "failed", "found in the store", "not begun"],
)
def test_how_long_a_task_took_is_from_its_first_slot_to_its_success(
    attempts: list[tuple[float, float, Outcome]], cached: bool, took: float | None
) -> None:
    listed = [attempt(n, *told) for n, told in enumerate(attempts, 1)]
    status = TaskStatus.model_validate({"attempts": listed, "usage": {"cached": cached}})
    assert history.took(status) == took


def with_outline(name: str, outcome: str, **outline: str) -> CourseGeneration:
    """Give a course whose outline had one attempt."""
    attempt = {"number": 1, "jobName": name, "admissionTime": clock.stamp(START), "outcome": outcome}
    attempt |= {"completionTime": clock.stamp(START + 30)}
    return CourseGeneration.model_validate(
        {
            "metadata": {"name": name, "namespace": "n", "uid": name},
            "spec": {"title": "T", "learningObjectives": ["x"]},
            "status": {"outline": {"attempts": [attempt], **outline}},
        }
    )


def test_a_restart_knows_how_outlines_ended_though_a_course_has_no_condition_for_that() -> None:
    history = History()
    later = clock.stamp(START + 90)
    history.refill(
        [
            with_outline("done", "Succeeded"),
            with_outline("failed", "Failed"),
            with_outline("tried-again", "Failed", nextRetryTime=later),
            with_outline("cancelled", "Cancelled"),
        ]
    )
    figures = history.figures(QUEUE_COURSE, START + 60)
    assert figures
    assert (figures.succeeded, figures.failed) == (1, 1)
