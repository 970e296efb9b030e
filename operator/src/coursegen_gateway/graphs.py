"""The page's graphs, read from Prometheus: a fixed list of queries, so that no caller brings one of their own."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from .access import Remembered
from .models import Graph, Graphs, Series

RANGES = {"1h": 3600, "6h": 6 * 3600, "1d": 24 * 3600, "7d": 7 * 24 * 3600}
_POINTS = 120
_LEAST_STEP = 30
_FRESH_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Query:
    """One graph: PromQL with $range for the window that each point looks back on."""

    name: str
    title: str
    unit: str
    promql: str
    label: str


QUERIES = (
    Query("throughput", "Finished an hour", "per hour",
          '3600 * sum by (kind) (rate(coursegen_tasks_finished_total{result="Succeeded"}[$range]))', "kind"),
    # A course is the sum of its tasks, and none of them.
    Query("success", "Success rate of tasks", "%",
          '100 * sum(rate(coursegen_tasks_finished_total{kind!="course", result="Succeeded"}[$range])) / '
          '(sum(rate(coursegen_tasks_finished_total{kind!="course", result=~"Succeeded|Failed"}[$range])) > 0)',
          "success"),
    Query("duration", "Execution time, 95th percentile", "s",
          "histogram_quantile(0.95, sum by (le, kind) (rate(coursegen_execution_seconds_bucket[$range])))", "kind"),
    Query("wait", "Wait for a slot, 95th percentile", "s",
          "histogram_quantile(0.95, sum by (le, kind) (rate(coursegen_admission_wait_seconds_bucket[$range])))",
          "kind"),
    Query("slots", "Slots in use", "jobs", "sum by (queue) (coursegen_slots_in_use)", "queue"),
    Query("waiting", "Waiting for a slot", "tasks", "sum by (queue) (coursegen_slots_waiting)", "queue"),
)  # fmt: skip


class Prometheus:
    """Asks Prometheus; says why if it cannot."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url.rstrip("/"), session
        self._known: Remembered[Graphs] = Remembered(_FRESH_SECONDS)

    async def graphs(self, seconds: int) -> Graphs:
        """Give all graphs over the last `seconds`; those of a moment ago, if somebody has just asked."""
        return await self._known.get(seconds, lambda: self._read(seconds))

    async def _read(self, seconds: int) -> Graphs:
        if not self._url:
            reason = (
                "No Prometheus is set (COURSEGEN_PROMETHEUS_URL): the past is not known here. Everything else works."
            )
            return Graphs(available=False, reason=reason)
        try:
            found = await asyncio.gather(*(self._graph(query, seconds) for query in QUERIES))
        except (aiohttp.ClientError, TimeoutError) as error:  # in whose words the address may be, with its password
            return Graphs(available=False, reason=f"Prometheus does not answer: {type(error).__name__}.")
        except (ValueError, KeyError, TypeError) as error:
            return Graphs(available=False, reason=f"What answers at COURSEGEN_PROMETHEUS_URL gives no graphs: {error}.")
        return Graphs(available=True, graphs=found)

    async def _graph(self, query: Query, seconds: int) -> Graph:
        end, step = time.time(), max(_LEAST_STEP, seconds // _POINTS)
        window = f"{max(300, 4 * step)}s"
        asked = {"query": query.promql.replace("$range", window), "start": end - seconds, "end": end, "step": step}
        url = f"{self._url}/api/v1/query_range?{urlencode(asked)}"
        async with self._session.get(url, timeout=aiohttp.ClientTimeout(total=8)) as response:
            answer: Any = await response.json()
        if answer["status"] != "success":
            raise ValueError(answer["error"])
        series = [
            Series(name=str(line["metric"].get(query.label, query.title)), points=[_point(p) for p in line["values"]])
            for line in answer["data"]["result"]
        ]
        return Graph(name=query.name, title=query.title, unit=query.unit, series=sorted(series, key=lambda s: s.name))


def _point(point: Any) -> tuple[float, float | None]:
    value = float(point[1])
    return float(point[0]), value if value == value and abs(value) != float("inf") else None
