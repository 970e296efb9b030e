"""What the demo shows of a course, worked out from the custom resources alone: no I/O, no clock of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .live import Word

Json = dict[str, Any]

_ENDED = ("Succeeded", "Failed", "Cancelled")
_MARKS = {"Succeeded": "✓", "Failed": "✗", "Cancelled": "✗", "Running": "▸"}
_STAGES = {"Outline": "planning", "Chapters": "writing", "Validation": "checking", "Exports": "exporting"}


@dataclass(frozen=True)
class Row:
    """One piece of work."""

    name: str
    """Which chapter, or what else it is."""
    title: str
    phase: str
    percentage: int
    note: str
    """What it does, what it waits for, or how it ended."""

    @property
    def mark(self) -> str:
        """One sign for the phase."""
        return _MARKS.get(self.phase, "·")

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.phase in _ENDED


@dataclass(frozen=True)
class Artifact:
    """A file of the finished course."""

    format: str
    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class CourseView:
    """A course as it is shown."""

    name: str
    title: str
    phase: str = "Pending"
    doing: str = "waiting to be seen"
    percentage: int = 0
    seconds: float = 0.0
    """Since it was begun, until now or until its end."""
    rows: Sequence[Row] = ()
    artifacts: Sequence[Artifact] = ()
    quality: str = ""
    message: str = ""
    """Why it waits or failed."""

    @property
    def ended(self) -> bool:
        """Whether the course has reached its end."""
        return self.phase in _ENDED


@dataclass(frozen=True)
class Resources:
    """A course and its children, as the API server gave them."""

    course: Json
    chapters: Sequence[Json] = field(default=())
    validations: Sequence[Json] = field(default=())
    exports: Sequence[Json] = field(default=())
    words: Mapping[str, Word] = field(default_factory=dict)
    """What workers said last, by the object's UID; newer than status, and may be missing."""


def build(seen: Resources, now: float) -> CourseView:
    """Work out what to show at a time."""
    course, status = seen.course, seen.course.get("status", {})
    phase = _phase(status)
    begun = _time(course["metadata"]["creationTimestamp"])
    finished = status.get("completionTime") if phase in _ENDED else None
    return CourseView(
        name=course["metadata"]["name"],
        title=course["spec"]["title"],
        phase=phase,
        doing=phase.lower() if phase in _ENDED else _STAGES.get(status.get("stage", ""), phase.lower()),
        percentage=status.get("progressPercentage", 0),
        seconds=max(0.0, (_time(finished) if finished else now) - begun),
        rows=tuple(_rows(seen, now)),
        artifacts=tuple(_artifacts(seen.exports)),
        quality=_quality(course),
        message=_trouble(status),
    )


def _rows(seen: Resources, now: float) -> list[Row]:
    status = seen.course.get("status", {})
    out = []
    if "chapters" not in seen.course["spec"]:
        out.append(_row("outline", "Outline", _fresh(seen, seen.course, _outline(status)), now))
    known = {c["spec"].get("index", 1): c for c in seen.chapters}
    total = max([status.get("chapters", {}).get("total", 0), *known])
    titles = status.get("outlineTitles", [])
    for index in range(1, total + 1):
        chapter = known.get(index, {"spec": {}})
        of_chapter = _fresh(seen, chapter, _status(chapter))
        planned = titles[index - 1] if index <= len(titles) else f"Chapter {index}"
        title = of_chapter.get("title") or chapter["spec"].get("title") or planned
        out.append(_row(str(index), title, of_chapter, now))
    for validation in seen.validations:
        out.append(_row("quality", "Readability, alignment, bias", _fresh(seen, validation, _status(validation)), now))
    for export in sorted(seen.exports, key=lambda e: str(e["spec"]["format"])):
        name = export["spec"]["format"]
        out.append(_row(name, f"Export as {name.upper()}", _fresh(seen, export, _status(export)), now))
    return out


def _fresh(seen: Resources, resource: Json, status: Json) -> Json:
    """Lay the worker's last word over a status, if it is about the attempt that runs."""
    word = seen.words.get(resource.get("metadata", {}).get("uid", ""))
    attempt = (status.get("attempts") or [{}])[-1]
    if not word or attempt.get("outcome") or _phase(status) in _ENDED:
        return status
    if (word.revision, word.attempt) != (status.get("revision", 0), attempt.get("number")):
        return status
    percentage = max(word.percentage, status.get("progressPercentage", 0))
    return {**status, "phase": "Running", "progressPercentage": percentage, "stage": word.stage}


def _outline(status: Json) -> Json:
    """Give the outline's own status with a phase, which the operator writes for whole objects alone."""
    outline: Json = status.get("outline", {})
    attempts = outline.get("attempts") or [{}]
    if outline.get("artifact"):
        phase = "Succeeded"
    elif outline.get("holdReason"):
        phase = "Held"
    elif attempts[-1].get("outcome") and _phase(status) in _ENDED:
        phase = _phase(status)
    else:
        phase = "Running" if attempts[-1].get("startTime") else "Pending"
    return {**outline, "phase": phase}


def _row(name: str, title: str, status: Json, now: float) -> Row:
    phase = _phase(status)
    percentage = 100 if phase == "Succeeded" else status.get("progressPercentage", 0)
    return Row(name, title, phase, percentage, _note(phase, status, now))


def _note(phase: str, status: Json, now: float) -> str:
    if phase == "Succeeded":
        if status.get("usage", {}).get("cached"):
            return "was in the store already"
        return f"in {_took(status):.0f} s"
    if phase in _ENDED:
        return _trouble(status)
    if status.get("holdReason") == "RetryBackoff" and status.get("nextRetryTime"):
        seconds = max(0, round(_time(status["nextRetryTime"]) - now))
        return f"waits {seconds} s to try again: {_error(status)}"
    if status.get("holdReason"):
        return f"waits, {status['holdReason']}: {status.get('holdMessage', '')}".rstrip(": ")
    if phase == "Running":
        return str(status.get("stage") or "running")
    return "its Pod is starting" if status.get("attempts") else "waits for its turn"


def _trouble(status: Json) -> str:
    if status.get("holdReason"):
        return f"{status['holdReason']}: {status.get('holdMessage', '')}"
    return _error(status)


def _error(status: Json) -> str:
    error = status.get("errorDetails")
    return f"{error['failureClass']}: {error['message']}" if error else ""


def _took(status: Json) -> float:
    attempts = status.get("attempts") or [{}]
    first, last = attempts[0].get("admissionTime"), attempts[-1].get("completionTime")
    return max(0.0, _time(last) - _time(first)) if first and last else 0.0


def _artifacts(exports: Sequence[Json]) -> list[Artifact]:
    out = []
    for export in exports:
        made = _status(export).get("artifact")
        if made:
            out.append(Artifact(export["spec"]["format"], made["key"], made["sha256"], made["bytes"]))
    return sorted(out, key=lambda a: a.format)


def _quality(course: Json) -> str:
    summary, bar = course.get("status", {}).get("validation"), course["spec"].get("quality", {})
    if not summary:
        return ""
    parts = []
    if summary.get("readability") is not None:
        parts.append(f"readability {summary['readability']:.0f} (bar {bar.get('minReadabilityScore', 80):.0f})")
    if summary.get("alignment") is not None:
        parts.append(f"alignment {summary['alignment']:.2f} (bar {bar.get('minPedagogicalAlignment', 0.8):.2f})")
    verdict = "Quality passed" if summary.get("passed") else "Below the quality bar"
    return f"{verdict}. Worst chapter: {', '.join(parts)}. Biased wordings: {summary.get('bias', 0)}."


def _status(resource: Json) -> Json:
    status: Json = resource.get("status", {})
    return status


def _phase(status: Json) -> str:
    return str(status.get("phase") or "Pending")


def _time(stamp: str) -> float:
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).astimezone(UTC).timestamp()
