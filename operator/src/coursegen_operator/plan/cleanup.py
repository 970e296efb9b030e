"""When a namespace's artifacts are cleaned up, and what must stay: all that an object's spec or status refers to.

The operator sends no list but a filter of fixed size (inuse.py), and never hears of a key that it does not know.
"""

from collections.abc import Iterable, Iterator

from coursegen_api.base import Artifact, HoldReason, Outcome
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.inuse import InUse
from coursegen_api.task import CleanupTask

from . import clock, requests
from .step import Assignment, Hold
from .world import AnyObject, Key

_HOUR = 3600.0
_GO_ON_SECONDS = 60.0
"""After a run that had more to remove than time."""
_CLOCK_STEP_SECONDS = 60.0
"""An end that lies further ahead was written before the clock was set back."""


def keys_of(obj: AnyObject) -> Iterator[str]:
    """Name every store key that an object refers to; a test looks for fields that are missing here."""
    if isinstance(obj, CourseGeneration):
        made, step = obj.status.quality_round, obj.status.outline
        yield from _keys(step.artifact if step else None, *(e.artifact for e in obj.status.exports))
        yield from [made.report_key] if made else ()
        return
    yield from _keys(obj.status.artifact)
    if isinstance(obj, ChapterGeneration):
        yield from _keys(obj.status.previous_artifact)
        yield from [obj.spec.outline_key] if obj.spec.outline_key else ()
    elif not isinstance(obj, ArtifactCleanup) and obj.spec.artifact_key:
        yield obj.spec.artifact_key


def _keys(*artifacts: Artifact | None) -> Iterator[str]:
    return (a.key for a in artifacts if a)


def assignment(obj: ArtifactCleanup, beside: Iterable[AnyObject], unreadable: Iterable[Key]) -> Assignment | Hold:
    """Assign a run; none while it is not known what some object refers to.

    Arguments:
        beside: everything of the namespace.
        unreadable: what is in the namespace and cannot be read.
    """
    if unknown := sorted(map(str, unreadable)):
        return Hold(
            HoldReason.MISCONFIGURED,
            f"{unknown[0]} cannot be read by this operator, so what it refers to is not known and nothing is removed: "
            "upgrade the operator, or mend the object (its Event says what is wrong).",
        )
    keys = {key for other in beside for key in keys_of(other)}
    salt = f"{obj.metadata.uid}/{obj.status.revision}"
    return Assignment(CleanupTask(retention_days=obj.spec.retention_days, in_use=InUse.of(keys, salt)))


def next_run(obj: ArtifactCleanup, now: float) -> float:
    """Give the time of the run after one that has ended; runs of many namespaces are spread by a jitter."""
    status = obj.status
    ended = clock.parse(status.completion_time) if status.completion_time else now
    if ended > now + _CLOCK_STEP_SECONDS:
        return now
    left = requests.ended(obj) is Outcome.SUCCEEDED and status.cleanup is not None and not status.cleanup.complete
    pause = _GO_ON_SECONDS if left else obj.spec.interval_hours * _HOUR
    return ended + pause * (1 + clock.jitter(obj.metadata.uid, status.revision, 0))


def is_due(obj: ArtifactCleanup, now: float) -> bool:
    """Tell whether the next run of what has ended begins now."""
    return requests.ended(obj) is not None and not obj.spec.suspend and next_run(obj, now) <= now
