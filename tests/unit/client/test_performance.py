"""Figures from statuses: what counts, and in which window."""

from datetime import timedelta

import pytest

from coursegen import performance

from .things import NOW, at, attempt, chapter, course, export, seen


def done(begun: float, ended: float, **more: object) -> dict[str, object]:
    times = {"admissionTime": at(begun), "startTime": at(begun + 5), "completionTime": at(ended)}
    return attempt(**times, outcome="Succeeded") | more


FAILED = attempt(2, startTime=at(-50), completionTime=at(-40), outcome="Failed", failureClass="Timeout")
OBJECTS = [
    chapter("quick", **seen(phase="Succeeded", attempts=[done(-100, -70)])),
    chapter("slow", **seen(phase="Succeeded", attempts=[done(-400, -100)], retryCount=1)),
    chapter("failed", **seen(phase="Failed", attempts=[FAILED], retryCount=3)),
    chapter("retried", **seen(phase="Held", attempts=[FAILED], retryCount=1)),
    chapter("cancelled", **seen(phase="Cancelled", attempts=[attempt(completionTime=at(-9), outcome="Cancelled")])),
    chapter("old", **seen(phase="Succeeded", attempts=[done(-9000, -8000)])),
    export(**seen(phase="Succeeded", attempts=[done(-20, -10)])),
    course(
        **seen(
            phase="Succeeded",
            startTime=at(-500),
            completionTime=at(-5),
            outline={"attempts": [done(-500, -490)]},
        )
    ),
]


def test_what_ended_in_the_window_counts_and_cancelled_work_does_not() -> None:
    report = performance.report(OBJECTS, NOW, timedelta(hours=1))
    found = {
        r.kind: (r.succeeded, r.failed, r.mean_seconds, r.p95_seconds, r.over_limit, r.retries) for r in report.rows
    }
    assert found == {
        "course": (1, 0, 495.0, 495.0, None, 0),
        "outline": (1, 0, 10.0, 10.0, None, 0),
        "chapter": (2, 1, 165.0, 300.0, 1, 4),
        "validation": (0, 0, None, None, None, 0),
        "export": (1, 0, 10.0, 10.0, None, 0),
        "cleanup": (0, 0, None, None, None, 0),
    }
    total = report.total
    assert (total.succeeded, total.failed, total.an_hour, total.success_percent) == (4, 1, 4.0, 80.0)
    assert report.meets_target is False


def test_nothing_is_no_verdict() -> None:
    report = performance.report([], NOW, timedelta(hours=1))
    assert (report.meets_target, report.total.success_percent) == (None, None)


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([], 0.95, None),
        ([7.0], 0.95, 7.0),
        ([float(i) for i in range(1, 101)], 0.95, 95.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
    ],
)
def test_a_quantile_is_a_value_that_was_measured(values: list[float], q: float, expected: float | None) -> None:
    assert performance.quantile(values, q) == expected
