"""`performance --prometheus`, against a fake of Prometheus' query API; tests/monitoring asks a real one."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from coursegen import performance
from coursegen.cli import prometheus
from coursegen.cli.prometheus import Prometheus
from coursegen.errors import UnreachableError
from coursegen.performance import Target

from .things import NOW

SCRAPED = 1000.5
ANSWERS = {
    prometheus.SCRAPED: [({}, SCRAPED)],
    prometheus.ENDS: [
        ({"kind": "chapter", "result": "Succeeded"}, 12.0),
        ({"kind": "chapter", "result": "Failed"}, 1.0),
        ({"kind": "course", "result": "Succeeded"}, 2.0),
    ],
    prometheus.RETRIES: [({"kind": "chapter"}, 3.0)],
    prometheus.MEANS[0]: [({"kind": "chapter"}, 20.0)],
    prometheus.MEANS[1]: [({}, 90.0)],
    prometheus.P95S[0]: [({"kind": "chapter"}, 130.0), ({"kind": "export"}, float("nan"))],
    prometheus.P95S[1]: [({}, 95.0)],
    prometheus.OVER_LIMIT: [({}, 1.0)],
    prometheus.TARGET: [({}, 0.9)],
}
"""By query, without its window."""


class FakePrometheus(BaseHTTPRequestHandler):
    """Answers the queries that it knows, and every other with nothing."""

    known: ClassVar[dict[str, list[tuple[dict[str, str], float]]]] = {}
    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        given = parse_qs(urlsplit(self.path).query)
        query = given["query"][0]
        self.asked.append((query, given.get("time", [None])[0]))
        samples = [{"metric": m, "value": [1.0, str(v)]} for m, v in self.known.get(query, [])]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": samples}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Prometheus]:
    monkeypatch.setattr(FakePrometheus, "known", {q.format(window="30m"): a for q, a in ANSWERS.items()})
    monkeypatch.setattr(FakePrometheus, "asked", [])
    server = HTTPServer(("127.0.0.1", 0), FakePrometheus)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Prometheus(f"http://127.0.0.1:{server.server_port}/")
    server.shutdown()
    thread.join()
    server.server_close()


NOTHING = performance.report([], NOW, timedelta(minutes=30))


def test_every_figure_is_of_the_moment_of_the_last_scrape(server: Prometheus) -> None:
    made = prometheus.report(server, NOTHING, 30)
    rows = {r.kind: r for r in made.rows}
    assert list(rows) == list(performance.KINDS)
    chapter = performance.Row("chapter", 12, 1, 24.0, 20.0, 130.0, 1, 3)
    assert rows["chapter"] == chapter
    assert rows["course"] == performance.Row("course", 2, 0, 4.0, 90.0, 95.0, None, 0)
    assert rows["export"].p95_seconds is None, "not a number is no figure"
    assert (made.total.succeeded, made.total.failed, made.total.an_hour, made.total.retries) == (12, 1, 24.0, 3)
    assert (made.target, made.meets_target) == (Target(90, "the operator's setting, by Prometheus"), True)
    assert {time for query, time in FakePrometheus.asked if query != prometheus.SCRAPED} == {str(SCRAPED)}


def test_an_operator_that_says_nothing_of_a_target_leaves_the_default(
    server: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {q: a for q, a in FakePrometheus.known.items() if q != prometheus.TARGET}
    monkeypatch.setattr(FakePrometheus, "known", known)
    made = prometheus.report(server, NOTHING, 30)
    assert (made.target, made.meets_target) == (Target(), False)


def test_a_prometheus_that_scrapes_no_operator_is_said(server: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakePrometheus, "known", {})
    with pytest.raises(UnreachableError, match="knows of no operator that leads"):
        prometheus.report(server, NOTHING, 30)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "prometheus:9090", "nonsense"])
def test_a_prometheus_that_is_not_there_is_said(url: str) -> None:
    with pytest.raises(UnreachableError, match=f"Prometheus at {url} does not answer"):
        prometheus.report(Prometheus(url), NOTHING, 30)
