"""What Prometheus sees: gauges computed at scrape time from the snapshot, counters of what was written to status."""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from coursegen_api.circuit import CircuitState
from coursegen_api.names import QUEUE_PRIORITIES
from coursegen_api.queue import GenerationQueue

from .breakers import Breakers
from .plan.book import WaitingBook
from .plan.breaker import CLOSED
from .plan.world import COURSE_SLOTS, Defaults, Key
from .snapshot import Snapshot

_CIRCUIT_VALUES = {CircuitState.CLOSED: 0, CircuitState.HALF_OPEN: 1, CircuitState.OPEN: 2}


class Metrics:
    """The counters, and the registry that /metrics shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.finished = Counter(
            "coursegen_tasks_finished_total",
            "Tasks and courses that reached their end, by kind and result.",
            ["kind", "result"],
            registry=self.registry,
        )
        self.retries = Counter(
            "coursegen_retries_total",
            "Attempts that failed and are followed by another, by kind and failure class.",
            ["kind", "failure_class"],
            registry=self.registry,
        )
        self.attempts = Counter(
            "coursegen_attempts_total", "Attempts begun, by kind.", ["kind"], registry=self.registry
        )
        self.artifacts_removed = Counter(
            "coursegen_artifacts_removed_total",
            "Artifacts removed from the object store since nothing referred to them any more.",
            registry=self.registry,
        )
        self.requests = Counter(
            "coursegen_kube_requests_total",
            "Requests to the API server, by verb and status code; code 0 is no answer.",
            ["verb", "code"],
            registry=self.registry,
        )
        self.visits = Histogram(
            "coursegen_visit_seconds",
            "Time of one visit to an object, its writes included, by kind.",
            ["kind"],
            registry=self.registry,
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
        )
        self.conflicts = Counter(
            "coursegen_status_conflicts_total",
            "Status writes refused because somebody else had written first.",
            registry=self.registry,
        )
        self.circuit_changes = Counter(
            "coursegen_circuit_breaker_changes_total",
            "Changes of a circuit breaker, by the kind that it belongs to and its new state.",
            ["kind", "state"],
            registry=self.registry,
        )
        self.last_list = Gauge(
            "coursegen_last_list_timestamp_seconds",
            "When the last full list was complete, in seconds since the epoch.",
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "coursegen_loop_lag_seconds", "How late the event loop ran its last timer.", registry=self.registry
        )
        self.leader = Gauge("coursegen_leader", "1 if this replica leads, 0 if it stands by.", registry=self.registry)
        self.queue_depth = Gauge("coursegen_workqueue_depth", "Objects that wait for a visit.", registry=self.registry)

    def count(self, metric: str, labels: tuple[str, ...], amount: float = 1) -> None:
        """Count a fact that the planner announced."""
        counter = {
            "finished": self.finished,
            "retry": self.retries,
            "attempt": self.attempts,
            "artifacts_removed": self.artifacts_removed,
        }[metric]
        (counter.labels(*labels) if labels else counter).inc(amount)


class CapacityCollector(Collector):
    """Courses and slots: capacity, in use, waiting. Recounted from the snapshot at each scrape."""

    def __init__(self, snapshot: Snapshot, book: WaitingBook, defaults: Defaults) -> None:
        self._snapshot, self._book, self._defaults = snapshot, book, defaults

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        load, waiting = self._snapshot.load, self._book.counts()
        yield _gauge("coursegen_courses_capacity", "Courses that may be generated at once.", self._defaults.max_courses)
        yield _gauge("coursegen_courses_active", "Courses that hold a course slot.", load.courses)
        yield _gauge("coursegen_courses_waiting", "Courses that wait for a course slot.", waiting.get(COURSE_SLOTS, 0))
        yield _gauge(
            "coursegen_jobs_capacity", "Jobs that may be active at once, over all queues.", self._defaults.max_jobs
        )
        yield _gauge("coursegen_jobs_active", "Jobs that hold a slot, over all queues.", load.jobs)
        capacity = GaugeMetricFamily(
            "coursegen_slots_capacity", "Jobs of a queue that may be active at once.", labels=["queue"]
        )
        in_use = GaugeMetricFamily("coursegen_slots_in_use", "Jobs of a queue that hold a slot.", labels=["queue"])
        waits = GaugeMetricFamily("coursegen_slots_waiting", "Tasks that wait for a slot of a queue.", labels=["queue"])
        for name in sorted(set(self._snapshot.queues) | set(QUEUE_PRIORITIES)):
            queue = self._snapshot.queues.get(name)
            capacity.add_metric([name], _capacity(queue) if queue else 0)
            in_use.add_metric([name], load.by_queue.get(name, 0))
            waits.add_metric([name], waiting.get(name, 0))
        yield from (capacity, in_use, waits)
        yield _gauge(
            "coursegen_unreadable_objects", "Objects that this operator cannot read.", len(self._snapshot.unreadable)
        )
        since = min((s for q in self._book.lines if (s := self._book.oldest_since(q)) is not None), default=None)
        oldest = max(0.0, time.time() - since) if since is not None else 0.0
        yield _gauge("coursegen_oldest_wait_seconds", "How long the longest wait for a slot has lasted.", oldest)


class CircuitCollector(Collector):
    """How the circuits stand: each queue's, and how many providers' are in each state."""

    def __init__(self, snapshot: Snapshot, breakers: Breakers) -> None:
        self._snapshot, self._breakers = snapshot, breakers

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        known = self._breakers.all()
        queues = GaugeMetricFamily(
            "coursegen_circuit_breaker_state",
            "State of a queue's circuit breaker: 0 is Closed, 1 HalfOpen, 2 Open.",
            labels=["queue"],
        )
        for name in sorted(self._snapshot.queues):
            circuit = known.get(Key("GenerationQueue", "", name), CLOSED)
            queues.add_metric([name], _CIRCUIT_VALUES[circuit.state])
        yield queues
        count = dict.fromkeys(CircuitState, 0)
        count[CircuitState.CLOSED] = sum(len(named) for named in self._snapshot.providers.values())
        for circuit in (c for k, c in known.items() if k.kind == "ModelProvider" and not c.is_closed):
            count[circuit.state] += 1
            count[CircuitState.CLOSED] -= 1
        providers = GaugeMetricFamily(
            "coursegen_provider_circuit_breakers", "Model providers by the state of their circuit.", labels=["state"]
        )
        for state, number in count.items():
            providers.add_metric([state.value], number)
        yield providers


def _capacity(queue: GenerationQueue) -> int:
    """Give what a queue may run now; an elastic one says so in its status."""
    return queue.spec.capacity if queue.status.capacity is None else queue.status.capacity


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value)
    return family
