"""What exists, as far as this process knows: objects of our kinds, worker Pods and namespaces, with what finds them.

Everything is a copy of what the API server or Redis holds: nothing here is the truth, and nothing is lost with it.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field

from coursegen_api import names
from coursegen_api.task import Progress
from coursegen_operator.kube import Json
from coursegen_operator.progress import not_ahead

COURSES, CHAPTERS = "coursegenerations", "chaptergenerations"
VALIDATIONS, EXPORTS = "qualityvalidations", "courseexports"
QUEUES, PODS, NAMESPACES = "generationqueues", "pods", "namespaces"

TASK_KINDS = {COURSES: "course", CHAPTERS: "chapter", VALIDATIONS: "validation", EXPORTS: "export"}
"""By plural, the word that the HTTP API has for what runs."""

Place = tuple[str, str]
"""Namespace and name."""

_ENDED = ("Succeeded", "Failed", "Cancelled")


def place(item: Json) -> Place:
    """Give where an object is."""
    return item["metadata"].get("namespace", ""), item["metadata"]["name"]


def uid_of(item: Json) -> str:
    """Give an object's UID."""
    return str(item["metadata"]["uid"])


def owner_id(plural: str, item: Json) -> str:
    """Give the owner's id of a course or chapter: the one in spec, else the name."""
    spec, name = item.get("spec", {}), item["metadata"]["name"]
    return str(spec.get("courseId" if plural == COURSES else "chapterId") or name)


def course_place(plural: str, item: Json) -> Place | None:
    """Give the place of the course that a chapter, validation or export belongs to."""
    if plural == COURSES:
        return place(item)
    name = item["metadata"].get("labels", {}).get(names.LABEL_COURSE) or item.get("spec", {}).get("courseName")
    return (place(item)[0], name) if name else None


def ended(item: Json) -> bool:
    """Tell whether the work of an object has ended."""
    return item.get("status", {}).get("phase") in _ENDED


@dataclass(frozen=True, slots=True)
class Entry:
    """An object and its kind."""

    plural: str
    item: Json

    @property
    def place(self) -> Place:
        """Give where it is."""
        return place(self.item)


@dataclass(slots=True)
class State:
    """Dictionaries by kind, and the indexes that requests need."""

    changed: Callable[[str, str], None] = lambda plural, uid: None
    """Told of every object that is new, has changed or is gone; set by who passes it on."""
    objects: dict[str, dict[Place, Json]] = field(default_factory=lambda: defaultdict(dict))
    by_uid: dict[str, Entry] = field(default_factory=dict)
    progress: dict[str, Progress] = field(default_factory=dict)
    """The last word of each worker, by the object's UID."""
    shown: dict[str, tuple[object, object]] = field(default_factory=dict)
    """What was last said of an object, with what it was said of: lists say the same again and again."""
    _by_course: dict[Place, set[str]] = field(default_factory=lambda: defaultdict(set))
    _by_owner_id: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    _pods_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    # ---- taking in ------------------------------------------------------------------------------------

    def retain(self, plural: str, scope: str, there: Container[Place], version: int) -> None:
        """Take note of all that a list of that version had, of a kind in a namespace ("": in all of them).

        What is known in a later version was created since, as by the answer to a write, and stays.
        """
        known = self.objects[plural].items()
        gone = [i for p, i in known if p not in there and scope in ("", p[0]) and _version(i) <= version]
        for item in gone:
            self.remove(plural, item)

    def put(self, plural: str, item: Json) -> None:
        """Take an object that is new or has changed."""
        old = self.objects[plural].get(place(item))
        if old is not None:
            if _version(old) >= _version(item):  # late, after the answer to a write
                return
            if uid_of(old) != uid_of(item):
                self.remove(plural, old)
            else:
                self._index(plural, old, set.discard)  # its labels may have changed
        self.objects[plural][place(item)] = item
        self.by_uid[uid_of(item)] = Entry(plural, item)
        self._index(plural, item, set.add)
        self.changed(plural, uid_of(item))

    def remove(self, plural: str, item: Json) -> None:
        """Take note that an object is gone."""
        known = self.objects[plural].get(place(item))
        if known is None or uid_of(known) != uid_of(item):
            return
        del self.objects[plural][place(item)]
        self.by_uid.pop(uid_of(item), None)
        self.progress.pop(uid_of(item), None)
        self.shown.pop(uid_of(item), None)
        self._index(plural, known, set.discard)
        self.changed(plural, uid_of(item))

    def take(self, message: Progress, namespace: str) -> None:
        """Take a worker's word about what runs now in its namespace; late and foreign words are dropped."""
        entry = self.by_uid.get(message.uid)
        if entry is None or entry.plural not in TASK_KINDS or entry.place[0] != namespace:
            return
        message = not_ahead(message)
        last = self.progress.get(message.uid)
        number = (message.revision, message.attempt)
        if last and ((last.revision, last.attempt) > number or last.time >= message.time):
            return
        if last and (last.revision, last.attempt) == number and last.percentage > message.percentage:
            message = message.model_copy(update={"percentage": last.percentage})  # never falls within an attempt
        self.progress[message.uid] = message
        self.changed(entry.plural, message.uid)

    def _index(self, plural: str, item: Json, change: Callable[[set[str], str], None]) -> None:
        uid = uid_of(item)
        if plural in (COURSES, CHAPTERS):
            _edit(self._by_owner_id, (plural, owner_id(plural, item)), uid, change)
        if plural in TASK_KINDS and plural != COURSES and (course := course_place(plural, item)):
            _edit(self._by_course, course, uid, change)
        if plural == PODS and (owner := item["metadata"].get("labels", {}).get(names.LABEL_OBJECT_UID)):
            _edit(self._pods_of, owner, uid, change)

    # ---- finding --------------------------------------------------------------------------------------

    def of_kind(self, plural: str) -> Mapping[Place, Json]:
        """Give all objects of a kind."""
        return self.objects[plural]

    def tasks(self) -> Iterator[Entry]:
        """Give every course, chapter, validation and export."""
        return (Entry(plural, item) for plural in TASK_KINDS for item in self.objects[plural].values())

    def children(self, course: Place) -> list[Entry]:
        """Give the chapters, validations and exports of a course, chapters in order."""
        found = [self.by_uid[uid] for uid in self._by_course.get(course, ())]
        return sorted(found, key=lambda e: (list(TASK_KINDS).index(e.plural), e.item["spec"].get("index", 1), e.place))

    def with_owner_id(self, plural: str, wanted: str) -> list[Json]:
        """Give the courses or chapters that bear an owner's id."""
        return [self.by_uid[uid].item for uid in self._by_owner_id.get((plural, wanted), ())]

    def pods_of(self, entry: Entry) -> list[Json]:
        """Give the worker Pods of an object: in its own namespace, since anybody may put its UID on a Pod elsewhere."""
        found = [self.by_uid[pod].item for pod in self._pods_of.get(uid_of(entry.item), ())]
        return [pod for pod in found if place(pod)[0] == entry.place[0]]

    def task_of(self, pod: Json) -> Entry | None:
        """Give the piece of work that a worker Pod is on, by its label; None if there is none in its namespace."""
        entry = self.by_uid.get(pod["metadata"].get("labels", {}).get(names.LABEL_OBJECT_UID, ""))
        if entry is None or entry.plural not in TASK_KINDS or entry.place[0] != place(pod)[0]:
            return None
        return entry

    def namespace_uid(self, namespace: str) -> str:
        """Give a namespace's UID; empty if it is not known."""
        found = self.objects[NAMESPACES].get(("", namespace))
        return uid_of(found) if found else ""

    def namespaces_at_work(self) -> dict[str, str]:
        """Give the UIDs of the namespaces in which something is not ended, by name: their streams are worth reading."""
        busy = {e.place[0] for e in self.tasks() if e.plural != COURSES and not ended(e.item)}
        busy |= {p[0] for p, c in self.objects[COURSES].items() if not ended(c)}
        return {n: uid for n in busy if (uid := self.namespace_uid(n))}


def _version(item: Json) -> int:
    return int(item["metadata"]["resourceVersion"])


def _edit(index: dict, key: object, uid: str, change: Callable[[set[str], str], None]) -> None:  # type: ignore[type-arg]
    change(index[key], uid)
    if not index[key]:
        del index[key]
