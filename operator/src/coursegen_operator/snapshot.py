"""Everything that exists, as far as this process knows: fed by watches, by full lists, and by the
answers to its own writes.

A write's answer is taken in at once, and what the watch brings later with an older resourceVersion
is dropped; so no plan is made from a state before this process's own last write. Whatever is counted
here is a function of what is stored, and `recount` proves it.
"""

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from pydantic import ValidationError

from coursegen_api.base import Outcome
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.export import CourseExport
from coursegen_api.kinds import Kind, ObjectMeta
from coursegen_api.names import QUEUE_COURSE
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import Progress
from coursegen_api.validation import QualityValidation

from . import unreadable, views
from .books import Books, account_of
from .compact import compact
from .plan import requests
from .plan import slots as plan_slots
from .plan.ledger import Ledger
from .plan.limits import Load
from .plan.objects import provider_of, queue_of
from .plan.recent import Recent
from .plan.tally import Tally
from .plan.world import (
    COURSE_SLOTS,
    AnyObject,
    Gate,
    JobView,
    Key,
    Owner,
    Reading,
    TaskObject,
    as_owner,
    key_of,
    owner_of,
)
from .shares import Shares
from .territory import Territory
from .unreadable import Unreadable

Json = dict[str, Any]

KINDS: dict[str, type[Kind]] = {
    k.__name__: k
    for k in (
        CourseGeneration,
        ChapterGeneration,
        QualityValidation,
        CourseExport,
        ArtifactCleanup,
        GenerationQueue,
        ModelProvider,
    )
}
GATE_KINDS = ("GenerationQueue", "ModelProvider")
TASK_KINDS = ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport", "ArtifactCleanup")


def _everywhere() -> Territory:
    return Territory(named=("",))


@dataclass(slots=True)
class Snapshot:
    """The store. Every `apply…` returns the keys that have to be visited because of it."""

    objects: dict[Key, AnyObject] = field(default_factory=dict)
    queues: dict[str, GenerationQueue] = field(default_factory=dict)
    providers: dict[str, dict[str, ModelProvider]] = field(default_factory=lambda: defaultdict(dict))
    """By namespace, then name."""
    jobs: dict[tuple[str, str], JobView] = field(default_factory=dict)
    jobs_of: dict[str, dict[str, JobView]] = field(default_factory=dict)
    """By the UID of the object that a Job says it belongs to, then by name."""
    course_jobs: dict[Owner, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    readings: dict[str, Reading] = field(default_factory=dict)
    """By Job UID."""
    gone: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By object UID: names of Jobs that were here and were deleted."""
    progress: dict[str, Progress] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """By object UID: why Kubernetes refused to create something for it, until it no longer does."""
    namespace_uids: dict[str, str] = field(default_factory=dict)
    by_uid: dict[str, Key] = field(default_factory=dict)
    children: dict[Owner, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """By the owning course."""
    users: dict[Key, set[Key]] = field(default_factory=lambda: defaultdict(set))
    """By what they name (a course or chapter): the objects whose spec names it."""
    slots: dict[str, plan_slots.Slots] = field(default_factory=dict)
    """By object UID."""
    wanted: int = 0
    """Slots that all work may ask for at once that has not ended."""
    _wanted: dict[str, int] = field(default_factory=dict)
    """By object UID."""
    open_courses: dict[str, tuple[str, bool]] = field(default_factory=dict)
    """The courses that hold a course slot, by UID: the namespace, and whether an open circuit keeps it."""
    load: Load = field(default_factory=Load)
    listed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """By kind: the resourceVersion of the last full list. What is no newer and was not in it is gone."""
    dead: dict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    """By kind, the UIDs of what was deleted since, each with the version of its end."""
    unreadable: dict[Key, Unreadable] = field(default_factory=dict)
    """What exists and cannot be read."""
    books: Books = field(default_factory=Books)
    """The past, and money."""
    version: int = 0
    """Moves when slots in use, or limits, change."""
    limits_version: int = 0
    """Moves when the spec of a queue or provider changes."""
    territory: Territory = field(default_factory=_everywhere)
    """What lies outside of it is not taken in."""
    coming: set[str] = field(default_factory=set)
    """Namespaces that are being taken over: of what is in them, the last full list knew nothing. Nothing in them is
    visited yet: an object whose Jobs are still to be listed would look as if it had lost them."""
    shares: Shares = field(default_factory=Shares)
    """How queues are seen that other operators use as well."""

    # ---- objects ------------------------------------------------------------------------------------

    def apply(self, kind: str, raw: Json, deleted: bool = False) -> set[Key]:
        """Take in an object of ours; one that cannot be read is noted, and no longer known as it was before."""
        key = Key(kind, raw["metadata"].get("namespace", ""), raw["metadata"]["name"])
        if not self.territory.holds(key.namespace):
            return set()
        try:
            touched = self._apply(kind, raw, deleted)
        except ValidationError as error:
            touched = self._vanish(kind, (key.namespace, key.name)) if self._is_there(key) else set()
            self.unreadable.pop(key, None)
            if not deleted:
                self.unreadable[key] = unreadable.explain(raw, error)
                self.dead[kind].pop(raw["metadata"]["uid"], None)  # it lives, and may be read one day
            return touched | {key}
        self.unreadable.pop(key, None)
        return touched

    def written(self, key: Key, obj: AnyObject, status: Json, answer: Json) -> set[Key]:
        """Take in what our own write has made of an object.

        Arguments:
            obj: as it was when the write was planned, and still was when it took effect.
            status: the whole of it, as it is now.
            answer: the object's metadata as it is now.
        """
        known = self.objects.get(key)
        if not self.territory.holds(key.namespace) or self._is_over(key.kind, answer, deleted=False, known=bool(known)):
            return set()
        if key in self.unreadable or (known and _is_known(known, answer)):  # somebody has changed it since
            return set()
        changes = {
            "metadata": ObjectMeta.model_validate(answer["metadata"]),
            "status": type(obj.status).model_validate(status),
        }
        return self._store(key, obj.model_copy(update=changes))

    def _is_there(self, key: Key) -> bool:
        return (key.namespace, key.name) in self._places(key.kind)

    def _apply(self, kind: str, raw: Json, deleted: bool) -> set[Key]:
        meta = raw["metadata"]
        place = Key(kind, meta.get("namespace", ""), meta["name"])
        known: Kind | None = self.gate(place) if kind in GATE_KINDS else self.objects.get(place)
        if self._is_over(kind, raw, deleted, known=known is not None or place in self.unreadable):
            return set()
        if known and _is_known(known, raw) and not (deleted and known.metadata.uid == meta["uid"]):
            return set()
        if kind == "GenerationQueue":
            return self._apply_queue(raw, deleted)
        if kind == "ModelProvider":
            return self._apply_provider(raw, deleted)
        return self._store(place, KINDS[kind].model_validate(raw, extra="ignore"), deleted)

    def _store(self, key: Key, obj: Any, deleted: bool = False) -> set[Key]:
        old = self.objects.get(key)
        compact(obj)
        if old and (deleted or old.metadata.uid != obj.metadata.uid):
            self._unlink(key, old)
        touched = self._touched(key, old, obj, gone=deleted)
        if deleted:
            self.objects.pop(key, None)
        else:
            self.objects[key] = obj
            self._link(key, obj)
        self._account(obj.metadata.uid)
        return touched | self._look_back(obj.metadata.uid)

    def _is_over(self, kind: str, raw: Json, deleted: bool, known: bool) -> bool:
        """Tell whether an old list or a late event speaks of something that is gone, and keep what goes now."""
        uid, version, dead = raw["metadata"]["uid"], views.version_of(raw), self.dead[kind]
        if deleted:
            dead[uid] = max(version, dead.get(uid, 0))
            return False
        if raw["metadata"].get("namespace", "") in self.coming:
            return uid in dead
        return uid in dead or (not known and version <= self.listed[kind])

    def _touched(self, key: Key, old: AnyObject | None, obj: AnyObject, gone: bool) -> set[Key]:
        touched = {key}
        if owner := self._key_of(owner_of(obj)):
            touched.add(owner)
        for user in self.users.get(key, ()):
            seen = _seen_by_chapters if user.kind == "ChapterGeneration" else _seen_by_users
            if not (isinstance(old, CourseGeneration) and isinstance(obj, CourseGeneration) and seen(old) == seen(obj)):
                touched.add(user)
        if gone:  # its name is free again, which a course of the same name may wait for
            touched |= {named for named in _named(obj) if named in self.objects}
        return touched

    def _link(self, key: Key, obj: AnyObject) -> None:
        self.by_uid[obj.metadata.uid] = key
        owner = owner_of(obj)
        if owner:
            self.children[owner].add(key)
        for named in _named(obj):
            self.users[named].add(key)

    def _unlink(self, key: Key, obj: AnyObject) -> None:
        uid = obj.metadata.uid
        self.by_uid.pop(uid, None)
        self.progress.pop(uid, None)
        self.refused.pop(uid, None)
        self.gone.pop(uid, None)
        self.children.pop(as_owner(obj), None)
        owner = owner_of(obj)
        if owner and owner in self.children:
            self.children[owner].discard(key)
        for named in _named(obj):
            self.users[named].discard(key)
            if not self.users[named]:
                del self.users[named]
        self.objects.pop(key, None)
        self._account(uid)
        self.books.forget(key, uid)

    def _apply_queue(self, raw: Json, deleted: bool) -> set[Key]:
        queue = GenerationQueue.model_validate(self.shares.read(raw), extra="ignore")
        name = queue.metadata.name
        old = self.queues.get(name)
        if deleted:
            self.queues.pop(name, None)
        else:
            self.queues[name] = queue
        self.books.note_gate(queue, deleted)
        if old and not deleted and old.spec == queue.spec:
            return set()
        self._limits_changed()
        touched = {key_of(queue)}
        return touched | {k for k, o in self.objects.items() if _uses_queue(o, name) and requests.ended(o) is None}

    def _apply_provider(self, raw: Json, deleted: bool) -> set[Key]:
        provider = ModelProvider.model_validate(raw, extra="ignore")
        meta = provider.metadata
        old = self.providers[meta.namespace].get(meta.name)
        if deleted:
            self.providers[meta.namespace].pop(meta.name, None)
        else:
            self.providers[meta.namespace][meta.name] = provider
        self.books.note_gate(provider, deleted)
        if old and not deleted and old.spec == provider.spec:
            return set()
        self._limits_changed()
        touched = {key_of(provider)}
        for key, obj in self.objects.items():
            if key.namespace == meta.namespace and self._uses_provider(obj, meta.name) and requests.ended(obj) is None:
                touched.add(key)
        return touched

    def _uses_provider(self, obj: AnyObject, name: str) -> bool:
        if isinstance(obj, CourseGeneration):
            return obj.spec.provider_name == name
        return provider_of(obj, self.course_of(obj)) == name

    def _limits_changed(self) -> None:
        self.version += 1
        self.limits_version += 1

    # ---- Jobs -----------------------------------------------------------------------------------------

    def apply_job(self, raw: Json, deleted: bool = False, object_uid: str = "") -> set[Key]:
        """Take in a Job.

        Arguments:
            object_uid: the object that looked for it by name, where the Job itself may say otherwise.
        """
        meta = raw["metadata"]
        place = (meta["namespace"], meta["name"])
        if not self.territory.holds(place[0]):
            return set()
        old = self.jobs.get(place)
        if not object_uid and self._is_over("Job", raw, deleted, known=old is not None):
            return set()
        if old and old.uid == meta["uid"] and old.resource_version >= views.version_of(raw) and not deleted:
            return set()
        job = views.job_view(raw, old)
        if not (deleted or object_uid or self._is_ours(job, old)):
            return self._vanish("Job", place) if old else set()
        uid = object_uid or job.object_uid or job.owner_uid
        if deleted:
            self._drop_job(place, uid)
        else:
            self.jobs[place] = job
            self.jobs_of.setdefault(uid, {})[job.name] = job
            if job.course_uid:
                self.course_jobs[job.namespace, job.course_uid].add(place)
        if old and not deleted and _same(old, job):
            return set()
        self._account(uid)
        return self._touched_by_job(uid, job, deleted)

    def _is_ours(self, job: JobView, before: JobView | None) -> bool:
        """Tell whether a Job may be believed that its labels call ours.

        Labels are anybody's to write, in any namespace; an owner of another namespace, or one that is not there, has
        the garbage collector remove the Job. One that was ours stays so if its owner was deleted without it.
        """
        key = self.by_uid.get(job.object_uid)
        if key and key.namespace != job.namespace:
            return False
        return job.owner_uid == job.object_uid or (before is not None and before.uid == job.uid)

    def _touched_by_job(self, uid: str, job: JobView, gone: bool) -> set[Key]:
        """Give whom a changed Job concerns: its object, and a course that is over, which removes the ended ones.

        That an ended Job is gone concerns nobody who is over.
        """
        key, course = self.by_uid.get(uid), self._key_of((job.namespace, job.course_uid))
        is_removed = gone and bool(job.finished)
        touched = {key} if key and not (is_removed and requests.ended(self.objects[key])) else set()
        if course and requests.ended(self.objects[course]) and not is_removed:
            touched.add(course)
        return touched

    def _drop_job(self, place: tuple[str, str], uid: str) -> None:
        job = self.jobs.pop(place, None)
        if job is None:
            return
        self.readings.pop(job.uid, None)
        course = (job.namespace, job.course_uid)
        self.course_jobs[course].discard(place)
        if not self.course_jobs[course]:
            del self.course_jobs[course]
        mine = self.jobs_of.get(uid, {})
        mine.pop(job.name, None)
        if not mine:
            self.jobs_of.pop(uid, None)
        if uid in self.by_uid:
            self.gone[uid].add(job.name)

    # ---- full lists -----------------------------------------------------------------------------------

    def apply_page(self, kind: str, items: Iterable[Json], seen: set[tuple[str, str]]) -> set[Key]:
        """Take in a page of a full list, and add to `seen` where the objects are that it names."""
        touched: set[Key] = set()
        for raw in items:
            seen.add((raw["metadata"].get("namespace", ""), raw["metadata"]["name"]))
            touched |= self.apply_job(raw) if kind == "Job" else self.apply(kind, raw)
        return touched

    def end_list(self, kind: str, seen: Container[tuple[str, str]], version: int) -> set[Key]:
        """End a full list: what is not in it, and is no newer, is gone, however the watch missed that."""
        touched: set[Key] = set()
        for place, known in self._places(kind).items():
            if place not in seen and known <= version:
                touched |= self._vanish(kind, place)
        for key in [k for k in self.unreadable if k.kind == kind and (k.namespace, k.name) not in seen]:
            del self.unreadable[key]
        self.listed[kind] = version
        self.dead[kind] = {uid: end for uid, end in self.dead[kind].items() if end > version}
        return touched

    def vanished(self, key: Key) -> set[Key]:
        """Take an object out that the API server says is not there."""
        return self._vanish(key.kind, (key.namespace, key.name)) if key in self.objects else set()

    def _places(self, kind: str) -> dict[tuple[str, str], int]:
        """Give where the known objects of a kind are, each with its resourceVersion."""
        if kind == "Job":
            return {p: j.resource_version for p, j in self.jobs.items() if j.object_uid}
        if kind == "GenerationQueue":
            return {("", n): _version(q) for n, q in self.queues.items()}
        if kind == "ModelProvider":
            return {(ns, n): _version(p) for ns, named in self.providers.items() for n, p in named.items()}
        return {(k.namespace, k.name): _version(o) for k, o in self.objects.items() if k.kind == kind}

    def _vanish(self, kind: str, place: tuple[str, str]) -> set[Key]:
        if kind == "Job":
            job = self.jobs[place]
            uid = job.object_uid or job.owner_uid
            self._drop_job(place, uid)
            self._account(uid)
            return self._touched_by_job(uid, job, gone=True)
        key = Key(kind, *place)
        if kind == "GenerationQueue":
            return self._apply_queue(self.queues[place[1]].wire(), deleted=True)
        if kind == "ModelProvider":
            return self._apply_provider(self.providers[place[0]][place[1]].wire(), deleted=True)
        self.unreadable.pop(key, None)
        return self._apply(kind, self.objects[key].wire(), deleted=True)

    def see_namespace(self, name: str, uid: str) -> None:
        """Forget the UID of a namespace that was deleted and made anew: what lies under it is somebody else's."""
        if self.namespace_uids.get(name, uid) != uid:
            del self.namespace_uids[name]

    def leave(self, namespace: str) -> set[Key]:
        """Forget a namespace that is another operator's now; give what was in it."""
        left = {k for k in self.keys() if k.namespace == namespace}
        uids = [self.objects[k].metadata.uid for k in left if k in self.objects]
        for kind in (*KINDS, "Job"):  # Jobs last: nobody's any more, so that they are not taken for deleted ones
            for place in [p for p in self._places(kind) if p[0] == namespace]:
                self._vanish(kind, place)
        for key in left:
            self.unreadable.pop(key, None)
        self.namespace_uids.pop(namespace, None)
        for dead in self.dead.values():
            for uid in uids:  # which are alive, and may come back
                dead.pop(uid, None)
        return left

    # ---- counting -------------------------------------------------------------------------------------

    def _account(self, uid: str) -> None:
        """Bring the slots of one object, and the sums, into line with what is stored."""
        before = (self.slots.pop(uid, None), self.open_courses.pop(uid, None))
        obj = self._counted(uid)
        jobs = self.jobs_of.get(uid, {}).values()
        self.wanted -= self._wanted.pop(uid, 0)
        if wanted := plan_slots.wanted(obj):
            self._wanted[uid] = wanted
            self.wanted += wanted
        after = plan_slots.of_object(obj, self.course_of(obj), jobs) if obj else plan_slots.of_nobody(jobs)
        opened = obj is not None and plan_slots.holds_course_slot(obj)
        held = (obj.metadata.namespace, plan_slots.is_parked(obj)) if obj and opened else None
        if after:
            self.slots[uid] = after
        if held:
            self.open_courses[uid] = held
        if before == (after, held):
            return
        self.version += 1
        plan_slots.add(self.load, before[0], -1)
        plan_slots.add(self.load, after, +1)
        for place, sign in ((before[1], -1), (held, +1)):
            if place:
                plan_slots.add_to(self.load.by_tenant, (COURSE_SLOTS, place[0]), sign)
                self.load.parked += sign * place[1]
        self.load.courses = len(self.open_courses)

    def _counted(self, uid: str) -> AnyObject | None:
        """Give an object, unless it is being deleted: then nobody visits it, for as long as a finalizer likes."""
        key = self.by_uid.get(uid)
        obj = self.objects.get(key) if key else None
        return None if obj is None or obj.metadata.deletion_timestamp else obj

    def _look_back(self, uid: str) -> set[Key]:
        """Bring the books into line with an object; give the providers and queues that it concerns."""
        key, obj = self.by_uid.get(uid), self._counted(uid)
        if key is None:
            return set()
        if obj is None:
            return self.books.forget(key, uid)
        course = self.course_of(obj)
        account = account_of(obj, course)
        provider = self.gate(account.provider) if account and account.provider else None
        return self.books.note(obj, course, provider)

    def charged(self, obj: AnyObject) -> list[Key]:
        """Name the course and the provider whose budgets an object is charged to."""
        account = account_of(obj, self.course_of(obj))
        if account is None:
            return []
        return [k for k in (self._key_of(account.course), account.provider) if k]

    def recount(self) -> None:
        """Count everything anew."""
        self.load, self.slots, self.open_courses = Load(), {}, {}
        self.wanted, self._wanted = 0, {}
        # What a provider is still to be charged for may be gone from status by now: a revision that began anew.
        self.books.recent, self.books.ledger = Recent(), Ledger(unsettled=self.books.ledger.unsettled)
        self.books.tally = Tally()
        self.version += 1
        for uid in set(self.by_uid) | set(self.jobs_of):
            self._account(uid)
            self._look_back(uid)

    # ---- looking ----------------------------------------------------------------------------------------

    def gate(self, key: Key) -> Gate | None:
        """Give a queue or provider."""
        if key.kind == "GenerationQueue":
            return self.queues.get(key.name)
        return self.providers[key.namespace].get(key.name)

    def keys(self) -> list[Key]:
        """Name everything that is visited: the work, and the queues and providers with something to say."""
        return [*self.objects, *self.unreadable, *self.books.gates()]

    def going_on(self) -> list[Key]:
        """Name what is visited, but for courses and tasks that have ended."""
        return [k for k in self.keys() if k not in self.objects or not _has_ended(self.objects[k])]

    def course_of(self, obj: AnyObject) -> CourseGeneration | None:
        """Give the course that an object names, or that owns it; a course names none."""
        name = None if isinstance(obj, CourseGeneration | ArtifactCleanup) else obj.spec.course_name
        found = self.objects.get(Key("CourseGeneration", obj.metadata.namespace, name)) if name else None
        return found if isinstance(found, CourseGeneration) else None

    def beside(self, namespace: str) -> list[AnyObject]:
        """Give everything of a namespace that can be read."""
        return [obj for key, obj in self.objects.items() if key.namespace == namespace]

    def children_of(self, course: CourseGeneration) -> list[TaskObject]:
        """Give what a course owns, in the order of names."""
        keys = sorted(self.children.get(as_owner(course), ()), key=_by_name)
        found = [self.objects[k] for k in keys if k in self.objects]
        return [o for o in found if not isinstance(o, CourseGeneration)]

    def _key_of(self, course: Owner | None) -> Key | None:
        """Give where a course is, if it is in the namespace that is named with it."""
        key = self.by_uid.get(course[1]) if course else None
        return key if key and course and key.namespace == course[0] else None


_by_name = attrgetter("kind", "name")
"""The order of what is in one namespace."""


def _has_ended(obj: AnyObject) -> bool:
    return not isinstance(obj, ArtifactCleanup) and requests.ended(obj) is not None


def _version(obj: Kind) -> int:
    return int(obj.metadata.resource_version or 0)


def _is_known(old: Kind, raw: Json) -> bool:
    """Tell whether an object is no newer than what is stored, before the cost of reading it whole."""
    return _version(old) >= views.version_of(raw)


def _seen_by_chapters(course: CourseGeneration) -> tuple[Any, ...]:
    """Give what a chapter looks at in its course: a course succeeds after its chapters, which need not hear of it."""
    how = requests.ended(course)
    return (
        course.status.start_time,
        None if how is Outcome.SUCCEEDED else how,
        course.status.requests,
        course.status.stopped,
        course.status.quality_round,
        course.spec.suspend,
        course.spec.budget,
        course.spec.deadline_time,
        course.metadata.deletion_timestamp,
    )


def _seen_by_users(course: CourseGeneration) -> tuple[Any, ...]:
    """Give what a validation or export looks at in the course that it is about."""
    return (*_seen_by_chapters(course), requests.ended(course), course.status.stage)


_NAMES = {"course_name": "CourseGeneration", "chapter_name": "ChapterGeneration"}
"""The fields of a spec that name another object, and of which kind."""


def _named(obj: AnyObject) -> list[Key]:
    spec, fields = obj.spec, type(obj.spec).model_fields  # to ask a model for what it lacks is slow
    named = [(kind, getattr(spec, field)) for field, kind in _NAMES.items() if field in fields]
    return [Key(kind, obj.metadata.namespace, name) for kind, name in named if name]


def _uses_queue(obj: AnyObject, name: str) -> bool:
    if isinstance(obj, CourseGeneration):
        return (obj.spec.queue_name or QUEUE_COURSE) == name
    return queue_of(obj) == name


def _same(old: JobView, new: JobView) -> bool:
    """Tell whether nothing changed that a plan would look at."""
    return (old.uid, old.suspended, old.finished, old.deleting, old.ready, old.fingerprint, old.spec_hash) == (
        new.uid,
        new.suspended,
        new.finished,
        new.deleting,
        new.ready,
        new.fingerprint,
        new.spec_hash,
    )
