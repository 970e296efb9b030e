"""What the fields of a search look at: the task as it is shown, what was asked for, what came of it, who worked."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .models import Task
from .words import snake


@dataclass(frozen=True, slots=True)
class Subject:
    """What a query is asked about."""

    task: Task
    spec: Mapping[str, Any] = field(default_factory=dict)
    """What was asked for: what a task queue calls arguments."""
    status: Mapping[str, Any] = field(default_factory=dict)
    workers: tuple[str, ...] = ()
    """Names of its Pods that still exist and, for who may list Pods, of their nodes."""


Match = Callable[[Subject], bool]
Field = Callable[[str], Match]
"""Gives what tells whether a field has a value, which is in lower case; ValueError in words if it never can."""


def _contains(text: Callable[[Subject], str]) -> Field:
    return lambda wanted: lambda subject: wanted in text(subject).casefold()


def _error(subject: Subject) -> str:
    found = subject.task.error_details
    return f"{found.failure_class} {found.message}" if found else ""


def _retries(wanted: str) -> Match:
    return lambda subject: str(subject.task.retry_count) == wanted


def _worker(wanted: str) -> Match:
    """Look at the Pods that exist, and at the Jobs of attempts: a Pod that is gone has its Job's name in its own."""

    def found(subject: Subject) -> bool:
        jobs = [str(a["jobName"]).casefold() for a in subject.status.get("attempts", ())]
        there = (*(name.casefold() for name in subject.workers), *jobs)
        return any(wanted in name for name in there) or any(wanted.startswith(f"{job}-") for job in jobs)

    return found


def _args(wanted: str) -> Match:
    return lambda subject: any(_has(value, wanted) for _, value in leaves(subject.spec))


def _kwargs(wanted: str) -> Match:
    name, _, value = wanted.partition("=")
    value = value.strip('"')
    if not (name and value):
        raise ValueError("kwargs: takes a field of spec and its value, as in kwargs:title=loops")
    part = f".{name.replace('_', '')}."

    def found(subject: Subject) -> bool:
        return any(part in f".{path.replace('_', '')}." and _has(v, value) for path, v in leaves(subject.spec))

    return found


def _result(subject: Subject) -> str:
    status = subject.status
    artifact, attempts = status.get("artifact") or {}, status.get("attempts") or [{}]
    measured = [f"{path}={_text(value)}" for path, value in leaves(status.get("quality") or {})]
    said = [artifact.get(k) for k in ("key", "sha256", "mediaType")]
    said += [attempts[-1].get("outcome"), attempts[-1].get("message"), *measured, _error(subject)]
    return " ".join(str(part) for part in said if part)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give each value within JSON with the way to it in snake_case, without the places in lists; in lower case."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = snake(str(key)).casefold()
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _has(value: Any, wanted: str) -> bool:
    """Tell whether a text contains what is wanted, or whether a number or truth value is it."""
    if isinstance(value, str):
        return wanted in value.casefold()
    if isinstance(value, bool) or value is None:
        return wanted == _text(value)
    try:
        return bool(float(wanted) == value)
    except ValueError:
        return False


FIELDS: dict[str, Field] = {
    "name": _contains(lambda s: s.task.name),
    "uuid": _contains(lambda s: s.task.task_id),
    "id": _contains(lambda s: s.task.task_id),
    "kind": _contains(lambda s: s.task.kind),
    "state": _contains(lambda s: s.task.phase),
    "phase": _contains(lambda s: s.task.phase),
    "namespace": _contains(lambda s: s.task.namespace),
    "course": _contains(lambda s: f"{s.task.course_id or ''} {s.task.course_task_id or ''}"),
    "chapter": _contains(lambda s: s.task.chapter_id or ""),
    "title": _contains(lambda s: s.task.title),
    "queue": _contains(lambda s: s.task.queue_name or ""),
    "stage": _contains(lambda s: s.task.stage or ""),
    "hold": _contains(lambda s: s.task.hold_reason or ""),
    "error": _contains(_error),
    "format": _contains(lambda s: s.task.format or ""),
    "retries": _retries,
    "worker": _worker,
    "args": _args,
    "kwargs": _kwargs,
    "result": _contains(_result),
}
"""What `field:` looks at."""

EVERYWHERE = ("name", "uuid", "title", "course", "chapter")
"""What a word without a field looks at."""

HELP = ", ".join(name for name in FIELDS if name not in ("uuid", "phase"))
"""The fields as they are told to people; Flower's uuid is our id, and Kubernetes' phase our state."""
