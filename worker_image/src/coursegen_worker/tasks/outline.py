"""Outline: a course divided into chapters, with a contract for each."""

from coursegen_api.base import Usage
from coursegen_api.task import OutlineSummary, OutlineTask, TaskInput, TaskResult
from coursegen_worker.artifacts import commit_document, reuse_document
from coursegen_worker.documents import Outline
from coursegen_worker.store import content_key
from coursegen_worker.tasks import Tools, desk
from coursegen_worker.writers import create


def run(task: TaskInput, work: OutlineTask, tools: Tools) -> TaskResult:
    """Write the outline, unless it is in the store; report its key, count and titles."""
    writer = create(task.writer, desk(task, tools))
    identity = {"work": work.wire(), "writer": writer.identity()}
    key = content_key(task.namespace_uid, "outline", "json", identity)
    tools.progress.report(5, "looking for earlier work")
    usage = Usage(cached=True)
    found = reuse_document(tools.store, key, Outline)
    if found is None:
        outline, usage = writer.outline(work, tools.progress.part(10, 90))
        tools.progress.report(90, "storing")
        found = commit_document(tools.store, key, outline)
    artifact, outline = found
    titles = [chapter.title for chapter in outline.chapters]
    return TaskResult(
        message=f"outline with {len(titles)} chapters",
        artifact=artifact,
        usage=usage,
        outline=OutlineSummary(chapter_count=len(titles), titles=titles),
    )
