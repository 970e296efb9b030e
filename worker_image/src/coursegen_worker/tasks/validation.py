"""Validation: content measured against the bar. Content below the bar is a result, not a failure."""

from coursegen_api.base import Artifact, Usage
from coursegen_api.task import TaskInput, TaskResult, ValidationTask
from coursegen_worker import content
from coursegen_worker.artifacts import commit_document, reuse_document
from coursegen_worker.quality import alignment, consistency
from coursegen_worker.quality.report import Methods, Report, examine, with_swapped
from coursegen_worker.store import content_key
from coursegen_worker.tasks import Tools


def run(task: TaskInput, work: ValidationTask, tools: Tools) -> TaskResult:
    """Measure every chapter of the source, unless this very content was measured before."""
    method = alignment.best()
    methods = Methods.of(work.bar, method)
    found = content.read(work.source, tools.store, tools.progress.part(2, 35))
    identity = {
        "content": found.identity,
        "chapters": [c.index for c in found.course.chapters],
        "bar": work.bar.wire(),
        "methods": methods.wire(),
        "remarks": consistency.METHOD,
    }
    key = content_key(task.namespace_uid, "report", "json", identity)
    tools.progress.report(38, "looking for earlier work")
    if earlier := reuse_document(tools.store, key, Report):
        artifact, report = earlier
        return _result(artifact, report, Usage(cached=True))
    advance = tools.progress.part(40, 95)
    chapters = []
    for number, chapter in enumerate(found.course.chapters, start=1):
        chapters.append(examine(chapter, work.bar, method))
        advance(number / len(found.course.chapters), f"measuring chapter {number} of {len(found.course.chapters)}")
    chapters = with_swapped(chapters, method.swapped())
    passed = all(c.passed for c in chapters)
    told = consistency.remarks(found.course)
    report = Report(bar=work.bar, methods=methods, passed=passed, chapters=chapters, remarks=told)
    tools.progress.report(95, "storing")
    artifact, report = commit_document(tools.store, key, report)
    return _result(artifact, report, Usage())


def _result(artifact: Artifact, report: Report, usage: Usage) -> TaskResult:
    summary = report.summary()
    below = len(summary.below_bar)
    verdict = (
        "every chapter reaches the bar"
        if not below
        else f"{below} of {len(report.chapters)} chapters are below the bar"
    )
    return TaskResult(message=verdict, artifact=artifact, usage=usage, quality=summary)
