"""Exports: a course as one file. The same course gives the same bytes in every format."""

from dataclasses import dataclass, field

from coursegen_api.base import ExportFormat, ScormOptions
from coursegen_worker.documents import Course
from coursegen_worker.progress import Advance


@dataclass(frozen=True)
class Exported:
    """The file, and what its maker has to say about it."""

    data: bytes
    media_type: str
    note: str = ""


VERSIONS = {ExportFormat.PDF: "3", ExportFormat.SCORM: "3", ExportFormat.JSON: "2", ExportFormat.EPUB: "2"}
"""A part of each file's key: raise it with any change of what the exporter writes."""


@dataclass(frozen=True)
class Wanted:
    """What file is made of a course."""

    format: ExportFormat
    include_assessments: bool = True
    scorm: ScormOptions = field(default_factory=ScormOptions)


def export(course: Course, wanted: Wanted, advance: Advance) -> Exported:
    """Write the course in one format; each exporter imports its libraries here and not before."""
    form, include_assessments = wanted.format, wanted.include_assessments
    shown = course if include_assessments else without_assessments(course)
    if form is ExportFormat.PDF:
        from coursegen_worker.exporters import pdf

        return pdf.export(shown, include_assessments, advance)
    if form is ExportFormat.SCORM:
        from coursegen_worker.exporters import scorm

        return scorm.export(shown, wanted.scorm, advance)
    if form is ExportFormat.EPUB:
        from coursegen_worker.exporters import epub

        return epub.export(shown, advance)
    from coursegen_worker.exporters import json_export
    from coursegen_worker.quality import measure

    scores = {chapter.index: measure(chapter) for chapter in course.chapters}  # of the whole chapters
    return json_export.export(shown, scores, include_assessments, advance)


def without_assessments(course: Course) -> Course:
    """Leave out questions, answers and model solutions, before any exporter sees them."""
    chapters = [
        chapter.model_copy(
            update={
                "questions": [],
                "sections": [s.model_copy(update={"solution": None}) for s in chapter.sections],
                "digest": "",
            }
        )
        for chapter in course.chapters
    ]
    return course.model_copy(update={"chapters": chapters})
