"""Which line of the work queue an object stands in, by what is known of it."""

from dataclasses import dataclass

from coursegen_api.course import CourseGeneration

from .plan import requests
from .plan.objects import provider_of, queue_of
from .plan.step import awaits
from .plan.world import AnyObject, Key, as_owner, owner_of
from .scheduler import Scheduler
from .snapshot import Snapshot
from .workqueue import Turn


@dataclass(frozen=True, slots=True)
class Turns:
    """Looks at what the snapshot has of an object."""

    snapshot: Snapshot
    scheduler: Scheduler

    def __call__(self, key: Key) -> Turn:
        """Give the line that an object stands in; queues and providers stand among the changed."""
        obj = self.snapshot.objects.get(key)
        if obj is None:
            return Turn.CHANGED
        if self._has_ended(obj):
            return Turn.ENDED
        return Turn.FIRST if self._shows_nothing(obj) else Turn.CHANGED

    def _has_ended(self, obj: AnyObject) -> bool:
        """Tell whether an object's Job has ended, or all that a course waits for has."""
        jobs = self.snapshot.jobs_of.get(obj.metadata.uid, {}).values()
        if any(job.finished and awaits(obj, job) for job in jobs):
            return True
        if not isinstance(obj, CourseGeneration) or not requests.is_open(obj):
            return False
        objects, children = self.snapshot.objects, self.snapshot.children.get(as_owner(obj), ())
        return bool(children) and all(key in objects and requests.ended(objects[key]) for key in children)

    def _shows_nothing(self, obj: AnyObject) -> bool:
        """Tell whether nothing of it runs or has run: a course, its first chapter, or work that stands alone.

        What asks for a slot of a queue goes before others only where there are slots for all: else it is the order
        of admission that counts, and who asks later must not have been passed over.
        """
        if requests.ended(obj):
            return False
        if isinstance(obj, CourseGeneration):
            return obj.status.start_time is None
        course = owner_of(obj)
        began = obj.status.attempts or (course and self.snapshot.course_jobs.get(course))
        if began:
            return False
        provider = provider_of(obj, self.snapshot.course_of(obj))
        return self.scheduler.has_room_for_all(queue_of(obj), obj.metadata.namespace, provider)
