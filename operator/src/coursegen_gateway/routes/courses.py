"""Courses, and what belongs to them: as the replaced system had them, and the rest."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query

from coursegen_api.chapter import ChapterSpec
from coursegen_api.course import CourseSpec
from coursegen_api.export import ExportSpec
from coursegen_api.validation import ValidationSpec

from .. import actions, present
from ..examples import COURSE_UID
from ..gateway import Found
from ..models import Accepted, ChapterCounts, Course, GenerationStatus, Page, Task
from ..state import CHAPTERS, COURSES, EXPORTS, VALIDATIONS
from .common import By, Here, IdempotencyKey, Known, Limit, Namespace, Offset, Search, Sort, body_of, select
from .tasks import listed

router = APIRouter(prefix="/api/v1", tags=["courses"], route_class=Known)

CourseId = Annotated[
    str, Path(min_length=1, max_length=63, description="The owner's id, spec.courseId.", examples=["course-123"])
]
Which = Annotated[
    str,
    Query(
        max_length=64,
        description="Of several courses that bear the id, the one whose metadata.uid this is.",
        examples=[COURSE_UID],
    ),
]


async def the_course(
    gateway: Here, caller: By, course_id: CourseId, namespace: Namespace = "", task_id: Which = ""
) -> Found:
    """Give the course that a path names; Problem 404 if there is none, 409 if there are several."""
    return await gateway.find_course(caller, course_id, namespace, task_id)


Of = Annotated[Found, Depends(the_course)]
_COURSE = {
    "namespace": "courses", "course_id": "course-123", "title": "Python Programming",
    "subject_domain": "Computer Science", "target_audience": {"proficiency_level": "beginner"},
    "learning_objectives": ["Learn Python basics", "Build applications"], "estimated_duration": "PT20H",
    "difficulty_score": 2.0, "exports": [{"format": "pdf"}],
}  # fmt: skip
_CHAPTER = {
    "namespace": "courses", "chapter_id": "loops", "title": "Loops", "learning_objectives": ["Write a for loop"],
    "course_context": {"title": "Python Programming"},
}  # fmt: skip


@router.get("/courses", summary="List courses")
async def list_courses(
    gateway: Here, caller: By, namespace: Namespace = "", q: Search = "", sort: Sort = "-created",
    limit: Limit = 100, offset: Offset = 0,
) -> Page[Task]:  # fmt: skip
    """Give the courses that the caller may list, by a query, a page at a time."""
    return select(await listed(gateway, caller, ["course"], namespace, q), q, sort, offset, limit)


@router.post("/courses", status_code=202, summary="Begin a course", openapi_extra=body_of(CourseSpec, _COURSE))
async def create_course(gateway: Here, caller: By, body: Annotated[Any, Body()]) -> Accepted:
    """Create a CourseGeneration; a second one of the same name is a 409."""
    return await actions.create(gateway, caller, COURSES, body)


@router.get("/courses/{course_id}", summary="Show a course with its parts")
async def get_course(gateway: Here, found: Of) -> Course:
    """Give a course with its chapters, validations and exports."""
    return present.course(gateway.state, found.entry.item, await gateway.parts(found))


@router.get("/courses/{course_id}/generation-status", summary="How far a course is")
async def generation_status(gateway: Here, found: Of) -> GenerationStatus:
    """Give phase, percentage and chapters of a course."""
    course = present.course(gateway.state, found.entry.item, await gateway.parts(found))
    shown = course.model_dump() | {"status": course.phase, "course_id": course.course_id or course.name}
    return GenerationStatus.model_validate(
        shown | {"chapters": course.chapters or ChapterCounts()}, from_attributes=True
    )


@router.post("/courses/{course_id}/regenerate-chapter", status_code=202, summary="Make a chapter anew from feedback")
async def regenerate_chapter(
    gateway: Here, course: Of, wish: actions.RegenerateChapter,
    idempotency_key: IdempotencyKey = None,
) -> Accepted:  # fmt: skip
    """Write the wish down; `task_id` is the chapter's, to follow at `/ws/tasks/{task_id}`."""
    chapter = await gateway.find_chapter(course, wish.chapter_id)
    return await actions.regenerate(gateway, chapter, wish.feedback, wish.options.focus_area, idempotency_key)


@router.get("/courses/{course_id}/chapters", summary="List a course's chapters")
async def list_chapters_of(gateway: Here, found: Of) -> Page[Task]:
    """Give the chapters of a course in their order."""
    parts = [part for part in await gateway.parts(found) if part.plural == CHAPTERS]
    chapters = [present.task(gateway.state, part) for part in parts]
    return Page(items=chapters, total=len(chapters), offset=0, limit=max(1, len(chapters)))


@router.post(
    "/chapters",
    status_code=202,
    tags=["tasks"],
    summary="Begin a chapter",
    openapi_extra=body_of(ChapterSpec, _CHAPTER),
)
async def create_chapter(gateway: Here, caller: By, body: Annotated[Any, Body()]) -> Accepted:
    """Create a ChapterGeneration, for a course or alone."""
    return await actions.create(gateway, caller, CHAPTERS, body)


@router.post(
    "/validations", status_code=202, tags=["tasks"], summary="Begin a validation",
    openapi_extra=body_of(ValidationSpec, {"namespace": "courses", "course_name": "course-123"}),
)  # fmt: skip
async def create_validation(gateway: Here, caller: By, body: Annotated[Any, Body()]) -> Accepted:
    """Create a QualityValidation of one source."""
    return await actions.create(gateway, caller, VALIDATIONS, body)


@router.post(
    "/exports", status_code=202, tags=["tasks"], summary="Begin an export",
    openapi_extra=body_of(ExportSpec, {"namespace": "courses", "course_name": "course-123", "format": "pdf"}),
)  # fmt: skip
async def create_export(gateway: Here, caller: By, body: Annotated[Any, Body()]) -> Accepted:
    """Create a CourseExport of one source."""
    return await actions.create(gateway, caller, EXPORTS, body)


def _list_of(kind: str) -> Any:
    async def list_kind(
        gateway: Here, caller: By, namespace: Namespace = "", q: Search = "", sort: Sort = "-created",
        limit: Limit = 100, offset: Offset = 0,
    ) -> Page[Task]:  # fmt: skip
        """Give those that the caller may list, by a query, a page at a time."""
        return select(await listed(gateway, caller, [kind], namespace, q), q, sort, offset, limit)

    return list_kind


for _kind in ("chapter", "validation", "export"):
    router.get(f"/{_kind}s", tags=["tasks"], summary=f"List {_kind}s", name=f"list_{_kind}s")(_list_of(_kind))
