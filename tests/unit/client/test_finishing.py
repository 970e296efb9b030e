"""When a course should be finished, in words that promise no more than is known."""

import pytest

from coursegen import finishing, times, why

from .things import NOW, at, chapter, course, queue, seen

BEGUN = {"startTime": at(-60), "stage": "Chapters"}
SOON = {"estimatedCompletionTime": at(715)}
MEASURED = {
    name: queue(name, lastHour={"succeeded": 50, "runP50Seconds": 12})
    for name in ("course-generation", "chapter-generation", "quality-validation", "export")
}


def measured(**succeeded: int) -> dict:
    few = {name: queue(name, **({"lastHour": {"succeeded": n}} if n else {})) for name, n in succeeded.items()}
    return MEASURED | {name.replace("_", "-"): found for name, found in few.items()}


@pytest.mark.parametrize(
    ("status", "queues", "words"),
    [
        (BEGUN | SOON | {"estimateCertainty": "High"}, {}, "in about 12m"),
        (
            BEGUN | SOON | {"estimateCertainty": "Low"},
            {},
            "in about 12m, roughly: something waits, or little was measured so far",
        ),
        (BEGUN | {"estimatedCompletionTime": at(-3), "estimateCertainty": "High"}, {}, "any moment"),
        (BEGUN, measured(chapter_generation=0), "not known yet: no chapter measured so far"),
        (
            BEGUN,
            measured(chapter_generation=0, quality_validation=2),
            "not known yet: no chapter and only 2 validations measured so far",
        ),
        (BEGUN | {"stage": "Validation"}, measured(chapter_generation=0, quality_validation=1),
         "not known yet: only 1 validation measured so far"),
        (
            BEGUN,
            MEASURED | {"quality-validation": queue("quality-validation", spec={"stopPolicy": "Hold"})},
            "not known yet: queue quality-validation is stopped",
        ),
        (BEGUN, MEASURED, "not known yet: too little measured so far"),
        (BEGUN, {}, "not known yet"),
        ({}, MEASURED, "not known yet: it has no course slot"),
        (BEGUN | {"holdReason": "Suspended"}, MEASURED, "not known yet: work is held as Suspended"),
        (SOON | {"phase": "Succeeded"}, {}, None),
    ],
)  # fmt: skip
def test_an_estimate_is_worded_as_sure_as_it_is(status: dict, queues: dict, words: str | None) -> None:
    assert finishing.when(course(**seen(**status)), queues, [], NOW) == words


def test_of_a_suspended_course_it_is_not_known() -> None:
    found = finishing.when(course(spec={"suspend": True}, **seen(**BEGUN)), MEASURED, [], NOW)
    assert found == "not known yet: it is suspended"


def test_what_a_part_is_held_for_is_named() -> None:
    part = chapter("a", **seen(phase="Held", holdReason="BudgetExceeded"))
    found = finishing.when(course(**seen(**BEGUN)), MEASURED, [part], NOW)
    assert found == "not known yet: work is held as BudgetExceeded"


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (SOON | {"estimateCertainty": "High"}, "It should be finished in about 12m."),
        ({}, "When it will be finished is not known yet: no chapter measured so far."),
    ],
)
def test_why_says_when_a_course_should_be_finished(estimate: dict, words: str) -> None:
    obj = course(**seen(**BEGUN, **estimate))
    assert why.why(obj, why.Around(measured(chapter_generation=0)), NOW).endswith(words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "5s"), (43, "45s"), (84, "80s"), (204, "3m30s"), (715, "12m"), (4000, "1h5m"), (8000, "2h15m")],
)
def test_a_guess_is_no_finer_than_it_is_worth(seconds: float, words: str) -> None:
    assert times.about(seconds) == words
