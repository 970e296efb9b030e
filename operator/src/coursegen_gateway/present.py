"""From an object of the cluster to what the HTTP API says of it: pure functions."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from coursegen_api import names
from coursegen_api.task import Progress
from coursegen_operator.kube import Json
from coursegen_operator.plan.position import MOST

from . import positions
from .fields import Subject
from .models import Course, Position, Queue, Task, TaskDetail, Worker
from .state import CHAPTERS, COURSES, EXPORTS, TASK_KINDS, Entry, State, course_place, ended, owner_id, uid_of
from .words import snake, snaked

_SHOWN = (
    "phase", "progressPercentage", "progressTime", "stage", "queueName", "holdReason", "holdMessage", "retryCount",
    "revision", "nextRetryTime", "startTime", "completionTime", "estimatedCompletionTime", "estimateCertainty",
    "errorDetails", "usage", "queuedTime", "missingChapters",
)  # fmt: skip


def seconds(stamp: str | None) -> float | None:
    """Give a time of Kubernetes as seconds since the epoch."""
    return datetime.fromisoformat(stamp).timestamp() if stamp else None


def stamp(at: float) -> str:
    """Give seconds since the epoch as Kubernetes writes times, with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def task(state: State, entry: Entry) -> Task:
    """Give what the HTTP API says of any piece of work; the same object as long as nothing has changed."""
    uid, place = uid_of(entry.item), course_place(entry.plural, entry.item)
    course = state.of_kind(COURSES).get(place) if place else None
    made_of = (
        entry.item["metadata"]["resourceVersion"],
        state.progress.get(uid),
        course["metadata"]["resourceVersion"] if course else "",
    )
    known = state.shown.get(uid)
    if known is None or known[0] != made_of:
        state.shown[uid] = known = (made_of, Task.model_validate(_task(state, entry)))
    found = known[1]
    assert isinstance(found, Task)
    return found


def subject(state: State, entry: Entry, with_nodes: bool) -> Subject:
    """Give a task with what a search may look at."""
    pods = state.pods_of(entry)
    workers = [p["metadata"]["name"] for p in pods]
    workers += [n for p in pods if with_nodes and (n := p.get("spec", {}).get("nodeName"))]
    item = entry.item
    return Subject(task(state, entry), item.get("spec", {}), item.get("status", {}), tuple(workers))


def detail(state: State, entry: Entry) -> TaskDetail:
    """Give the same with attempts, conditions and what was asked for."""
    status = entry.item.get("status", {})
    more = {
        "attempts": snaked(status.get("attempts", [])),
        "conditions": snaked(status.get("conditions", [])),
        "spec": snaked(entry.item.get("spec", {})),
        "pods": sorted(p["metadata"]["name"] for p in state.pods_of(entry)),
    }
    if entry.plural == COURSES:
        more["outline"] = snaked(status["outline"]) if "outline" in status else None
    if "quality" in status or "validation" in status:
        more["quality"] = snaked(status.get("quality") or status.get("validation"))
    return TaskDetail.model_validate(_task(state, entry) | more)


def _task(state: State, entry: Entry) -> dict[str, Any]:
    item, meta, spec = entry.item, entry.item["metadata"], entry.item.get("spec", {})
    status = live(item.get("status", {}), state.progress.get(meta["uid"]))
    out: dict[str, Any] = {snake(k): snaked(status[k]) for k in _SHOWN if k in status}
    place = course_place(entry.plural, item)
    course = state.of_kind(COURSES).get(place) if place else None
    out |= {
        "task_id": meta["uid"],
        "kind": TASK_KINDS[entry.plural],
        "name": meta["name"],
        "namespace": meta.get("namespace", ""),
        "course_id": owner_id(COURSES, course) if course else (place[1] if place else None),
        "course_task_id": meta["uid"] if entry.plural == COURSES else course["metadata"]["uid"] if course else None,
        "chapter_id": owner_id(CHAPTERS, item) if entry.plural == CHAPTERS else None,
        "index": spec.get("index", 1) if entry.plural == CHAPTERS else None,
        "format": spec.get("format") if entry.plural == EXPORTS else None,
        "title": title(state, entry),
        "created_time": meta["creationTimestamp"],
        "suspended": bool(spec.get("suspend", False)),
        "phase": status.get("phase") or "Pending",
        "attempt": _attempt(status).get("number", 0),
        "runtime_seconds": runtime(status),
        "artifact": _artifact(status),
    }
    if entry.plural == COURSES:
        out["chapters"] = snaked(status.get("chapters")) if status.get("chapters") else None
    return out


def title(state: State, entry: Entry) -> str:
    """Give a title for people: the content's, else the plan's, else the name."""
    item, spec, status = entry.item, entry.item.get("spec", {}), entry.item.get("status", {})
    found = status.get("title") or spec.get("title")
    if found:
        return str(found)
    if entry.plural == CHAPTERS and (place := course_place(CHAPTERS, item)):
        titles = state.of_kind(COURSES).get(place, {}).get("status", {}).get("outlineTitles", [])
        index = spec.get("index", 1)
        return str(titles[index - 1]) if index <= len(titles) else f"Chapter {index}"
    if entry.plural == EXPORTS:
        return f"Export as {str(spec.get('format', '')).upper()}"
    return "Readability, alignment, bias" if entry.plural != COURSES else str(item["metadata"]["name"])


def live(status: Json, word: Progress | None) -> Json:
    """Lay a worker's last word over a status, if it is about the attempt that runs; a percentage never falls."""
    attempt = _attempt(status)
    if word is None or attempt.get("outcome") or ended({"status": status}):
        return status
    if (word.revision, word.attempt) != (status.get("revision", 0), attempt.get("number")):
        return status
    percentage = max(word.percentage, status.get("progressPercentage", 0))
    said = {"phase": "Running", "progressPercentage": percentage, "progressTime": stamp(word.time)}
    return {**status, **said, "stage": word.stage}


def runtime(status: Json) -> float | None:
    """Give how long the last attempt has taken, or the course, from the slot to the end; None as long as it runs."""
    attempt = _attempt(status)
    begun = seconds(attempt.get("admissionTime") or status.get("startTime"))
    done = seconds(attempt.get("completionTime") or status.get("completionTime"))
    return round(max(0.0, done - begun), 3) if begun and done else None


def _attempt(status: Json) -> Json:
    attempts = status.get("attempts") or [{}]
    last: Json = attempts[-1]
    return last


def _artifact(status: Json) -> Json | None:
    made = status.get("artifact")
    return {"sha256": made["sha256"], "bytes": made["bytes"], "media_type": made["mediaType"]} if made else None


def course(state: State, item: Json, parts: Iterable[Entry]) -> Course:
    """Give a course with those of its parts that are to be shown."""
    of: dict[str, list[Task]] = {"chapter": [], "validation": [], "export": []}
    for child in (task(state, part) for part in parts):
        of[child.kind].append(child)
    whole = detail(state, Entry(COURSES, item))
    listed = {"chapter_tasks": of["chapter"], "validation_tasks": of["validation"], "export_tasks": of["export"]}
    return Course.model_validate(whole.model_dump() | listed)


def held(entry: Entry) -> bool:
    """Tell whether something keeps a piece of work from running, or a course's outline."""
    status = entry.item.get("status", {})
    return bool(status.get("holdReason") or status.get("outline", {}).get("holdReason")) and not ended(entry.item)


def position(found: positions.Found, now: float) -> Position:
    """Give where a piece of work stands."""
    standing = found.position
    if standing is None:
        return Position(available=not found.unknown, reason=found.unknown)
    turn = None if standing.seconds is None else stamp(now + standing.seconds)
    return Position(
        available=True,
        waiting=True,
        queue_name=standing.queue or None,
        ahead=standing.ahead,
        ahead_is_at_least=standing.ahead >= MOST,
        wait_seconds=standing.seconds,
        estimated_start_time=turn,
    )


def queue(item: Json) -> Queue:
    """Give a queue: what it may do, and what it does."""
    spec, status = item["spec"], item.get("status", {})
    circuit = status.get("circuitBreaker") or {}
    return Queue.model_validate(
        {
            "name": item["metadata"]["name"],
            "priority": spec["priority"],
            "capacity": status.get("capacity", spec.get("capacity", 8)),
            "active": status.get("active", 0),
            "pending": status.get("pending", 0),
            "oldest_pending_time": status.get("oldestPendingTime"),
            "stop_policy": spec.get("stopPolicy", "None"),
            "circuit": circuit.get("state", "Closed"),
            "max_retries": spec.get("maxRetries", 3),
            "timeout_seconds": spec.get("timeoutSeconds", 120),
            "last_hour": snaked(status["lastHour"]) if status.get("lastHour") else None,
        }
    )


def recency(pod: Json) -> tuple[int, int, str]:
    """Give what orders the worker Pods of one object, the newest last: two attempts may begin in the same second."""
    revision, attempt = (_number(pod, label) or 0 for label in (names.LABEL_REVISION, names.LABEL_ATTEMPT))
    return revision, attempt, pod["metadata"]["creationTimestamp"]


def _number(pod: Json, label: str) -> int | None:
    said = pod["metadata"].get("labels", {}).get(label, "")
    return int(said) if said.isdecimal() else None


def worker(state: State, pod: Json, entry: Entry | None) -> Worker:
    """Give a worker Pod: where it runs, and on what, if that is to be shown."""
    labels, status = pod["metadata"].get("labels", {}), pod.get("status", {})
    return Worker.model_validate(
        {
            "name": pod["metadata"]["name"],
            "namespace": pod["metadata"]["namespace"],
            "node": pod.get("spec", {}).get("nodeName"),
            "phase": status.get("phase", "Pending"),
            "start_time": status.get("startTime"),
            "task_id": labels.get("coursegen.dev/object-uid") or None,
            "title": title(state, entry) if entry else None,
            "component": labels.get("app.kubernetes.io/component"),
            "queue": labels.get("coursegen.dev/queue"),
            "attempt": _number(pod, names.LABEL_ATTEMPT),
        }
    )
