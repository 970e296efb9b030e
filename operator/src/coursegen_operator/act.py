"""Visits objects: plans, makes at most one status write, then does what that write announces."""

import functools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.names import QUEUE_CHAPTER

from . import effects
from .gatekeeper import Gatekeeper
from .kube import ApiError, ApiUnreachable, Json, Kube, path_of
from .metrics import Metrics
from .plan import course as plan_course
from .plan import coursestep
from .plan import objects as plan_objects
from .plan.step import Hold
from .plan.world import (
    AnyObject,
    CreateChild,
    Defaults,
    Effect,
    Key,
    Plan,
    Surroundings,
    TaskObject,
    as_owner,
    is_managed_here,
    key_of,
)
from .scheduler import Scheduler
from .snapshot import Snapshot
from .statuspatch import difference, guarded
from .unreadable import Unreadable
from .workqueue import WorkQueue

GATES = ("GenerationQueue", "ModelProvider")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Actor:
    """Takes one object a step further at each visit."""

    kube: Kube
    snapshot: Snapshot
    queue: WorkQueue
    scheduler: Scheduler
    defaults: Defaults
    metrics: Metrics
    doer: effects.Doer
    clock: Callable[[], float] = time.time
    gatekeeper: Gatekeeper = field(init=False)

    def __post_init__(self) -> None:
        self.gatekeeper = Gatekeeper(
            self.kube, self.snapshot, self.queue, self.scheduler, self.metrics, self.doer, self.clock
        )

    async def visit(self, key: Key) -> None:
        """Visit one object; whatever is raised makes the queue visit it again."""
        begun = time.perf_counter()
        try:
            if key.namespace in self.snapshot.coming:
                return None
            if unread := self.snapshot.unreadable.get(key):
                return await self._tell_unreadable(key, unread)
            if key.kind in GATES:
                return await self.gatekeeper.visit(key)
            if self.scheduler.in_doubt(key):
                await self._settle(key)
            if key.namespace and self.snapshot.territory.holds(key.namespace):
                await self._learn_namespace(key)
            self.scheduler.recall(key)
            obj = self.snapshot.objects.get(key)
            if obj is None or obj.metadata.deletion_timestamp or not is_managed_here(obj):
                self.scheduler.leave(key)
                self.queue.forget(key)
            else:
                await self._carry_out(key, obj, self._decide(key, obj))
        finally:
            self.scheduler.release(key)
            self.scheduler.dispatch()
            self.metrics.visits.labels(key.kind).observe(time.perf_counter() - begun)

    async def _tell_unreadable(self, key: Key, unread: Unreadable) -> None:
        log.warning("%s cannot be read: %s", key, unread.message)
        self.scheduler.leave(key)
        await self.doer.events.post(key, unread.meta, unread.event, unread.message)

    async def _learn_namespace(self, key: Key) -> None:
        """Learn the UID that a namespace's artifacts lie under: it is another when the namespace was made anew.

        Where namespaces are named none is watched, so it is asked for again with what is new and belongs to nothing.
        """
        obj, known = self.snapshot.objects.get(key), self.snapshot.namespace_uids
        is_new = obj is not None and obj.status.observed_generation == 0 and not obj.metadata.controller_uid()
        if key.namespace not in known or (is_new and self.snapshot.territory.named):
            namespace = await self.kube.get(path_of("namespaces", "", key.namespace))
            known[key.namespace] = namespace["metadata"]["uid"]

    # ---- deciding -------------------------------------------------------------------------------------

    def _decide(self, key: Key, obj: AnyObject) -> Plan:
        """Plan, and plan again with each slot that can be had at once."""
        granted = self.scheduler.granted(key)
        plan = self._plan(obj, granted)
        while plan.want and plan.want.queue not in granted:
            declined = self.scheduler.ask(key, plan.want)
            if declined:
                return self._plan(obj, granted, declined)
            granted |= {plan.want.queue}
            plan = self._plan(obj, granted)
        self.scheduler.leave(key)
        return plan

    def _plan(self, obj: AnyObject, granted: frozenset[str], declined: Hold | None = None) -> Plan:
        now, snapshot = self.clock(), self.snapshot
        around = self._around(obj)
        if isinstance(obj, CourseGeneration):
            places = snapshot.course_jobs.get(as_owner(obj), ())
            jobs = [snapshot.jobs[p] for p in places if p in snapshot.jobs]
            view = coursestep.CourseView(obj, snapshot.children_of(obj), snapshot.objects, jobs, around)
            return plan_course.plan(view, now, granted, declined)
        if isinstance(obj, ArtifactCleanup):
            namespace = obj.metadata.namespace
            unreadable = [k for k in snapshot.unreadable if k.namespace == namespace]
            lone = plan_objects.ObjectView(obj, None, (), around, snapshot.beside(namespace), unreadable)
            return plan_objects.plan(lone, now, bool(granted), declined)
        course = snapshot.course_of(obj)
        task = plan_objects.ObjectView(
            obj, course, self._chapters(obj, course), around, siblings=lambda: self._chapters_of(course)
        )
        return plan_objects.plan(task, now, bool(granted), declined)

    def _around(self, obj: AnyObject) -> Surroundings:
        snapshot, meta = self.snapshot, obj.metadata
        payers = snapshot.charged(obj)
        return Surroundings(
            defaults=self.defaults,
            namespace_uid=snapshot.namespace_uids[meta.namespace],
            queues=snapshot.queues,
            providers=snapshot.providers[meta.namespace],
            jobs=snapshot.jobs_of.get(meta.uid, {}),
            readings=snapshot.readings,
            gone=frozenset(snapshot.gone.get(meta.uid, ())),
            progress=snapshot.progress.get(meta.uid),
            usual=self.doer.history.usual,
            turn=functools.partial(self.scheduler.turn, meta.namespace),
            refused=snapshot.refused.get(meta.uid, ""),
            circuits=self.scheduler.breakers.all(),
            probe=self.scheduler.is_probe(key_of(obj)),
            purses=tuple(payers),
            budget_line=next(
                (k.name for k in payers if k in snapshot.books.budgets and k.kind == "CourseGeneration"), ""
            ),
        )

    def _chapters(self, obj: TaskObject, course: CourseGeneration | None) -> list[ChapterGeneration]:
        """Give the chapters that a validation or export names, alone or by their course."""
        if isinstance(obj, ChapterGeneration | ArtifactCleanup):
            return []
        if obj.spec.chapter_name:
            key = Key("ChapterGeneration", obj.metadata.namespace, obj.spec.chapter_name)
            found = self.snapshot.objects.get(key)
            return [found] if isinstance(found, ChapterGeneration) else []
        return self._chapters_of(course)

    def _chapters_of(self, course: CourseGeneration | None) -> list[ChapterGeneration]:
        children = self.snapshot.children_of(course) if course else []
        return [c for c in children if isinstance(c, ChapterGeneration)]

    # ---- doing ----------------------------------------------------------------------------------------

    async def _carry_out(self, key: Key, obj: AnyObject, plan: Plan) -> None:
        if plan.writes and plan.status is not obj.status:
            status = plan.status.wire()
            patch = difference(obj.status.stored(), status)
            if patch and not await self._write(key, obj, patch, status):
                return
        self.scheduler.release(key)
        now = self._now(key, obj, plan.effects)
        await self.doer.do(key, obj, now)
        if now is not plan.effects and self.snapshot.children.get(as_owner(obj)):
            self.queue.add(key)
        if plan.wake_at is not None:
            self.queue.add_at(key, plan.wake_at)

    def _now(self, key: Key, obj: AnyObject, announced: Sequence[Effect]) -> Sequence[Effect]:
        """Give what is done at this visit: of a new course, its first chapter; all others come after it.

        Where slots are scarce, chapters are made together, so that they ask in the order of admission.
        """
        if not isinstance(obj, CourseGeneration) or self.snapshot.children.get(as_owner(obj)):
            return announced
        children = [e for e in announced if isinstance(e, CreateChild)]
        is_room = self.scheduler.has_room_for_all(QUEUE_CHAPTER, key.namespace, obj.spec.provider_name)
        if len(children) < 2 or not is_room:
            return announced
        return [children[0], *(e for e in announced if not isinstance(e, CreateChild))]

    async def _write(self, key: Key, obj: AnyObject, patch: Json, status: Json) -> bool:
        """Write what is new of a status, which is then as given.

        False if somebody else wrote first: the visit ends, and what they wrote brings the next.
        """
        try:
            body = guarded(obj.metadata, patch)
            answer = await self.kube.patch_status(effects.path_of_key(key), body, metadata_only=True)
        except ApiUnreachable:
            self.scheduler.doubt(key, obj.metadata.resource_version)
            raise
        except ApiError as error:
            if error.status >= 500:
                self.scheduler.doubt(key, obj.metadata.resource_version)
            if error.status not in (404, 409):
                raise
            self.metrics.conflicts.inc()
            self._enqueue(await self._reread(key) | {key}, None)
            return False
        self._enqueue(self.snapshot.written(key, obj, status, answer), key)
        return True

    async def _settle(self, key: Key) -> None:
        """Read what came of a write that was not answered: what it asked for is held until that is known."""
        self._enqueue(await self._reread(key), key)
        again = self.scheduler.reread(key)
        if again is not None:
            self.queue.add_at(key, again)

    async def _reread(self, key: Key) -> set[Key]:
        """Read what was written, or that the object is gone, rather than wait for the watch to bring it."""
        try:
            raw = await self.kube.get(effects.path_of_key(key))
        except ApiError as error:
            if error.status != 404:
                raise
            return self.snapshot.vanished(key)
        return self.snapshot.apply(key.kind, raw)

    def _enqueue(self, touched: set[Key], own: Key | None) -> None:
        effects.enqueue(self.queue, touched, own, self.clock())
