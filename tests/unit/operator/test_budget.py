"""Budgets of courses and providers: beyond them work is held, never failed, and goes on when they are raised."""

import pytest

from coursegen_api.base import FailureClass, Usage
from coursegen_api.budget import CourseBudget
from coursegen_api.names import ANNOTATION_RETRY
from coursegen_operator.plan import budget
from coursegen_operator.plan.budget import Cost, Period, Purse

from .simulation import Json, Simulation

GIVEN = {
    "title": "Python Programming",
    "learningObjectives": ["Learn Python basics"],
    "chapters": [{"id": f"c{i}", "title": f"Chapter {i}", "learningObjectives": ["x"]} for i in range(6)],
    "quality": {"enabled": False},
    "providerName": "p",
}
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"], "providerName": "p"}


@pytest.fixture
def sim() -> Simulation:
    sim = Simulation()
    sim.apply("ModelProvider", "p", {"writer": "template"})
    return sim


def write(sim: Simulation, count: int | None = None, tokens: int = 100) -> None:
    """Let chapters be written that cost something."""
    for job in sim.jobs()[:count]:
        result = sim.result(job)
        paid = Usage(prompt_tokens=tokens // 2, completion_tokens=tokens // 2, cost_micro_usd=tokens * 10)
        sim.start(job)
        sim.succeed(job, result.model_copy(update={"usage": paid}))
    sim.run(1)


def finish(sim: Simulation) -> None:
    while sim.jobs():
        write(sim)


def held(sim: Simulation) -> list[str]:
    found = (sim.status("ChapterGeneration", n) for n in sim.names("ChapterGeneration"))
    return [s["holdMessage"] for s in found if s.get("holdReason") == "BudgetExceeded"]


@pytest.mark.parametrize(
    ("used", "reserved", "cost", "lacks"),
    [
        (0, 0, 0, False),
        (0, 0, 100, False),
        (0, 0, 101, True),
        (50, 30, 20, False),
        (50, 30, 21, True),
        (99, 0, 0, False),  # nothing is known of what it costs: until all is used
        (100, 0, 0, True),
    ],
)
def test_what_is_used_and_what_is_reserved_count_together(used: int, reserved: int, cost: int, lacks: bool) -> None:
    tokens = Purse("course c", CourseBudget(tokens=100), Cost(used), Cost(reserved))
    money = Purse("course c", CourseBudget(cost_micro_usd=100), Cost(0, used), Cost(0, reserved))
    assert tokens.lacks(Cost(cost)) is lacks
    assert money.lacks(Cost(0, cost)) is lacks


@pytest.mark.parametrize(
    ("day", "period", "name", "begins"),
    [
        ("2026-11-24T13:00:00Z", Period.MONTH, "2026-11", "2026-12-01T00:00:00.000Z"),
        ("2026-12-31T23:59:59Z", Period.MONTH, "2026-12", "2027-01-01T00:00:00.000Z"),
        ("2028-02-29T00:00:00Z", Period.DAY, "2028-02-29", "2028-03-01T00:00:00.000Z"),
    ],
)
def test_a_period_is_a_day_or_month_in_utc(day: str, period: Period, name: str, begins: str) -> None:
    from coursegen_operator.plan import clock

    time = clock.parse(day)
    assert budget.period_of(time, period) == name
    assert clock.stamp(budget.next_period(time, period)) == begins


def test_a_course_over_its_budget_is_held_in_figures_and_goes_on_when_it_is_raised(sim: Simulation) -> None:
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.apply("CourseGeneration", "c", GIVEN | {"budget": {"tokens": 250}})
    sim.run(1)
    finish(sim)
    assert len(held(sim)) == 4
    assert "The budget of course c is used up: 200 of 250 tokens used" in held(sim)[0]
    assert "about 100 needed" in held(sim)[0]
    sim.run(10)
    course = sim.status("CourseGeneration", "c")
    assert (course["phase"], course["holdReason"]) == ("Held", "BudgetExceeded")
    sim.change_spec("CourseGeneration", "c", budget={"tokens": 1000})
    sim.run(1)
    finish(sim)
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_nobody_waits_behind_a_course_that_is_over_its_budget(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "first", GIVEN | {"budget": {"tokens": 0}})
    sim.apply("CourseGeneration", "second", GIVEN)
    sim.run(1)
    assert len(sim.jobs()) == 6
    finish(sim)
    assert sim.status("CourseGeneration", "second")["phase"] == "Succeeded"
    assert sim.status("CourseGeneration", "first")["holdReason"] == "BudgetExceeded"


def test_what_runs_is_reserved_at_the_mean_of_what_was_measured(sim: Simulation) -> None:
    sim.apply("ModelProvider", "measured", {"writer": "template", "budget": {"tokens": 1000}})
    one = CHAPTER | {"providerName": "measured"}
    sim.apply("ChapterGeneration", "first", one)
    sim.run(1)
    write(sim)
    for i in range(12):
        sim.apply("ChapterGeneration", f"ch{i:02d}", one)
    sim.run(1)
    assert len(sim.jobs()) == 9
    assert "100 of 1000 tokens used, 900 reserved for what runs, about 100 needed" in held(sim)[0]
    write(sim, 1, tokens=10)
    assert len(sim.jobs()) == 11  # it took less than was reserved, and so will the next


def test_before_anything_is_measured_the_providers_own_estimate_is_reserved(sim: Simulation) -> None:
    sim.change_spec("ModelProvider", "p", budget={"tokens": 1000, "reserveTokens": 400})
    for i in range(4):
        sim.apply("ChapterGeneration", f"ch{i}", CHAPTER)
    sim.run(1)
    assert len(sim.jobs()) == 2
    sim.restart()
    sim.run(1)
    assert len(sim.jobs()) == 2


def test_a_provider_over_its_budget_begins_anew_with_the_next_period(sim: Simulation) -> None:
    sim.change_spec("ModelProvider", "p", budget={"costMicroUSD": 1500, "period": "Day"})
    for i in range(4):
        sim.apply("ChapterGeneration", f"ch{i}", CHAPTER)
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=1)
    sim.run(1)
    finish(sim)
    assert len(held(sim)) == 3
    assert "or wait for 2027-01-16" in held(sim)[0]  # the simulation begins on the 15th
    sim.run(budget.next_period(sim.time, Period.DAY) - sim.time + 1)
    assert len(sim.jobs()) == 1


def test_a_provider_remembers_what_it_cost_across_a_restart_and_the_deletion_of_the_work(sim: Simulation) -> None:
    sim.change_spec("ModelProvider", "p", budget={"tokens": 350})
    for i in range(3):
        sim.apply("ChapterGeneration", f"ch{i}", CHAPTER)
    sim.run(1)
    write(sim)
    sim.run(60)
    usage = sim.status("ModelProvider", "p")["usage"]
    assert (usage["tokens"], usage["costMicroUSD"]) == (300, 3000)
    for i in range(3):
        sim.api.remove("chaptergenerations", "courses", f"ch{i}")
    sim.restart()
    sim.apply("ChapterGeneration", "next", CHAPTER)
    sim.run(1)
    write(sim)
    sim.run(120)
    assert sim.status("ModelProvider", "p")["usage"]["tokens"] == 400
    sim.apply("ChapterGeneration", "more", CHAPTER)
    sim.run(1)
    assert "400 of 350 tokens used" in held(sim)[0]


@pytest.mark.parametrize("when", ["at once", "later"])
def test_nothing_is_charged_twice_or_lost_by_a_crash(sim: Simulation, when: str) -> None:
    for i in range(5):
        sim.apply("ChapterGeneration", f"ch{i}", CHAPTER)
    sim.run(1)
    for _ in range(5):
        write(sim, 1)
        sim.restart()
        if when == "later":
            sim.run(50)
            sim.restart()
    sim.run(200)
    assert sim.status("ModelProvider", "p")["usage"]["tokens"] == 500


@pytest.mark.parametrize("fault", ["before", "after"])
def test_what_was_settled_by_a_write_that_was_not_answered_is_not_settled_again(sim: Simulation, fault: str) -> None:
    sim.change_spec("ModelProvider", "p", budget={"tokens": 300})
    sim.apply("ChapterGeneration", "first", CHAPTER)
    sim.run(1)
    write(sim)
    lost = iter([fault])
    sim.api.fault = lambda verb, path: next(lost, "") if "modelproviders" in path else ""
    sim.run(60)
    assert next(lost, "none left") == "none left"
    for name in ("second", "third"):
        sim.apply("ChapterGeneration", name, CHAPTER)
        sim.run(1)
        write(sim)
        assert sim.status("ChapterGeneration", name)["phase"] == "Succeeded"
    sim.apply("ChapterGeneration", "fourth", CHAPTER)
    sim.run(1)
    assert "300 of 300 tokens used, 0 reserved" in held(sim)[0]
    sim.run(200)
    assert sim.status("ModelProvider", "p")["usage"]["tokens"] == 300


def test_what_failed_and_what_is_made_anew_is_paid_as_well(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(1)
    paid = Usage(prompt_tokens=40, completion_tokens=30)
    sim.fail(sim.job_of("c"), FailureClass.BAD_OUTPUT, usage=paid)
    sim.run(100)
    write(sim)
    sim.change_spec("ChapterGeneration", "c", regeneration={"requestId": "r", "feedback": "simpler"})
    sim.run(1)
    write(sim)
    usage = sim.status("ChapterGeneration", "c")["usage"]
    assert usage["promptTokens"] + usage["completionTokens"] == 270
    sim.run(200)
    assert sim.status("ModelProvider", "p")["usage"]["tokens"] == 270


def test_validation_and_exports_ask_no_model_and_are_never_held_for_a_budget(sim: Simulation) -> None:
    spec: Json = GIVEN | {"budget": {"tokens": 600}, "quality": {}, "exports": [{"format": "pdf"}]}
    sim.apply("CourseGeneration", "c", spec)
    sim.run(1)
    write(sim)
    sim.work()
    status = sim.status("CourseGeneration", "c")
    assert (status["phase"], status["usage"]["promptTokens"]) == ("Succeeded", 300)


def test_a_budget_that_is_taken_away_lets_the_work_go_on(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", GIVEN | {"budget": {"tokens": 0}})
    sim.run(1)
    assert (sim.status("CourseGeneration", "c")["holdReason"], sim.jobs()) == ("BudgetExceeded", [])
    sim.api.edit("coursegenerations", "courses", "c", lambda body: body["spec"].pop("budget"))
    sim.run(1)
    assert len(sim.jobs()) == 6


def test_what_a_failed_outline_cost_is_still_counted_when_it_is_made_anew(sim: Simulation) -> None:
    spec = {k: v for k, v in GIVEN.items() if k != "chapters"} | {"budget": {"tokens": 1000}}
    sim.apply("CourseGeneration", "c", spec)
    sim.run(1)
    [job] = sim.jobs()
    sim.start(job)
    sim.fail(job, FailureClass.INVALID_INPUT, usage=Usage(prompt_tokens=900, completion_tokens=100))
    sim.run(3)
    sim.annotate("CourseGeneration", "c", ANNOTATION_RETRY, "1")
    sim.run(3)
    status = sim.status("CourseGeneration", "c")
    assert (status["holdReason"], status["usage"]["promptTokens"]) == ("BudgetExceeded", 900)


def test_the_mean_of_the_last_ones_is_the_same_after_a_full_list(sim: Simulation) -> None:
    for n in range(30):
        sim.apply("ChapterGeneration", f"l{(7 * n) % 30:02}", CHAPTER)
        sim.run(1)
        write(sim, tokens=100 if n < 10 else 1000)
        sim.run(30)
    ledger, provider = sim.snapshot.books.ledger, sim.key("ModelProvider", "p")
    assert ledger.estimate(provider, "chapter").tokens == 1000
    sim.restart()
    assert sim.snapshot.books.ledger.estimate(provider, "chapter").tokens == 1000
