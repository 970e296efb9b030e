"""An operator that is older than what it finds: it leaves that alone, says so, and the others go on."""

import pytest

from .simulation import Json, Simulation

GIVEN = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapters": [{"id": "c1", "title": "Chapter", "learningObjectives": ["x"]}],
    "quality": {"enabled": False},
}


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.apply("CourseGeneration", "new", GIVEN)
    sim.apply("CourseGeneration", "plain", GIVEN)
    return sim


def make_newer(sim: Simulation, part: str = "spec") -> None:
    """Give a course a value that a later version has added to a closed list."""

    def change(body: Json) -> None:
        if part == "spec":
            body["spec"]["failurePolicy"] = "ExportAnyway"
        else:
            body["status"] = {"holdReason": "Eclipse"}

    sim.api.edit("coursegenerations", "courses", "new", change)


def told(sim: Simulation) -> list[str]:
    return [e["message"] for e in sim.api.posted if e["reason"] == "Unreadable"]


@pytest.mark.parametrize("part", ["spec", "status"])
@pytest.mark.parametrize("begins", ["with it", "without it"])
def test_a_value_that_it_does_not_know_is_said_and_the_others_go_on(sim: Simulation, part: str, begins: str) -> None:
    if begins == "with it":
        make_newer(sim, part)
        sim.restart()
    else:
        sim.settle()
        make_newer(sim, part)
    before = sim.api.objects[("coursegenerations", "courses", "new")]["metadata"]["resourceVersion"]
    sim.work()
    sim.run(600)
    assert sim.status("CourseGeneration", "plain")["phase"] == "Succeeded"
    [message] = told(sim)
    assert ("spec.failurePolicy" if part == "spec" else "status.holdReason") in message
    after = sim.api.objects[("coursegenerations", "courses", "new")]["metadata"]["resourceVersion"]
    assert after == before, "what is not understood is not written to"


@pytest.mark.parametrize("by", ["a watch", "a list"])
def test_it_goes_on_with_it_once_it_can_be_read(sim: Simulation, by: str) -> None:
    sim.run(1)
    make_newer(sim)
    sim.resync()
    sim.run(10)
    if by == "a list":
        sim.watch_is_broken = True
    sim.change_spec("CourseGeneration", "new", failurePolicy="Fail")
    sim.settle()
    sim.watch_is_broken = False
    sim.resync()
    sim.run(60)
    sim.work()
    assert sim.status("CourseGeneration", "new")["phase"] == "Succeeded"
    assert sim.snapshot.unreadable == {}


def test_a_queue_that_it_cannot_read_holds_the_work_of_that_queue_only(sim: Simulation) -> None:
    sim.api.edit("generationqueues", "", "export", lambda body: body["spec"].update(priority="Soonest"))
    sim.work()
    assert sim.status("CourseGeneration", "plain")["phase"] == "Succeeded"
    assert len(told(sim)) == 1


def test_what_is_deleted_is_forgotten(sim: Simulation) -> None:
    make_newer(sim)
    sim.run(1)
    sim.api.remove("coursegenerations", "courses", "new")
    sim.run(1)
    assert sim.snapshot.unreadable == {}
