"""`status` and `active`: how everything stands now."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from rich.text import Text

from coursegen_api.base import Phase
from coursegen_api.course import CourseGeneration
from coursegen_api.queue import GenerationQueue

from .. import calls, fleet, kinds, times
from ..calls import Json
from ..errors import InputError, UnreachableError
from ..fleet import Fleet, Part
from ..kinds import Work
from . import live, show
from .app import Output, Scope
from .show import Cell, cell, number

_WATCH_SECONDS = 2.0
_OPEN = (Phase.PENDING, Phase.RUNNING, Phase.HELD, Phase.SUSPENDED)
_PHASES = ("Running", "Pending", "Held", "Suspended", "Succeeded", "Failed", "Cancelled")


def status(scope: Scope, watch: bool) -> None:
    """Show the system on one screen."""
    place = scope.widest()

    def once() -> list[Sequence[Text]]:
        seen = scope.client.run(fleet.read(place, scope.system_namespace))
        now = scope.now()
        parts = [*fleet.parts(seen, now), fleet.redis(scope.redis_url)]
        if scope.for_machines:
            scope.screen.data(status_data(seen, parts, now), scope.output)
            return []
        return status_lines(seen, parts, now, scope.output is Output.WIDE)

    repeat(scope, once, watch)


def status_lines(seen: Fleet, parts: Sequence[Part], now: datetime, wide: bool = False) -> list[Sequence[Text]]:
    """Give the blocks of the screen."""
    health = show.table(("PART", "STATE", "SAYS"), ([cell(p.name), cell(p.state), cell(p.says)] for p in parts))
    active = [c for c in seen.courses if _takes_a_slot(c)]
    jobs, most = sum(q.status.active for q in seen.queues), fleet.limit(seen, "jobs")
    courses = f"course slots {_of(len(active), fleet.limit(seen, 'courses'))}"
    summary = show.facts(
        (
            ("Where", where(seen.namespace)),
            ("Courses", f"{phases_of(seen.courses)}; {courses}"),
            ("Jobs", "not known: queues may not be read" if seen.queues_unseen else f"{_of(jobs, most)} in all queues"),
        )
    )
    head = ["QUEUE", "PRIORITY", "ACTIVE", "CAPACITY", "PENDING", "OLDEST", "CIRCUIT", "STOPPED", "SUCCESS%"]
    ends = ["SUCCEEDED", "FAILED", "RETRIED"]
    head += [*ends, "WAIT-P50", "WAIT-P95", "RUN-P50", "RUN-P95"] if wide else ["WAIT-P95", "RUN-P95"]
    queues = show.table(head, (_queue(q, now, wide) for q in seen.queues))
    shut = [p for p in seen.providers if fleet.circuit_of(p) != "Closed"]
    providers = show.table(
        ("PROVIDER", "NAMESPACE", "CIRCUIT", "ACTIVE", "NEXT-PROBE"),
        (
            [
                cell(p.metadata.name),
                cell(p.metadata.namespace),
                cell(fleet.circuit_of(p)),
                number(p.status.active),
                cell(p.status.circuit_breaker.next_probe_time if p.status.circuit_breaker else None),
            ]
            for p in (seen.providers if wide else shut)
        ),
    )
    return [health, summary, [] if seen.queues_unseen else queues, providers if len(providers) > 1 else []]


def _of(used: int, most: int | None) -> str:
    return f"{used} of {most}" if most else f"{used} (limit not known)"


def phases_of(objects: Sequence[Work]) -> str:
    """Count objects by phase, in words."""
    count = Counter((o.status.phase or Phase.PENDING).value for o in objects)
    return ", ".join(f"{count[p]} {p.lower()}" for p in _PHASES if count[p]) or "none"


def _takes_a_slot(course: CourseGeneration) -> bool:
    return course.status.start_time is not None and course.status.phase in (Phase.PENDING, Phase.RUNNING, Phase.HELD)


def _queue(queue: GenerationQueue, now: datetime, wide: bool) -> list[Cell]:
    spec, of, hour = queue.spec, queue.status, queue.status.last_hour
    capacity = spec.capacity if of.capacity is None else of.capacity
    waits = [hour.wait_p50_seconds, hour.wait_p95_seconds] if hour else [None, None]
    runs = [hour.run_p50_seconds, hour.run_p95_seconds] if hour else [None, None]
    figures = [*waits, *runs] if wide else [waits[1], runs[1]]
    ends = [hour.succeeded, hour.failed, hour.retried] if hour else [None, None, None]
    return [
        cell(queue.metadata.name),
        number(spec.priority),
        number(of.active),
        number(capacity),
        number(of.pending),
        cell(times.age(of.oldest_pending_time, now) if of.oldest_pending_time else None, right=True),
        cell(fleet.circuit_of(queue)),
        cell(None if spec.stop_policy.value == "None" else spec.stop_policy.value),
        number(hour.success_rate_percent if hour else None),
        *(number(n) for n in ends if wide),
        *(cell(times.span(s) if s is not None else None, right=True) for s in figures),
    ]


def status_data(seen: Fleet, parts: Sequence[Part], now: datetime) -> Json:
    """Give the same for machines; what is not known is null."""
    return {
        "time": calls.stamp(now),
        "namespace": seen.namespace or None,
        "parts": [asdict(p) for p in parts],
        "courses": {
            "byPhase": dict(Counter((c.status.phase or Phase.PENDING).value for c in seen.courses)),
            "slotsInUse": sum(_takes_a_slot(c) for c in seen.courses),
            "limit": fleet.limit(seen, "courses"),
        },
        "jobs": {
            "active": None if seen.queues_unseen else sum(q.status.active for q in seen.queues),
            "limit": fleet.limit(seen, "jobs"),
        },
        "queues": [
            {"name": q.metadata.name, "priority": q.spec.priority, "circuit": fleet.circuit_of(q)}
            | {"capacity": q.spec.capacity, "stopPolicy": q.spec.stop_policy.value}
            | {
                k: v
                for k, v in q.status.stored().items()
                if k not in ("conditions", "observedGeneration", "circuitBreaker")
            }
            for q in seen.queues
        ],
        "providers": [
            {"namespace": p.metadata.namespace, "name": p.metadata.name, "circuit": fleet.circuit_of(p)}
            | {"active": p.status.active}
            for p in seen.providers
        ],
    }


def active(scope: Scope, watch: bool) -> None:
    """Show what is at work."""
    words, place = live.Words(scope.client, scope.redis_url), scope.widest()

    def once() -> list[Sequence[Text]]:
        found = read_active(scope, place)
        now = scope.now()
        words.read({o.metadata.namespace for o in found})
        if scope.output is Output.NAME:
            return [[Text(kinds.label(o)) for o in found]]
        if scope.for_machines:
            scope.screen.data([kinds.manifest(words.over(o)) for o in found], scope.output)
            return []
        lines = active_lines([words.over(o) for o in found], now, scope.output is Output.WIDE)
        return [lines if found else [Text(f"Nothing runs in namespace {place}." if place else "Nothing runs.")]]

    repeat(scope, once, watch)


def where(place: str) -> str:
    """Name a namespace, or (empty) all of them."""
    return f"namespace {place}" if place else "all namespaces"


def read_active(scope: Scope, place: str) -> list[Work]:
    """Read what runs, courses first."""
    found: list[Work] = []
    for kind in kinds.WORK:
        found += scope.client.run(calls.listed(kind, place, fieldSelector="status.phase=Running"))
    return found


def active_lines(found: Sequence[Work], now: datetime, wide: bool = False) -> list[Text]:
    """Give the table of what runs."""
    head = ["NAMESPACE", "NAME", "PROGRESS", "STAGE", "ATTEMPT", "FOR", "QUEUE"] + (["TITLE"] if wide else [])
    return show.table(head, ([*_active(o, now), *([cell(title(o))] if wide else [])] for o in found))


def _active(obj: Work, now: datetime) -> list[Cell]:
    at = obj.status
    if isinstance(obj, CourseGeneration):
        begun, number_of, queue = at.start_time, None, None
    else:
        last = obj.status.attempts[-1] if obj.status.attempts else None
        begun = (last.start_time or last.admission_time) if last else None
        number_of, queue = last.number if last else None, obj.status.queue_name
    return [
        cell(obj.metadata.namespace),
        cell(kinds.label(obj)),
        cell(f"{at.progress_percentage} %", right=True),
        cell(at.stage),
        number(number_of),
        cell(times.age(begun, now) if begun else None, right=True),
        cell(queue),
    ]


def title(obj: Work) -> str | None:
    """Give the title of an object: the one that its outline gave it, else that of its spec."""
    return getattr(obj.status, "title", None) or getattr(obj.spec, "title", None)


def repeat(scope: Scope, once: Callable[[], list[Sequence[Text]]], watch: bool) -> None:
    """Show something once, or again and again: in place on a terminal, else one after the other.

    An API server that is away for a while does not end it, once there was something to show.
    """
    if watch and scope.for_machines:
        raise InputError(f"`{scope.command} --watch` is for people: leave out -o {scope.output}.")
    if not watch:
        return scope.screen.lines(*once())
    blocks: list[Sequence[Text]] = []
    while True:
        try:
            blocks = once()
        except UnreachableError as error:
            if not blocks:
                raise
            blocks = [[Text(str(error), "red")]]
        if scope.screen.live:
            scope.screen.console.clear()
        scope.screen.lines(*blocks)
        if not scope.screen.live:
            scope.screen.say("")
        time.sleep(_WATCH_SECONDS)
