"""A provider, or what a queue needs, fails for a while: nothing but probes starts, and no task pays for it."""

import itertools

import pytest

from coursegen_api.base import FailureClass
from coursegen_api.names import ANNOTATION_RETRY, QUEUE_CHAPTER

from .simulation import Json, Simulation

ONE = {
    "title": "Python Programming",
    "learningObjectives": ["Learn Python basics"],
    "chapters": [{"id": "c1", "title": "Chapter", "learningObjectives": ["Write a loop"]}],
    "quality": {"enabled": False},
}
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.apply("ModelProvider", "p", {"writer": "template"})
    return sim


def circuit(sim: Simulation, kind: str = "ModelProvider", name: str = "p") -> Json:
    namespace = "courses" if kind == "ModelProvider" else ""
    return sim.status(kind, name, namespace).get("circuitBreaker", {})


def is_probe(sim: Simulation, job: Json) -> bool:
    name = job["metadata"]["ownerReferences"][0]["name"]
    return bool(sim.status("ChapterGeneration", name)["attempts"][-1].get("probe"))


def told(sim: Simulation) -> list[str]:
    return [e["reason"] for e in sim.api.posted if e["reason"].startswith("Circuit")]


def chapters(sim: Simulation, count: int, **spec: object) -> None:
    for i in range(count):
        sim.apply("ChapterGeneration", f"ch{i:02d}", CHAPTER | {"providerName": "p"} | spec)
    sim.run(1)


def fail_all(sim: Simulation, failure: FailureClass = FailureClass.PROVIDER_UNAVAILABLE) -> None:
    for job in sim.jobs():
        sim.start(job)
        sim.fail(job, failure)
    sim.settle()


def test_a_hundred_courses_wait_out_a_provider_that_answers_429_and_500(sim: Simulation) -> None:
    for i in range(100):
        sim.apply("CourseGeneration", f"c{i:03d}", ONE | {"providerName": "p"})
    sim.run(1)
    assert len(sim.jobs()) == 50  # the queue's capacity
    answers = itertools.cycle([FailureClass.PROVIDER_UNAVAILABLE, FailureClass.RATE_LIMITED])
    probes, recovers = 0, sim.time + 900
    while sim.time < recovers:
        for job, answer in zip(sim.jobs(), answers, strict=False):
            sim.start(job)
            more = {"retry_after_seconds": 20} if answer is FailureClass.RATE_LIMITED else {}
            sim.fail(job, answer, **more)
        sim.settle()
        sim.run(5)
        assert circuit(sim)["state"] in ("Open", "HalfOpen")
        begun = sim.jobs()
        assert len(begun) <= 1
        assert all(is_probe(sim, j) for j in begun)
        probes += len(begun)
        if 300 < recovers - sim.time < 306:
            sim.restart()
    assert 4 <= probes <= 10
    held = [sim.status("ChapterGeneration", f"c{i:03d}-chapter-01") for i in range(100)]
    assert {s["holdReason"] for s in held if "holdReason" in s} <= {"ProviderCircuitOpen", "RetryBackoff"}
    for _ in range(200):
        sim.work(sim.jobs())
        sim.run(30)
    assert {sim.status("CourseGeneration", f"c{i:03d}")["phase"] for i in range(100)} == {"Succeeded"}
    for i in range(100):
        status = sim.status("ChapterGeneration", f"c{i:03d}-chapter-01")
        assert status["retryCount"] == 0
        assert not any(a.get("counted") for a in status["attempts"])
    assert circuit(sim)["state"] == "Closed"
    assert told(sim)[0] == "CircuitOpen"
    assert told(sim)[-1] == "CircuitClosed"
    assert set(sim.api.jobs_created.values()) == {1}


def test_what_is_held_says_why_and_when_it_is_tried_again(sim: Simulation) -> None:
    chapters(sim, 5)
    fail_all(sim)
    sim.apply("ChapterGeneration", "next", CHAPTER | {"providerName": "p"})
    sim.settle()
    status = sim.status("ChapterGeneration", "next")
    assert (status["phase"], status["holdReason"]) == ("Held", "ProviderCircuitOpen")
    assert "3 of the last 3 attempts failed (ProviderUnavailable)" in status["holdMessage"]
    assert circuit(sim)["nextProbeTime"] in status["holdMessage"]


def test_what_was_granted_before_it_opened_does_not_begin_after(sim: Simulation) -> None:
    sim.api.edit("generationqueues", "", QUEUE_CHAPTER, lambda queue: queue["spec"].update(capacity=5))
    chapters(sim, 10)
    fail_all(sim)  # the first outcome frees a slot, which is granted; the third opens the circuit
    assert circuit(sim)["state"] == "Open"
    assert sim.jobs() == []
    held = [sim.status("ChapterGeneration", f"ch{i:02d}")["holdReason"] for i in range(5, 10)]
    assert held == ["ProviderCircuitOpen"] * 5


def test_what_failed_before_it_opened_gets_its_retry_back(sim: Simulation) -> None:
    chapters(sim, 8)
    for job in sim.jobs()[:2]:
        sim.fail(job, FailureClass.PROVIDER_UNAVAILABLE)
    sim.settle()
    assert sim.status("ChapterGeneration", "ch00")["retryCount"] == 1
    sim.fail(sim.jobs()[0], FailureClass.PROVIDER_UNAVAILABLE)
    sim.settle()
    for i in range(3):
        status = sim.status("ChapterGeneration", f"ch{i:02d}")
        assert (status["retryCount"], status["attempts"][0]["counted"]) == (0, False)
        assert "The next attempt after ProviderUnavailable, which cost no retry, is due at" in status["holdMessage"]
        assert "Not counted: provider p failed as a whole." in status["attempts"][0]["message"]


@pytest.mark.parametrize(
    ("failure", "opens"),
    [
        (FailureClass.PROVIDER_UNAVAILABLE, True),
        (FailureClass.TIMEOUT, True),
        (FailureClass.INVALID_INPUT, False),
        (FailureClass.REJECTED, False),
        (FailureClass.BAD_OUTPUT, False),
        (FailureClass.QUALITY_BELOW_BAR, False),
        (FailureClass.STOPPED, False),
        (FailureClass.STORAGE_UNAVAILABLE, False),
    ],
)
def test_which_failures_speak_against_a_provider(sim: Simulation, failure: FailureClass, opens: bool) -> None:
    chapters(sim, 10)
    fail_all(sim, failure)
    assert (circuit(sim).get("state") == "Open") is opens


@pytest.mark.parametrize(
    ("failure", "pauses"),
    [
        (FailureClass.STORAGE_UNAVAILABLE, True),
        (FailureClass.INTERNAL, True),
        (FailureClass.PROVIDER_UNAVAILABLE, False),
        (FailureClass.REJECTED, False),
        (FailureClass.BAD_OUTPUT, False),
    ],
)
def test_which_failures_pause_a_queue(sim: Simulation, failure: FailureClass, pauses: bool) -> None:
    sim.change_spec("ModelProvider", "p", circuitBreaker={"enabled": False})
    chapters(sim, 20)
    fail_all(sim, failure)
    sim.apply("ChapterGeneration", "next", CHAPTER)
    sim.settle()
    status = sim.status("ChapterGeneration", "next")
    assert (status.get("holdReason") == "QueuePaused") is pauses
    state = circuit(sim, "GenerationQueue", "chapter-generation").get("state")
    assert (state == "Open") is pauses


def test_a_queue_that_recovers_finishes_all_and_counts_nothing(sim: Simulation) -> None:
    chapters(sim, 25)
    fail_all(sim, FailureClass.STORAGE_UNAVAILABLE)
    sim.run(29)
    assert sim.jobs() == []
    sim.run(40)
    assert len(sim.jobs()) == 1
    for _ in range(20):
        sim.work(sim.jobs())
        sim.run(60)
    for name in sim.names("ChapterGeneration"):
        assert (
            sim.status("ChapterGeneration", name)["phase"],
            sim.status("ChapterGeneration", name)["retryCount"],
        ) == (
            "Succeeded",
            0,
        )


def test_one_namespace_does_not_wait_for_the_provider_of_another(sim: Simulation) -> None:
    sim.apply("ModelProvider", "p", {"writer": "template"}, namespace="other")
    chapters(sim, 5)
    fail_all(sim)
    sim.apply("ChapterGeneration", "a-waits", CHAPTER | {"providerName": "p"})
    sim.apply("ChapterGeneration", "runs", CHAPTER | {"providerName": "p"}, namespace="other")
    sim.settle()
    assert sim.status("ChapterGeneration", "a-waits")["holdReason"] == "ProviderCircuitOpen"
    assert [j["metadata"]["namespace"] for j in sim.jobs()] == ["other"]


def test_the_probe_is_what_was_tried_least_and_is_the_least_work(sim: Simulation) -> None:
    chapters(sim, 5)
    fail_all(sim)
    sim.apply("ChapterGeneration", "large", CHAPTER | {"providerName": "p", "learningObjectives": ["x"] * 9})
    sim.apply("ChapterGeneration", "small", CHAPTER | {"providerName": "p"})
    sim.run(31)
    assert [j["metadata"]["ownerReferences"][0]["name"] for j in sim.jobs()] == ["small"]


def test_what_kubernetes_refuses_is_no_probe_where_there_is_another(sim: Simulation) -> None:
    sim.api.refusals["jobs"] = "denied the request: no Job of this name"
    sim.apply("ChapterGeneration", "a-refused", CHAPTER | {"providerName": "p"})
    sim.run(2)
    sim.api.refusals.clear()
    chapters(sim, 5)
    fail_all(sim)
    sim.apply("ChapterGeneration", "other", CHAPTER | {"providerName": "p"})
    sim.run(31)
    assert [j["metadata"]["ownerReferences"][0]["name"] for j in sim.jobs()] == ["other"]


def test_a_probe_that_is_cancelled_makes_way_for_another(sim: Simulation) -> None:
    chapters(sim, 5)
    fail_all(sim)
    for name in ("x", "y"):
        sim.apply("ChapterGeneration", name, CHAPTER | {"providerName": "p"})
    sim.run(31)
    [probe] = sim.jobs()
    first = probe["metadata"]["ownerReferences"][0]["name"]
    sim.api.remove("chaptergenerations", "courses", first)
    sim.run(1)
    [probe] = sim.jobs()
    assert {first, probe["metadata"]["ownerReferences"][0]["name"]} == {"x", "y"}


def test_a_failure_that_never_ends_is_still_given_up_after_twenty_attempts(sim: Simulation) -> None:
    chapters(sim, 5)
    for _ in range(400):
        fail_all(sim)
        sim.run(300)
    for i in range(5):
        status = sim.status("ChapterGeneration", f"ch{i:02d}")
        assert (status["phase"], status["errorDetails"]["failureClass"]) == ("Failed", "ProviderUnavailable")
        assert status["attempts"][-1]["number"] == 20


def test_an_artifact_found_in_the_store_says_nothing_about_the_provider(sim: Simulation) -> None:
    from coursegen_api.base import Usage

    chapters(sim, 5)
    fail_all(sim)
    sim.apply("ChapterGeneration", "cached", CHAPTER | {"providerName": "p"})
    sim.run(31)
    [probe] = sim.jobs()
    sim.succeed(probe, sim.result(probe).model_copy(update={"usage": Usage(cached=True)}))
    sim.run(1)
    assert sim.status("ChapterGeneration", "cached")["phase"] == "Succeeded"
    assert circuit(sim)["state"] == "HalfOpen"


def test_an_open_circuit_outlives_what_opened_it_and_a_restart(sim: Simulation) -> None:
    chapters(sim, 5)
    fail_all(sim)
    for name in sim.names("ChapterGeneration"):
        sim.api.remove("chaptergenerations", "courses", name)
    sim.restart()
    sim.apply("ChapterGeneration", "next", CHAPTER | {"providerName": "p"})
    sim.settle()
    assert sim.status("ChapterGeneration", "next")["holdReason"] == "ProviderCircuitOpen"
    sim.run(31)
    assert len(sim.jobs()) == 1


def test_a_crash_before_the_state_is_written_lets_nothing_through(sim: Simulation) -> None:
    chapters(sim, 5)
    for job in sim.jobs():
        sim.fail(job, FailureClass.PROVIDER_UNAVAILABLE)
    sim.api.fault = lambda verb, path: "before" if "modelproviders" in path else ""
    sim.settle()
    assert circuit(sim) == {}
    sim.restart()
    sim.apply("ChapterGeneration", "next", CHAPTER | {"providerName": "p"})
    sim.settle()
    assert sim.status("ChapterGeneration", "next")["holdReason"] == "ProviderCircuitOpen"
    sim.api.fault = lambda verb, path: ""
    sim.run(2)
    assert circuit(sim)["state"] == "Open"


def test_switched_off_it_lets_everything_through(sim: Simulation) -> None:
    chapters(sim, 5)
    fail_all(sim)
    sim.apply("ChapterGeneration", "next", CHAPTER | {"providerName": "p"})
    sim.settle()
    assert sim.jobs() == []
    sim.change_spec("ModelProvider", "p", circuitBreaker={"enabled": False})
    sim.run(1)
    assert len(sim.jobs()) == 1
    assert circuit(sim)["state"] == "Closed"


def test_a_manual_retry_while_it_is_open_waits_with_the_others(sim: Simulation) -> None:
    chapters(sim, 6)
    sim.fail(sim.job_of("ch00"), FailureClass.REJECTED)
    sim.settle()
    fail_all(sim)
    sim.annotate("ChapterGeneration", "ch00", ANNOTATION_RETRY, "again")
    sim.settle()
    status = sim.status("ChapterGeneration", "ch00")
    assert (status["revision"], status["holdReason"]) == (1, "ProviderCircuitOpen")


def test_without_failures_nothing_is_written_about_circuits(sim: Simulation) -> None:
    chapters(sim, 10)
    sim.work()
    assert circuit(sim) == {}
    assert sim.metrics.circuit_changes.collect()[0].samples == []
