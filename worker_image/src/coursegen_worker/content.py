"""Reading what is to be validated or exported: our chapters by key, or content from elsewhere."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursegen_api.task import MAX_CONTENT_BYTES, ChapterRef, CourseContext, CourseMeta, Source
from coursegen_worker import foreign
from coursegen_worker.documents import Chapter, Course, DamagedError, LearningObjective, unseal
from coursegen_worker.failures import invalid_input, storage_unavailable
from coursegen_worker.objectives import parse
from coursegen_worker.progress import Advance
from coursegen_worker.store import MAX_DOCUMENT_BYTES, Store, TooLargeError

MAX_MOUNTED_BYTES = 1024 * 1024
"""A ConfigMap holds no more."""
MAX_MOUNTED_FILES = 100


@dataclass(frozen=True)
class Content:
    """A course or a part of one; `identity` is the hashes of the bytes that it was read from, and what read them."""

    course: Course
    identity: dict[str, Any]


def read(source: Source, store: Store, advance: Advance) -> Content:
    """Read a source whole; raises InvalidInput for content that cannot be understood."""
    given = [bool(source.chapters), bool(source.artifact_key), bool(source.content_path)]
    if sum(given) != 1:
        raise invalid_input("work.source: give exactly one of chapters, artifactKey and contentPath")
    if source.chapters:
        return _of_chapters(source.chapters, source.meta, store, advance)
    if source.artifact_key:
        data = _read(store, source.artifact_key, MAX_CONTENT_BYTES)
        if data is None:
            raise invalid_input(f"work.source.artifactKey: there is nothing at {source.artifact_key}")
        files = [(source.artifact_key, data)]
    else:
        files = _mounted(Path(str(source.content_path)))
    advance(1.0, "reading content")
    found = [foreign.read(name, data, source.meta) for name, data in files]
    chapters = _in_order([chapter for file in found for chapter in file.chapters])
    told = next((file.meta for file in found if file.meta), None)  # an export keeps its numbers: some may be missing
    if told is None:
        chapters = [c.model_copy(update={"index": i}) for i, c in enumerate(chapters, start=1)]
    if len(chapters) > 100:
        raise invalid_input(f"work.source: {len(chapters)} chapters are over the 100 that a course may have")
    hashes = [hashlib.sha256(data).hexdigest() for _, data in files]
    return Content(_course(chapters, source.meta or told, {}), {"content": hashes, "reader": foreign.VERSION})


def _of_chapters(refs: list[ChapterRef], meta: CourseMeta | None, store: Store, advance: Advance) -> Content:
    chapters = []
    for number, ref in enumerate(refs, start=1):
        advance((number - 1) / len(refs), f"reading chapter {number} of {len(refs)}")
        data = _read(store, ref.key, MAX_DOCUMENT_BYTES)
        if data is None:
            raise storage_unavailable(f"chapter {ref.index} is not in the store: {ref.key}")
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise storage_unavailable(f"chapter {ref.index} is damaged: {ref.key} has another hash than was reported")
        try:
            chapters.append(unseal(data, Chapter).model_copy(update={"index": ref.index}))
        except DamagedError as error:
            raise invalid_input(f"chapter {ref.index}: {ref.key} holds no chapter document: {error}") from error
    hashes = {ref.index: ref.sha256 for ref in refs}
    return Content(_course(_in_order(chapters), meta, hashes), {"chapters": sorted(hashes.items())})


def _in_order(chapters: list[Chapter]) -> list[Chapter]:
    return sorted(chapters, key=lambda c: c.index)


def _course(chapters: list[Chapter], meta: CourseMeta | None, hashes: dict[int, str]) -> Course:
    first = chapters[0]
    if meta is None:
        course_id, course = first.course_id or first.chapter_id, _alone(chapters)
        return Course(course_id=course_id, course=course, chapters=chapters, hashes=hashes)
    return Course(
        course_id=meta.course_id,
        course=meta.course,
        objectives=[
            LearningObjective(id=f"co{n}", text=text, bloom_level=parse(text).level)
            for n, text in enumerate(meta.learning_objectives, start=1)
        ],
        estimated_duration=meta.estimated_duration,
        chapters=chapters,
        missing_chapters=sorted(meta.missing_chapters),
        hashes=hashes,
    )


def _alone(chapters: list[Chapter]) -> CourseContext:
    """Give the course that chapters without one belong to; a single chapter is its own."""
    return chapters[0].course


def _read(store: Store, key: str, limit: int) -> bytes | None:
    try:
        return store.read(key, limit)
    except TooLargeError as error:
        raise invalid_input(f"work.source: {error}") from error


def _mounted(folder: Path) -> list[tuple[str, bytes]]:
    """Read the folder of a ConfigMap: one JSON file, or Markdown files in the order of their names."""
    try:
        paths = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.is_file())
    except OSError as error:
        raise invalid_input(f"work.source.contentPath: cannot read {folder}: {error.strerror}") from error
    json_files = [p for p in paths if p.suffix == ".json"]
    markdown_files = [p for p in paths if p.suffix == ".md"]
    chosen = json_files or markdown_files
    if len(json_files) > 1 or (json_files and markdown_files) or not chosen:
        found = ", ".join(p.name for p in paths[:10]) or "nothing"
        raise invalid_input(f"work.source.contentPath: give one *.json or some *.md files; there is {found}")
    if len(chosen) > MAX_MOUNTED_FILES or sum(p.stat().st_size for p in chosen) > MAX_MOUNTED_BYTES:
        raise invalid_input(f"work.source.contentPath: over {MAX_MOUNTED_FILES} files or {MAX_MOUNTED_BYTES} bytes")
    return [(p.name, p.read_bytes()) for p in chosen]
