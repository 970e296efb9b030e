"""Operator internals: does it keep up, and do those that it stands on answer."""

from .board import Board, Chart, Figure, Row, Unit
from .queries import now, quantile, rate

_VERSIONS = "count by (version, python, environment) (coursegen_build_info{@})"

_NOW = Row(
    "Now",
    (
        Figure(
            "Version",
            Unit.NONE,
            "Replicas of each version; two versions are a rollout.",
            {"{{version}} on Python {{python}}, {{environment}}": _VERSIONS},
            width=6,
        ),
        Figure(
            "Leads", Unit.YES_NO, "Which replica leads.", {"{{instance}}": now("coursegen_leader", "instance")}, width=6
        ),
        Figure(
            "Age of the last list",
            Unit.SECONDS,
            "A full list comes every five minutes; at 15 the process is restarted.",
            {"{{instance}}": f"time() - {now('coursegen_last_list_timestamp_seconds', 'instance')}"},
            width=6,
        ),
        Figure(
            "Redis can be read",
            Unit.YES_NO,
            "Without it percentages stand still, and nothing else.",
            {"redis": now("coursegen_redis_up")},
            width=6,
        ),
    ),
)

_PROCESS = Row(
    "Process",
    (
        Chart(
            "CPU",
            Unit.COUNT,
            "Cores in use, by replica of operator and gateway; one may take 2, the other 1.",
            {"{{instance}}": rate("process_cpu_seconds_total", "instance")},
            width=6,
        ),
        Chart(
            "Memory",
            Unit.BYTES,
            "Resident memory, by replica of operator and gateway, and the limit at which one is killed.",
            {
                "{{instance}}": now("process_resident_memory_bytes", "instance"),
                "limit": now("coursegen_memory_limit_bytes"),
            },
            width=6,
        ),
        Chart(
            "Open files",
            Unit.COUNT,
            "Sockets among them, by replica.",
            {"{{instance}}": now("process_open_fds", "instance")},
            width=6,
        ),
        Chart(
            "Lag of the event loop",
            Unit.SECONDS,
            "How late the last timer ran. Over 10 s the kubelet restarts the replica.",
            {"{{instance}}": now("coursegen_loop_lag_seconds", "instance")},
            width=6,
        ),
    ),
)

_RECONCILE = Row(
    "Visits",
    (
        Chart(
            "Visits a second",
            Unit.PER_SECOND,
            "Visits to objects, by kind.",
            {"{{kind}}": rate("coursegen_visit_seconds_count", "kind")},
        ),
        Chart(
            "Time of a visit, 99th percentile",
            Unit.SECONDS,
            "With its writes: the API server's time is most of it.",
            {"{{kind}}": quantile(0.99, "coursegen_visit_seconds", "kind")},
        ),
        Chart(
            "Waiting for a visit",
            Unit.COUNT,
            "Depth of the work queue. It comes back to 0, or the operator cannot keep up.",
            {"{{instance}}": now("coursegen_workqueue_depth", "instance")},
        ),
        Chart(
            "Failed visits a second",
            Unit.PER_SECOND,
            "Made again, later each time.",
            {"{{kind}}": rate("coursegen_visit_failures_total", "kind")},
            width=12,
        ),
        Chart(
            "Conflicts a second",
            Unit.PER_SECOND,
            "Status writes refused because somebody else had written first.",
            {"conflicts": rate("coursegen_status_conflicts_total")},
            width=12,
        ),
    ),
)

_API = Row(
    "API server",
    (
        Chart(
            "Requests a second",
            Unit.PER_SECOND,
            "By verb and code; 0 is no answer.",
            {"{{verb}} {{code}}": rate("coursegen_kube_requests_total", "verb, code")},
        ),
        Chart(
            "Events of the watches a second",
            Unit.PER_SECOND,
            "By kind, over all replicas: a standby watches as well.",
            {"{{kind}}": rate("coursegen_watch_events_total", "kind")},
        ),
        Chart(
            "Corrections by full lists",
            Unit.COUNT,
            "Objects of which a list knew what the watch had not brought; a few may be on their way.",
            {"{{instance}}": "sum by (instance) (increase(coursegen_list_corrections_total{@}[$__rate_interval]))"},
        ),
    ),
)

_PROGRESS = Row(
    "Live progress",
    (
        Chart(
            "Messages a second",
            Unit.PER_SECOND,
            "By fate: taken, late (of what is not live), unreadable.",
            {"{{fate}}": rate("coursegen_progress_messages_total", "fate")},
        ),
        Chart(
            "Age of a message, 95th percentile",
            Unit.SECONDS,
            "From the worker's clock to the operator: clocks that differ show here too.",
            {"age": quantile(0.95, "coursegen_progress_age_seconds")},
        ),
        Chart(
            "Since the last message",
            Unit.SECONDS,
            "It grows when nothing runs, or nothing arrives.",
            {"age": f"time() - ({now('coursegen_progress_last_message_timestamp_seconds')} > 0)"},
        ),
    ),
)

_GATEWAY = Row(
    "Gateway",
    (
        Chart(
            "Requests to the gateway a second",
            Unit.PER_SECOND,
            "By code: 401 and 403 are people without the right, 429 those who ask too often, 5xx its own trouble.",
            {"{{code}}": rate("coursegen_gateway_requests_total", "code")},
        ),
        Chart(
            "Time to an answer, 95th percentile",
            Unit.SECONDS,
            "To its first byte, by route. What Kubernetes has to be asked about who may is in it.",
            {"{{route}}": quantile(0.95, "coursegen_gateway_request_seconds", "route")},
        ),
        Chart(
            "Gateway's requests to the API server a second",
            Unit.PER_SECOND,
            "By verb and code; 0 is no answer.",
            {"{{verb}} {{code}}": rate("coursegen_gateway_kube_requests_total", "verb, code")},
        ),
        Chart(
            "WebSockets",
            Unit.COUNT,
            "Open ones, by replica; the limit is 2,000.",
            {"{{instance}}": now("coursegen_gateway_sockets", "instance")},
            width=6,
        ),
        Chart(
            "States for WebSockets a second",
            Unit.PER_SECOND,
            "Made, and skipped since a newer one came before a reader took them: what slow readers are spared.",
            {
                "made": rate("coursegen_gateway_messages_total"),
                "skipped": rate("coursegen_gateway_messages_skipped_total"),
            },
            width=6,
        ),
        Chart(
            "WebSockets dropped a second",
            Unit.PER_SECOND,
            "By reason: refused, limit, slow (took nothing for 30 s), access (its token or right ended), unanswered.",
            {"{{reason}}": rate("coursegen_gateway_sockets_dropped_total", "reason")},
            width=6,
        ),
        Chart(
            "Gateway reads Redis",
            Unit.YES_NO,
            "Without it the page's percentages are as old as those of status.",
            {"{{instance}}": now("coursegen_gateway_redis_connected", "instance")},
            width=6,
        ),
    ),
)

BOARD = Board(
    "coursegen-operator",
    "Coursegen / Operator internals",
    "Do operator and gateway keep up, and do those that they stand on answer.",
    (_NOW, _PROCESS, _RECONCILE, _API, _PROGRESS, _GATEWAY),
)
