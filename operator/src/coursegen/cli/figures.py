"""`performance`: figures from Prometheus where there is one, else from what exists; it says which."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import typer
from rich.text import Text

from .. import calls, times
from .. import performance as reckoning
from ..errors import UnreachableError
from ..performance import Report, Row
from . import overview, prometheus, show, targets
from .app import Scope
from .show import cell, number

OF_STATUSES = "of each object's last attempt, from slot to end; P95 is one that was measured"
OF_PROMETHEUS = "of all that succeeded, from slot to end; P95 is estimated within a bucket of a histogram"


@dataclass(frozen=True)
class Source:
    """Where figures are from, in words for people."""

    says: str
    durations: str = OF_STATUSES


def performance(scope: Scope, minutes: int, url: str | None, target: float | None) -> None:
    """Show the figures; exits with 1 if the success rate is below its target."""
    report, source = read(scope, minutes, url, datetime.now(UTC))
    report = targets.judged(scope, report, scope.namespace or "", target)
    if scope.for_machines:
        scope.screen.data(data(report, source), scope.output)
    else:
        scope.screen.lines(*lines(report, source))
    if report.meets_target is False:
        raise typer.Exit(1)


def read(scope: Scope, minutes: int, url: str | None, now: datetime) -> tuple[Report, Source]:
    """Work the figures out, from Prometheus if it can be asked, and say from what."""
    place = scope.widest()
    found = scope.client.run(calls.counted(place))
    report = reckoning.report(found, now, timedelta(minutes=minutes))
    where = overview.where(place)
    statuses = Source(f"the statuses of {len(found)} objects in {where}: what was deleted or made anew is missing")
    if not url:
        return report, statuses
    if scope.namespace:
        scope.screen.tell("Prometheus counts all namespaces together: without -n it is asked.")
        return report, statuses
    try:
        counted = prometheus.report(prometheus.Prometheus(url), report, minutes)
    except UnreachableError as error:
        scope.screen.tell(f"{error}\nThe figures are those of the objects' statuses.")
        return report, statuses
    return counted, Source(f"Prometheus at {url}: all namespaces, with what was deleted since", OF_PROMETHEUS)


def lines(report: Report, source: Source) -> list[Sequence[Text]]:
    """Give the blocks of the screen."""
    head = ("KIND", "SUCCEEDED", "FAILED", "SUCCESS%", "AN-HOUR", "MEAN", "P95", "RETRIES")
    table = show.table(head, ([cell(r.kind), *_figures(r)] for r in (*report.rows, report.total)))
    chapters = next((r for r in report.rows if r.kind == "chapter"), report.total)
    over = chapters.over_limit or 0
    verdict = {True: "met", False: "missed", None: "unknown, nothing ended"}[report.meets_target]
    goals = show.facts(
        (
            ("Target", f"{report.target.percent:g} % of tasks succeed: {verdict} ({report.target.source})"),
            ("Chapters", f"{over} of {chapters.succeeded} took more than {reckoning.CHAPTER_LIMIT_SECONDS} s"),
            ("Durations", source.durations),
            ("Source", f"{source.says}; since {calls.stamp(report.since)[:19]}Z"),
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


def data(report: Report, source: Source) -> dict[str, Any]:
    """Give the same for machines."""
    return {
        "since": calls.stamp(report.since),
        "source": source.says,
        "durations": source.durations,
        "targetPercent": report.target.percent,
        "targetSource": report.target.source,
        "meetsTarget": report.meets_target,
        "kinds": [_row_data(r) for r in (*report.rows, report.total)],
    }


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "succeeded": row.succeeded,
        "failed": row.failed,
        "successPercent": row.success_percent,
        "anHour": row.an_hour,
        "meanSeconds": row.mean_seconds,
        "p95Seconds": row.p95_seconds,
        "overLimit": row.over_limit,
        "retries": row.retries,
    }
