"""Export: content as one file, with its commit mark beside it."""

from coursegen_api.base import Artifact, Cmi5Options, ExportFormat, ScormOptions, Usage
from coursegen_api.task import ExportTask, TaskInput, TaskResult
from coursegen_worker import content
from coursegen_worker.artifacts import commit_file, reuse_file
from coursegen_worker.exporters import VERSIONS, Wanted, export
from coursegen_worker.store import content_key
from coursegen_worker.tasks import Tools

EXTENSIONS = {
    ExportFormat.PDF: "pdf",
    ExportFormat.SCORM: "zip",
    ExportFormat.JSON: "json",
    ExportFormat.EPUB: "epub",
    ExportFormat.QTI: "zip",
    ExportFormat.MARKDOWN: "md",
    ExportFormat.HTML: "html",
    ExportFormat.CMI5: "zip",
}


def run(task: TaskInput, work: ExportTask, tools: Tools) -> TaskResult:
    """Write the file, unless this very content was exported before."""
    found = content.read(work.source, tools.store, tools.progress.part(2, 35))
    identity = {
        "content": found.identity,
        "meta": work.source.meta.wire() if work.source.meta else None,
        "format": work.format,
        "includeAssessments": work.include_assessments,
        "version": VERSIONS[work.format],
    }
    wanted = Wanted(work.format, work.include_assessments, work.scorm or ScormOptions(), work.cmi5 or Cmi5Options())
    if work.format is ExportFormat.SCORM:
        identity["scorm"] = wanted.scorm.wire()
    if work.format is ExportFormat.CMI5:
        identity["cmi5"] = wanted.cmi5.wire()
    course = found.course
    if used := {ref.index: usage for ref, usage in zip(work.source.chapters, work.usage, strict=False) if usage}:
        identity["usage"] = {str(index): usage.wire() for index, usage in sorted(used.items())}
        course = course.model_copy(update={"usage": used})
    key = content_key(task.namespace_uid, "export", EXTENSIONS[work.format], identity)
    tools.progress.report(38, "looking for earlier work")
    if earlier := reuse_file(tools.store, key):
        return _result(earlier, Usage(cached=True), "")
    exported = export(course, wanted, tools.progress.part(40, 90))
    tools.progress.report(92, "storing")
    artifact = commit_file(tools.store, key, exported.data, exported.media_type)
    return _result(artifact, Usage(), exported.note)


def _result(artifact: Artifact, usage: Usage, note: str) -> TaskResult:
    return TaskResult(
        message=note or f"{artifact.bytes} bytes of {artifact.media_type}", artifact=artifact, usage=usage
    )
