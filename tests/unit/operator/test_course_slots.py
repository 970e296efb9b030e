"""Which courses hold a course slot: what may be kept for weeks makes way for others, what waits its turn does not."""

import pytest

from coursegen_api.base import FailureClass, Usage
from coursegen_operator.plan.world import Defaults

from .simulation import Json, Simulation

GIVEN = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapters": [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in (1, 2)],
    "quality": {"enabled": False},
}
OUTLINED = {"title": "T", "learningObjectives": ["x"], "chapterCount": 2, "quality": {"enabled": False}}
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
REFUSED = '"x" is forbidden: exceeded quota: small, requested: count/jobs.batch=1'


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation(Defaults(image="worker:test", max_courses=1))
    sim.apply("ModelProvider", "p", {"writer": "template"})
    return sim


def course(sim: Simulation, name: str) -> Json:
    return sim.status("CourseGeneration", name)


def write(sim: Simulation, tokens: int = 100) -> None:
    """Let what runs succeed, at a cost."""
    for job in sim.jobs():
        sim.start(job)
        sim.succeed(job, sim.result(job).model_copy(update={"usage": Usage(prompt_tokens=tokens)}))
    sim.run(1)


KEPT = {
    "suspended": (
        lambda sim: sim.change_spec("CourseGeneration", "first", suspend=True),
        lambda sim: sim.change_spec("CourseGeneration", "first", suspend=False),
    ),
    "misconfigured": (
        lambda sim: sim.api.remove("modelproviders", "courses", "p"),
        lambda sim: sim.apply("ModelProvider", "p", {"writer": "template"}),
    ),
    "over the budget of its provider": (
        lambda sim: sim.change_spec("ModelProvider", "p", budget={"tokens": 150}),
        lambda sim: sim.change_spec("ModelProvider", "p", budget={"tokens": 10_000}),
    ),
    "over its own budget": (
        lambda sim: sim.change_spec("CourseGeneration", "first", budget={"tokens": 150}),
        lambda sim: sim.change_spec("CourseGeneration", "first", budget={"tokens": 10_000}),
    ),
    "refused by a quota": (
        lambda sim: sim.api.refusals.update(jobs=REFUSED),
        lambda sim: sim.api.refusals.clear(),
    ),
}
"""By what keeps a course that has begun: how that comes, and how it goes."""


@pytest.mark.parametrize("how", KEPT)
def test_a_course_that_people_have_to_help_gives_its_slot_to_another_and_goes_on_when_they_did(
    sim: Simulation, how: str
) -> None:
    comes, goes = KEPT[how]
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "first", GIVEN | {"providerName": "p"})
    sim.apply("CourseGeneration", "other", GIVEN, namespace="other")
    sim.run(1)
    assert sim.status("CourseGeneration", "other", "other")["holdReason"] == "CourseLimit"
    comes(sim)
    write(sim)
    sim.run(10)
    assert course(sim, "first")["phase"] in ("Held", "Suspended")
    assert sim.status("CourseGeneration", "other", "other").get("startTime")
    goes(sim)
    sim.run(400)
    sim.work()
    assert course(sim, "first")["phase"] == "Succeeded"
    assert sim.status("CourseGeneration", "other", "other")["phase"] == "Succeeded"


def test_an_outage_keeps_out_those_who_depend_on_what_is_down_and_nobody_else() -> None:
    sim = Simulation(Defaults(image="worker:test", max_courses=2))
    breaker = {"minimumAttempts": 2, "openSeconds": 600}
    sim.apply("ModelProvider", "down", {"writer": "template", "circuitBreaker": breaker})
    for name in ("a", "b", "c"):
        sim.apply("CourseGeneration", name, GIVEN | {"providerName": "down"})
        sim.run(1)
    for job in sim.jobs():
        sim.fail(job, FailureClass.PROVIDER_UNAVAILABLE)
    for name in ("x", "y", "z"):
        sim.apply("CourseGeneration", name, GIVEN, namespace="other")
    sim.run(200)
    assert {course(sim, n)["holdReason"] for n in ("a", "b")} == {"ProviderCircuitOpen"}
    assert course(sim, "c")["holdReason"] == "CourseLimit"
    others = [sim.status("CourseGeneration", n, "other") for n in ("x", "y", "z")]
    assert [bool(s.get("startTime")) for s in others] == [True, True, False]
    assert sim.snapshot.load.courses == 4
    sim.restart()
    assert (sim.snapshot.load.courses, sim.snapshot.load.parked) == (4, 2)
    for _ in range(20):
        sim.work(sim.jobs())
        sim.run(100)
    assert {sim.status("CourseGeneration", n)["phase"] for n in ("a", "b", "c")} == {"Succeeded"}
    assert {sim.status("CourseGeneration", n, "other")["phase"] for n in ("x", "y", "z")} == {"Succeeded"}
    assert sim.snapshot.load.parked == 0


def test_courses_that_wait_for_their_slot_alone_can_still_probe_what_was_down(sim: Simulation) -> None:
    sim.change_spec("ModelProvider", "p", circuitBreaker={"minimumAttempts": 1})
    sim.apply("ChapterGeneration", "gone", CHAPTER | {"providerName": "p"})
    sim.run(1)
    sim.fail(sim.jobs()[0], FailureClass.PROVIDER_UNAVAILABLE)
    sim.run(1)
    sim.api.remove("chaptergenerations", "courses", "gone")
    for name in ("first", "next"):
        sim.apply("CourseGeneration", name, GIVEN | {"providerName": "p"})
    for _ in range(20):
        sim.work(sim.jobs())
        sim.run(100)
    assert {course(sim, n)["phase"] for n in ("first", "next")} == {"Succeeded"}


@pytest.mark.parametrize("how", ["a full queue", "a stopped queue", "a retry"])
def test_a_course_that_waits_its_turn_keeps_its_slot(sim: Simulation, how: str) -> None:
    """Else courses would be opened without end, and none finished."""
    if how == "a full queue":
        sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1, timeoutSeconds=3600)
        sim.apply("ChapterGeneration", "long", CHAPTER, namespace="other")
        sim.run(1)
    sim.apply("CourseGeneration", "first", GIVEN)
    sim.apply("CourseGeneration", "next", GIVEN)
    if how == "a stopped queue":
        sim.change_spec("GenerationQueue", "chapter-generation", namespace="", stopPolicy="HoldAndDrain")
    sim.run(1)
    for job in sim.jobs() if how == "a retry" else ():
        sim.fail(job, FailureClass.INTERNAL)
    sim.run(30)
    assert (course(sim, "first")["phase"], course(sim, "next")["holdReason"]) == ("Held", "CourseLimit")


@pytest.mark.parametrize("spec", [GIVEN, OUTLINED], ids=["given", "outlined"])
@pytest.mark.parametrize("whose", ["course", "provider"])
def test_a_course_that_its_budget_lets_not_begin_is_not_opened_and_blocks_nobody(
    sim: Simulation, spec: Json, whose: str
) -> None:
    kind, name = ("CourseGeneration", "poor") if whose == "course" else ("ModelProvider", "p")
    sim.apply("CourseGeneration", "poor", spec | {"providerName": "p"})
    sim.change_spec(kind, name, budget={"tokens": 0})
    sim.apply("CourseGeneration", "next", spec)
    sim.run(1)
    poor = course(sim, "poor")
    assert (poor["phase"], poor["holdReason"]) == ("Held", "BudgetExceeded")
    assert f"The budget of {'course poor' if whose == 'course' else 'provider p'} is used up" in poor["holdMessage"]
    assert course(sim, "next").get("startTime")
    sim.change_spec(kind, name, budget={"tokens": 10_000})
    sim.run(1)
    sim.work()
    assert {course(sim, n)["phase"] for n in ("poor", "next")} == {"Succeeded"}


def test_an_outline_that_a_budget_keeps_is_held_and_goes_on_when_the_budget_is_raised(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "course-generation", namespace="", capacity=0)
    sim.apply("CourseGeneration", "c", OUTLINED | {"providerName": "p"})
    sim.run(1)
    sim.change_spec("ModelProvider", "p", budget={"tokens": 0})
    sim.change_spec("GenerationQueue", "course-generation", namespace="", capacity=1)
    sim.run(1)
    assert (course(sim, "c")["holdReason"], sim.jobs()) == ("BudgetExceeded", [])
    sim.change_spec("ModelProvider", "p", budget={"tokens": 10_000})
    sim.work()
    assert course(sim, "c")["phase"] == "Succeeded"


# ---- what a finalizer keeps ---------------------------------------------------------------------------


def delete(sim: Simulation, kind: str, name: str) -> None:
    """Delete an object that a finalizer keeps."""
    gone = {"deletionTimestamp": "2027-01-15T08:00:00Z", "deletionGracePeriodSeconds": 0}
    sim.api.edit(*sim.path(kind, name), lambda body: body["metadata"].update(gone))
    sim.run(1)


@pytest.mark.parametrize(("kind", "spec"), [("CourseGeneration", GIVEN), ("ChapterGeneration", CHAPTER)])
def test_what_is_being_deleted_keeps_no_slot_but_that_of_its_jobs(sim: Simulation, kind: str, spec: Json) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    for name in ("first", "next"):
        sim.apply(kind, name, spec)
        sim.run(1)
    delete(sim, kind, "first")
    write(sim)
    assert sim.status(kind, "next").get("startTime")


def test_a_probe_that_is_being_deleted_makes_way_for_another(sim: Simulation) -> None:
    sim.change_spec("ModelProvider", "p", circuitBreaker={"minimumAttempts": 1, "openSeconds": 60})
    for name in ("first", "next"):
        sim.apply("ChapterGeneration", name, CHAPTER | {"providerName": "p"})
    sim.run(1)
    for job in sim.jobs():
        sim.fail(job, FailureClass.PROVIDER_UNAVAILABLE)
    sim.run(100)
    [probe] = sim.jobs()
    [other] = {"first", "next"} - {sim.task(probe).name}
    delete(sim, "ChapterGeneration", sim.task(probe).name)
    assert [(sim.task(j).name, sim.task(j).probe) for j in sim.jobs() if j != probe] == [(other, True)]
