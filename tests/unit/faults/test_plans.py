"""The plans of a campaign: each is told apart by its name, and each judge has a planted bug to see."""

from collections import Counter

from ...faults import bugs, oracles, plans
from ...faults.run import Result

WRITTEN = ["POST jobs a #1", "POST jobs a #2"]
LEARNED = Result(plans.CLEAN, [], 0, 20.0, WRITTEN, {}, [], events={"jobs": 5, "courseexports": 2})


def test_no_two_plans_have_one_name() -> None:
    found = Counter(plan.name for plan in plans.everything(LEARNED))
    assert [name for name, times in found.items() if times > 1] == []


def test_every_write_is_tried_three_ways_and_every_pair_of_events_is_kept_back_once() -> None:
    names = [plan.name for plan in plans.everything(LEARNED)]
    assert sum(name.startswith("POST jobs a #2: ") for name in names) == 3
    kept = [name for name in names if name.endswith("are kept back")]
    assert kept == [f"jobs: events {n} and {n + 1} are kept back" for n in (1, 3)] + [
        "courseexports: events 1 and 2 are kept back"
    ]


def test_every_planted_bug_has_a_plan_that_shows_it_and_every_judge_a_bug_to_see() -> None:
    assert set(plans.CATCHES) == set(bugs.ALL)
    assert {catch.judge for catch in plans.CATCHES.values()} == set(oracles.JUDGES)
