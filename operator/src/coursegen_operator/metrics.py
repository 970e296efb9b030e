"""What this process counts and measures, for /metrics. What is counted anew from the objects is in statemetrics.py."""

import platform
from importlib import metadata
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from coursegen_api.base import FailureClass, Outcome, Usage
from coursegen_api.names import QUEUE_COURSE

from .catalogue import CATALOGUE, MAX_PROVIDERS, OTHER, Family, Source, Type
from .plan.objects import LABELS, QUEUES
from .plan.tally import KINDS
from .plan.world import Count, Measured, Paid

_CLASSES = {Type.COUNTER: Counter, Type.GAUGE: Gauge, Type.HISTOGRAM: Histogram}
_TASKS = ("outline", *LABELS.values())
_QUEUES = {"outline": QUEUE_COURSE} | {LABELS[kind]: queue for kind, queue in QUEUES.items()}
"""By kind of task: the queue that it goes through unless it names another."""
_RESULTS = (Outcome.SUCCEEDED.value, Outcome.FAILED.value, Outcome.CANCELLED.value)
_FATES = ("taken", "late", "unreadable")
# A counter that appears with its first event would hide that event from `increase`: these begin at 0.
_BEGIN_AT_0: dict[str, tuple[tuple[str, ...], ...]] = {
    "coursegen_tasks_finished_total": tuple((k, r) for k in ("course", *_TASKS) for r in _RESULTS),
    "coursegen_attempts_total": tuple((k,) for k in _TASKS),
    "coursegen_attempts_failed_total": tuple((k, c.value) for k in _TASKS for c in FailureClass),
    "coursegen_attempts_withdrawn_total": tuple((k,) for k in _TASKS),
    "coursegen_retries_total": tuple((k, c.value) for k in _TASKS for c in FailureClass),
    "coursegen_cache_hits_total": tuple((k,) for k in _TASKS),
    "coursegen_admission_wait_seconds": tuple(_QUEUES.items()),
    "coursegen_execution_seconds": tuple((k,) for k in _TASKS),
    "coursegen_progress_messages_total": tuple((f,) for f in _FATES),
    "coursegen_visit_failures_total": tuple((k,) for k in (*KINDS, "GenerationQueue", "ModelProvider")),
}

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # twice the series, and nobody asks them


class Bounded:
    """Lets the first so many names through, and gives OTHER for those that come later: a label stays bounded."""

    def __init__(self, most: int = MAX_PROVIDERS) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(name)
        return name


class Metrics:
    """The counters and measurements, and the registry that /metrics shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._made = {f.name: self._make(f) for f in CATALOGUE.values() if f.source is not Source.STATE}
        self.provider, self._model = Bounded(), Bounded()
        self.requests = self.counter("coursegen_kube_requests_total")
        self.visits = self.histogram("coursegen_visit_seconds")
        self.visit_failures = self.counter("coursegen_visit_failures_total")
        self.conflicts = self.counter("coursegen_status_conflicts_total")
        self.circuit_changes = self.counter("coursegen_circuit_breaker_changes_total")
        self.corrections = self.counter("coursegen_list_corrections_total")
        self.watch_events = self.counter("coursegen_watch_events_total")
        self.last_list = self.gauge("coursegen_last_list_timestamp_seconds")
        self.loop_lag = self.gauge("coursegen_loop_lag_seconds")
        self.leader = self.gauge("coursegen_leader")
        self.queue_depth = self.gauge("coursegen_workqueue_depth")
        self.progress = self.counter("coursegen_progress_messages_total")
        self.progress_age = self.histogram("coursegen_progress_age_seconds")

    def _make(self, family: Family) -> Any:
        bounds = {"buckets": family.buckets} if family.buckets else {}
        made = _CLASSES[family.type](family.name, family.meaning, family.labels, registry=self.registry, **bounds)
        for labels in _BEGIN_AT_0.get(family.name, ()):
            made.labels(*labels)
        return made

    def counter(self, name: str) -> Counter:
        """Give a counter of the catalogue; KeyError if there is none of the name that this process counts."""
        found = self._made[name]
        assert isinstance(found, Counter)
        return found

    def gauge(self, name: str) -> Gauge:
        """Give a gauge likewise."""
        found = self._made[name]
        assert isinstance(found, Gauge)
        return found

    def histogram(self, name: str) -> Histogram:
        """Give a histogram likewise."""
        found = self._made[name]
        assert isinstance(found, Histogram)
        return found

    def describe(self, environment: str, success_target: float, started: float, memory_limit: int) -> None:
        """Say what runs since when, the aim of successes, and how many bytes it may take (0: not known)."""
        self.last_list.set(started)
        version = metadata.version("coursegen-operator")
        self.gauge("coursegen_build_info").labels(version, platform.python_version(), environment).set(1)
        self.gauge("coursegen_success_target_ratio").set(success_target)
        self.gauge("coursegen_memory_limit_bytes").set(memory_limit)

    def count(self, fact: Count) -> None:
        """Count a fact that the planner announced."""
        counter = self.counter(f"coursegen_{fact.metric}_total")
        (counter.labels(*fact.labels) if fact.labels else counter).inc(fact.amount)

    def measure(self, what: Measured) -> None:
        """Take in what a visit measured."""
        if what.waited is not None:
            self.histogram("coursegen_admission_wait_seconds").labels(what.kind, what.queue).observe(what.waited)
        if what.ran is not None and what.kind == "course":
            self.histogram("coursegen_course_duration_seconds").observe(what.ran)
        elif what.ran is not None:
            self.histogram("coursegen_execution_seconds").labels(what.kind).observe(what.ran)

    def paid(self, what: Paid) -> None:
        """Take in what an attempt has cost."""
        if what.usage.cached:
            self.counter("coursegen_cache_hits_total").labels(what.kind).inc()
        if what.provider:
            self._pay(self.provider(what.provider), self._model(what.model), what.usage)

    def _pay(self, provider: str, model: str, usage: Usage) -> None:
        tokens = self.counter("coursegen_tokens_total")
        tokens.labels(provider, model, "prompt").inc(usage.prompt_tokens)
        tokens.labels(provider, model, "completion").inc(usage.completion_tokens)
        self.counter("coursegen_cost_usd_total").labels(provider, model).inc(usage.cost_micro_usd / 1e6)
