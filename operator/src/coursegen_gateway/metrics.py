"""What Prometheus sees of the gateway. Labels have few values: routes, codes, reasons; never a task or a person."""

import platform
from collections.abc import Callable, Iterator
from enum import StrEnum
from importlib import metadata

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from coursegen_operator.catalogue import CATALOGUE

MEMORY_LIMIT = "coursegen_memory_limit_bytes"

_ANSWERS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)


class Drop(StrEnum):
    """Why a WebSocket was not opened, or was ended from this side."""

    REFUSED = "refused"
    """Who asks may not, or from there."""
    LIMIT = "limit"
    """So many are open already, or one person asks too often."""
    SLOW = "slow"
    """Its reader took nothing for half a minute."""
    ACCESS = "access"
    """Its token or its right has ended."""
    UNANSWERED = "unanswered"
    """The API server does not say whether it may go on."""


class _Redis(Collector):
    """Whether Redis can be read; nothing where there is none, since nothing is wrong then."""

    def __init__(self) -> None:
        self.connected: Callable[[], bool | None] = lambda: None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("coursegen_gateway_redis_connected", "1 if Redis can be read; none is no value.")
        connected = self.connected()
        if connected is not None:
            family.add_metric([], connected)
        yield family


class Metrics:
    """The metrics, each at 0 before anything has happened, as `rate` and `increase` expect."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = self._counter(
            "requests", "HTTP requests, by method, route and status code.", "method", "route", "code"
        )
        self.seconds = Histogram(
            "coursegen_gateway_request_seconds",
            "From a request to the first byte of its answer, by route.",
            ["route"],
            buckets=_ANSWERS,
            registry=self.registry,
        )
        self.kube = self._counter(
            "kube_requests", "Requests to the API server, by verb and status code; code 0 is no answer.", "verb", "code"
        )
        self.messages = self._counter("messages", "States made for WebSockets.")
        self.skipped = self._counter(
            "messages_skipped", "States that a newer one replaced before a WebSocket took them."
        )
        self.dropped = self._counter(
            "sockets_dropped", "WebSockets that were not opened, or ended from this side, by reason.", "reason"
        )
        for reason in Drop:
            self.dropped.labels(reason)
        self.sockets = self._gauge("sockets", "WebSockets that are open.")
        self.redis = _Redis()
        self.registry.register(self.redis)
        self.memory_limit = Gauge(MEMORY_LIMIT, CATALOGUE[MEMORY_LIMIT].meaning, registry=self.registry)
        build = self._gauge("build_info", "Always 1; the labels say what runs.", "version", "python")
        build.labels(metadata.version("coursegen-operator"), platform.python_version()).set(1)

    def answered(self, method: str, route: str, code: int, seconds: float) -> None:
        """Count an answer."""
        self.requests.labels(method, route, str(code)).inc()
        self.seconds.labels(route).observe(seconds)

    def asked_kube(self, verb: str, code: int) -> None:
        """Count a request to the API server."""
        self.kube.labels(verb, str(code)).inc()

    def drop(self, reason: Drop) -> None:
        """Count a WebSocket that is not opened, or is ended."""
        self.dropped.labels(reason).inc()

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"coursegen_gateway_{name}_total", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"coursegen_gateway_{name}", meaning, labels, registry=self.registry)
