"""Fleet overview: is all well, how much gets done, and how fast."""

from .board import Board, Chart, Figure, Row, Unit
from .queries import all_in_all, hourly, mean, now, quantile, rate, ratio, total

_FINISHED = "coursegen_tasks_finished_total"
_GOOD, _ANY = 'result="Succeeded"', 'result=~"Succeeded|Failed"'
_TASKS = 'kind!="course"'
"""A course is the sum of its tasks, and none of them."""
_PHASES = all_in_all("coursegen_objects", "phase", 'kind="chapter"')
_FAST = rate("coursegen_execution_seconds_bucket", where='kind="chapter", le="120.0"')
_WRITTEN = rate("coursegen_execution_seconds_count", where='kind="chapter"')
_LATE = rate("coursegen_attempts_failed_total", where='kind="chapter", failure_class="Timeout"')

_NOW = Row(
    "Now",
    (
        Figure(
            "Leaders",
            Unit.COUNT,
            "Replicas that lead. It is 1 for each operator; 0 means that nothing is scheduled.",
            {"leaders": "sum(coursegen_leader{@})"},
            width=4,
        ),
        Figure(
            "Success rate",
            Unit.RATIO,
            "Of the tasks that ended in the time shown, without what was cancelled. The target is 95 %.",
            {"succeeded": ratio(total(_FINISHED, f"{_TASKS}, {_GOOD}"), total(_FINISHED, f"{_TASKS}, {_ANY}"))},
            width=4,
        ),
        Figure(
            "Courses in work",
            Unit.COUNT,
            "Courses that hold a course slot.",
            {"courses": all_in_all("coursegen_courses_active")},
            width=4,
        ),
        Figure(
            "Jobs",
            Unit.COUNT,
            "Jobs that hold a slot, over all queues.",
            {"jobs": all_in_all("coursegen_jobs_active")},
            width=4,
        ),
        Figure(
            "Waiting for a slot",
            Unit.COUNT,
            "Tasks of all queues that could run if there were room.",
            {"waiting": "sum(coursegen_slots_waiting{@})"},
            width=4,
        ),
        Figure(
            "Waiting for a person",
            Unit.COUNT,
            "Objects that go on only when somebody does something: a missing Secret, a budget, a suspension.",
            {"waiting": 'sum(coursegen_held{@, reason=~"Misconfigured|BudgetExceeded|Suspended|QueuePaused"})'},
            width=4,
        ),
    ),
)

_DONE = Row(
    "What gets done",
    (
        Chart(
            "Finished an hour",
            Unit.COUNT,
            "What succeeded, at the pace of an hour, by kind.",
            {"{{kind}}": hourly(_FINISHED, "kind", _GOOD)},
        ),
        Chart(
            "Success rate by kind",
            Unit.RATIO,
            "Succeeded of succeeded and failed. Gaps are times in which nothing ended.",
            {
                "{{kind}}": ratio(rate(_FINISHED, "kind", _GOOD), rate(_FINISHED, "kind", _ANY)),
                "target": now("coursegen_success_target_ratio"),
            },
            most=1,
        ),
        Chart(
            "Failed attempts an hour",
            Unit.COUNT,
            "Attempts that failed, by class, whether a retry followed or not.",
            {"{{failure_class}}": hourly("coursegen_attempts_failed_total", "failure_class")},
            stacked=True,
        ),
    ),
)

_FAST_ENOUGH = Row(
    "How fast",
    (
        Chart(
            "Execution, 95th percentile",
            Unit.SECONDS,
            "From the slot to the end, of what succeeded. Chapters should stay under 120 s.",
            {"{{kind}}": quantile(0.95, "coursegen_execution_seconds", "kind")},
        ),
        Chart(
            "Execution, mean",
            Unit.SECONDS,
            "From the slot to the end, of what succeeded, by kind.",
            {"{{kind}}": mean("coursegen_execution_seconds", "kind")},
        ),
        Chart(
            "Chapters over two minutes",
            Unit.RATIO,
            "Share that took longer than 120 s or was ended as Timeout. 5 % may.",
            {"slow": f"1 - {ratio(_FAST, f'{_WRITTEN} + {_LATE}')}"},
            most=1,
        ),
    ),
)

_STATE = Row(
    "What there is",
    (
        Chart(
            "Chapters by phase",
            Unit.COUNT,
            "Every ChapterGeneration that exists.",
            {"{{phase}}": f"{_PHASES} > 0"},
            width=12,
            stacked=True,
        ),
        Chart(
            "Held, by reason",
            Unit.COUNT,
            "What does not run now, and why. QueueFull alone is a busy day.",
            {"{{reason}}": "sum by (reason) (coursegen_held{@})"},
            width=12,
            stacked=True,
        ),
    ),
)

BOARD = Board(
    "coursegen-fleet",
    "Coursegen / Fleet overview",
    "Is all well, how much gets done, and how fast.",
    (_NOW, _DONE, _FAST_ENOUGH, _STATE),
)
