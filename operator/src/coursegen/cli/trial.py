"""`test-queue`: a real load in a scratch namespace, a verdict, and nothing left behind.

The namespace is made for the load, with copies of another's Secrets. Where a store or a Redis knows each namespace by
its UID, these reach nothing there: for that an administrator prepares a tenant once, and labels it for the purpose.
"""

import secrets
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import typer

from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration

from .. import calls, kinds, performance, times
from ..calls import Json
from ..client import Client
from ..errors import CoursegenError, InputError, NotFoundError, RefusedError
from ..performance import Report
from . import figures, targets
from .app import Scope

_LOOK_SECONDS = 1.0
_TELL_SECONDS = 10.0
_GONE_SECONDS = 60.0
_LABELS = {
    "app.kubernetes.io/part-of": "coursegen",
    "app.kubernetes.io/component": "test-queue",
    "pod-security.kubernetes.io/enforce": "restricted",
}


@dataclass(frozen=True)
class Load:
    """What is generated."""

    courses: int
    chapters: int
    """Of each course."""
    timeout_seconds: int
    target_percent: float | None = None
    """That shall succeed; None: the operator's setting."""

    @property
    def words(self) -> str:
        """Begin a sentence about it."""
        chapters = "1 chapter" if self.chapters == 1 else f"{self.chapters} chapters"
        return f"1 course of {chapters} is" if self.courses == 1 else f"{self.courses} courses of {chapters} are"


@dataclass(frozen=True)
class Verdict:
    """How it went."""

    report: Report
    courses: int
    finished: int
    seconds: float
    trouble: str = ""
    """The last failure of a chapter, in the worker's words."""

    def faults(self) -> list[str]:
        """Say what was not as it should be; nothing if all was well."""
        found = []
        if self.finished < self.courses:
            found.append(f"{self.courses - self.finished} of {self.courses} courses did not end in time")
        if self.report.meets_target is not True:
            rate = self.report.total.success_percent
            said = "nothing ended" if rate is None else f"{rate:.1f} % of tasks succeeded"
            found.append(f"{said}; the target is {self.report.target.percent:g} %")
        chapters = next(r for r in self.report.rows if r.kind == "chapter")
        p95 = chapters.p95_seconds
        if p95 is not None and p95 > performance.CHAPTER_LIMIT_SECONDS:
            found.append(
                f"the slowest 5 % of chapters took {p95:.0f} s or more; "
                f"the limit is {performance.CHAPTER_LIMIT_SECONDS} s"
            )
        return [*found, f"a chapter failed: {self.trouble}"] if found and self.trouble else found


def run(scope: Scope, load: Load, scratch: str | None) -> None:
    """Generate, judge, clean up; exits with 1 if the verdict is bad."""
    run_id = secrets.token_hex(3)
    prepared = _prepared(scope, scratch)
    name = prepared or scratch or f"coursegen-test-{run_id}"
    begun = scope.now()
    with _borrowed(scope, name) if prepared else _namespace(scope, name, _secrets(scope)) as client:
        for number in range(1, load.courses + 1):
            client.start_course_generation(course(number, load.chapters, run_id), name=f"trial-{number:03d}")
        _say(scope, f"{load.words} submitted to namespace {name}")
        finished = _until_ended(scope, client, load)
        verdict = _judge(scope, client, load, finished, begun)
    faults = verdict.faults()
    if scope.for_machines:
        told = figures.data(verdict.report, figures.Source(f"the statuses of namespace {name}"))
        scope.screen.data(told | {"passed": not faults, "faults": faults, "seconds": verdict.seconds}, scope.output)
    else:
        ended = f"{verdict.finished} of {load.courses} courses ended, in {times.span(verdict.seconds)}"
        source = figures.Source(f"{ended}; the statuses of namespace {name}")
        scope.screen.lines(*figures.lines(verdict.report, source))
        scope.screen.say(f"\nVerdict: {'FAILED: ' + '; '.join(faults) if faults else 'passed'}.")
    if faults:
        raise typer.Exit(1)


def course(number: int, chapters: int, run_id: str) -> Json:
    """Give the spec of one course: the composer writes, so it costs nothing; no run before had it, so it is work."""
    given = [
        {
            "id": f"part-{i}",
            "title": f"Part {i} of trial {number}, {run_id}",
            "learningObjectives": [f"Write a loop of {i} steps"],
        }
        for i in range(1, chapters + 1)
    ]
    return {
        "title": f"Trial {number}",
        "subjectDomain": "Computer Science",
        "learningObjectives": ["Write a loop"],
        "chapters": given,
        "exports": [{"format": "json"}],
        "quality": {"maxRegenerations": 0},
    }


def _prepared(scope: Scope, scratch: str | None) -> str:
    """Name the namespace that is there for such loads: the one asked for, or any that may be seen; empty if none is."""
    labelled = {"labelSelector": f"{names.LABEL_TEST_QUEUE}=true"}
    try:
        found = [n["metadata"]["name"] for n in scope.client.read("/api/v1/namespaces", **labelled)["items"]]
    except RefusedError:
        return ""
    return next((n for n in found if scratch in (None, n)), "")


@contextmanager
def _borrowed(scope: Scope, name: str) -> Iterator[Client]:
    """Use a namespace that was prepared, and leave it as it was; InputError if another load is there."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Client(namespace=name, access=scope.client.access) as client:
            if client.list(CourseGeneration):
                raise InputError(
                    f"Namespace {name} has courses: another test-queue is at work there, or was killed.",
                    f"Wait for its end, or remove them: kubectl -n {name} delete coursegen --all",
                )
            try:
                yield client
            finally:
                _clear(scope, client)
    finally:
        signal.signal(signal.SIGTERM, before)


def _clear(scope: Scope, client: Client) -> None:
    """Delete the courses, and wait until their parts are gone; ^C is not heard meanwhile, lest some be left behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for left in client.list(CourseGeneration):
            path = kinds.path(CourseGeneration, client.namespace, left.metadata.name)
            client.run(_delete(path, {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}))
        _say(scope, f"The courses in namespace {client.namespace} are removed")
        end = time.monotonic() + _GONE_SECONDS
        while client.list(ChapterGeneration) and time.monotonic() < end:  # the next load's will have the same names
            time.sleep(_LOOK_SECONDS)
    except CoursegenError as error:
        hint = f"kubectl -n {client.namespace} delete coursegen --all"
        _say(scope, f"The courses in namespace {client.namespace} could not be removed ({error}): {hint}")
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _namespace(scope: Scope, name: str, furniture: Sequence[Json]) -> Iterator[Client]:
    """Make a namespace for the body, and remove it whatever happens; SIGTERM is as good as ^C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    own = scope.client
    try:
        own.post(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": _LABELS}},
        )
        try:
            _furnish(scope, name, furniture)
            with Client(namespace=name, access=own.access) as client:
                yield client
        finally:
            _remove(scope, name)
    finally:
        signal.signal(signal.SIGTERM, before)


def _secrets(scope: Scope) -> list[Json]:
    """Read the Secrets of the namespace at hand that workers use; InputError without that which each needs."""
    own, found = scope.client, []
    for name in (names.SECRET_STORE, names.SECRET_REDIS):
        try:
            secret = own.read(f"/api/v1/namespaces/{own.namespace}/secrets/{name}")
        except (NotFoundError, RefusedError) as error:
            if name == names.SECRET_REDIS:
                continue
            raise InputError(
                f"Workers need the Secret {name}, and that of namespace {own.namespace} cannot be had: {error}.",
                "Name a namespace of courses with -n: its Secrets are copied for the load, and go with it.",
            ) from error
        found.append({"metadata": {"name": name}} | {k: secret[k] for k in ("data", "type") if k in secret})
    return found


def _furnish(scope: Scope, name: str, secrets: Sequence[Json]) -> None:
    """Put what workers need into the namespace: their account, and Secrets."""
    own, path = scope.client, f"/api/v1/namespaces/{name}"
    account = {"metadata": {"name": names.WORKER_SERVICE_ACCOUNT}, "automountServiceAccountToken": False}
    own.post(f"{path}/serviceaccounts", {"apiVersion": "v1", "kind": "ServiceAccount"} | account)
    for secret in secrets:
        own.post(f"{path}/secrets", {"apiVersion": "v1", "kind": "Secret"} | secret)


def _until_ended(scope: Scope, client: Client, load: Load) -> int:
    """Wait until every course has ended or the time is over; give how many have ended."""
    end, told = time.monotonic() + load.timeout_seconds, time.monotonic()
    while True:
        courses = client.list(CourseGeneration)
        finished = sum(kinds.is_finished(c) for c in courses)
        if finished == load.courses or time.monotonic() > end:
            return finished
        if time.monotonic() - told > _TELL_SECONDS:
            told = time.monotonic()
            done = sum(c.status.chapters.succeeded for c in courses if c.status.chapters)
            held = Counter(c.status.hold_reason.value for c in courses if c.status.hold_reason)
            waits = f"; held: {', '.join(f'{n} {reason}' for reason, n in sorted(held.items()))}" if held else ""
            _say(scope, f"{finished} of {load.courses} courses ended, {done} chapters written{waits}")
        time.sleep(_LOOK_SECONDS)


def _judge(scope: Scope, client: Client, load: Load, finished: int, begun: datetime) -> Verdict:
    found = client.run(calls.counted(client.namespace))
    now = scope.now()
    seconds = (now - begun).total_seconds()
    report = performance.report(found, now, timedelta(seconds=max(1.0, seconds)))
    report = targets.judged(scope, report, client.namespace, load.target_percent)
    chapters = client.list(ChapterGeneration)
    errors = [c.status.error_details for c in chapters if c.status.error_details]
    last = max(errors, key=lambda e: e.time, default=None)
    trouble = f"{last.failure_class.value}: {last.message.rstrip('.')}" if last else ""
    return Verdict(report, load.courses, finished, seconds, trouble)


def _remove(scope: Scope, name: str) -> None:
    """Remove the namespace; ^C is not heard meanwhile, lest it be left behind."""
    path, before = f"/api/v1/namespaces/{name}", signal.signal(signal.SIGINT, signal.SIG_IGN)
    options: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    try:
        scope.client.run(_delete(path, options))
        _say(scope, f"Namespace {name} is being removed")
        end = time.monotonic() + _GONE_SECONDS
        while time.monotonic() < end:
            scope.client.read(path)
            time.sleep(_LOOK_SECONDS)
        _say(scope, f"Namespace {name} is not gone yet: kubectl get namespace {name}")
    except NotFoundError:
        pass
    except CoursegenError as error:
        _say(scope, f"Namespace {name} could not be removed ({error}): kubectl delete namespace {name}")
    finally:
        signal.signal(signal.SIGINT, before)


def _delete(path: str, options: Json) -> calls.Call[Json]:
    return (yield calls.Request("DELETE", path, body=options))


def _say(scope: Scope, text: str) -> None:
    scope.screen.tell(text)
