"""What an attempt of each kind is to do, or what it still waits for."""

from collections.abc import Sequence

from coursegen_api.base import Artifact, ExportFormat, HoldReason, Outcome, Usage
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration, CourseStatus
from coursegen_api.export import CourseExport
from coursegen_api.names import CONTENT_PATH
from coursegen_api.source import SourceFields
from coursegen_api.task import (
    MAX_CHAPTER_COST,
    ChapterFeedback,
    ChapterRef,
    ChapterTask,
    ChapterUsage,
    CourseContext,
    CourseMeta,
    ExportTask,
    GlossaryTerms,
    OutlineTask,
    QualityBar,
    Source,
    ValidationTask,
    Work,
)
from coursegen_api.validation import QualityValidation

from . import requests
from .step import Assignment, Hold

_SIZES = {"outline": 1, "chapter": 10, "validation": 1, "export": 1, "cleanup": 1}
"""Roughly how much work a task is, by its kind; a chapter grows with what it has to teach."""


def size(work: Work) -> int:
    """Give the rough size of a task: a probe is the smallest that waits."""
    return _SIZES[work.kind.value] + (len(work.learning_objectives) if isinstance(work, ChapterTask) else 0)


def context_of(course: CourseGeneration) -> CourseContext:
    """Give what a chapter needs to know of its course."""
    spec = course.spec
    return CourseContext(
        title=spec.title,
        language=spec.language,
        subject_domain=spec.subject_domain,
        proficiency_level=spec.target_audience.proficiency_level,
        difficulty_score=spec.difficulty_score,
    )


def course_id(course: CourseGeneration) -> str:
    """Give the owner's id of a course."""
    return course.spec.course_id or course.metadata.name


def outline(course: CourseGeneration) -> Assignment:
    """Assign the outline of a course."""
    spec = course.spec
    return Assignment(
        OutlineTask(
            course_id=course_id(course),
            course=context_of(course),
            learning_objectives=spec.learning_objectives,
            estimated_duration=spec.estimated_duration,
            chapter_count=spec.chapter_count,
        )
    )


def _missing(kind: str, name: str) -> Hold:
    return Hold(HoldReason.MISCONFIGURED, f"{kind} {name} does not exist in this namespace: create it.")


def chapter(obj: ChapterGeneration, course: CourseGeneration | None) -> Assignment | Hold:
    """Assign a chapter, of a course or alone."""
    spec = obj.spec
    context = spec.course_context
    if spec.course_name:
        if course is None:
            return _missing("CourseGeneration", spec.course_name)
        if obj.metadata.controller_uid() == course.metadata.uid and not requests.is_open(course):
            return Hold(HoldReason.DEPENDENCY_PENDING, f"Waits for course {spec.course_name} to get its slot.")
        context = context_of(course)
    if context is None:
        return _missing("CourseGeneration", spec.course_name or "")
    bar = course.spec.quality if course and course.spec.quality.enabled else None
    return Assignment(
        ChapterTask(
            chapter_id=spec.chapter_id or obj.metadata.name,
            course_id=course_id(course) if course else None,
            course=context,
            index=spec.index,
            outline_key=spec.outline_key,
            title=spec.title,
            learning_objectives=spec.learning_objectives or [],
            estimated_duration=spec.estimated_duration,
            complexity_level=spec.complexity_level,
            min_readability_score=bar.min_readability_score if bar else None,
            glossary_terms=bar.glossary_terms if bar else GlossaryTerms.COUNT,
            regeneration=_feedback(obj, course),
        )
    )


def _feedback(obj: ChapterGeneration, course: CourseGeneration | None) -> ChapterFeedback | None:
    """Join the wishes about this chapter: its own, and those for the whole course."""
    seen = obj.status.requests
    wishes = []
    for wish, accepted in (
        (obj.spec.regeneration, seen.regeneration if seen else None),
        (course.spec.regeneration if course else None, seen.course_regeneration if seen else None),
    ):
        if wish and wish.request_id == accepted:
            wishes.append(wish)
    made = course.status.quality_round if course else None
    in_round = course is not None and seen is not None and seen.quality_round == requests.round_id(course)
    report = made.report_key if made and in_round else None
    if not wishes and report is None:
        return None
    names = [w.request_id for w in wishes] + ([f"quality-{seen.quality_round}"] if report and seen else [])
    return ChapterFeedback(
        request_id=".".join(names)[-63:].strip("._-"),
        feedback="\n".join(w.feedback for w in wishes)[:4000] or None,
        report_key=report,
        focus_area=next((w.focus_area for w in wishes if w.focus_area), None),
        previous_key=obj.status.artifact.key if obj.status.artifact else None,
    )


def chapter_refs(chapters: Sequence[ChapterGeneration], course: CourseGeneration | None) -> list[ChapterRef]:
    """Refer to the chapters that have something to deliver, in their order, each by its better version."""
    refs = []
    for chapter in sorted(chapters, key=lambda c: c.spec.index):
        owner = course if requests.owned_by(chapter, course) else None
        there = requests.has_content(chapter, owner) if owner else requests.ended(chapter) is Outcome.SUCCEEDED
        artifact = _better(chapter, owner)
        if there and artifact:
            refs.append(ChapterRef(index=chapter.spec.index, key=artifact.key, sha256=artifact.sha256))
    return refs


def chapters_wanted(status: CourseStatus) -> int:
    """Give of how many chapters a course delivers what it makes; with fewer, one was deleted and is not back yet."""
    return (status.chapters.total if status.chapters else 0) - len(status.missing_chapters)


def _better(chapter: ChapterGeneration, course: CourseGeneration | None) -> Artifact | None:
    """Give the version that is delivered: the one before a round that made the chapter no better, else the last."""
    kept = course is not None and chapter.spec.index in course.status.kept_chapters
    return (chapter.status.previous_artifact if kept else None) or chapter.status.artifact


def _course_meta(course: CourseGeneration) -> CourseMeta:
    return CourseMeta(
        course_id=course_id(course),
        course=context_of(course),
        learning_objectives=course.spec.learning_objectives,
        estimated_duration=course.spec.estimated_duration,
        missing_chapters=course.status.missing_chapters,
    )


def source(
    spec: SourceFields,
    owned: bool,
    course: CourseGeneration | None,
    chapters: Sequence[ChapterGeneration],
) -> Source | Hold:
    """Resolve the source of a validation or an export.

    Arguments:
        spec: names exactly one source.
        owned: the object belongs to the course, which created it because its chapters are ready.
        course: the course named, if it exists.
        chapters: the course's chapters, or the one chapter named.
    """
    if spec.artifact_key:
        return Source(artifact_key=spec.artifact_key)
    if spec.config_map_name:
        return Source(content_path=CONTENT_PATH)
    if spec.chapter_name:
        return _chapter_source(spec.chapter_name, chapters, course)
    if course is None:
        return _missing("CourseGeneration", spec.course_name or "")
    refs = chapter_refs(chapters, course)
    if not owned and course.status.stage not in ("Validation", "Exports", "Done"):
        return Hold(HoldReason.DEPENDENCY_PENDING, f"Waits for the chapters of course {spec.course_name} to be ready.")
    if not refs:
        return Hold(HoldReason.DEPENDENCY_PENDING, f"Course {spec.course_name} has no chapter that is ready.")
    wanted = chapters_wanted(course.status)
    if len(refs) < wanted:
        short = f"{len(refs)} of {wanted} chapters of course {spec.course_name} are ready"
        return Hold(HoldReason.DEPENDENCY_PENDING, f"{short}: waits for the others to be made anew.")
    return Source(meta=_course_meta(course), chapters=refs)


def _chapter_source(name: str, chapters: Sequence[ChapterGeneration], course: CourseGeneration | None) -> Source | Hold:
    if not chapters:
        return _missing("ChapterGeneration", name)
    refs = chapter_refs(chapters, course)
    if not refs:
        return Hold(HoldReason.DEPENDENCY_PENDING, f"Waits for chapter {name} to succeed.")
    return Source(meta=_course_meta(course) if course else _chapter_meta(chapters[0]), chapters=refs)


def _chapter_meta(obj: ChapterGeneration) -> CourseMeta | None:
    context = obj.spec.course_context
    if context is None:
        return None
    return CourseMeta(
        course_id=obj.spec.chapter_id or obj.metadata.name,
        course=context,
        learning_objectives=obj.spec.learning_objectives or [],
        estimated_duration=obj.spec.estimated_duration,
    )


def validation(obj: QualityValidation, content: Source | Hold) -> Assignment | Hold:
    """Assign a validation."""
    if isinstance(content, Hold):
        return content
    spec = obj.spec
    bar = QualityBar(
        min_readability_score=spec.min_readability_score,
        min_pedagogical_alignment=spec.min_pedagogical_alignment,
        check_bias=spec.check_bias,
        allowed_terms=spec.allowed_terms,
        glossary_terms=spec.glossary_terms,
    )
    return Assignment(ValidationTask(source=content, bar=bar), spec.config_map_name)


def export(obj: CourseExport, content: Source | Hold, chapters: Sequence[ChapterGeneration] = ()) -> Assignment | Hold:
    """Assign an export; the JSON one tells what the chapters have cost."""
    if isinstance(content, Hold):
        return content
    spec = obj.spec
    work = ExportTask(
        source=content,
        format=spec.format,
        include_assessments=spec.include_assessments,
        scorm=spec.scorm,
        cmi5=spec.cmi5,
        usage=_usage(content, chapters) if spec.format is ExportFormat.JSON else [],
    )
    return Assignment(work, spec.config_map_name)


def _usage(content: Source, chapters: Sequence[ChapterGeneration]) -> list[ChapterUsage | None]:
    used = {chapter.spec.index: chapter.status.usage for chapter in chapters}
    return [_told(usage) if (usage := used.get(ref.index)) else None for ref in content.chapters]


def _told(usage: Usage) -> ChapterUsage:
    return ChapterUsage(
        prompt_tokens=min(usage.prompt_tokens, MAX_CHAPTER_COST),
        completion_tokens=min(usage.completion_tokens, MAX_CHAPTER_COST),
        cost_micro_usd=min(usage.cost_micro_usd, MAX_CHAPTER_COST),
        cached=usage.cached,
    )
