"""When a course should be finished, in words that say how sure that is, or why it is not known yet."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from coursegen_api.base import Certainty, Phase
from coursegen_api.course import CourseGeneration
from coursegen_api.queue import GenerationQueue, StopPolicy
from coursegen_operator.plan import eta
from coursegen_operator.plan.place import queues_after

from . import times
from .kinds import Work

_WORDS = {"Outline": "outline", "Chapters": "chapter", "Validation": "validation", "Exports": "export"}
_CALLED = {eta.QUEUES[stage]: word for stage, word in _WORDS.items()}
NOT_KNOWN = "not known yet"
_ENDED = (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED)


def when(
    course: CourseGeneration, queues: Mapping[str, GenerationQueue], children: Sequence[Work], now: datetime
) -> str | None:
    """Say when a course should be finished; None for one that has ended, or that no operator has seen."""
    status = course.status
    if status.phase in _ENDED or status.observed_generation == 0:
        return None
    if not status.estimated_completion_time:
        reason = _unknown(course, queues, children)
        return f"{NOT_KNOWN}: {reason}" if reason else NOT_KNOWN
    left = (times.parse(status.estimated_completion_time) - now).total_seconds()
    if left <= 0:
        return "any moment"
    rough = ", roughly: something waits, or little was measured so far"
    return f"in about {times.about(left)}{'' if status.estimate_certainty is Certainty.HIGH else rough}"


def _unknown(course: CourseGeneration, queues: Mapping[str, GenerationQueue], children: Sequence[Work]) -> str:
    """Say why there is no time, as far as may be read; else nothing."""
    if course.status.start_time is None:
        return "it has no course slot"
    if course.spec.suspend:
        return "it is suspended"
    works = [course.status, *([course.status.outline] if course.status.outline else []), *(c.status for c in children)]
    held = next((w.hold_reason for w in works if w.hold_reason and w.hold_reason not in eta.SLOT_HOLDS), None)
    if held:
        return f"work is held as {held.value}"
    stage = course.status.stage or "Outline"
    ahead = [name for name in (eta.QUEUES.get(stage, ""), *queues_after(stage, course)) if name in queues]
    if not ahead:
        return ""
    specs = {name: queues[name].spec for name in ahead}
    stopped = next((n for n, s in specs.items() if s.stop_policy is not StopPolicy.NONE or not s.capacity), None)
    if stopped:
        return f"queue {stopped} is stopped"
    few = list(_unmeasured(ahead, queues)) or ["too little"]
    return f"{' and '.join(filter(None, (', '.join(few[:-1]), few[-1])))} measured so far"


def _unmeasured(ahead: Sequence[str], queues: Mapping[str, GenerationQueue]) -> Iterator[str]:
    """Name the kinds of work that lie ahead of which too little was measured in the last hour."""
    for name in ahead:
        hour = queues[name].status.last_hour
        count = hour.succeeded if hour else 0
        if count < eta.LEAST:
            word = _CALLED[name]
            yield f"only {count} {word}{'s' * (count > 1)}" if count else f"no {word}"
