"""`performance --prometheus`, against a fake of Prometheus' query API: one answer, or none."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from coursegen.cli import figures
from coursegen.errors import UnreachableError

ASKED: list[str] = []


class FakePrometheus(BaseHTTPRequestHandler):
    """Answers every query with one sample."""

    def do_GET(self) -> None:
        ASKED.append(parse_qs(urlsplit(self.path).query)["query"][0])
        sample = {"metric": {"kind": "chapter", "result": "Succeeded"}, "value": [1.0, "12.4"]}
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [sample]}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), FakePrometheus)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_ends_are_counted_by_kind_and_result_in_the_window(url: str) -> None:
    counted = figures.of_prometheus(figures.ask(url, figures.QUERY.format(minutes=30)))
    assert counted == {("chapter", "Succeeded"): 12.4}
    assert ASKED[-1] == "sum by (kind, result) (increase(coursegen_tasks_finished_total[30m]))"


def test_a_prometheus_that_is_not_there_is_said() -> None:
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9 does not answer"):
        figures.ask("http://127.0.0.1:9", "up")
