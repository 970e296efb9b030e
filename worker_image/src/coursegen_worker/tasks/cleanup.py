"""Clean-up: removes what is old and not in use from the namespace's part of the store, and leaves a list of it.

Only what this system made, by its name, is ever looked at: other files in the bucket stay. What makes it safe against
a task that takes over an old artifact at the same moment is in renewal.py.
"""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby

from coursegen_api.base import Artifact
from coursegen_api.task import CleanupSummary, CleanupTask, TaskInput, TaskResult
from coursegen_worker import renewal
from coursegen_worker.artifacts import MARK, commit_bytes
from coursegen_worker.store import Found, Store
from coursegen_worker.tasks import Tools

_MADE_HERE = re.compile(r"[0-9a-f-]{36}/[a-z]+/[0-9a-f]{64}\.[a-z]+")
_AT_ONCE = 8
_SHARE_OF_DEADLINE = 0.7
"""What is not removed by then is left to the next run."""
_LISTED_KEYS = 20_000
"""More are counted, and not named in the list."""


@dataclass(slots=True)
class Group:
    """An artifact, with what lies beside it."""

    key: str
    bytes: int = 0
    parts: list[str] = field(default_factory=list)
    """Keys to delete, in this order: a file without its commit mark is none."""
    written: datetime | None = None
    """The last time that one of the parts was."""
    announced: datetime | None = None
    """When an earlier run announced the removal, and did not finish it."""


def groups(found: Iterable[Found]) -> Iterator[Group]:
    """Put together what belongs together; leave out what was not made here."""
    in_order = sorted(found, key=lambda f: f.key)
    for key, parts in groupby(in_order, key=lambda f: f.key.removesuffix(renewal.ANNOUNCED).removesuffix(MARK)):
        if not _MADE_HERE.fullmatch(key):
            continue
        group = Group(key)
        for part in parts:
            if part.key.endswith(renewal.ANNOUNCED):
                group.announced = part.written
                continue
            group.parts.insert(0, part.key)  # the mark comes later in the list, and so goes first
            group.bytes += part.size
            group.written = max(part.written, group.written or part.written)
        yield group


def run(task: TaskInput, work: CleanupTask, tools: Tools) -> TaskResult:
    """Look through the namespace's part of the store once."""
    ends = time.monotonic() + task.deadline_seconds * _SHARE_OF_DEADLINE
    tools.progress.report(2, "listing")
    before = tools.store.now() - timedelta(days=work.retention_days)
    in_use = work.in_use.reader()
    old: list[Group] = []
    kept = 0
    for group in groups(tools.store.list()):
        if group.written is None:
            renewal.settle(tools.store, group.key)
        elif group.written < before and group.key not in in_use:
            old.append(group)
        else:
            kept += 1
            if group.announced:
                renewal.settle(tools.store, group.key)
    removed, complete = _remove(old, before, ends, tools, task.deadline_seconds)
    freed = sum(g.bytes for g in removed)
    summary = CleanupSummary(
        removed=len(removed),
        removed_bytes=freed,
        kept=kept + (len(old) - len(removed) if complete else 0),
        complete=complete,
    )
    tools.progress.report(95, "storing the list")
    return TaskResult(
        message=f"{len(removed)} artifacts of {freed} bytes removed, {summary.kept} kept",
        artifact=_write_list(task, removed, tools.store),
        cleanup=summary,
    )


def _remove(
    old: list[Group], before: datetime, ends: float, tools: Tools, lives_seconds: int
) -> tuple[list[Group], bool]:
    """Remove groups side by side until the time is up; give those that are gone, and whether all were tried."""
    removed: list[Group] = []
    report = tools.progress.part(10, 95)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for begin in range(0, len(old), _AT_ONCE * 8):
            if time.monotonic() > ends:
                return removed, False
            portion = old[begin : begin + _AT_ONCE * 8]
            gone = pool.map(lambda g: renewal.remove(tools.store, g.key, g.parts, before, lives_seconds), portion)
            removed += [group for group, went in zip(portion, gone, strict=True) if went]
            report(begin / len(old), "removing")
    return removed, True


def _write_list(task: TaskInput, removed: list[Group], store: Store) -> Artifact:
    listed = [{"key": g.key, "bytes": g.bytes, "written": g.written and g.written.isoformat()} for g in removed]
    document = {
        "task": {"uid": task.uid, "revision": task.revision, "attempt": task.attempt},
        "removed": listed[:_LISTED_KEYS],
        "notListed": max(0, len(listed) - _LISTED_KEYS),
    }
    data = json.dumps(document, separators=(",", ":")).encode()
    return commit_bytes(store, f"{task.namespace_uid}/cleanup/{hashlib.sha256(data).hexdigest()}.json", data)
