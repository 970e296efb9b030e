"""Carries out the planner's effects. Each can be done twice without harm: names are functions of identity."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from coursegen_api import names
from coursegen_api.kinds import ObjectMeta

from .events import EventPoster
from .kube import ApiError, Json, Kube, path_of
from .metrics import Metrics
from .plan.history import History
from .plan.world import (
    AnyObject,
    Count,
    CreateChild,
    CreateJob,
    DeleteChild,
    DeleteCourseJobs,
    DeleteJob,
    DeleteSelf,
    Effect,
    Key,
    Measured,
    Paid,
    PostEvent,
    ReadPods,
)
from .pods import PodReader
from .snapshot import KINDS, Snapshot
from .workqueue import Turn, WorkQueue

_ROLL_UPS_A_SECOND = 50
_SHORTEST_GATHER_SECONDS, _LONGEST_GATHER_SECONDS = 1.0, 5.0
"""No longer than figures of a course wait to be written anyway."""

_REFUSED = (400, 403, 422)
"""400 is what the API server makes of an admission webhook's refusal that names no code, such as Kyverno's."""

log = logging.getLogger(__name__)


def path_of_key(key: Key) -> str:
    """Give the URL path of one of our objects."""
    return path_of(KINDS[key.kind].meta.plural, key.namespace, key.name)


def gather_seconds(courses: int) -> float:
    """Say how long after a change of a child its course is visited, once for all that has changed meanwhile.

    Arguments:
        courses: how many go on. Visits that only roll up children are so many a second in all, if that is soon enough.
    """
    return min(_LONGEST_GATHER_SECONDS, max(_SHORTEST_GATHER_SECONDS, courses / _ROLL_UPS_A_SECOND))


def enqueue(queue: WorkQueue, touched: Iterable[Key], own: Key | None, now: float, listed: bool = False) -> None:
    """Have the touched visited: the object that is being visited not at all, a course later unless it can go on now.

    Arguments:
        listed: a full list names them, and nothing is known to have changed.
    """
    for key in touched:
        if key == own:
            continue
        if key.kind == "CourseGeneration" and own is not None and queue.turn_of(key) is not Turn.ENDED:
            queue.add_at(key, now + queue.gather_seconds())
        else:
            queue.add(key, listed)


@dataclass(slots=True)
class Doer:
    """Does effects through the API server and tells the snapshot of the answers."""

    kube: Kube
    snapshot: Snapshot
    queue: WorkQueue
    metrics: Metrics
    pods: PodReader
    clock: Callable[[], float]
    history: History = field(default_factory=History)
    events: EventPoster = field(init=False)

    def __post_init__(self) -> None:
        self.events = EventPoster(self.kube, self.clock)

    async def do(self, key: Key, obj: AnyObject, effects: Sequence[Effect]) -> None:
        """Do effects in order, one request at a time: a hundred new chapters leave the API server to others."""
        for effect in effects:
            await self._one(key, obj, effect)

    async def _one(self, key: Key, obj: AnyObject, effect: Effect) -> None:
        match effect:
            case CreateJob():
                await self._create_job(effect, key, obj)
            case DeleteJob():
                await self._gone(self.kube.delete(path_of("jobs", effect.namespace, effect.name), effect.uid))
            case DeleteCourseJobs():
                query = f"?labelSelector={names.LABEL_COURSE_UID}%3D{effect.course_uid}"
                await self.kube.delete(path_of("jobs", effect.namespace), query=query)
            case DeleteChild():
                await self._gone(self.kube.delete(path_of_key(effect.key), effect.uid))
            case DeleteSelf():
                await self._delete_self(key, obj.metadata)
            case ReadPods():
                self.pods.want(key, effect)
            case PostEvent():
                await self.events.post(key, obj.metadata, effect, str(obj.status.revision))
            case Count():
                self.metrics.count(effect)
            case Measured():
                self.metrics.measure(effect)
                self.history.take(effect, self.clock())
            case Paid():
                self.metrics.paid(effect)
            case CreateChild():
                await self._create_child(effect, key, obj)

    async def _create_child(self, effect: CreateChild, course: Key, obj: AnyObject) -> None:
        kind, meta = effect.manifest["kind"], effect.manifest["metadata"]
        key = Key(kind, meta["namespace"], meta["name"])
        collection = path_of(KINDS[kind].meta.plural, key.namespace)
        # Asked for whole: nobody but us writes it next, so what an admission policy made of it would never be seen.
        raw, _ = await self._create(collection, effect.manifest, course, obj.metadata.uid)
        if raw is not None:
            enqueue(self.queue, self.snapshot.apply(kind, raw), course, self.clock())
            self.queue.add_at(course, self.clock() + self.queue.gather_seconds())

    async def _create_job(self, effect: CreateJob, key: Key, obj: AnyObject) -> None:
        collection = path_of("jobs", effect.manifest["metadata"]["namespace"])
        raw, is_new = await self._create(collection, effect.manifest, key, obj.metadata.uid, metadata_only=True)
        if raw is None:
            return
        if is_new:  # and as we sent it, for all we know: its next event, which the Job controller brings, is read whole
            raw = effect.manifest | {"metadata": {k: v for k, v in raw["metadata"].items() if k != "generation"}}
        touched = self.snapshot.apply_job(raw, object_uid=obj.metadata.uid)
        job = self.snapshot.jobs.get((raw["metadata"]["namespace"], raw["metadata"]["name"]))
        if is_new and job and not job.suspended:
            # A visit would find nothing but this to do. One that was there already, or is suspended, has more to say.
            at = job.begun + effect.look_seconds
            self.pods.want(key, ReadPods(job.namespace, job.name, job.uid, with_events=True, at=at))
            touched.discard(key)
        enqueue(self.queue, touched, None, self.clock())

    async def _create(
        self, collection: str, manifest: Json, key: Key, uid: str, metadata_only: bool = False
    ) -> tuple[Json | None, bool]:
        """Create an object, or give the one that has its name, and whether it is new; None if it is refused."""
        try:
            raw = await self.kube.create(collection, manifest, metadata_only)
        except ApiError as error:
            if error.status == 409:
                return await self.kube.get(f"{collection}/{manifest['metadata']['name']}"), False
            if error.status not in _REFUSED:
                raise
            if not error.is_terminating:
                self._refused(key, uid, error.message)  # which the next visit says
            return None, False
        self._refused(key, uid, "")
        return raw, True

    def _refused(self, key: Key, uid: str, said: str) -> None:
        """Keep what Kubernetes said; what is new is shown by a visit at once."""
        before = self.snapshot.refused.get(uid, "")
        if said:
            self.snapshot.refused[uid] = said
        else:
            self.snapshot.refused.pop(uid, None)
        if bool(before) != bool(said):
            self.queue.add(key)

    async def _delete_self(self, key: Key, meta: ObjectMeta) -> None:
        """Delete what is visited as it was found; what has changed since, by our own write too, is visited anew."""
        try:
            await self.kube.delete(path_of_key(key), meta.uid, version=meta.resource_version)
        except ApiError as error:
            if error.status not in (404, 409):
                raise
            self.queue.add_at(key, self.clock() + 1.0)

    async def _gone(self, request: "asyncio.Future[Json] | object") -> None:
        """Await a deletion; what is gone already, or has another UID, is as good as deleted."""
        try:
            await request  # type: ignore[misc]
        except ApiError as error:
            if error.status not in (404, 409):
                raise
