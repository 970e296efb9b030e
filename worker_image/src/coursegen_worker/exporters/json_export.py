"""The JSON export: the whole course, described for machines by schema.org and a JSON Schema of our own.

The schema is `schema/course.schema.json` in this package, made from the model below by
`worker_image/tools/make_schema.py`.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from coursegen_api.base import Model, ProficiencyLevel, Usage
from coursegen_api.task import CourseContext, CourseMeta
from coursegen_worker.documents import (
    Chapter,
    Contract,
    Course,
    Generator,
    LearningObjective,
    Question,
    Revision,
    Scores,
    Section,
)
from coursegen_worker.exporters import Exported, language
from coursegen_worker.exporters.describe import language_of
from coursegen_worker.progress import Advance
from coursegen_worker.quality import lexical, readability

MEDIA_TYPE = "application/json"
SCHEMA_ID = "https://coursegen.dev/schemas/course-v2.json"
_FILE_NAMES = {
    "course_id": "identifier",
    "title": "name",
    "language": "inLanguage",
    "subject_domain": "about",
    "difficulty_score": "difficultyScore",
    "learning_objectives": "teaches",
    "estimated_duration": "timeRequired",
    "missing_chapters": "missingChapters",
}
"""How the file calls what the contract knows by another name."""
_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Quality(Model):
    """Scores of a chapter, made at export with the methods named."""

    readability: float | None = Field(default=None, description="Flesch reading ease; higher is easier.")
    readability_method: str
    alignment: float | None = Field(default=None, description="Alignment with the objectives, 0 to 1.")
    alignment_method: str


class ChapterFile(Model):
    """One chapter. `sha256` is the hash of the stored chapter document that it was made from."""

    type: Literal["LearningResource"] = Field(default="LearningResource", alias="@type")
    position: Annotated[int, Field(ge=1, le=100)]
    identifier: str
    name: str
    educational_level: ProficiencyLevel
    time_required: str | None = Field(default=None, description="ISO 8601 duration.")
    objectives: list[LearningObjective]
    course_objective_ids: list[str]
    contract: Contract
    sections: list[Section]
    questions: list[Question]
    revisions: list[Revision]
    generator: Generator
    quality: Quality
    usage: Usage | None = Field(default=None, description="What it has cost so far; absent where it is not known.")
    sha256: _Hash | None = None


class CourseFile(Model):
    """A course as JSON; the names of schema.org where it has one."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, title="Course")

    json_schema: Literal["https://coursegen.dev/schemas/course-v2.json"] = Field(
        default="https://coursegen.dev/schemas/course-v2.json", alias="$schema"
    )
    context: Literal["https://schema.org"] = Field(default="https://schema.org", alias="@context")
    type: Literal["Course"] = Field(default="Course", alias="@type")
    schema_version: Literal[2] = 2
    identifier: str
    name: str
    in_language: str = Field(description="BCP 47 code: the course's, else as the text tells it.")
    about: str | None = Field(default=None, description="Field of knowledge.")
    educational_level: ProficiencyLevel
    difficulty_score: float | None = Field(default=None, description="0 (easiest) to 10.")
    time_required: str | None = Field(default=None, description="ISO 8601 duration.")
    teaches: list[str] = Field(description="The course's learning objectives.")
    generators: list[Generator] = Field(description="Who wrote the chapters; llm is true where a model did.")
    assessments_included: bool
    usage: Usage | None = Field(
        default=None,
        description="What the chapters have cost, where all are known; outline and validation are not in it.",
    )
    missing_chapters: list[int] = Field(description="Chapters that could not be made and are left out.")
    has_part: Annotated[list[ChapterFile], Field(min_length=1, max_length=100)]


def export(course: Course, scores: Mapping[int, Scores], include_assessments: bool, advance: Advance) -> Exported:
    """Write the course as indented JSON in UTF-8.

    Args:
        scores: of the whole chapters, by index; a course without its questions could not be measured fairly.
    """
    chapters = []
    for number, chapter in enumerate(course.chapters, start=1):
        chapters.append(_chapter(chapter, scores[chapter.index], course))
        advance(number / len(course.chapters), f"describing chapter {number} of {len(course.chapters)}")
    file = CourseFile(
        identifier=course.course_id,
        name=course.course.title,
        in_language=language_of(course),
        about=course.course.subject_domain,
        educational_level=course.course.proficiency_level,
        difficulty_score=course.course.difficulty_score,
        time_required=course.estimated_duration,
        teaches=[o.text for o in course.objectives],
        generators=course.generators,
        assessments_included=include_assessments,
        usage=_sum([part.usage for part in chapters]),
        missing_chapters=course.missing_chapters,
        has_part=chapters,
    )
    text = json.dumps(file.wire(), ensure_ascii=False, indent=2)
    return Exported(f"{text}\n".encode(), MEDIA_TYPE)


def read(raw: dict[str, Any]) -> tuple[CourseMeta, list[Chapter]]:
    """Read an export as the course that it was made of; raises ValueError naming the field.

    Costs and hashes are left out: they are of the stored chapters, and the file may have been edited since.
    """
    file = CourseFile.model_validate(raw)
    try:
        meta = _meta_of(file)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field, *places = map(str, first["loc"])
        raise ValueError(f"{'.'.join((_FILE_NAMES.get(field, field), *places))}: {first['msg']}") from error
    return meta, [_chapter_of(part, meta) for part in file.has_part]


def _meta_of(file: CourseFile) -> CourseMeta:
    course = CourseContext(
        title=file.name,
        language=None if file.in_language == language.DEFAULT else file.in_language,
        subject_domain=file.about,
        proficiency_level=file.educational_level,
        difficulty_score=file.difficulty_score,
    )
    return CourseMeta(
        course_id=file.identifier,
        course=course,
        learning_objectives=file.teaches,
        estimated_duration=file.time_required,
        missing_chapters=file.missing_chapters,
    )


def _chapter_of(part: ChapterFile, meta: CourseMeta) -> Chapter:
    return Chapter(
        chapter_id=part.identifier,
        course_id=meta.course_id,
        course=meta.course,
        index=part.position,
        title=part.name,
        complexity_level=part.educational_level,
        objectives=part.objectives,
        course_objective_ids=part.course_objective_ids,
        estimated_duration=part.time_required,
        contract=part.contract,
        generator=part.generator,
        sections=part.sections,
        questions=part.questions,
        revisions=part.revisions,
    )


def schema() -> dict[str, Any]:
    """Give the JSON Schema of the export (draft 2020-12)."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **CourseFile.model_json_schema(by_alias=True, mode="serialization"),
    }


def _sum(parts: list[Usage | None]) -> Usage | None:
    known = [part for part in parts if part]
    return Usage.total(known) if len(known) == len(parts) else None


def _chapter(chapter: Chapter, scores: Scores, course: Course) -> ChapterFile:
    return ChapterFile(
        position=chapter.index,
        identifier=chapter.chapter_id,
        name=chapter.title,
        educational_level=chapter.complexity_level,
        time_required=chapter.estimated_duration,
        objectives=chapter.objectives,
        course_objective_ids=chapter.course_objective_ids,
        contract=chapter.contract,
        sections=chapter.sections,
        questions=chapter.questions,
        revisions=chapter.revisions,
        generator=chapter.generator,
        quality=Quality(
            readability=scores.readability,
            readability_method=readability.METHOD,
            alignment=scores.alignment,
            alignment_method=lexical.NAME,
        ),
        usage=course.usage.get(chapter.index),
        sha256=course.hashes.get(chapter.index),
    )
