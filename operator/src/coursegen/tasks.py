"""The six calls of the task queue that this system replaces, each as what it creates or reads."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from coursegen_api import names
from coursegen_api.base import ExportFormat, Model
from coursegen_api.chapter import ChapterGeneration, ChapterSpec
from coursegen_api.course import CourseGeneration, CourseSpec
from coursegen_api.export import CourseExport, ExportSpec
from coursegen_api.task import QualityBar
from coursegen_api.validation import QualityValidation, ValidationSpec

from . import calls
from .calls import Call
from .errors import InputError
from .kinds import Work

M = TypeVar("M", bound=Model)
Content = str | Mapping[str, Any]
"""Content that the system did not make: Markdown, or a chapter or course document."""


def start_course(namespace: str, spec: CourseSpec | Mapping[str, Any], name: str | None) -> Call[CourseGeneration]:
    """Create a course, by default under the owner's id of it."""
    read = checked(CourseSpec, spec)
    return (yield from calls.create(CourseGeneration, namespace, name or _own(read.course_id, "courseId"), read))


def start_chapter(namespace: str, spec: ChapterSpec | Mapping[str, Any], name: str | None) -> Call[ChapterGeneration]:
    """Create a chapter, by default under the owner's id of it."""
    read = checked(ChapterSpec, spec)
    return (yield from calls.create(ChapterGeneration, namespace, name or _own(read.chapter_id, "chapterId"), read))


def start_validation(
    namespace: str, name: str, source: Mapping[str, str | None], content: Content | None, bar: QualityBar
) -> Call[QualityValidation]:
    """Create a validation of exactly one source."""
    spec = checked(ValidationSpec, _source(source, content) | bar.wire())
    return (yield from calls.create_with_content(QualityValidation, namespace, name, spec, content))


def start_export(
    namespace: str,
    name: str,
    source: Mapping[str, str | None],
    content: Content | None,
    format: ExportFormat | str,
    include_assessments: bool,
) -> Call[CourseExport]:
    """Create an export of exactly one source."""
    rest = {"format": str(format), "includeAssessments": include_assessments}
    spec = checked(ExportSpec, _source(source, content) | rest)
    return (yield from calls.create_with_content(CourseExport, namespace, name, spec, content))


def start_regeneration(
    namespace: str, chapter: str, feedback: str, focus_area: str | None, request_id: str | None
) -> Call[ChapterGeneration]:
    """Wish that a chapter be made anew from feedback; the same words about the same version are one wish."""
    found = yield from calls.get(ChapterGeneration, namespace, chapter)
    wished: Work = yield from calls.regenerate(found, feedback, focus_area, request_id)
    assert isinstance(wished, ChapterGeneration)
    return wished


def checked(model: type[M], spec: M | Mapping[str, Any]) -> M:
    """Read a spec, in the contract's own spelling or Python's; InputError names the field at fault."""
    if isinstance(spec, model):
        return spec
    try:
        return model.model_validate(spec)
    except ValidationError as error:
        said = [f"{'.'.join(str(p) for p in e['loc']) or 'spec'}: {e['msg']}" for e in error.errors()[:5]]
        raise InputError(f"The spec cannot be used: {'; '.join(said)}.") from error


def _source(given: Mapping[str, str | None], content: Content | None) -> dict[str, Any]:
    named = {k: v for k, v in given.items() if v}
    if len(named) + (content is not None) != 1:
        raise InputError(f"Name exactly one source: {', '.join(given)} or content.")
    return named


def _own(owner_id: str | None, field: str) -> str:
    """Name an object as the gateway does: one id is one object, whoever asks for it."""
    if not owner_id:
        raise InputError(f"The object needs a name: give one, or set {field}.")
    return names.object_name(owner_id)
