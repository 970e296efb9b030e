"""Retry, cancel, stop, suspend, resume, regenerate, export, validate and purge."""

import sys
from collections.abc import Sequence

import typer

from coursegen_api.base import ExportFormat, Phase
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.names import child_name

from .. import calls, kinds
from ..errors import InputError, NotFoundError, RefusedError
from ..kinds import Work
from . import sources
from .app import Output, Scope

_ASKED = {
    "retry": "retry requested: it starts anew, with all its retries",
    "cancel": "cancel requested: what runs is stopped",
    "stop": "stop requested: what has succeeded is delivered",
}
_ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


def ask(scope: Scope, wanted: Sequence[str], verb: str) -> None:
    """Ask for a verb by annotation, of each object in turn."""
    scope.answers_in(Output.NAME)
    for name in wanted:
        found = scope.client.get_task_status(name)
        phase = found.status.phase
        if verb == "stop" and not isinstance(found, CourseGeneration):
            raise InputError(f"{kinds.label(found)} is no course: only a course can deliver what it has. Cancel it.")
        if verb in ("cancel", "stop") and phase in _ENDED:
            _told(scope, found, f"unchanged: it has ended already ({phase})")
            continue
        if verb == "retry" and (phase not in _ENDED or (phase is Phase.SUCCEEDED and not _misses_some(found))):
            said = f"unchanged: it is {phase or 'not seen yet'}, and only what failed or was cancelled is run again"
            _told(scope, found, said)
            continue
        method = {"retry": scope.client.retry, "cancel": scope.client.cancel, "stop": scope.client.stop}[verb]
        _told(scope, method(kinds.label(found)), _ASKED[verb])


def _misses_some(obj: Work) -> bool:
    return isinstance(obj, CourseGeneration) and bool(obj.status.missing_chapters)


def suspend(scope: Scope, wanted: Sequence[str], on: bool) -> None:
    """Set or unset spec.suspend."""
    scope.answers_in(Output.NAME)
    for name in wanted:
        found = scope.client.get_task_status(name)
        if found.spec.suspend is on:
            _told(scope, found, "unchanged: it is suspended already" if on else "unchanged: it is not suspended")
            continue
        scope.client.run(calls.suspend(found, on))
        _told(scope, found, "suspended: nothing new starts, what runs ends normally" if on else "resumed")


def regenerate(scope: Scope, name: str, feedback: str, focus_area: str | None) -> None:
    """Wish for new content."""
    scope.answers_in(Output.NAME)
    found = scope.client.regenerate(name, feedback, focus_area=focus_area)
    what = "every chapter is" if isinstance(found, CourseGeneration) else "it is"
    wish = found.spec.regeneration if isinstance(found, CourseGeneration | ChapterGeneration) else None
    when = "" if kinds.is_finished(found) or found.status.phase in _ENDED else " once its present run has ended"
    _told(scope, found, f"regeneration {wish.request_id if wish else ''} requested: {what} made anew{when}")


def export(scope: Scope, name: str, form: str, assessments: bool) -> None:
    """Export a course, a chapter or a file; a course gets one more export of its own, once for each format."""
    scope.answers_in(Output.NAME)
    source = sources.find(scope, name)
    course = source.course
    if course and any(e.format.value == form for e in course.spec.exports):
        return _told(
            scope, course, f"unchanged: it has a {form} export of its own; `kubectl coursegen download {name}`"
        )
    made = sources.once(
        "exported",
        lambda: scope.client.start_course_export(
            child_name(source.name, form if assessments else f"{form}-plain"),
            ExportFormat(form),
            include_assessments=assessments,
            **source.given,
        ),
    )
    return _told(scope, made, "created")


def validate(scope: Scope, name: str) -> None:
    """Have a course, a chapter or a file measured."""
    scope.answers_in(Output.NAME)
    source = sources.find(scope, name)
    made = sources.once(
        "validated",
        lambda: scope.client.start_quality_validation(child_name(source.name, "validation"), **source.given),
    )
    _told(scope, made, "created")


def purge(scope: Scope, failed: bool, yes: bool) -> None:
    """Delete failed work, unless a course owns it: that would only make it again."""
    scope.answers_in(Output.NAME)
    if not failed:
        raise InputError("Say what to purge: --failed.")
    found: list[Work] = []
    for kind in kinds.WORK:
        some = scope.client.list(kind, all_namespaces=scope.all_namespaces, fieldSelector="status.phase=Failed")
        found += [o for o in some if o.metadata.controller_uid() is None]
    if not found:
        return scope.screen.tell("Nothing has failed.")
    for obj in found:
        scope.screen.tell(f"  {obj.metadata.namespace}  {kinds.label(obj)}")
    if not yes:
        _ask(f"Delete these {len(found)}, with all that they own? Files in the store stay.")
    for obj in found:
        try:
            scope.client.delete(obj)
        except (NotFoundError, RefusedError) as error:
            if isinstance(error, RefusedError) and error.status != 409:
                raise
            scope.screen.tell(f"{kinds.label(obj)} left alone: it has changed meanwhile")
            continue
        _told(scope, obj, "deleted")
    return None


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        raise InputError("There is nobody to ask: say --yes.")
    if not typer.confirm(question):
        raise InputError("Nothing was deleted.")


def _told(scope: Scope, obj: Work, what: str) -> None:
    scope.screen.say(kinds.label(obj) if scope.output is Output.NAME else f"{kinds.label(obj)} {what}")
