"""Retry, cancel, stop, suspend, resume, regenerate, export, validate and purge."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from coursegen_api import names
from coursegen_api.base import ExportFormat, Phase
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.names import child_name

from .. import calls, kinds
from ..errors import InputError, NotFoundError, RefusedError
from ..kinds import Work
from . import sources
from .app import Scope
from .outcomes import Outcomes

_ASKED = {
    "retry": (names.ANNOTATION_RETRY, "retry requested: it starts anew, with all its retries"),
    "cancel": (names.ANNOTATION_CANCEL, "cancel requested: what runs is stopped"),
    "stop": (names.ANNOTATION_STOP, "stop requested: what has succeeded is delivered"),
}
"""By what annotation a verb is asked for, and what is said of it."""
_ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


def ask(scope: Scope, wanted: Sequence[str], verb: str) -> None:
    """Ask for a verb by annotation, of each object in turn."""
    with Outcomes(scope, several=len(wanted) > 1) as outcomes:
        for name in wanted:
            found = scope.find(name)
            if verb == "stop" and not isinstance(found, CourseGeneration):
                said = f"{kinds.label(found)} is no course: only a course can deliver what it has. Cancel it."
                raise InputError(said)
            if unneeded := _unneeded(found, verb):
                outcomes.tell(found, f"unchanged: {unneeded}")
                continue
            annotation, said = _ASKED[verb]
            outcomes.tell(scope.client.run(calls.ask(found, annotation, datetime.now(UTC))), said)


def _unneeded(found: Work, verb: str) -> str:
    """Say why there is nothing to ask for; empty if there is."""
    phase = found.status.phase
    if verb in ("cancel", "stop") and phase in _ENDED:
        return f"it has ended already ({phase})"
    if verb == "retry" and (phase not in _ENDED or (phase is Phase.SUCCEEDED and not _misses_some(found))):
        return f"it is {phase or 'not seen yet'}, and only what failed or was cancelled is run again"
    return ""


def _misses_some(obj: Work) -> bool:
    return isinstance(obj, CourseGeneration) and bool(obj.status.missing_chapters)


def suspend(scope: Scope, wanted: Sequence[str], on: bool) -> None:
    """Set or unset spec.suspend."""
    with Outcomes(scope, several=len(wanted) > 1) as outcomes:
        for name in wanted:
            found = scope.find(name)
            if found.spec.suspend is on:
                said = "unchanged: it is suspended already" if on else "unchanged: it is not suspended"
                outcomes.tell(found, said)
                continue
            said = "suspended: nothing new starts, what runs ends normally" if on else "resumed"
            outcomes.tell(scope.client.run(calls.suspend(found, on)), said)


def regenerate(scope: Scope, name: str, feedback: str, focus_area: str | None) -> None:
    """Wish for new content."""
    found = scope.client.run(calls.regenerate(scope.find(name), feedback, focus_area, None))
    what = "every chapter is" if isinstance(found, CourseGeneration) else "it is"
    wish = found.spec.regeneration if isinstance(found, CourseGeneration | ChapterGeneration) else None
    when = "" if kinds.is_finished(found) or found.status.phase in _ENDED else " once its present run has ended"
    with Outcomes(scope) as outcomes:
        outcomes.tell(found, f"regeneration {wish.request_id if wish else ''} requested: {what} made anew{when}")


def export(scope: Scope, name: str, form: str, assessments: bool) -> None:
    """Export a course, a chapter or a file; a course gets one more export of its own, once for each format."""
    source = sources.find(scope, name)
    course = source.course
    with Outcomes(scope) as outcomes:
        if course and any(e.format.value == form for e in course.spec.exports):
            said = f"unchanged: it has a {form} export of its own; `kubectl coursegen download {name}`"
            return outcomes.tell(course, said)
        made = sources.once(
            "exported",
            lambda: scope.client_in(source.namespace).start_course_export(
                child_name(source.name, form if assessments else f"{form}-plain"),
                ExportFormat(form),
                include_assessments=assessments,
                **source.given,
            ),
        )
        return outcomes.tell(made, "created")


def validate(scope: Scope, name: str) -> None:
    """Have a course, a chapter or a file measured."""
    source = sources.find(scope, name)
    made = sources.once(
        "validated",
        lambda: scope.client_in(source.namespace).start_quality_validation(
            child_name(source.name, "validation"), **source.given
        ),
    )
    with Outcomes(scope) as outcomes:
        outcomes.tell(made, "created")


def purge(scope: Scope, failed: bool, yes: bool) -> None:
    """Delete failed work, unless a course owns it: that would only make it again."""
    if not failed:
        raise InputError("Say what to purge: --failed.")
    there: list[Work] = []
    for kind in kinds.WORK:
        there += scope.client.list(kind, all_namespaces=scope.all_namespaces, fieldSelector="status.phase=Failed")
    found = [o for o in there if o.metadata.controller_uid() is None]
    if not found:
        owned = "What has failed is part of a course: retry it, or delete the course."
        scope.screen.tell(owned if there else "Nothing has failed.")
    for obj in found:
        scope.screen.tell(f"  {obj.metadata.namespace}  {kinds.label(obj)}")
    if found and not yes:
        _ask(f"Delete these {len(found)}, with all that they own? Files in the store stay.")
    with Outcomes(scope, several=True) as outcomes:
        for obj in found:
            if _deleted(scope, obj):
                outcomes.tell(obj, "deleted")


def _deleted(scope: Scope, obj: Work) -> bool:
    """Delete an object as it was listed; what has changed meanwhile is left alone."""
    try:
        scope.client.delete(obj)
    except (NotFoundError, RefusedError) as error:
        if isinstance(error, RefusedError) and error.status != 409:
            raise
        scope.screen.tell(f"{kinds.label(obj)} left alone: it has changed meanwhile")
        return False
    return True


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise InputError("There is nobody to ask: say --yes.")
    if not typer.confirm(question):
        raise InputError("Nothing was deleted.")
