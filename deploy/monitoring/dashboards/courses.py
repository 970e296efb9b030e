"""Courses and cost: what becomes of courses, and what the models take for it."""

from .board import Board, Chart, Figure, Row, Unit
from .queries import all_in_all, hourly, now, quantile, rate, ratio, total

_COST = total("coursegen_cost_usd_total")
_PHASES = all_in_all("coursegen_objects", "phase", 'kind="course"')
_COURSES = total("coursegen_tasks_finished_total", 'kind="course", result="Succeeded"')

_NOW = Row(
    "In the time shown",
    (
        Figure("Courses finished", Unit.COUNT, "Courses that succeeded.", {"courses": _COURSES}, width=6),
        Figure(
            "Cost",
            Unit.DOLLARS,
            "What all attempts cost, failed ones and retries included.",
            {"cost": _COST},
            width=6,
        ),
        Figure(
            "Cost of a course",
            Unit.DOLLARS,
            "Cost by courses finished: a mean over the time shown, and of no use where few courses end.",
            {"cost": ratio(_COST, _COURSES)},
            width=6,
        ),
        Figure(
            "Found in the store",
            Unit.RATIO,
            "Share of attempts whose artifact was there already: nothing was paid.",
            {"found": ratio(total("coursegen_cache_hits_total"), total("coursegen_attempts_total"))},
            width=6,
        ),
    ),
)

_LIFE = Row(
    "Courses",
    (
        Chart(
            "Courses by phase",
            Unit.COUNT,
            "Every CourseGeneration that exists.",
            {"{{phase}}": f"{_PHASES} > 0"},
            stacked=True,
        ),
        Chart(
            "Courses ended an hour",
            Unit.COUNT,
            "By result.",
            {"{{result}}": hourly("coursegen_tasks_finished_total", "result", where='kind="course"')},
        ),
        Chart(
            "Duration of a course",
            Unit.SECONDS,
            "From its course slot to its end, of courses that succeeded.",
            {
                "median": quantile(0.5, "coursegen_course_duration_seconds"),
                "95th percentile": quantile(0.95, "coursegen_course_duration_seconds"),
            },
        ),
    ),
)

_MODELS = Row(
    "Models",
    (
        Chart(
            "Cost an hour",
            Unit.DOLLARS,
            "By provider and model.",
            {"{{provider}} {{model}}": hourly("coursegen_cost_usd_total", "provider, model")},
            width=12,
            stacked=True,
        ),
        Chart(
            "Tokens a second",
            Unit.COUNT,
            "By provider, model and direction.",
            {"{{provider}} {{model}} {{direction}}": rate("coursegen_tokens_total", "provider, model, direction")},
            width=12,
            stacked=True,
        ),
        Chart(
            "Circuits of providers",
            Unit.NONE,
            "0 Closed, 1 HalfOpen, 2 Open; of providers of one name the worst.",
            {"{{provider}}": now("coursegen_provider_circuit_breaker_state", "provider")},
            width=8,
            most=2,
        ),
        Chart(
            "Budget used",
            Unit.RATIO,
            "Used and reserved share in its period, of providers that have a budget. At 100 % work is held.",
            {"{{provider}}": now("coursegen_provider_budget_used_ratio", "provider")},
            width=8,
        ),
        Chart(
            "Budgets used up",
            Unit.COUNT,
            "Beside the number of budgets that there are, by payer.",
            {
                "{{payer}}, used up": all_in_all("coursegen_budgets_used_up", "payer"),
                "{{payer}}, in all": all_in_all("coursegen_budgets", "payer"),
            },
            width=8,
        ),
    ),
)

_STORE = Row(
    "Object store",
    (
        Chart(
            "Artifacts removed an hour",
            Unit.COUNT,
            "By clean-ups: what nothing referred to any more.",
            {"removed": hourly("coursegen_artifacts_removed_total")},
            width=24,
        ),
    ),
)

BOARD = Board(
    "coursegen-courses",
    "Coursegen / Courses and cost",
    "What becomes of courses, and what the models take for it.",
    (_NOW, _LIFE, _MODELS, _STORE),
)
