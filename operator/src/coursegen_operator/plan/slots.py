"""Which slots an object holds: a function of its status and its Jobs, so that all that is counted can be recounted."""

from collections.abc import Iterable
from dataclasses import dataclass

from coursegen_api.base import HoldReason, TaskStatus
from coursegen_api.course import CourseGeneration
from coursegen_api.names import QUEUE_COURSE

from . import requests
from .limits import Load, provider_key
from .objects import provider_of, queue_of
from .step import open_attempt, refusal_of
from .world import AnyObject, JobView, is_managed_here

_NOT_WORKING = (
    HoldReason.SUSPENDED,
    HoldReason.MISCONFIGURED,
    HoldReason.BUDGET_EXCEEDED,
    HoldReason.QUOTA_EXCEEDED,
)
"""What may keep a course for weeks: it gives its course slot to another, and takes it back when it goes on."""

_TRIES_AGAIN = (HoldReason.QUOTA_EXCEEDED, HoldReason.QUEUE_FULL, HoldReason.PROVIDER_BUSY)
"""What keeps work that is tried again soon. What was refused and something else keeps now, tells of no refusal."""

_NOTHING = TaskStatus()

MOST_CHAPTERS = 100
"""Of a course, as the contract has it."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The Job slots that one object holds, or would hold if Kubernetes had not refused its Job."""

    queue: str
    namespace: str
    provider: str
    jobs: int
    unstarted: int = 0
    by_quota: int = 0
    by_policy: int = 0


def of_object(obj: AnyObject, course: CourseGeneration | None, jobs: Iterable[JobView]) -> Slots | None:
    """Give what an object holds: a slot for its open attempt and for each of its Jobs that has not ended.

    Arguments:
        course: the one that it names, if it is none itself.
    """
    active = {job.name: job for job in jobs if not job.finished}
    if not is_managed_here(obj):
        return None
    if isinstance(obj, CourseGeneration):
        status, provider = obj.status.outline or _NOTHING, obj.spec.provider_name
        queue = status.queue_name or QUEUE_COURSE
    else:
        status, provider = obj.status, provider_of(obj, course)
        queue = queue_of(obj)
    attempt, refused = open_attempt(status), refusal_of(status)
    if status.hold_reason not in (refused, *_TRIES_AGAIN):
        refused = None
    if attempt is None and active:
        queue = next(job.queue for job in active.values())
    names = set(active) | ({attempt.job_name} if attempt else set())
    if not names and refused is None:
        return None
    unstarted = bool(names) and (attempt is None or attempt.start_time is None)
    namespace = obj.metadata.namespace
    return Slots(
        queue,
        namespace,
        provider_key(provider or "", namespace),
        len(names),
        int(unstarted),
        int(refused is HoldReason.QUOTA_EXCEEDED),
        int(refused is HoldReason.MISCONFIGURED),
    )


def of_nobody(jobs: Iterable[JobView]) -> Slots | None:
    """Give what Jobs hold whose object is not there."""
    active = [job for job in jobs if not job.finished]
    return Slots(active[0].queue, active[0].namespace, "", len(active), 1) if active else None


def holds_course_slot(obj: AnyObject | None) -> bool:
    """Tell whether a course counts against the limit: open, and not kept by something that people must mend."""
    if not isinstance(obj, CourseGeneration) or not is_managed_here(obj):
        return False
    return requests.is_open(obj) and obj.status.hold_reason not in _NOT_WORKING


def is_parked(course: AnyObject) -> bool:
    """Tell whether the circuit of its provider keeps an open course: an outage that may last as long as it likes."""
    return course.status.hold_reason is HoldReason.PROVIDER_CIRCUIT_OPEN


def wanted(obj: AnyObject | None) -> int:
    """Give how many Job slots an object may ask for at once until it ends; what a course owns is counted with it."""
    if obj is None or not is_managed_here(obj) or requests.ended(obj):
        return 0
    if isinstance(obj, CourseGeneration):
        return max(1, _chapters(obj), len(obj.spec.exports))
    return 0 if obj.metadata.controller_uid() else 1


def _chapters(course: CourseGeneration) -> int:
    known = course.status.chapters.total if course.status.chapters else 0
    return known or len(course.spec.chapters or ()) or course.spec.chapter_count or MOST_CHAPTERS


def add(load: Load, slots: Slots | None, sign: int) -> None:
    """Add the slots of an object to a load, or take them out of it."""
    if slots is None:
        return
    tenant, amount = (slots.queue, slots.namespace), sign * slots.jobs
    load.jobs += amount
    load.by_queue[slots.queue] = load.by_queue.get(slots.queue, 0) + amount
    add_to(load.by_tenant, tenant, amount)
    add_to(load.unstarted, tenant, sign * slots.unstarted)
    add_to(load.by_quota, tenant, sign * slots.by_quota)
    add_to(load.by_policy, tenant, sign * slots.by_policy)
    if slots.provider:
        load.by_provider[slots.provider] = load.by_provider.get(slots.provider, 0) + amount


def add_to(counts: dict[tuple[str, str], int], key: tuple[str, str], amount: int) -> None:
    """Add to a count; what is zero is not kept, or every namespace that ever was would be."""
    counts[key] = counts.get(key, 0) + amount
    if not counts[key]:
        del counts[key]
