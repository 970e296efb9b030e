"""Where work stands among what waits: how soon it has to begin, and how long it and what follows it will take."""

from collections.abc import Iterator

from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.export import CourseExport

from . import clock
from .admission import latest_start
from .world import Surroundings, TaskObject

Place = tuple[float, ...]
"""Latest start, course's start, own creation, index."""

_UNKNOWN_SECONDS = 60.0
"""Of work whose queue is not there."""


def seconds_of(queue_name: str, around: Surroundings) -> float:
    """Estimate how long work of a queue runs: as measured, else half of what it may take."""
    measured = around.usual.get(queue_name)
    if measured is not None:
        return measured.run
    queue = around.queues.get(queue_name)
    return queue.spec.timeout_seconds / 2 if queue else _UNKNOWN_SECONDS


def queues_after(stage: str, course: CourseGeneration) -> Iterator[str]:
    """Name the queues that a course goes through after a stage (the course's, as its status has it)."""
    if stage == "Outline":
        yield names.QUEUE_CHAPTER
    if stage in ("Outline", "Chapters") and course.spec.quality.enabled:
        yield names.QUEUE_VALIDATION
    if stage != "Exports" and course.spec.exports:
        yield names.QUEUE_EXPORT


def of_task(obj: TaskObject, queue_name: str, parent: CourseGeneration | None, around: Surroundings) -> Place:
    """Place an object that is one task; a child goes by its course's deadline unless it has its own."""
    created = clock.parse(obj.metadata.creation_timestamp)
    started = parent.status.start_time if parent else None
    own = None if isinstance(obj, ArtifactCleanup) else obj.spec.deadline_time
    deadline = own or (parent.spec.deadline_time if parent else None)
    after = queues_after(_stage(obj), parent) if parent else ()
    left = sum(seconds_of(q, around) for q in (queue_name, *after))
    course_start = clock.parse(started) if started else created
    return (
        latest_start(clock.parse(deadline) if deadline else None, course_start, left),
        course_start,
        clock.parse(parent.metadata.creation_timestamp) if parent else created,
        obj.spec.index if isinstance(obj, ChapterGeneration) else 0,
    )


def of_course(course: CourseGeneration, started: str | None, around: Surroundings) -> Place:
    """Place a course that waits for its slot, or its outline step."""
    created = clock.parse(course.metadata.creation_timestamp)
    course_start = clock.parse(started) if started else created
    deadline = course.spec.deadline_time
    first = course.spec.queue_name or names.QUEUE_COURSE
    own = () if course.spec.chapters is not None else (first,)
    left = sum(seconds_of(q, around) for q in (*own, *queues_after("Outline", course)))
    return latest_start(clock.parse(deadline) if deadline else None, course_start, left), course_start, created, 0


def _stage(obj: TaskObject) -> str:
    if isinstance(obj, ChapterGeneration):
        return "Chapters"
    return "Exports" if isinstance(obj, CourseExport) else "Validation"
