"""`monitor`: queues and work, live for a while, and a summary of what happened meanwhile."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Group
from rich.live import Live
from rich.text import Text

from .. import calls, fleet, performance, times
from ..errors import UnreachableError
from . import figures, live, overview, targets
from .app import Scope

_SECONDS = 2.0
_PLAIN_SECONDS = 15.0
_ROWS = 20


def run(scope: Scope, duration: int) -> None:
    """Watch for `duration` seconds or until ^C, then sum up."""
    place, begun = scope.widest(), scope.now()
    machine = scope.for_machines
    try:
        if scope.screen.live and not machine:
            _in_place(scope, place, duration)
        else:
            _plain(scope, place, duration, quiet=machine)
    except KeyboardInterrupt:
        scope.screen.tell("Stopped early.")
    _sum_up(scope, place, begun)


def _in_place(scope: Scope, place: str, duration: int) -> None:
    words = live.Words(scope.client, scope.redis_url)
    end = time.monotonic() + duration
    with Live(console=scope.screen.console, refresh_per_second=4, transient=True) as shown:
        while (left := end - time.monotonic()) > 0:
            try:
                shown.update(Group(*_lines(scope, place, words, left)))
            except UnreachableError as error:  # a monitor outlives what it watches
                shown.update(Text(str(error), "red"))
            time.sleep(min(_SECONDS, max(0.0, end - time.monotonic())))


def _lines(scope: Scope, place: str, words: live.Words, left: float) -> list[Text]:
    seen = scope.client.run(fleet.read(place, scope.system_namespace))
    now = scope.now()
    parts = [p for p in fleet.parts(seen, now) if p.state != "ok"]
    blocks = overview.status_lines(seen, parts, now)[1:]
    found = overview.read_active(scope, place)
    words.read({o.metadata.namespace for o in found})
    active = overview.active_lines([words.over(o) for o in found[:_ROWS]], now)
    more = [Text(f"… and {len(found) - _ROWS} more", "dim")] if len(found) > _ROWS else []
    head = [Text(f"{now:%H:%M:%S}  {times.span(left)} left, ^C ends it", "dim")]
    return _joined([head, *blocks, [*active, *more]])


def _joined(blocks: Sequence[Sequence[Text]]) -> list[Text]:
    out: list[Text] = []
    for block in blocks:
        out += [*block, Text()] if block else []
    return out


def _plain(scope: Scope, place: str, duration: int, *, quiet: bool) -> None:
    """Write a line now and then, for logs."""
    end = time.monotonic() + duration
    while True:
        if not quiet:
            try:
                seen = scope.client.run(fleet.read(place, scope.system_namespace))
                scope.screen.say(plain_line(seen, scope.now()))
            except UnreachableError as error:
                scope.screen.tell(str(error))
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(_PLAIN_SECONDS, left))


def plain_line(seen: fleet.Fleet, now: datetime) -> str:
    """Give the state of everything in a line."""
    queues = [q for q in seen.queues if q.status.active or q.status.pending]
    said = ", ".join(f"{q.metadata.name} {q.status.active} run {q.status.pending} wait" for q in queues)
    idle = "queues may not be read" if seen.queues_unseen else "all queues idle"
    return f"{now:%H:%M:%S}  courses: {overview.phases_of(seen.courses)}; {said or idle}"


def _sum_up(scope: Scope, place: str, begun: datetime) -> None:
    now = scope.now()
    found = scope.client.run(calls.counted(place))
    report = performance.report(found, now, max(now - begun, timedelta(seconds=1)))
    report = targets.judged(scope, report, place)
    watched = times.span((now - begun).total_seconds())
    where = overview.where(place)
    source = figures.Source(f"watched for {watched}, from the statuses of {len(found)} objects in {where}")
    if scope.for_machines:
        scope.screen.data(figures.data(report, source), scope.output)
    else:
        scope.screen.lines([Text("Summary", "bold")], *figures.lines(report, source))
