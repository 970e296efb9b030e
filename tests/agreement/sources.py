"""What each place shows of the figures: plugin, HTTP API, page, Prometheus' rules, Grafana's panels."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import httpx
from playwright.sync_api import Page

from coursegen_gateway import graphs
from monitoring import dashboards, rules

from . import objects
from .figures import Figure, Unit

Json = dict[str, Any]
Readout = dict[Figure, float]
Plugin = Callable[..., str]
"""Runs `kubectl coursegen` with arguments, and gives what it says, whatever its exit code."""

LISTED = ("course", "chapter", "validation", "export")
"""The kinds that gateway and page list: an outline is part of its course, and a clean-up nobody's work."""


# ---- the plugin ---------------------------------------------------------------------------------------------


def performance(plugin: Plugin, *options: str) -> Readout:
    """Read `performance`."""
    told = json.loads(plugin("performance", "-o", "json", *options))
    out: Readout = {}
    for row in told["kinds"]:
        kind = row["kind"]
        if kind == "all tasks":
            _put(out, objects.SUCCESS, row["successPercent"])
            continue
        out[objects.succeeded(kind)], out[objects.failed(kind)] = row["succeeded"], row["failed"]
        out[objects.retries(kind)] = row["retries"]
        _put(out, objects.success_of(kind), row["successPercent"])
        _put(out, objects.mean(kind), row["meanSeconds"])
        _put(out, objects.p95(kind), row["p95Seconds"])
        _put(out, objects.OVER_LIMIT, row["overLimit"])
    return out


def status(plugin: Plugin) -> Readout:
    """Read `status`."""
    told = json.loads(plugin("status", "-o", "json"))
    out: Readout = {objects.RUNNING: told["jobs"]["active"], objects.COURSES_IN_WORK: told["courses"]["slotsInUse"]}
    for queue in told["queues"]:
        out |= _queue(queue["name"], queue["capacity"], queue.get("active", 0), queue.get("pending", 0))
        _put(out, _sketch(queue["name"]), queue.get("lastHour", {}).get("runP95Seconds"))
    out[objects.WAITING] = sum(q.get("pending", 0) for q in told["queues"])
    return out


# ---- the gateway --------------------------------------------------------------------------------------------


def http(client: httpx.Client) -> Readout:
    """Read the HTTP API."""
    health = _json(client, "/health/tasks")
    out: Readout = {objects.RUNNING: health["active"], objects.WAITING: health["pending"]}
    _put(out, objects.SUCCESS, health["success_rate_percent"])
    for queue in _json(client, "/api/v1/queues")["items"]:
        out |= _queue(queue["name"], queue["capacity"], queue["active"], queue["pending"])
        _put(out, _sketch(queue["name"]), (queue["last_hour"] or {}).get("run_p95_seconds"))
    for kind in LISTED:
        for name, state in ((objects.succeeded(kind), "succeeded"), (objects.failed(kind), "failed")):
            out[name] = _json(client, f"/api/v1/tasks?kind={kind}&q=state:{state}&limit=1")["total"]
    out[objects.SUSPENDED] = _json(client, "/api/v1/tasks?q=state:suspended&limit=1")["total"]
    chapters = _json(client, "/api/v1/tasks?kind=chapter&limit=500")["items"]
    out[objects.retries("chapter")] = sum(c["retry_count"] for c in chapters if c["phase"] in ("Succeeded", "Failed"))
    return out


def _json(client: httpx.Client, path: str) -> Json:
    answer = client.get(path)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
    found: Json = answer.json()
    return found


def page(page: Page) -> Readout:
    """Read what a person sees on the page, signed in as they are."""
    page.goto("/?view=history")
    tiles = _tiles(page)
    out: Readout = {
        objects.RUNNING: float(tiles["Jobs running"]),
        objects.WAITING: float(tiles["Waiting for a slot"]),
    }
    if rate := re.match(r"([\d.]+) %", tiles["Succeeded, last hour"]):
        out[objects.SUCCESS] = float(rate[1])
    for kind in LISTED:
        out[objects.succeeded(kind)] = _found(page, f"/?view=history&state=succeeded&q=kind:{kind}")
        out[objects.failed(kind)] = _found(page, f"/?view=history&q=kind:{kind} state:failed")
    out[objects.SUSPENDED] = _found(page, "/?view=history&q=state:suspended")
    page.goto("/?view=queues")
    for row in page.locator("tbody tr").all():
        name, names = row.locator('td[data-label="Queue"] a').inner_text(), ("In use", "Waiting", "Run p95")
        cells = {n: row.locator(f'td[data-label="{n}"]').inner_text() for n in names}
        active, capacity = cells["In use"].split("/")
        out |= _queue(name, float(capacity), float(active), float(cells["Waiting"]))
        _put(out, _sketch(name), _seconds(cells["Run p95"]))
    return out


def _tiles(page: Page) -> dict[str, str]:
    page.locator(".tiles").wait_for()
    return {t.locator("dt").inner_text(): t.locator("dd").inner_text() for t in page.locator(".tiles > div").all()}


def _found(page: Page, address: str) -> int:
    """Give how many tasks the foot of a list says there are."""
    page.goto(address)
    page.locator(".tiles").wait_for()
    foot = page.locator(".foot")
    said = re.search(r"of (\d+)", foot.inner_text()) if foot.count() else None
    return int(said[1]) if said else 0


def _seconds(text: str) -> float | None:
    """Read a span as the page writes it: `1 min 35 s`."""
    sizes = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    parts = re.findall(r"([\d.]+) (d|h|min|s)\b", text)
    return sum(float(n) * sizes[unit] for n, unit in parts) if parts else None


# ---- Prometheus ---------------------------------------------------------------------------------------------


class Prometheus(Protocol):
    """A running Prometheus."""

    def ask(self, what: str, **arguments: Any) -> Any:
        """Ask its API; AssertionError with its words if it refuses."""


class Moment:
    """Prometheus at the last scrape of the operator: nothing is guessed of the time since."""

    def __init__(self, server: Prometheus) -> None:
        self._server = server
        [found] = server.ask("query", query="max(timestamp(coursegen_leader) and coursegen_leader == 1)")["result"]
        self.time = float(found["value"][1])

    def samples(self, query: str) -> list[tuple[Mapping[str, str], float]]:
        """Give the labels and values of a query, those that are no number left out."""
        found = self._server.ask("query", query=query, time=self.time)["result"]
        return [(s["metric"], v) for s in found if (v := float(s["value"][1])) == v]


RECORDED: dict[str, tuple[Callable[[Mapping[str, str]], Figure], float]] = {
    "coursegen:success:ratio_rate1h": (lambda _: objects.SUCCESS, 100),
    "coursegen:throughput:increase1h": (lambda labels: objects.succeeded(labels["kind"]), 1),
    "coursegen:success_by_kind:ratio_rate1h": (lambda labels: objects.success_of(labels["kind"]), 100),
    "coursegen:execution_seconds:mean1h": (lambda labels: objects.mean(labels["kind"]), 1),
    "coursegen:execution_seconds:p95_1h": (lambda labels: objects.p95(labels["kind"]), 1),
    "coursegen:slots:utilisation": (lambda labels: objects.queue(labels["queue"], "use", Unit.PERCENT), 100),
}
"""The recording rules that show a figure, which that is, and what it is multiplied by."""


def recorded(moment: Moment) -> Readout:
    """Read the recording rules, each at the moment."""
    said = {r["record"]: r["expr"] for g in rules.groups() for r in g["rules"] if "record" in r}
    out: Readout = {}
    for name, (figure, factor) in RECORDED.items():
        out |= {figure(labels): factor * value for labels, value in moment.samples(said[name])}
    return out


def page_graphs(moment: Moment) -> Readout:
    """Read the queries of the page's graphs, looking back on an hour."""
    found = {q.name: (q, moment.samples(q.promql.replace("$range", "1h"))) for q in graphs.QUERIES}
    out: Readout = {objects.SUCCESS: found["success"][1][0][1]}
    for name, figure in (("throughput", objects.succeeded), ("duration", objects.p95)):
        query, samples = found[name]
        out |= {figure(labels[query.label]): value for labels, value in samples}
    for name, what in (("slots", "at work"), ("waiting", "waiting")):
        query, samples = found[name]
        out |= {objects.queue(labels[query.label], what): value for labels, value in samples}
    return out


PANELS: Sequence[tuple[str, str, str, Callable[[str], Figure], float]] = (
    ("fleet", "Success rate", "", lambda _: objects.SUCCESS, 100),
    ("fleet", "Courses in work", "", lambda _: objects.COURSES_IN_WORK, 1),
    ("fleet", "Jobs", "", lambda _: objects.RUNNING, 1),
    ("fleet", "Waiting for a slot", "", lambda _: objects.WAITING, 1),
    ("fleet", "Waiting for a person", "", lambda _: objects.SUSPENDED, 1),
    ("fleet", "Finished an hour", "kind", objects.succeeded, 1),
    ("fleet", "Success rate by kind", "kind", objects.success_of, 100),
    ("fleet", "Execution, mean", "kind", objects.mean, 1),
    ("fleet", "Execution, 95th percentile", "kind", objects.p95, 1),
    ("queues", "Use of each queue", "queue", lambda name: objects.queue(name, "use", Unit.PERCENT), 100),
    ("queues", "Capacity", "queue", lambda name: objects.queue(name, "capacity"), 1),
    ("queues", "Slots in use", "queue", lambda name: objects.queue(name, "at work"), 1),
    ("queues", "Waiting, by queue", "queue", lambda name: objects.queue(name, "waiting"), 1),
    ("courses", "Courses finished", "", lambda _: objects.succeeded("course"), 1),
)
"""Board, panel, the label that tells its series apart, the figure that it shows, and what it is multiplied by."""

HOUR = {"$__rate_interval": "1h", "$__range": "1h", "$job": ".+", "$instance": ".+"}
"""Grafana's variables in a view of the last hour that is drawn as one point."""


def queries() -> Iterator[tuple[str, str, str]]:
    """Give board, panel and query of everything on Grafana's dashboards, for the last hour."""
    for name, text in dashboards.files().items():
        for panel in json.loads(text)["panels"]:
            for target in panel.get("targets", ()):
                query = target["expr"]
                for variable, value in HOUR.items():
                    query = query.replace(variable, value)
                yield name.removeprefix("coursegen-").removesuffix(".json"), panel["title"], query


def panels(moment: Moment) -> Readout:
    """Evaluate every panel, and read those that show a figure."""
    found: dict[tuple[str, str], list[tuple[Mapping[str, str], float]]] = {}
    for board, title, query in queries():
        found.setdefault((board, title), []).extend(moment.samples(query))
    out: Readout = {}
    for board, title, label, figure, factor in PANELS:
        for labels, value in found[board, title]:
            if label in labels or not label:
                out[figure(labels.get(label, ""))] = factor * value
    out[objects.retries("chapter")] = sum(value for _, value in found["queues", "Retries an hour"])
    return out


# ---- the same for several -----------------------------------------------------------------------------------


def _put(out: Readout, figure: Figure, value: float | None) -> None:
    if value is not None:
        out[figure] = value


def _queue(name: str, capacity: float, active: float, pending: float) -> Readout:
    said = {"capacity": capacity, "at work": active, "waiting": pending}
    return {objects.queue(name, what): value for what, value in said.items()}


def _sketch(name: str) -> Figure:
    return objects.queue(name, "95th percentile", Unit.SKETCH)
