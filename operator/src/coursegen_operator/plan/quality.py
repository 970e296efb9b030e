"""A course's validation, and the rounds in which chapters below the bar are made anew from its findings.

The operator's own rounds live in status: the course says which chapters, from which report; each of them
accepts the round as it would a person's wish. Of two versions the better one is delivered.
"""

from coursegen_api.base import Artifact, FailureClass
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import BelowBar, CourseGeneration, CourseStatus, Quality, QualityRound
from coursegen_api.task import ChapterScore, QualitySummary
from coursegen_api.validation import QualityValidation

from . import assignments, children, requests
from .coursestep import CourseStep
from .step import works


def is_validated(step: CourseStep) -> bool:
    """Validate what the course would deliver; True once that, and what follows from it, is done."""
    if not step.course.spec.quality.enabled:
        return True
    step.change(stage="Validation")
    chapters = [c for c in step.view.children if isinstance(c, ChapterGeneration)]
    refs = assignments.chapter_refs(chapters, step.course)
    name, spec = children.validation(step.course, refs, step.status.missing_chapters)
    child = step.child("QualityValidation", name, spec, "validation")
    if not isinstance(child, QualityValidation):
        return False
    step.running = step.running or works(child.status)
    if requests.is_bad(child, step.course):
        step.fail("ValidationFailed", child, f"Validation {name} failed.")
        return False
    if requests.unfinished(child, step.course):
        return False
    step.change(validation=child.status.quality)
    return child.status.quality is None or _concluded(step, child, child.status.quality)


def _concluded(step: CourseStep, child: QualityValidation, quality: QualitySummary) -> bool:
    """Judge the last round, begin another if there is reason and leave, else say whether the course may deliver."""
    last = step.status.quality_round
    if last and not last.judged:
        kept = no_better(last, quality, step.course.spec.quality)
        others = set(step.status.kept_chapters) - set(last.chapters)
        step.change(quality_round=last.model_copy(update={"judged": True}), kept_chapters=sorted(others | set(kept)))
        if kept:
            return is_validated(step)  # of other content than before
    if _wants_round(step, quality) and child.status.artifact:
        _begin(step, child.status.artifact, quality)
        return False
    if quality.passed or step.course.spec.quality.below_bar is BelowBar.DELIVER:
        return True
    step.fail(FailureClass.QUALITY_BELOW_BAR.value, child, "The content is below its quality bar.")
    return False


def _wants_round(step: CourseStep, quality: QualitySummary) -> bool:
    made = step.status.quality_round.number if step.status.quality_round else 0
    return bool(quality.below_bar) and made < step.course.spec.quality.max_regenerations and not step.status.stopped


def _begin(step: CourseStep, report: Artifact, quality: QualitySummary) -> None:
    made, kept = step.status.quality_round, step.status.kept_chapters
    again = QualityRound(
        number=made.number + 1 if made else 1,
        revision=step.status.revision,
        report_key=report.key,
        chapters=quality.below_bar,
        earlier=[i for i in kept if i in quality.below_bar],
        scores=[s for s in quality.scores if s.index in quality.below_bar],
    )
    step.running = True
    step.change(quality_round=again, kept_chapters=[i for i in kept if i not in quality.below_bar], stage="Chapters")


def carried_over(status: CourseStatus) -> QualityRound | None:
    """Give the last round of a course that begins a new revision with the chapters that it has."""
    made = status.quality_round
    if made is None or made.revision is not None:
        return made
    return made.model_copy(update={"revision": status.revision})  # a version before did not write it


def no_better(made: QualityRound, after: QualitySummary, bar: Quality) -> list[int]:
    """Name the chapters that a round has not brought nearer to the bar; what cannot be compared counts as better."""
    before = {s.index: _shortfall(s, bar) for s in made.scores}
    now = {s.index: _shortfall(s, bar) for s in after.scores}
    still = [i for i in made.chapters if i in after.below_bar]
    return [i for i in still if i in before and i in now and now[i] >= before[i]]


def _shortfall(score: ChapterScore, bar: Quality) -> float:
    """Give how far a chapter is below its bar, each measure as a share of its scale."""
    ease = max(0.0, bar.min_readability_score - score.readability) / 100 if score.readability is not None else 0.0
    taught = max(0.0, bar.min_pedagogical_alignment - score.alignment) if score.alignment is not None else 0.0
    return ease + taught + (score.bias / 10 if bar.check_bias else 0.0)


def rebased(obj: ChapterGeneration, course: CourseGeneration | None, in_round: bool) -> dict[str, Artifact | None]:
    """Give the artifacts with which a chapter begins anew: from its better version, which a round also keeps."""
    status, index = obj.status, obj.spec.index
    made = course.status.quality_round if course else None
    earlier = course is not None and (index in course.status.kept_chapters or bool(made and index in made.earlier))
    best = status.previous_artifact if earlier and status.previous_artifact else status.artifact
    return {"artifact": best, "previous_artifact": best if in_round else None}
