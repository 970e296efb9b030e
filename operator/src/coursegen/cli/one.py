"""`get-task` and `why`: one object, in full or in one sentence."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.text import Text

from coursegen_api.base import Attempt, TaskStatus, Usage
from coursegen_api.course import CourseGeneration
from coursegen_api.task import QualitySummary
from coursegen_operator import views
from coursegen_operator.plan import failure
from coursegen_operator.plan.position import Position
from coursegen_operator.plan.world import Reading

from .. import finishing, fleet, kinds, times
from .. import why as reasons
from ..calls import Json
from ..client import Client
from ..errors import NotFoundError, RefusedError
from ..kinds import Work
from . import live, show
from .app import Output, Scope
from .overview import repeat, title
from .show import Cell, cell, number

_EVENTS = 8


def why(scope: Scope, name: str) -> None:
    """Say in one sentence what binds an object."""
    obj = scope.find(name)
    now = scope.now()
    seen = around(scope, obj, now)
    sentence = reasons.why(obj, seen, now)
    if scope.output is Output.TEXT:
        scope.screen.say(sentence)
        return
    hold, phase = obj.status.hold_reason, obj.status.phase
    told: Json = {
        "object": kinds.label(obj),
        "namespace": obj.metadata.namespace,
        "phase": phase.value if phase else None,
        "holdReason": hold.value if hold else None,
        "why": sentence,
    }
    if seen.position:
        told |= {"ahead": seen.position.ahead, "waitSeconds": seen.position.seconds}
    if isinstance(obj, CourseGeneration):
        sure = obj.status.estimate_certainty
        told |= {"estimatedCompletionTime": obj.status.estimated_completion_time}
        told |= {"estimateCertainty": sure.value if sure else None}
    scope.screen.data(told, scope.output)


def around(scope: Scope, obj: Work, now: datetime) -> reasons.Around:
    """Read what the sentence needs beside the object; what may not be read is left out."""
    client = scope.client
    queues = {q.metadata.name: q for q in client.run(fleet.readable_queues())[0]}
    parts = client.children(obj) if isinstance(obj, CourseGeneration) else ()
    return reasons.Around(queues, parts, pod_trouble(client, obj), _operator(scope, obj, now), _position(scope, obj))


def _position(scope: Scope, obj: Work) -> Position | None:
    """Ask where held work stands; the operator is not asked about what is not held."""
    task = obj.status.outline if isinstance(obj, CourseGeneration) and obj.status.outline else obj.status
    if not task.hold_reason:
        return None
    return scope.client.run(fleet.position(obj.metadata.uid, obj.metadata.namespace, scope.system_namespace))


def _operator(scope: Scope, obj: Work, now: datetime) -> str:
    """Say why the operator does not work; empty if it does, or if nobody may know."""
    try:
        seen = scope.client.run(fleet.read(obj.metadata.namespace, scope.system_namespace))
    except RefusedError:
        return ""
    part = fleet.operator(seen, now)
    return f"{part.says}; see `kubectl coursegen doctor`." if part.state == "down" else ""


def pod_trouble(client: Client, obj: Work) -> str:
    """Say why the Pod of an open attempt has not started, as the operator's own planner judges it."""
    status = obj.status.outline if isinstance(obj, CourseGeneration) else obj.status
    attempt = status.attempts[-1] if status and status.attempts else None
    if attempt is None or attempt.outcome or attempt.start_time:
        return ""
    namespace = obj.metadata.namespace
    try:
        job = client.read(f"/apis/batch/v1/namespaces/{namespace}/jobs/{attempt.job_name}")
        pods = _pods(client, namespace, attempt.job_name)
        said = [e["message"] for e in _events(client, namespace, attempt.job_name) if e.get("reason") == "FailedCreate"]
    except (NotFoundError, RefusedError):
        return ""
    reading = Reading(time=0.0, pods=tuple(views.pod_view(p) for p in pods), troubles=tuple(said[-1:]))
    trouble = failure.not_started(views.job_view(job), reading)
    if trouble:
        return trouble.message[:1].lower() + trouble.message[1:].rstrip(".")
    if job["spec"].get("suspend"):
        return "its Job is suspended: Kueue, or a person, has to let it go on"
    return "its Pod is being started" if pods else "its Job has no Pod yet"


def _pods(client: Client, namespace: str, job: str) -> list[Json]:
    found = client.read(f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"batch.kubernetes.io/job-name={job}")
    pods: list[Json] = found["items"]
    return pods


def _events(client: Client, namespace: str, name: str) -> list[Json]:
    found = client.read(f"/api/v1/namespaces/{namespace}/events", fieldSelector=f"involvedObject.name={name}")
    return sorted(found["items"], key=_seen)


def _seen(event: Json) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"])


def get_task(scope: Scope, name: str, watch: bool) -> None:
    """Show all of an object."""
    client, words = scope.client, live.Words(scope.client, scope.redis_url)

    def once() -> list[Sequence[Text]]:
        found = scope.find(name)
        words.read({found.metadata.namespace})
        obj, now = words.over(found), scope.now()
        if scope.output is Output.NAME:
            return [[Text(kinds.label(obj))]]
        if scope.for_machines:
            path = kinds.path(type(obj), obj.metadata.namespace, obj.metadata.name)
            scope.screen.data(client.read(path), scope.output)
            return []
        seen = around(scope, obj, now)
        wide = scope.output is Output.WIDE
        events = _readable_events(client, obj)
        return task_lines(obj, seen, events if wide else events[-_EVENTS:], now, wide)

    repeat(scope, once, watch)


def _readable_events(client: Client, obj: Work) -> list[Json]:
    try:
        found = _events(client, obj.metadata.namespace, obj.metadata.name)
    except RefusedError:
        return []
    return [e for e in found if e["involvedObject"].get("uid") == obj.metadata.uid]


def task_lines(
    obj: Work, seen: reasons.Around, events: Sequence[Json], now: datetime, wide: bool = False
) -> list[Sequence[Text]]:
    """Give the blocks of an object; wide, with the times of its attempts, and the queues and titles of its parts."""
    status = obj.status
    work = obj.status.outline if isinstance(obj, CourseGeneration) else obj.status
    head = show.facts(
        (
            ("Object", f"{kinds.label(obj)} in {obj.metadata.namespace}"),
            ("Title", title(obj)),
            ("Task id", obj.metadata.uid),
            ("Phase", status.phase.value if status.phase else "not seen by an operator yet"),
            ("Progress", _progress(obj, now)),
            ("Why", reasons.why(obj, seen, now)),
            ("Queue", getattr(status, "queue_name", None)),
            ("Revision", status.revision or None),
            ("Retries", status.retry_count or None),
            ("Error", _error(obj)),
            ("Cost", _usage(status.usage)),
            ("Estimate", _estimate(obj, seen, now)),
            ("Quality", _quality(obj)),
        )
    )
    blocks: list[Sequence[Text]] = [head]
    if work and work.attempts:
        blocks.append(attempts(work, "OUTLINE" if isinstance(obj, CourseGeneration) else "ATTEMPT", wide))
    if seen.children:
        columns = ["PART", "PHASE", "PROGRESS", "WAITING", "RETRIES", "ERROR", *(["QUEUE", "TITLE"] if wide else [])]
        blocks.append(show.table(columns, (_part(c, wide) for c in seen.children)))
    files = list(artifacts(obj, seen.children))
    if files:
        blocks.append(show.table(("FILE", "BYTES", "MEDIA TYPE", "KEY"), files))
    if events:
        blocks.append(show.table(("EVENT", "AGE", "MESSAGE"), (_event(e, now) for e in events)))
    return blocks


def _progress(obj: Work, now: datetime) -> str:
    status = obj.status
    stage = f", {status.stage}" if status.stage else ""
    counts = obj.status.chapters if isinstance(obj, CourseGeneration) else None
    summary = f", {counts.summary} chapters" if counts and counts.summary else ""
    old = times.seconds_since(status.progress_time, now)
    fresh = f", said {times.span(old)} ago" if old is not None and not kinds.is_finished(obj) else ""
    return f"{status.progress_percentage} %{stage}{summary}{fresh}"


def _error(obj: Work) -> str | None:
    error = obj.status.error_details
    return f"{error.failure_class.value} in attempt {error.attempt}: {error.message}" if error else None


def _usage(usage: Usage | None) -> str | None:
    if usage is None or not (usage.prompt_tokens or usage.completion_tokens or usage.cost_micro_usd):
        return None
    return f"${usage.cost_micro_usd / 1e6:.4f}, {usage.prompt_tokens:,} + {usage.completion_tokens:,} tokens"


def _quality(obj: Work) -> str | None:
    found = getattr(obj.status, "validation", None) or getattr(obj.status, "quality", None)
    if not isinstance(found, QualitySummary):
        return None
    scores = (("readability", found.readability, 0), ("alignment", found.alignment, 2))
    worst = ", ".join(f"{name} {value:.{digits}f}" for name, value, digits in scores if value is not None)
    verdict = "passed" if found.passed else f"below the bar in chapters {', '.join(map(str, found.below_bar))}"
    return f"{verdict}; worst chapter: {worst or 'not measured'}; biased wordings: {found.bias}"


def _estimate(obj: Work, seen: reasons.Around, now: datetime) -> str | None:
    if not isinstance(obj, CourseGeneration):
        return None
    return finishing.when(obj, seen.queues, seen.children, now)


def attempts(task: TaskStatus, what: str, wide: bool = False) -> list[Text]:
    """Give the table of attempts."""
    times_of = ["ADMITTED", "STARTED", "ENDED"] if wide else []
    head = [what, "OUTCOME", "WAITED", "TOOK", "COUNTED", *times_of, "JOB", "MESSAGE"]
    return show.table(head, (_attempt(a, wide) for a in task.attempts))


def _attempt(a: Attempt, wide: bool) -> list[Cell]:
    waited = _between(a.queued_time, a.admission_time)
    how = a.failure_class.value if a.failure_class else a.outcome.value if a.outcome else "open"
    return [
        number(a.number),
        cell(how + (" (probe)" if a.probe else "")),
        cell(times.span(waited) if waited is not None else "0s", right=True),
        cell(
            times.span(t) if (t := _between(a.admission_time, a.completion_time)) is not None else None,
            right=True,
        ),
        cell(None if a.counted is None else "yes" if a.counted else "no"),
        *([cell(a.admission_time), cell(a.start_time), cell(a.completion_time)] if wide else []),
        cell(a.job_name),
        cell(a.message),
    ]


def _between(begin: str | None, end: str | None) -> float | None:
    return times.seconds_since(begin, times.parse(end)) if begin and end else None


def _part(child: Work, wide: bool) -> list[Cell]:
    status = child.status
    return [
        cell(kinds.label(child)),
        cell(status.phase.value if status.phase else "Pending"),
        cell(f"{status.progress_percentage} %", right=True),
        cell(status.hold_reason.value if status.hold_reason else None),
        number(status.retry_count),
        cell(status.error_details.failure_class.value if status.error_details else None),
        *([cell(getattr(status, "queue_name", None)), cell(title(child))] if wide else []),
    ]


def artifacts(obj: Work, children: Iterable[Work] = ()) -> Iterable[list[Cell]]:
    """Give a row for each file of an object, and of a course's parts."""
    own = obj.status.outline if isinstance(obj, CourseGeneration) else obj.status
    for name, task in ((kinds.label(obj), own), *((kinds.label(c), c.status) for c in children)):
        made = getattr(task, "artifact", None)
        if made:
            yield [cell(name), number(made.bytes), cell(made.media_type), cell(made.key)]


def _event(event: Json, now: datetime) -> list[Cell]:
    return [cell(event["reason"]), cell(times.age(_seen(event), now), right=True), cell(event.get("message"))]
