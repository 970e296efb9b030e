"""What a course creates: names and manifests of its chapters, its validation and its exports."""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from coursegen_api import names
from coursegen_api.base import Model
from coursegen_api.chapter import ChapterGeneration, ChapterSpec
from coursegen_api.course import CourseGeneration, CourseStatus, Export
from coursegen_api.export import ExportSpec
from coursegen_api.task import ChapterRef
from coursegen_api.validation import ValidationSpec

from .world import Key

_LATER = ("scorm", "cmi5", "allowed_terms", "glossary_terms")
"""Fields that a released version did not have. One that says nothing new is left out of the hash, so that a course
which that version began, or finished, finds its validation and exports under their names. A field that is added
to ValidationSpec, QualityBar, ExportSpec or Export belongs in here."""


def planned_chapters(course: CourseGeneration, status: CourseStatus) -> Iterator[tuple[str, ChapterSpec]]:
    """Give name and spec of each chapter that the course shall have: as given, or as the outline has it."""
    name = course.metadata.name
    if course.spec.chapters is not None:
        for index, given in enumerate(course.spec.chapters, start=1):
            yield (
                chapter_name(name, index),
                ChapterSpec(
                    chapter_id=given.id,
                    course_name=name,
                    index=index,
                    title=given.title,
                    learning_objectives=given.learning_objectives,
                    estimated_duration=given.estimated_duration,
                    complexity_level=given.complexity_level,
                ),
            )
        return
    key = status.outline.artifact.key if status.outline and status.outline.artifact else None
    for index in range(1, (status.chapters.total if status.chapters else 0) + 1):
        titles = status.outline_titles
        yield (
            chapter_name(name, index),
            ChapterSpec(
                course_name=name,
                index=index,
                title=titles[index - 1] if index <= len(titles) else None,
                outline_key=key,
            ),
        )


def chapter_name(course: str, index: int) -> str:
    """Name a chapter by its place."""
    return names.child_name(course, f"chapter-{index:02d}")


def is_planned(chapter: ChapterGeneration, course: CourseGeneration, total: int) -> bool:
    """Tell whether a chapter is one of those that a course of so many chapters has."""
    index = chapter.spec.index
    return index <= total and chapter.metadata.name == chapter_name(course.metadata.name, index)


def content_hash(refs: Sequence[ChapterRef], missing: Sequence[int], what: Model) -> str:
    """Hash what a validation or export is made of; other content means another object, never a changed one."""
    parts = [f"{r.index}={r.key}" for r in refs] + [f"-{i}" for i in missing] + [_spelled(what)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _spelled(what: Model) -> str:
    """Write a spec down as the version wrote it that did not know the later fields, where they say nothing new."""
    silent = {n for n, default in _later_defaults(type(what)).items() if getattr(what, n) == default}
    return what.model_dump_json(exclude=silent)


@functools.cache
def _later_defaults(kind: type[Model]) -> dict[str, Any]:
    """Give the later fields of a spec with what they are where nothing was said; pydantic takes its time to tell."""
    known = kind.model_fields
    return {n: known[n].get_default(call_default_factory=True) for n in _LATER if n in known}


def validation(course: CourseGeneration, refs: Sequence[ChapterRef], missing: Sequence[int]) -> tuple[str, Model]:
    """Give name and spec of the validation of the course's present content."""
    quality = course.spec.quality
    spec = ValidationSpec(
        course_name=course.metadata.name,
        min_readability_score=quality.min_readability_score,
        min_pedagogical_alignment=quality.min_pedagogical_alignment,
        check_bias=quality.check_bias,
        allowed_terms=quality.allowed_terms,
        glossary_terms=quality.glossary_terms,
    )
    return names.child_name(course.metadata.name, f"quality-{content_hash(refs, missing, spec)}"), spec


def export(
    course: CourseGeneration, wanted: Export, refs: Sequence[ChapterRef], missing: Sequence[int]
) -> tuple[str, Model]:
    """Give name and spec of one export of the course's present content."""
    spec = ExportSpec(
        course_name=course.metadata.name,
        format=wanted.format,
        include_assessments=wanted.include_assessments,
        scorm=wanted.scorm,
        cmi5=wanted.cmi5,
    )
    suffix = f"{wanted.format.value}-{content_hash(refs, missing, spec)}"
    return names.child_name(course.metadata.name, suffix), spec


def key(course: CourseGeneration, kind: str, name: str) -> Key:
    """Name a child as the snapshot does."""
    return Key(kind, course.metadata.namespace, name)


def manifest(course: CourseGeneration, kind: str, name: str, spec: Model, component: str) -> dict[str, Any]:
    """Give the manifest of a child; it carries our labels and never a copy of the parent's."""
    meta = course.metadata
    return {
        "apiVersion": names.API_VERSION,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": meta.namespace,
            "labels": {
                names.LABEL_MANAGED_BY: names.MANAGED_BY,
                names.LABEL_COMPONENT: component,
                names.LABEL_COURSE: meta.name,
                names.LABEL_COURSE_UID: meta.uid,
            }
            | names.kueue_labels(meta.labels),
            "ownerReferences": [
                {
                    "apiVersion": names.API_VERSION,
                    "kind": "CourseGeneration",
                    "name": meta.name,
                    "uid": meta.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": spec.wire(),
    }
