"""Queues and capacity: who waits, for how long, and for what."""

from .board import Board, Chart, Row, Unit
from .queries import all_in_all, hourly, now, quantile, ratio

_IN_USE = all_in_all("coursegen_slots_in_use", "queue")
_CAPACITY = all_in_all("coursegen_slots_capacity", "queue")

_SLOTS = Row(
    "Slots",
    (
        Chart(
            "Use of each queue",
            Unit.RATIO,
            "Slots in use of the capacity that there is at present. At 100 % work waits.",
            {"{{queue}}": ratio(_IN_USE, _CAPACITY)},
        ),
        Chart(
            "Slots in use",
            Unit.COUNT,
            "Jobs that hold a slot, by queue.",
            {"{{queue}}": _IN_USE},
            stacked=True,
        ),
        Chart(
            "Capacity",
            Unit.COUNT,
            "Jobs that may be active at once, by queue; that of an elastic queue moves.",
            {"{{queue}}": _CAPACITY},
        ),
        Chart(
            "Jobs, and how many may be",
            Unit.COUNT,
            "Over all queues: the operator's own limit.",
            {"active": all_in_all("coursegen_jobs_active"), "capacity": all_in_all("coursegen_jobs_capacity")},
            width=12,
        ),
        Chart(
            "Courses, and how many may be",
            Unit.COUNT,
            "Courses that hold a course slot or wait for one, and the limit.",
            {
                "active": all_in_all("coursegen_courses_active"),
                "waiting": all_in_all("coursegen_courses_waiting"),
                "capacity": all_in_all("coursegen_courses_capacity"),
            },
            width=12,
        ),
    ),
)

_WAITING = Row(
    "Waiting",
    (
        Chart(
            "Waiting, by queue",
            Unit.COUNT,
            "Tasks that wish for a slot.",
            {"{{queue}}": all_in_all("coursegen_slots_waiting", "queue")},
            stacked=True,
        ),
        Chart(
            "Oldest wait",
            Unit.SECONDS,
            "How long the longest wait has lasted. Ageing brings everything to its turn.",
            {"{{queue}}": now("coursegen_oldest_wait_seconds", "queue")},
        ),
        Chart(
            "Wait for a slot, 95th percentile",
            Unit.SECONDS,
            "Of attempts that began, by queue.",
            {"{{queue}}": quantile(0.95, "coursegen_admission_wait_seconds", "queue")},
        ),
    ),
)

_ATTEMPTS = Row(
    "Attempts",
    (
        Chart(
            "Attempts an hour",
            Unit.COUNT,
            "Attempts begun, by kind: a Job each.",
            {"{{kind}}": hourly("coursegen_attempts_total", "kind")},
            width=6,
        ),
        Chart(
            "Retries an hour",
            Unit.COUNT,
            "Attempts that failed and are followed by another, by failure class.",
            {"{{failure_class}}": hourly("coursegen_retries_total", "failure_class")},
            width=6,
            stacked=True,
        ),
        Chart(
            "Withdrawn an hour",
            Unit.COUNT,
            "Attempts taken back through no fault of the work: a full quota, a drained queue.",
            {"{{kind}}": hourly("coursegen_attempts_withdrawn_total", "kind")},
            width=6,
        ),
        Chart(
            "Circuits of queues",
            Unit.NONE,
            "0 Closed, 1 HalfOpen, 2 Open: nothing starts but probes.",
            {"{{queue}}": now("coursegen_circuit_breaker_state", "queue")},
            width=6,
            most=2,
        ),
    ),
)

BOARD = Board(
    "coursegen-queues",
    "Coursegen / Queues and capacity",
    "Who waits, for how long, and for what.",
    (_SLOTS, _WAITING, _ATTEMPTS),
)
