"""The truth: the figures worked out from the objects themselves, by none of the system's own code."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from coursegen_operator.catalogue import CATALOGUE

from .figures import KINDS, Figure, Unit, nearest_rank

Json = dict[str, Any]
Listing = Callable[[str], Sequence[Json]]
"""Gives all objects of a plural name."""

PLURALS = {
    "course": "coursegenerations",
    "chapter": "chaptergenerations",
    "validation": "qualityvalidations",
    "export": "courseexports",
    "cleanup": "artifactcleanups",
}
LIMIT_SECONDS = 120
_TASKS = CATALOGUE["coursegen_execution_seconds"].buckets
_COURSES = CATALOGUE["coursegen_course_duration_seconds"].buckets


def succeeded(kind: str) -> Figure:
    """Name how many of a kind succeeded."""
    return Figure(f"{kind}s, succeeded", Unit.COUNT)


def failed(kind: str) -> Figure:
    """Name how many of a kind failed."""
    return Figure(f"{kind}s, failed", Unit.COUNT)


def mean(kind: str) -> Figure:
    """Name how long a kind takes, from slot to end."""
    return Figure(f"{kind}s, mean time", Unit.SECONDS)


def p95(kind: str) -> Figure:
    """Name how long the slowest of a kind take."""
    return Figure(f"{kind}s, 95th percentile", Unit.P95, _COURSES if kind == "course" else _TASKS)


def retries(kind: str) -> Figure:
    """Name how many attempts of a kind were followed by another."""
    return Figure(f"{kind}s, retries", Unit.COUNT)


def success_of(kind: str) -> Figure:
    """Name the success rate of a kind."""
    return Figure(f"{kind}s, success rate", Unit.PERCENT)


SUCCESS = Figure("success rate of all tasks", Unit.PERCENT)
OVER_LIMIT = Figure("chapters over 120 s", Unit.COUNT)
RUNNING = Figure("Jobs at work", Unit.COUNT)
WAITING = Figure("tasks that wait for a slot", Unit.COUNT)
SUSPENDED = Figure("suspended", Unit.COUNT)
COURSES_IN_WORK = Figure("courses in work", Unit.COUNT)


def queue(name: str, what: str, unit: Unit = Unit.COUNT) -> Figure:
    """Name a figure of a queue."""
    return Figure(f"queue {name}, {what}", unit)


def read(listing: Listing) -> dict[Figure, float]:
    """Work the figures out."""
    found = {kind: list(listing(plural)) for kind, plural in PLURALS.items()}
    ended = list(_ended(found))
    out: dict[Figure, float] = {}
    for kind in KINDS:
        of_kind = [e for e in ended if e[0] == kind]
        out |= _of_kind(kind, [e[1] for e in of_kind], [s for e in of_kind if (s := e[2]) is not None])
        out[retries(kind)] = sum(e[3] for e in of_kind)
    of_tasks = [well for kind, well, _, _ in ended if kind != "course"]
    if of_tasks:
        out[SUCCESS] = 100 * sum(of_tasks) / len(of_tasks)
    out[OVER_LIMIT] = sum(1 for kind, _, took, _ in ended if kind == "chapter" and took and took > LIMIT_SECONDS)
    statuses = {kind: [o.get("status", {}) for o in objects] for kind, objects in found.items()}
    out[SUSPENDED] = sum(s.get("holdReason") == "Suspended" for of_kind in statuses.values() for s in of_kind)
    out[COURSES_IN_WORK] = sum(
        "startTime" in s and s.get("phase") in ("Pending", "Running", "Held") for s in statuses["course"]
    )
    outlines = [s["outline"] for s in statuses["course"] if "outline" in s]
    tasks = [*outlines, *statuses["chapter"], *statuses["validation"], *statuses["export"], *statuses["cleanup"]]
    return out | _of_queues(listing("generationqueues"), tasks)


def _of_kind(kind: str, ends: Sequence[bool], took: Sequence[float]) -> Iterator[tuple[Figure, float]]:
    yield succeeded(kind), sum(ends)
    yield failed(kind), len(ends) - sum(ends)
    if ends:
        yield success_of(kind), 100 * sum(ends) / len(ends)
    if took:
        yield mean(kind), sum(took) / len(took)
        yield p95(kind), nearest_rank(took)


def _ended(found: Mapping[str, Sequence[Json]]) -> Iterator[tuple[str, bool, float | None, int]]:
    """Give kind, whether it succeeded, how long it took, and its retries, of everything that has ended."""
    for kind, objects in found.items():
        for status in (o.get("status", {}) for o in objects):
            ended = status.get("phase") in ("Succeeded", "Failed")
            well = status.get("phase") == "Succeeded"
            if ended and kind == "course":
                yield kind, well, _between(status["startTime"], status["completionTime"]) if well else None, 0
            elif ended:
                yield kind, well, _last(status) if well else None, status.get("retryCount", 0)
            outline = status.get("outline", {})
            if kind == "course" and outline.get("attempts") and "nextRetryTime" not in outline:
                last = outline["attempts"][-1]
                if last.get("outcome") in ("Succeeded", "Failed"):
                    well = last["outcome"] == "Succeeded"
                    yield "outline", well, _last(outline) if well else None, outline.get("retryCount", 0)


def _last(status: Json) -> float:
    attempt = status["attempts"][-1]
    return _between(attempt["admissionTime"], attempt["completionTime"])


def _between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _of_queues(queues: Sequence[Json], tasks: Sequence[Json]) -> dict[Figure, float]:
    """Give the figures of each queue, from the statuses of the tasks that go through them."""
    out: dict[Figure, float] = {}
    for found in queues:
        name = found["metadata"]["name"]
        mine = [s for s in tasks if s.get("queueName") == name]
        out[queue(name, "capacity")] = found["spec"]["capacity"]
        out[queue(name, "at work")] = sum(s.get("phase") == "Running" for s in mine)
        if found["spec"]["capacity"]:
            out[queue(name, "use", Unit.PERCENT)] = 100 * out[queue(name, "at work")] / found["spec"]["capacity"]
        out[queue(name, "waiting")] = sum(s.get("holdReason") == "QueueFull" for s in mine)
        if ran := [_last(s) for s in mine if s.get("phase") == "Succeeded"]:
            out[queue(name, "95th percentile", Unit.SKETCH)] = nearest_rank(ran)
    out[RUNNING] = sum(v for f, v in out.items() if f.name.endswith(", at work"))
    out[WAITING] = sum(v for f, v in out.items() if f.name.endswith(", waiting"))
    return out
