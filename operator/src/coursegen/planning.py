"""What would come of a spec, what it would take and cost: by the planner's own functions, from what was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coursegen_api import names
from coursegen_api.base import Phase, Usage
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration, CourseStatus
from coursegen_api.export import CourseExport
from coursegen_api.kinds import ObjectMeta
from coursegen_api.queue import GenerationQueue
from coursegen_api.validation import QualityValidation
from coursegen_operator.plan import assignments, children
from coursegen_operator.plan.step import Hold

from .kinds import Work

_QUEUES = {
    "CourseGeneration": names.QUEUE_COURSE,
    "ChapterGeneration": names.QUEUE_CHAPTER,
    "QualityValidation": names.QUEUE_VALIDATION,
    "CourseExport": names.QUEUE_EXPORT,
}


@dataclass(frozen=True)
class Known:
    """What is there already, and what was measured."""

    queues: Mapping[str, GenerationQueue]
    courses: Sequence[CourseGeneration] = ()
    chapters: Sequence[ChapterGeneration] = ()


@dataclass(frozen=True)
class Estimate:
    """What would come of one object. None: not known."""

    jobs: int | None
    chapters: int | None
    cached: int
    """Parts that were made before from the same input, as far as what exists shows: the store should have them."""
    seconds: float | None
    """Alone on the free slots of its queues; what waits already is not in it."""
    cost_micro_usd: int | None
    rounds: int = 0
    """Quality rounds that may come on top."""


def estimate(obj: Work, known: Known) -> Estimate:
    """Work out what would come of an object that was just created."""
    if isinstance(obj, CourseGeneration):
        return _course(obj, known)
    if isinstance(obj, ChapterGeneration):
        course = next((c for c in known.courses if c.metadata.name == obj.spec.course_name), None)
        cached = int(_is_made(obj, course, known))
        return Estimate(1, 1, cached, _usual(obj, known), _cost(_provider(obj, course), 1 - cached, known))
    return Estimate(1, None, 0, _usual(obj, known), 0)


def _course(course: CourseGeneration, known: Known) -> Estimate:
    spec = course.spec
    outlined = spec.chapters is None
    before = next((c for c in known.courses if outlined and _same_outline(c, course)), None)
    status = CourseStatus() if before is None else before.status
    planned = [_chapter(course, n, s) for n, s in children.planned_chapters(course, status)]
    count = len(planned) or spec.chapter_count
    cached = sum(_is_made(c, course, known) for c in planned)
    others = int(outlined) + int(spec.quality.enabled) + len(spec.exports)
    rounds = spec.quality.max_regenerations if spec.quality.enabled else 0
    return Estimate(
        jobs=None if count is None else count + others,
        chapters=count,
        cached=cached + int(before is not None),
        seconds=None if count is None else _span(course, count - cached, known),
        cost_micro_usd=None if count is None else _cost(spec.provider_name, count - cached, known),
        rounds=rounds,
    )


def _same_outline(before: CourseGeneration, course: CourseGeneration) -> bool:
    made = before.status.outline and before.status.outline.artifact
    same_writer = before.spec.provider_name == course.spec.provider_name
    return bool(made) and same_writer and assignments.outline(before).work == assignments.outline(course).work


def _chapter(course: CourseGeneration, name: str, spec: object) -> ChapterGeneration:
    meta = ObjectMeta(name=name, namespace=course.metadata.namespace)
    return ChapterGeneration.model_validate({"metadata": meta, "spec": spec})


def _is_made(chapter: ChapterGeneration, course: CourseGeneration | None, known: Known) -> bool:
    """Tell whether a chapter with the same task has succeeded: its key in the store follows from that task."""
    wanted = assignments.chapter(chapter, course)
    if isinstance(wanted, Hold):
        return False
    courses = {c.metadata.name: c for c in known.courses}
    for other in known.chapters:
        if other.status.phase is not Phase.SUCCEEDED or other.status.artifact is None:
            continue
        of_other = courses.get(other.spec.course_name or "")
        made = assignments.chapter(other, of_other)
        same_writer = _provider(other, of_other) == _provider(chapter, course)
        if not isinstance(made, Hold) and same_writer and made.work == wanted.work:
            return True
    return False


def _provider(chapter: ChapterGeneration, course: CourseGeneration | None) -> str | None:
    return chapter.spec.provider_name or (course.spec.provider_name if course else None)


def _span(course: CourseGeneration, chapters: int, known: Known) -> float | None:
    """Add up the stages; chapters run in waves as wide as their queue has free slots."""
    outline = _run_seconds(course.spec.queue_name or names.QUEUE_COURSE, known) if course.spec.chapters is None else 0.0
    each = _run_seconds(names.QUEUE_CHAPTER, known)
    checked = _run_seconds(names.QUEUE_VALIDATION, known) if course.spec.quality.enabled else 0.0
    exported = _run_seconds(names.QUEUE_EXPORT, known) if course.spec.exports else 0.0
    if outline is None or each is None or checked is None or exported is None:
        return None
    queue = known.queues[names.QUEUE_CHAPTER]
    capacity = queue.spec.capacity if queue.status.capacity is None else queue.status.capacity
    waves = -(-chapters // max(1, capacity - queue.status.active))
    return outline + waves * each + checked + exported


def _usual(obj: ChapterGeneration | QualityValidation | CourseExport, known: Known) -> float | None:
    return _run_seconds(obj.spec.queue_name or _QUEUES[type(obj).__name__], known)


def _run_seconds(queue: str, known: Known) -> float | None:
    found = known.queues.get(queue)
    hour = found.status.last_hour if found else None
    return float(hour.run_p50_seconds) if hour and hour.run_p50_seconds is not None else None


def _cost(provider: str | None, chapters: int, known: Known) -> int | None:
    """Estimate what chapters cost, from the mean of those that this provider wrote; the composer costs nothing."""
    if provider is None or not chapters:
        return 0
    courses = {c.metadata.name: c for c in known.courses}
    paid: list[Usage] = [
        c.status.usage
        for c in known.chapters
        if c.status.usage
        and not c.status.usage.cached
        and _provider(c, courses.get(c.spec.course_name or "")) == provider
    ]
    return chapters * sum(u.cost_micro_usd for u in paid) // len(paid) if paid else None
