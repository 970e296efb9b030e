"""Chapter: content and assessments, written by the chapter's contract, or written anew from feedback."""

from dataclasses import replace
from typing import TYPE_CHECKING

from coursegen_api.base import Artifact, Usage
from coursegen_api.task import ChapterFeedback, ChapterTask, TaskInput, TaskResult
from coursegen_worker.artifacts import commit_document, find_document, reuse_document
from coursegen_worker.documents import Chapter, LearningObjective, Outline, Revision
from coursegen_worker.failures import invalid_input, storage_unavailable
from coursegen_worker.progress import Advance
from coursegen_worker.store import content_key
from coursegen_worker.tasks import Tools, desk
from coursegen_worker.writers import ChapterBrief, Flaw, Wish, Writer, create

if TYPE_CHECKING:
    from coursegen_worker.rewriting import Rewritten


def run(task: TaskInput, work: ChapterTask, tools: Tools) -> TaskResult:
    """Write the chapter, unless it is in the store."""
    writer = create(task.writer, desk(task, tools))
    identity = {"work": work.wire(), "writer": writer.identity()}
    key = content_key(task.namespace_uid, "chapter", "json", identity)
    tools.progress.report(2, "looking for earlier work")
    if found := reuse_document(tools.store, key, Chapter):
        return _result(*found, Usage(cached=True))
    tools.progress.report(5, "reading the outline")
    brief = _brief(work, tools)
    if work.regeneration is None:
        written = writer.chapter(brief, tools.progress.part(10, 88))
        easier = _readable(written.chapter, work, writer, tools.progress.part(88, 95))
        chapter = easier.chapter if easier else written.chapter
        usage = (easier.usage if easier else None) or written.usage
    else:
        chapter, usage = _regenerate(brief, work, work.regeneration, writer, tools)
    tools.progress.report(95, "storing")
    return _result(*commit_document(tools.store, key, chapter), usage)


def _result(artifact: Artifact, chapter: Chapter, usage: Usage) -> TaskResult:
    message = f"{len(chapter.sections)} sections and {len(chapter.questions)} questions"
    if chapter.revisions and (refused := chapter.revisions[-1].refused):
        message = f"kept as it was: {refused}"
    return TaskResult(message=message, artifact=artifact, usage=usage, title=chapter.title[:200])


def _brief(work: ChapterTask, tools: Tools) -> ChapterBrief:
    """Take the chapter's contract from the outline, or from the task where there is no outline."""
    level = work.complexity_level or work.course.proficiency_level
    if work.outline_key:
        found = find_document(tools.store, work.outline_key, Outline)
        if found is None:
            raise storage_unavailable(f"the outline {work.outline_key} is not in the store, or is damaged")
        planned = next((c for c in found[1].chapters if c.index == work.index), None)
        if planned is None:
            raise invalid_input(f"work.chapter.index: the outline has no chapter {work.index}")
        return ChapterBrief(
            chapter_id=work.chapter_id,
            course_id=work.course_id or found[1].course_id,
            course=work.course,
            index=work.index,
            title=planned.title,
            level=level,
            objectives=planned.objectives,
            course_objective_ids=planned.course_objective_ids,
            estimated_duration=planned.estimated_duration,
            contract=planned.contract,
            course_brief=found[1].brief,
            plan=planned.plan,
        )
    return _brief_alone(work)


def _brief_alone(work: ChapterTask) -> ChapterBrief:
    from coursegen_worker.objectives import parse

    if not work.title:
        raise invalid_input("work.chapter.title: a chapter without an outline needs a title")
    texts = work.learning_objectives or [f"Understand {work.title}"[:300]]
    return ChapterBrief(
        chapter_id=work.chapter_id,
        course_id=work.course_id,
        course=work.course,
        index=work.index,
        title=work.title,
        level=work.complexity_level or work.course.proficiency_level,
        objectives=[
            LearningObjective(id=f"o{n}", text=text, bloom_level=parse(text).level)
            for n, text in enumerate(texts, start=1)
        ],
        estimated_duration=work.estimated_duration,
    )


def _regenerate(
    brief: ChapterBrief, work: ChapterTask, asked: ChapterFeedback, writer: Writer, tools: Tools
) -> tuple[Chapter, Usage]:
    """Revise the previous chapter, and record what that did to its scores; a version that is worse is not taken."""
    from coursegen_worker import regeneration
    from coursegen_worker.quality import measure

    tools.progress.report(8, "reading the previous chapter")
    previous = find_document(tools.store, asked.previous_key, Chapter) if asked.previous_key else None
    start = previous[1] if previous else writer.chapter(brief, tools.progress.part(10, 50)).chapter
    findings = _findings(asked.report_key, brief.index, tools) if asked.report_key else []
    wish = Wish(asked.feedback, asked.focus_area, findings, request_id=asked.request_id)
    concerned = regeneration.scope(start, wish)
    wish = replace(wish, sections=concerned.section_ids(start))
    written = writer.revise(start, wish, tools.progress.part(50, 75))
    chapter, restored = regeneration.within(start, written.chapter, concerned)
    easier = _readable(chapter, work, writer, tools.progress.part(75, 88)) if concerned.whole else None
    chapter = easier.chapter if easier else chapter
    tools.progress.report(88, "measuring the change")
    refused = regeneration.refusal(start, chapter, wish, concerned)
    revision = Revision(
        request_id=asked.request_id,
        focus_area=asked.focus_area,
        feedback=asked.feedback,
        changes=[
            *written.changes,
            *(easier.changes if easier else []),
            *(["What the wish does not concern was put back as it was."] if restored else []),
        ],
        rewritten=regeneration.rewritten(start, chapter),
        before=measure(start),
        after=measure(chapter),
        refused=refused,
    )
    taken = start.model_copy(update={"digest": ""}) if refused else chapter
    usage = (easier.usage if easier else None) or written.usage
    return taken.model_copy(update={"revisions": [*start.revisions, revision]}), usage


def _readable(chapter: Chapter, work: ChapterTask, writer: Writer, advance: Advance) -> "Rewritten | None":
    """Have hard sentences rewritten where the course asks for a readability and the chapter misses it."""
    if work.min_readability_score is None:
        return None
    from coursegen_worker import rewriting

    target = rewriting.Target(work.min_readability_score, work.glossary_terms)
    return rewriting.until_readable(chapter, writer, target, advance)


def _findings(key: str, index: int, tools: Tools) -> list[Flaw]:
    """Give what a stored report says about one chapter; nothing if the report is gone."""
    from coursegen_worker.quality.report import Report

    found = find_document(tools.store, key, Report)
    return [
        Flaw(finding.measure, finding.place, f"{finding.suggestion} It says: “{finding.excerpt}”")
        for chapter in (found[1].chapters if found else [])
        if chapter.index == index
        for finding in chapter.findings
    ]
