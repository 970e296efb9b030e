"""What the simulation takes as given: each figure with where it comes from; what nobody measured says so."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

_BENCH = "docs/performance.md, seventh session"
_PROFILE = "docs/performance.md, Where the time goes"
_WRITERS = "docs/writers.md, tests.bench.writers"
_KEPT = "docs/performance.md, What has ended and stays"
_ASSUMED = "assumed"


def _given(value: float, unit: str, what: str, source: str) -> float:
    told: float = field(default=value, metadata={"unit": unit, "what": what, "source": source})
    return told


@dataclass(frozen=True)
class Figures:
    """Seconds are of CPU where the name says cpu, and of the clock else."""

    operator_cpu: float = _given(
        0.0134, "s", "CPU of the operator for a task: half as it begins, half as it ends", _BENCH
    )
    operator_wait_cpu: float = _given(0.002, "s", "CPU of the operator to say that a task waits", _ASSUMED)
    operator_progress_cpu: float = _given(
        0.0015, "s", "CPU of the operator for a percentage", "docs/scale.md, arithmetic"
    )
    operator_foreign: float = _given(0.09, "", "share of it that work of another shard costs: kopf's streams", _PROFILE)
    operator_bytes: float = _given(130_000_000, "B", "memory of an operator without work", _BENCH)
    progress_seconds: float = _given(5.0, "s", "between two percentages of a running task", "the operator's setting")

    api_cpu: float = _given(0.075, "s", "CPU of the API server for a task: half as it begins, half as it ends", _BENCH)
    api_patch_cpu: float = _given(0.0057, "s", "CPU of the API server for a status patch", _PROFILE)
    api_watch: float = _given(0.05, "", "share of api_cpu that each further shard's streams cost, at most", _PROFILE)
    api_seconds: float = _given(0.03, "s", "answer of an API server that is not full, for each request", _BENCH)
    controller_begin: float = _given(3.0, "", "requests of the Job controller until a Pod is there", _ASSUMED)
    controller_end: float = _given(4.0, "", "requests of the Job controller until a Job has ended", _ASSUMED)
    scheduler_requests: float = _given(
        3.3, "", "requests of the scheduler a Pod: 15 Pods a second at 50", "docs/scale.md"
    )

    pod_start_seconds: float = _given(5.0, "s", "from a Pod that has a node to its worker", _ASSUMED)
    pod_end_seconds: float = _given(2.0, "s", "from the worker's end to the Pod's", _ASSUMED)

    chapter_seconds: float = _given(22.7, "s", "a chapter by a model at 40 tokens a second, median", _WRITERS)
    chapter_spread: float = _given(0.11, "", "standard deviation of its logarithm (p95 26.8, p99 30.3)", _WRITERS)
    chapter_tokens: float = _given(10_500, "", "tokens a chapter", _WRITERS)
    chapter_requests: float = _given(10, "", "requests a chapter", _WRITERS)
    outline_seconds: float = _given(20.0, "s", "an outline, median", _ASSUMED)
    outline_tokens: float = _given(2_000, "", "tokens an outline", _ASSUMED)
    outline_requests: float = _given(2, "", "requests an outline", _ASSUMED)
    validation_seconds: float = _given(
        5.0, "s", "a validation of a course, median (1.2 measured of a small one)", _ASSUMED
    )
    export_seconds: float = _given(3.0, "s", "an export, median (0.4 measured of a small one)", _ASSUMED)
    other_seconds: float = _given(30.0, "s", "work of the queue default, median", _ASSUMED)
    other_spread: float = _given(0.4, "", "standard deviation of the logarithm of all that is no chapter", _ASSUMED)
    unavailable_seconds: float = _given(20.0, "s", "a worker tries a provider that is down", "docs/writers.md")
    report_seconds: float = _given(10.0, "s", "of an attempt's deadline that are left to report", "docs/writers.md")

    takeover_seconds: float = _given(16.0, "s", "until a new operator goes on, 13,000 objects there", _BENCH)
    kept_bytes: float = _given(11_264, "B", "memory of the operator for an object that has ended and stays", _KEPT)
    kept_cpu: float = _given(0.00005, "s", "CPU for it, each full list, and a twelfth of each hour's", _KEPT)
    kept_foreign_cpu: float = _given(0.00002, "s", "the same, of an object of another shard", _KEPT)
    kept_still: float = _given(0.00005, "s", "once in an hour, without a look at anything else", _KEPT)
    etcd_task_bytes: float = _given(
        3100, "B", "what etcd keeps of a finished chapter, taken for every object", _PROFILE
    )


def rows() -> Iterator[tuple[str, float, str, str, str]]:
    """Give name, value, unit, meaning and source of every figure."""
    for one in fields(Figures):
        told = one.metadata
        yield one.name, getattr(Figures, one.name), told["unit"], told["what"], told["source"]
