"""A real Prometheus that scrapes an operator and a gateway every second, and what a test asks it."""

import json
import math
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcluster.prometheus import Prometheus
from monitoring import rules

from ..ports import free_port

_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A running Prometheus."""

    port: int
    began: float

    @property
    def url(self) -> str:
        """Give its address."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask its API; AssertionError with its words if it refuses."""
        url = f"{self.url}/api/v1/{what}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{arguments}: {error.read().decode()}") from error

    def value(self, query: str) -> float | None:
        """Give the present value of a query that has at most one."""
        found = self.ask("query", query=query)["result"]
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None

    def until(self, query: str, wanted: float) -> None:
        """Wait until a query has a value; AssertionError with the last one if it never comes."""
        deadline, found = time.monotonic() + _SECONDS, None
        while time.monotonic() < deadline:
            found = self.value(query)
            if found == wanted:
                return
            time.sleep(0.2)
        raise AssertionError(f"{query} is {found}, not {wanted}")

    def until_ready(self) -> None:
        """Wait until it answers queries: it listens before that, and says 503."""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=_SECONDS).close()
            except OSError:  # nobody listens, or HTTPError
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"Prometheus is not ready after {_SECONDS} s")

    def over_time(self, query: str) -> list[dict[str, Any]]:
        """Give the series of a query since it began, as a panel draws them; the last point is now."""
        now = time.time()
        arguments = {"start": now - math.ceil(now - self.began), "end": now, "step": 1}
        found: list[dict[str, Any]] = self.ask("query_range", query=query, **arguments)["result"]
        return found


@dataclass(frozen=True)
class Target:
    """Who is scraped, on a port of loopback."""

    job: str
    port: int
    token: str = ""

    def config(self) -> dict[str, Any]:
        """Give it as Prometheus reads it."""
        known = {"job_name": self.job, "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}
        return known | ({"authorization": {"credentials": self.token}} if self.token else {})


@contextmanager
def scraping(programs: Prometheus, port: int, targets: Sequence[Target], folder: Path) -> Iterator[Server]:
    """Start a Prometheus on a port that scrapes some targets and evaluates our rules; it ends with the body."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules.SOURCE)],
        "scrape_configs": [target.config() for target in targets],
    }
    with _running(programs, config, folder, port) as (server, _):
        yield server


@contextmanager
def remembering(programs: Prometheus, samples: str, folder: Path) -> Iterator[tuple[Server, "subprocess.Popen[bytes]"]]:
    """Start a Prometheus that scrapes nothing and knows the past; it ends with the body.

    Arguments:
        samples: what was, in the OpenMetrics format.
    """
    file = folder / "past.txt"
    file.write_text(f"{samples}\n# EOF\n")
    argv = [str(programs.promtool), "tsdb", "create-blocks-from", "openmetrics", str(file), str(folder / "data")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with _running(programs, {}, folder) as found:
        yield found


@contextmanager
def _running(
    programs: Prometheus, config: dict[str, Any], folder: Path, port: int = 0
) -> Iterator[tuple[Server, "subprocess.Popen[bytes]"]]:
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    server = Server(port or free_port(), time.time())
    argv = [
        "setpriv", "--pdeathsig", "KILL", str(programs.server), f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{server.port}",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            server.until_ready()
            yield server, process
        finally:
            process.terminate()
            process.wait()
