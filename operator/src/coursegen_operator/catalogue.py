"""Every metric of the operator as data: name, type, unit, labels and meaning.

`metrics.py` and `statemetrics.py` make the metrics from it, docs/metrics.md is generated from it, and dashboards and
alerts use nothing else. Labels have few values: kinds, queues, reasons. No work is ever named, nor any UID; the only
names are those of queues and providers, which an administrator makes, and of providers at most `MAX_PROVIDERS`.
"""

from dataclasses import dataclass
from enum import StrEnum

MAX_PROVIDERS = 50
"""Names of providers, and likewise of models, beyond so many are shown as OTHER."""
OTHER = "other"

_FAST = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10)
_WAITS = (0.5, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400)
_RUNS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600)
_COURSES = (30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)
_AGES = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60)


class Type(StrEnum):
    """Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Source(StrEnum):
    """Who shows a metric."""

    PROCESS = "every replica"
    """About this process: true of a standby too."""
    STATE = "leader"
    """About the work, counted anew from the objects at each scrape: only who leads knows all of it."""
    WORK = "leader, counted"
    """What the leader did since it started; a new leader begins at 0, as `rate` and `increase` expect."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric."""

    name: str
    type: Type
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()
    source: Source = Source.PROCESS
    buckets: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, in its unit."""


def _state(name: str, unit: str, meaning: str, *labels: str) -> Family:
    return Family(name, Type.GAUGE, unit, meaning, labels, Source.STATE)


def _work(name: str, unit: str, meaning: str, *labels: str) -> Family:
    return Family(name, Type.COUNTER, unit, meaning, labels, Source.WORK)


def _spread(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Family:
    return Family(name, Type.HISTOGRAM, "seconds", meaning, labels, Source.WORK, buckets)


CAPACITY = (
    _state("coursegen_courses_capacity", "courses", "Courses that may be generated at once."),
    _state("coursegen_courses_active", "courses", "Courses that hold a course slot."),
    _state("coursegen_courses_waiting", "courses", "Courses that wait for a course slot."),
    _state("coursegen_jobs_capacity", "Jobs", "Jobs that may be active at once, over all queues."),
    _state("coursegen_jobs_active", "Jobs", "Jobs that hold a slot, over all queues."),
    _state("coursegen_slots_capacity", "Jobs", "Jobs of a queue that may be active at once, at present.", "queue"),
    _state("coursegen_slots_in_use", "Jobs", "Jobs of a queue that hold a slot.", "queue"),
    _state("coursegen_slots_waiting", "tasks", "Tasks that wait for a slot of a queue.", "queue"),
    _state(
        "coursegen_oldest_wait_seconds",
        "seconds",
        "How long the longest wait in a queue has lasted; 0 if nothing waits.",
        "queue",
    ),
)

WORK = (
    _state("coursegen_objects", "objects", "What exists, by kind and phase.", "kind", "phase"),
    _state("coursegen_held", "objects", "What does not run now, by kind and hold reason.", "kind", "reason"),
    _state(
        "coursegen_unreadable_objects", "objects", "Objects that this operator cannot read: a newer version made them."
    ),
    _work(
        "coursegen_tasks_finished_total",
        "tasks",
        "Tasks and courses that reached their end, by kind and result.",
        "kind",
        "result",
    ),
    _work("coursegen_attempts_total", "attempts", "Attempts begun, by kind.", "kind"),
    _work(
        "coursegen_attempts_failed_total",
        "attempts",
        "Attempts that failed, whatever followed, by kind and failure class.",
        "kind",
        "failure_class",
    ),
    _work(
        "coursegen_attempts_withdrawn_total",
        "attempts",
        "Attempts taken back through no fault of the work: a full quota, a policy that refuses, a drained queue.",
        "kind",
    ),
    _work(
        "coursegen_retries_total",
        "attempts",
        "Attempts that failed and are followed by another, by kind and failure class.",
        "kind",
        "failure_class",
    ),
    _work(
        "coursegen_cache_hits_total",
        "attempts",
        "Attempts that found their artifact in the store and paid nothing, by kind.",
        "kind",
    ),
    _work(
        "coursegen_artifacts_removed_total",
        "artifacts",
        "Artifacts removed from the object store since nothing referred to them any more.",
    ),
    _spread(
        "coursegen_admission_wait_seconds",
        "From the wish for a slot to the slot, of each attempt, by kind and queue.",
        _WAITS,
        "kind",
        "queue",
    ),
    _spread(
        "coursegen_execution_seconds", "From the slot to the end, of attempts that succeeded, by kind.", _RUNS, "kind"
    ),
    _spread(
        "coursegen_course_duration_seconds",
        "From a course's first slot to its end, of courses that succeeded.",
        _COURSES,
    ),
    Family(
        "coursegen_success_target_ratio",
        Type.GAUGE,
        "ratio",
        "Share of tasks that should succeed: a setting, for alerts and panels.",
    ),
)

MONEY = (
    _work(
        "coursegen_tokens_total",
        "tokens",
        "Tokens paid for, by provider, model and direction (prompt, completion).",
        "provider",
        "model",
        "direction",
    ),
    _work("coursegen_cost_usd_total", "US dollars", "Cost of attempts, by provider and model.", "provider", "model"),
    _state(
        "coursegen_budgets",
        "budgets",
        "Budgets of providers, and of courses that are not over, by payer (course, provider).",
        "payer",
    ),
    _state("coursegen_budgets_used_up", "budgets", "Budgets that have no room for anything more, by payer.", "payer"),
    _state(
        "coursegen_provider_budget_used_ratio",
        "ratio",
        "Used and reserved share of a provider's budget, of its tightest limit; of namesakes the fullest.",
        "provider",
    ),
)

CIRCUITS = (
    _state(
        "coursegen_circuit_breaker_state", "state", "Circuit breaker of a queue: 0 Closed, 1 HalfOpen, 2 Open.", "queue"
    ),
    _state(
        "coursegen_provider_circuit_breaker_state",
        "state",
        "Circuit breaker of a provider: 0 Closed, 1 HalfOpen, 2 Open; of namesakes the worst.",
        "provider",
    ),
    _state(
        "coursegen_provider_circuit_breakers", "providers", "Model providers, by the state of their circuit.", "state"
    ),
    _work(
        "coursegen_circuit_breaker_changes_total",
        "changes",
        "Changes of a circuit breaker, by the kind that it belongs to and its new state.",
        "kind",
        "state",
    ),
)

PROGRESS = (
    Family(
        "coursegen_redis_up",
        Type.GAUGE,
        "bool",
        "1 if the progress streams can be read, else 0; absent where no Redis is set, and from a standby.",
        source=Source.STATE,
    ),
    _work(
        "coursegen_progress_messages_total",
        "messages",
        "Progress messages, by fate: taken, late (of something that is not live), unreadable.",
        "fate",
    ),
    _spread(
        "coursegen_progress_age_seconds",
        "From a worker's clock to the operator, of each progress message that was taken.",
        _AGES,
    ),
    _state(
        "coursegen_progress_last_message_timestamp_seconds",
        "seconds",
        "When the last readable progress message came, since the epoch; 0 if none has.",
    ),
)

OPERATOR = (
    Family("coursegen_leader", Type.GAUGE, "bool", "1 if this replica leads, 0 if it stands by."),
    Family(
        "coursegen_build_info",
        Type.GAUGE,
        "none",
        "Always 1; the labels say what runs.",
        ("version", "python", "environment"),
    ),
    Family(
        "coursegen_memory_limit_bytes",
        Type.GAUGE,
        "bytes",
        "Memory that the container may take, beside process_resident_memory_bytes; 0: not known. The gateway's too.",
    ),
    Family(
        "coursegen_last_list_timestamp_seconds",
        Type.GAUGE,
        "seconds",
        "When the last full list was complete, since the epoch; before the first, when the process started.",
    ),
    Family(
        "coursegen_list_corrections_total",
        Type.COUNTER,
        "objects",
        "Objects of which a full list, every five minutes, knew what the watch had not brought.",
    ),
    Family(
        "coursegen_watch_events_total", Type.COUNTER, "events", "Events that the watches brought, by kind.", ("kind",)
    ),
    Family("coursegen_loop_lag_seconds", Type.GAUGE, "seconds", "How late the event loop ran its last timer."),
    Family("coursegen_workqueue_depth", Type.GAUGE, "objects", "Objects that wait for a visit."),
    _spread("coursegen_visit_seconds", "Time of one visit to an object, its writes included, by kind.", _FAST, "kind"),
    _work("coursegen_visit_failures_total", "visits", "Visits that failed and are made again, by kind.", "kind"),
    _work(
        "coursegen_status_conflicts_total", "writes", "Status writes refused because somebody else had written first."
    ),
    Family(
        "coursegen_kube_requests_total",
        Type.COUNTER,
        "requests",
        "Requests to the API server but for kopf's watches, by verb and status code; code 0 is no answer.",
        ("verb", "code"),
    ),
)

GROUPS = {
    "Capacity and waiting": CAPACITY,
    "Work": WORK,
    "Money": MONEY,
    "Circuit breakers": CIRCUITS,
    "Live progress": PROGRESS,
    "The operator itself": OPERATOR,
}
CATALOGUE = {family.name: family for group in GROUPS.values() for family in group}
