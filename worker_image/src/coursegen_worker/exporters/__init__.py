"""Exports: a course as one file. The same course gives the same bytes in every format."""

from dataclasses import dataclass, field

from coursegen_api.base import Cmi5Options, ExportFormat, ScormOptions
from coursegen_worker.documents import Course
from coursegen_worker.progress import Advance


@dataclass(frozen=True)
class Exported:
    """The file, and what its maker has to say about it."""

    data: bytes
    media_type: str
    note: str = ""


VERSIONS = {
    ExportFormat.PDF: "5",
    ExportFormat.SCORM: "6",
    ExportFormat.JSON: "4",
    ExportFormat.EPUB: "4",
    ExportFormat.QTI: "3",
    ExportFormat.MARKDOWN: "3",
    ExportFormat.HTML: "3",
    ExportFormat.CMI5: "5",
}
"""A part of each file's key: raise it with any change of what the exporter writes."""


@dataclass(frozen=True)
class Wanted:
    """What file is made of a course."""

    format: ExportFormat
    include_assessments: bool = True
    scorm: ScormOptions = field(default_factory=ScormOptions)
    cmi5: Cmi5Options = field(default_factory=Cmi5Options)


def export(course: Course, wanted: Wanted, advance: Advance) -> Exported:
    """Write the course in one format; each exporter imports its libraries here and not before."""
    shown = course if wanted.include_assessments else without_assessments(course)
    match wanted.format:
        case ExportFormat.PDF:
            from coursegen_worker.exporters import pdf

            return pdf.export(shown, wanted.include_assessments, advance)
        case ExportFormat.SCORM:
            from coursegen_worker.exporters import scorm

            return scorm.export(shown, wanted.scorm, advance)
        case ExportFormat.CMI5:
            from coursegen_worker.exporters import cmi5

            return cmi5.export(shown, wanted.cmi5, advance)
        case ExportFormat.JSON:
            from coursegen_worker.exporters import json_export
            from coursegen_worker.quality import measure

            scores = {chapter.index: measure(chapter) for chapter in course.chapters}  # of the whole chapters
            return json_export.export(shown, scores, wanted.include_assessments, advance)
        case _:
            return _plain(shown, wanted.format, advance)


def _plain(course: Course, form: ExportFormat, advance: Advance) -> Exported:
    """Write a format that needs to know nothing but the course."""
    match form:
        case ExportFormat.EPUB:
            from coursegen_worker.exporters import epub

            return epub.export(course, advance)
        case ExportFormat.QTI:
            from coursegen_worker.exporters import qti

            return qti.export(course, advance)
        case ExportFormat.MARKDOWN:
            from coursegen_worker.exporters import markdown_export

            return markdown_export.export(course, advance)
        case ExportFormat.HTML:
            from coursegen_worker.exporters import html_export

            return html_export.export(course, advance)
        case _:
            raise ValueError(form)


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
