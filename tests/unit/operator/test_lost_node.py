"""A node that goes and does not come back: the attempt ends free, once its Pod was to have ended, and not before."""

from typing import Any

import pytest

from coursegen_operator.plan import clock

from .simulation import Json, Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(1)
    sim.start(sim.job_of("c"))
    sim.run(20)
    return sim


def lose_node(sim: Simulation, gone_in: float, disrupted: bool = True) -> Json:
    """Have Kubernetes delete the Pod of a node that does not answer: nobody confirms it."""
    job = sim.job_of("c")
    target = [{"type": "DisruptionTarget", "status": "True", "message": "taint manager"}] if disrupted else []
    pod = sim.pod(job, phase="Running", conditions=target, containerStatuses=[{"state": {"running": {}}}])
    pod["metadata"]["deletionTimestamp"] = clock.stamp(sim.time + gone_in)[:19] + "Z"
    job["status"]["ready"] = 0
    sim.api.touch("jobs", job)
    return job


def attempts(sim: Simulation) -> list[Any]:
    return [(a.get("failureClass"), a.get("counted")) for a in sim.status("ChapterGeneration", "c")["attempts"]]


def test_the_attempt_ends_free_soon_after_its_pod_was_to_have_ended(sim: Simulation) -> None:
    lose_node(sim, gone_in=30)
    sim.run(30)
    assert attempts(sim) == [(None, None)], "until then the node may still confirm it"
    sim.run(15)
    assert attempts(sim) == [("Disrupted", False), (None, None)]
    assert len(sim.jobs()) == 1
    sim.work(sim.jobs())
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)


def test_a_node_that_comes_back_in_time_has_its_say(sim: Simulation) -> None:
    job = lose_node(sim, gone_in=30)
    sim.run(29)
    sim.succeed(job)
    sim.run(1)
    assert sim.status("ChapterGeneration", "c")["phase"] == "Succeeded"
    assert attempts(sim) == [(None, None)]


def test_a_pod_that_is_deleted_and_not_for_its_node_is_waited_for(sim: Simulation) -> None:
    lose_node(sim, gone_in=30, disrupted=False)
    sim.run(60)
    assert attempts(sim) == [(None, None)]
