"""`performance`: figures from Prometheus where there is one, else from what exists; it says which."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from rich.text import Text

from .. import calls, kinds, times
from .. import performance as reckoning
from ..errors import UnreachableError
from ..kinds import Work
from ..performance import Report, Row
from . import show
from .app import Output, Scope
from .show import cell, number

QUERY = "sum by (kind, result) (increase(coursegen_tasks_finished_total[{minutes}m]))"


def performance(scope: Scope, minutes: int, prometheus: str | None) -> None:
    """Show the figures; exits with 1 if the success rate is below its target."""
    scope.answers_in(Output.JSON, Output.YAML)
    report, source = read(scope, minutes, prometheus, datetime.now(UTC))
    if scope.output in (Output.JSON, Output.YAML):
        scope.screen.data(data(report, source), scope.output)
    else:
        scope.screen.lines(*lines(report, source))
    if report.meets_target is False:
        raise typer.Exit(1)


def read(scope: Scope, minutes: int, prometheus: str | None, now: datetime) -> tuple[Report, str]:
    """Work the figures out, and say from what."""
    place = scope.widest()
    found: list[Work] = []
    for kind in kinds.WORK:
        found += scope.client.run(calls.listed(kind, place))
    report = reckoning.report(found, now, timedelta(minutes=minutes))
    if prometheus:
        counted = of_prometheus(ask(prometheus, QUERY.format(minutes=minutes)))
        return with_counts(report, counted, minutes), (
            f"Ends from Prometheus; durations and retries from the statuses of {len(found)} objects"
        )
    where = f"namespace {place}" if place else "all namespaces"
    return report, f"From the statuses of {len(found)} objects in {where}: what was deleted before is missing"


def ask(url: str, query: str) -> Any:
    """Ask Prometheus; UnreachableError if it does not answer."""
    import httpx

    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/v1/query", params={"query": query}, timeout=10)
        answer.raise_for_status()
        return answer.json()["data"]["result"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise UnreachableError(
            f"Prometheus at {url} does not answer: {error}", "Leave --prometheus out to use the objects' statuses."
        ) from error


def of_prometheus(result: Sequence[Any]) -> dict[tuple[str, str], float]:
    """Give how many ended, by kind and result."""
    return {(r["metric"].get("kind", ""), r["metric"].get("result", "")): float(r["value"][1]) for r in result}


def with_counts(report: Report, counted: Mapping[tuple[str, str], float], minutes: int) -> Report:
    """Lay Prometheus' counts over those of the objects."""
    rows = [_counted(row, counted, minutes) for row in report.rows]
    tasks = [r for r in rows if r.kind != "course"]
    succeeded, failed = sum(r.succeeded for r in tasks), sum(r.failed for r in tasks)
    total = replace(report.total, succeeded=succeeded, failed=failed, an_hour=60 * succeeded / minutes)
    return replace(report, rows=rows, total=total)


def _counted(row: Row, counted: Mapping[tuple[str, str], float], minutes: int) -> Row:
    succeeded = round(counted.get((row.kind, "Succeeded"), 0))
    failed = round(counted.get((row.kind, "Failed"), 0))
    return replace(row, succeeded=succeeded, failed=failed, an_hour=60 * succeeded / minutes)


def lines(report: Report, source: str) -> list[Sequence[Text]]:
    """Give the blocks of the screen."""
    head = ("KIND", "SUCCEEDED", "FAILED", "SUCCESS%", "AN-HOUR", "MEAN", "P95", "RETRIES")
    table = show.table(head, ([cell(r.kind), *_figures(r)] for r in (*report.rows, report.total)))
    chapters = next((r for r in report.rows if r.kind == "chapter"), report.total)
    over = chapters.over_limit or 0
    verdict = {True: "met", False: "missed", None: "unknown, nothing ended"}[report.meets_target]
    goals = show.facts(
        (
            ("Target", f"{reckoning.TARGET_PERCENT} % of tasks succeed: {verdict}"),
            ("Chapters", f"{over} of {chapters.succeeded} took more than {reckoning.CHAPTER_LIMIT_SECONDS} s"),
            ("Source", f"{source}; since {calls.stamp(report.since)[:19]}Z"),
        )
    )
    return [table, goals]


def _figures(row: Row) -> list[show.Cell]:
    mean, p95 = row.mean_seconds, row.p95_seconds
    if row.kind == "all tasks":
        mean = p95 = None  # of unlike things no mean
    return [
        number(row.succeeded),
        number(row.failed),
        number(row.success_percent, 1),
        number(row.an_hour, 1),
        cell(times.span(mean) if mean is not None else None, right=True),
        cell(times.span(p95) if p95 is not None else None, right=True),
        number(row.retries),
    ]


def data(report: Report, source: str) -> dict[str, Any]:
    """Give the same for machines."""
    return {
        "since": calls.stamp(report.since),
        "source": source,
        "targetPercent": reckoning.TARGET_PERCENT,
        "meetsTarget": report.meets_target,
        "kinds": [asdict(r) | {"success_percent": r.success_percent} for r in (*report.rows, report.total)],
    }
