"""When a failed attempt is followed by another, and what that costs."""

import itertools

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.names import ANNOTATION_RETRY
from coursegen_operator.plan import clock

from .simulation import Json, Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
DAY = 24 * 3600
EVICTED = {"conditions": [{"type": "DisruptionTarget", "status": "True"}]}


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(1)
    return sim


def status(sim: Simulation) -> Json:
    return sim.status("ChapterGeneration", "c")


def failed_once(sim: Simulation, failure: FailureClass = FailureClass.INTERNAL) -> float:
    """Let the first attempt fail; give the time of the next."""
    sim.fail(sim.job_of("c"), failure)
    sim.settle()
    return clock.parse(status(sim)["nextRetryTime"])


def test_a_restart_neither_moves_nor_doubles_a_retry(sim: Simulation) -> None:
    due = failed_once(sim)
    while sim.time < due - 5:
        sim.restart()
        sim.run(5)
        assert clock.parse(status(sim)["nextRetryTime"]) == due
        assert sim.jobs() == []
    for _ in range(3):
        sim.restart()
        sim.run(5)
    assert len(sim.jobs()) == 1
    assert set(sim.api.jobs_created.values()) == {1}
    assert "nextRetryTime" not in status(sim)


def test_two_tasks_that_failed_together_do_not_come_back_together(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "d", CHAPTER)
    sim.run(1)
    for job in sim.jobs():
        sim.fail(job, FailureClass.INTERNAL)
    sim.settle()
    times = [clock.parse(sim.status("ChapterGeneration", n)["nextRetryTime"]) for n in ("c", "d")]
    assert times[0] != times[1]
    assert all(60 <= t - sim.time <= 72 for t in times)


@pytest.mark.parametrize("then", ["a restart", "a full list"])
@pytest.mark.parametrize("step", [-5.0, -90.0, -DAY])
def test_a_clock_that_is_set_back_keeps_no_retry_for_longer_than_its_wait(
    sim: Simulation, step: float, then: str
) -> None:
    failed_once(sim)
    sim.time += step
    sim.restart() if then == "a restart" else sim.resync()
    sim.run(80)
    assert len(sim.jobs()) == 1


def test_a_clock_that_is_set_forward_brings_the_retry_at_once(sim: Simulation) -> None:
    failed_once(sim)
    sim.time += DAY
    sim.run(1)
    assert len(sim.jobs()) == 1


def test_attempts_and_counted_attempts_are_two_things(sim: Simulation) -> None:
    ends = [
        (lambda job: sim.end_pod(job, 143, **EVICTED), "Disrupted", 0),
        (lambda job: sim.fail(job, FailureClass.INTERNAL), "Internal", 1),
        (sim.lose_pod, "ResultLost", 1),
        (lambda job: sim.fail(job, FailureClass.RATE_LIMITED, retry_after_seconds=5), "RateLimited", 1),
        (lambda job: sim.end_pod(job, 137, "OOMKilled"), "OutOfMemory", 2),
    ]
    for number, (end, failure, counted) in enumerate(ends, start=1):
        end(sim.job_of("c"))
        sim.run(300)
        assert status(sim)["retryCount"] == counted
        assert status(sim)["attempts"][number - 1]["failureClass"] == failure
        assert status(sim)["attempts"][-1]["number"] == number + 1


def test_what_costs_no_retry_ends_after_twenty_attempts_with_the_last_class(sim: Simulation) -> None:
    for number in itertools.count(1):
        if not sim.jobs():
            break
        last = FailureClass.RATE_LIMITED if number % 2 else FailureClass.STOPPED
        if last is FailureClass.STOPPED:
            sim.end_pod(sim.job_of("c"), 143, **EVICTED)
        else:
            sim.fail(sim.job_of("c"), last, retry_after_seconds=5)
        sim.run(10)
    assert number == 21
    assert (status(sim)["phase"], status(sim)["retryCount"]) == ("Failed", 0)
    assert status(sim)["errorDetails"]["failureClass"] == "Disrupted"
    assert [a["number"] for a in status(sim)["attempts"]] == list(range(11, 21))


def evict(sim: Simulation, times: int) -> None:
    """End attempts free of retry, until no earlier one is left in status."""
    for _ in range(times):
        sim.end_pod(sim.job_of("c"), 143, **EVICTED)
        sim.run(10)


@pytest.mark.parametrize("known", [True, False], ids=["counted", "by a version that did not count them"])
def test_a_fourth_lost_result_fails_the_work_also_if_status_has_forgotten_the_first(
    sim: Simulation, known: bool
) -> None:
    sim.lose_pod(sim.job_of("c"))
    sim.run(10)
    if not known:
        sim.api.edit("chaptergenerations", "courses", "c", lambda body: body["status"].pop("lostResults"))
    for lost in (2, 3):
        sim.lose_pod(sim.job_of("c"))
        sim.run(10)
        assert status(sim)["lostResults"] == lost
    evict(sim, 10)
    assert not [a for a in status(sim)["attempts"] if a.get("failureClass") == "ResultLost"]
    sim.restart()
    sim.lose_pod(sim.job_of("c"))
    sim.run(10)
    assert (status(sim)["phase"], status(sim)["retryCount"], sim.jobs()) == ("Failed", 0, [])
    assert (status(sim)["errorDetails"]["failureClass"], status(sim)["lostResults"]) == ("ResultLost", 4)


def test_a_new_revision_has_lost_nothing(sim: Simulation) -> None:
    for _ in range(4):
        sim.lose_pod(sim.job_of("c"))
        sim.run(10)
    assert status(sim)["phase"] == "Failed"
    sim.annotate("ChapterGeneration", "c", ANNOTATION_RETRY, "1")
    sim.run(1)
    assert "lostResults" not in status(sim)
    sim.lose_pod(sim.job_of("c"))
    sim.run(10)
    assert (len(sim.jobs()), status(sim)["lostResults"]) == (1, 1)


@pytest.mark.parametrize(("told", "waits"), [(7, 7), (None, 60), (0, 1), (10**6, DAY)])
def test_a_rate_limit_waits_as_told_and_a_day_at_most(sim: Simulation, told: int | None, waits: int) -> None:
    sim.fail(sim.job_of("c"), FailureClass.RATE_LIMITED, retry_after_seconds=told)
    sim.settle()
    after = clock.parse(status(sim)["nextRetryTime"]) - sim.time
    assert waits <= after <= waits * 1.2
    assert status(sim)["attempts"][0]["counted"] is False


def test_the_last_wait_of_a_queue_repeats_and_the_queue_says_how_often(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", backoffSeconds=[10, 20], maxRetries=4)
    waits = []
    for _ in range(4):
        waits.append(failed_once(sim) - sim.time)
        sim.run(30)
    assert all(base <= wait <= base * 1.2 for base, wait in zip([10, 20, 20, 20], waits, strict=True))
    sim.fail(sim.job_of("c"), FailureClass.INTERNAL)
    sim.settle()
    assert (status(sim)["phase"], status(sim)["retryCount"]) == ("Failed", 4)


def test_a_manual_retry_begins_with_all_retries_and_the_first_wait(sim: Simulation) -> None:
    for _ in range(4):
        sim.fail(sim.job_of("c"), FailureClass.INTERNAL)
        sim.run(300)
    assert status(sim)["phase"] == "Failed"
    sim.annotate("ChapterGeneration", "c", ANNOTATION_RETRY, "1")
    sim.run(1)
    assert (status(sim)["revision"], status(sim)["retryCount"], status(sim)["attempts"][0]["number"]) == (1, 0, 1)
    assert 60 <= failed_once(sim) - sim.time <= 72


def evicted(sim: Simulation) -> Json:
    """Let the Job run for a while, and its Pod be evicted: another is waiting for a node."""
    job = sim.job_of("c")
    sim.start(job)
    sim.run(50)
    job["status"]["ready"] = 0
    sim.api.touch("jobs", job)
    return job


def without_node(sim: Simulation, job: Json) -> None:
    pod = sim.pod(job, conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}])
    pod["metadata"]["creationTimestamp"] = clock.stamp(sim.time)[:19] + "Z"


@pytest.mark.parametrize("waits", [0, 280])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_pod_that_starts_late_has_all_of_its_time_and_no_more(sim: Simulation, waits: int, replaced: bool) -> None:
    job = evicted(sim) if replaced else sim.job_of("c")
    without_node(sim, job)
    sim.run(waits)
    sim.start(job)
    sim.run(300)
    assert (status(sim)["phase"], len(status(sim)["attempts"])) == ("Running", 1)
    sim.run(61)
    assert [a.get("failureClass") for a in status(sim)["attempts"]] == ["Timeout"]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_pod_that_took_an_evicted_ones_place_before_anybody_looked_has_all_of_its_time(
    sim: Simulation, restarts: bool
) -> None:
    job = evicted(sim)
    sim.run(6)
    sim.start(job)
    if restarts:
        sim.restart()
    sim.run(320)
    assert (status(sim)["phase"], len(status(sim)["attempts"])) == ("Running", 1)
    sim.run(41)
    assert [a.get("failureClass") for a in status(sim)["attempts"]] == ["Timeout"]


@pytest.mark.parametrize("replaced", [False, True])
def test_a_pod_that_no_node_takes_ends_the_attempt_with_the_cause(sim: Simulation, replaced: bool) -> None:
    without_node(sim, evicted(sim) if replaced else sim.job_of("c"))
    sim.run(290)
    assert len(sim.jobs()) == 1
    sim.run(60)
    assert [(a["failureClass"], a["message"]) for a in status(sim)["attempts"]] == [
        ("PodNotStarted", "No node takes the Pod: 0/3 nodes are available")
    ]
