"""Where waiting work stands, as the operator says it over HTTP."""

import json
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from coursegen_operator.plan.world import Measured
from coursegen_operator.positions import Positions

from .simulation import Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
QUEUE = "chapter-generation"


def ask(sim: Simulation, uid: str, *, leads: bool = True, positions: Positions | None = None) -> tuple[int, Any]:
    """Ask as an HTTP client does; give the answer's code and JSON."""
    positions = positions or Positions(sim.snapshot, sim.scheduler, sim.actor.doer.history, lambda: leads)
    request = make_mocked_request("GET", f"/position/{uid}", match_info={"uid": uid})
    answer = sim.loop.run_until_complete(positions.answer(request))
    assert answer.text
    return answer.status, json.loads(answer.text)


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.change_spec("GenerationQueue", QUEUE, namespace="", capacity=1)
    for name in ("runs", "first", "second"):
        sim.apply("ChapterGeneration", name, CHAPTER)
        sim.run(1)
    return sim


def uid(sim: Simulation, name: str) -> str:
    return str(sim.api.objects[sim.path("ChapterGeneration", name)]["metadata"]["uid"])


def test_it_says_how_many_go_first_and_how_long_that_takes_once_something_was_measured(sim: Simulation) -> None:
    assert ask(sim, uid(sim, "second")) == (200, {"position": {"queue": QUEUE, "ahead": 1, "seconds": None}})
    sim.actor.doer.history.take(Measured(QUEUE, ran=60.0, took=60.0), sim.time)
    found = ask(sim, uid(sim, "second"))[1]["position"]
    assert found["seconds"] == pytest.approx(120, rel=0.05)


@pytest.mark.parametrize("whose", ["runs", "nobody"])
def test_of_what_waits_for_no_slot_there_is_none(sim: Simulation, whose: str) -> None:
    assert ask(sim, uid(sim, whose) if whose == "runs" else "0" * 36) == (200, {"position": None})


def test_a_replica_that_stands_by_does_not_know(sim: Simulation) -> None:
    code, said = ask(sim, uid(sim, "second"), leads=False)
    assert (code, "the one that holds the Lease" in said["message"]) == (503, True)


def test_who_asks_without_end_gets_a_twentieth_of_the_operators_time(sim: Simulation) -> None:
    ticks = iter([0.0, 0.5, 1.0, 9.9, 10.0, 10.1])
    history = sim.actor.doer.history
    positions = Positions(sim.snapshot, sim.scheduler, history, lambda: True, clock=lambda: next(ticks))
    codes = [ask(sim, uid(sim, "second"), positions=positions)[0] for _ in range(4)]
    assert codes == [200, 429, 429, 200]
