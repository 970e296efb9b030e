"""Figures of the past from Prometheus: all namespaces together, and what was deleted or made anew since as well."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UnreachableError
from ..performance import CHAPTER_LIMIT_SECONDS, KINDS, Report, Row, Target

_RAN, _COURSES = "coursegen_execution_seconds", "coursegen_course_duration_seconds"

SCRAPED = "max(timestamp(coursegen_leader) and coursegen_leader == 1)"
"""When the operator that leads was scraped last."""

TARGET = "max(coursegen_success_target_ratio)"
"""What the alert goes by."""

ENDS = "sum by (kind, result) (increase(coursegen_tasks_finished_total[{window}]))"
RETRIES = "sum by (kind) (increase(coursegen_retries_total[{window}]))"
MEANS = (
    f"sum by (kind) (increase({_RAN}_sum[{{window}}])) / (sum by (kind) (increase({_RAN}_count[{{window}}])) > 0)",
    f"sum(increase({_COURSES}_sum[{{window}}])) / (sum(increase({_COURSES}_count[{{window}}])) > 0)",
)
"""Of tasks by kind, and of courses."""

P95S = (
    f"histogram_quantile(0.95, sum by (kind, le) (increase({_RAN}_bucket[{{window}}])))",
    f"histogram_quantile(0.95, sum by (le) (increase({_COURSES}_bucket[{{window}}])))",
)
OVER_LIMIT = (
    f'sum(increase({_RAN}_count{{{{kind="chapter"}}}}[{{window}}]))'
    f' - sum(increase({_RAN}_bucket{{{{kind="chapter",le="{CHAPTER_LIMIT_SECONDS}.0"}}}}[{{window}}]))'
)


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus that scrapes the operator."""

    url: str

    def ask(self, query: str, time: float | None = None) -> list[Any]:
        """Ask for the present samples of a query, or those of a time; UnreachableError if it does not answer."""
        import httpx

        asked = {"query": query} | ({"time": str(time)} if time is not None else {})
        try:
            answer = httpx.get(f"{self.url.rstrip('/')}/api/v1/query", params=asked, timeout=10)
            answer.raise_for_status()
            found: list[Any] = answer.json()["data"]["result"]
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            raise UnreachableError(f"Prometheus at {self.url} does not answer: {error}") from error
        return found

    def scraped(self) -> float:
        """Give when the leading operator was scraped last; UnreachableError if it is not scraped.

        Figures are asked for that moment: from the last scrape to now `increase` would guess, and count what never was.
        """
        found = self.ask(SCRAPED)
        if not found:
            raise UnreachableError(f"Prometheus at {self.url} knows of no operator that leads: does it scrape one?")
        return float(found[0]["value"][1])


def report(prometheus: Prometheus, of_statuses: Report, minutes: int) -> Report:
    """Work the figures of the last `minutes` out; UnreachableError if Prometheus does not know them.

    Arguments:
        of_statuses: what the same figures are from statuses, for their form.
    """
    at, window = prometheus.scraped(), f"{minutes}m"

    def by_kind(*queries: str) -> dict[str, float]:
        """Samples by kind; those without are of courses."""
        samples = [s for q in queries for s in prometheus.ask(q.format(window=window), at)]
        return {s["metric"].get("kind", "course"): v for s in samples if (v := float(s["value"][1])) == v}

    ends = counted(prometheus.ask(ENDS.format(window=window), at))
    found = {"retries": by_kind(RETRIES), "mean": by_kind(*MEANS), "p95": by_kind(*P95S)}
    over = sum(float(s["value"][1]) for s in prometheus.ask(OVER_LIMIT.format(window=window), at))
    rows = [_row(kind, ends, found, minutes, over) for kind in KINDS]
    total = _total([r for r in rows if r.kind != "course"])
    return Report(of_statuses.since, rows, total, _target(prometheus.ask(TARGET, at)))


def _target(samples: Sequence[Any]) -> Target:
    ratios = [float(s["value"][1]) for s in samples]
    return Target(round(100 * ratios[0], 6), "the operator's setting, by Prometheus") if ratios else Target()


def counted(result: Sequence[Any]) -> dict[tuple[str, str], int]:
    """Give how many ended, by kind and result."""
    return {(r["metric"].get("kind", ""), r["metric"].get("result", "")): round(float(r["value"][1])) for r in result}


def _row(
    kind: str,
    ends: Mapping[tuple[str, str], int],
    found: Mapping[str, Mapping[str, float]],
    minutes: int,
    over: float,
) -> Row:
    succeeded = ends.get((kind, "Succeeded"), 0)
    return Row(
        kind=kind,
        succeeded=succeeded,
        failed=ends.get((kind, "Failed"), 0),
        an_hour=60 * succeeded / minutes,
        mean_seconds=found["mean"].get(kind),
        p95_seconds=found["p95"].get(kind),
        over_limit=round(over) if kind == "chapter" else None,
        retries=round(found["retries"].get(kind, 0)),
    )


def _total(rows: Sequence[Row]) -> Row:
    return Row(
        kind="all tasks",
        succeeded=sum(r.succeeded for r in rows),
        failed=sum(r.failed for r in rows),
        an_hour=sum(r.an_hour for r in rows),
        mean_seconds=None,
        p95_seconds=None,
        over_limit=None,
        retries=sum(r.retries for r in rows),
    )
