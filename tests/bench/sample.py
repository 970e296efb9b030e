"""The load: courses with given chapters, and what the operator would say to the API server about each chapter.

Manifests and statuses come from the operator's own planner, so that the ceilings send what it sends. They are all made
before the clock starts.
"""

import copy
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import TaskKind
from coursegen_operator import views
from coursegen_operator.plan import children, clock, objects
from coursegen_operator.plan.world import CreateJob, Defaults, Effect, PodView, PostEvent, Reading, Surroundings
from coursegen_operator.statuspatch import difference

from . import stages

Json = dict[str, Any]

IMAGE = "coursegen.local/worker:bench"
FORMATS = ("pdf", "scorm", "json")
_NOW = 1_800_000_000.0


@dataclass(frozen=True)
class Size:
    """How much is generated."""

    courses: int = 100
    chapters: int = stages.CHAPTERS
    whole: bool = False
    """Shape 2: an outline, a validation and three exports as well; without it the chapters are given, and are all."""

    @property
    def total(self) -> int:
        """Give the number of tasks: of shape 1, the chapters."""
        return self.courses * (self.chapters + (1 + 1 + len(FORMATS) if self.whole else 0))


def course_name(number: int) -> str:
    """Name a course; all names are as long."""
    return f"course-{number:04d}"


def course(namespace: str, number: int, size: Size) -> Json:
    """Give one course of the load."""
    name = course_name(number)
    return {
        "apiVersion": names.API_VERSION,
        "kind": "CourseGeneration",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "courseId": name,
            "title": f"Python Programming {number}",
            "subjectDomain": "Computer Science",
            "targetAudience": {"proficiencyLevel": "beginner"},
            "learningObjectives": ["Learn Python basics", "Build applications"],
            "estimatedDuration": "PT20H",
        }
        | (_to_be_planned(size) if size.whole else _given(name, size)),
    }


def _to_be_planned(size: Size) -> Json:
    return {"chapterCount": size.chapters, "exports": [{"format": f} for f in FORMATS]}


def _given(name: str, size: Size) -> Json:
    chapters = [
        {
            "id": f"{name}-{index}",
            "title": f"Chapter {index}: what the course has to say about subject {index}",
            "learningObjectives": [f"Explain subject {index}", f"Use subject {index} in a small program"],
            "estimatedDuration": "PT1H30M",
        }
        for index in range(1, size.chapters + 1)
    ]
    return {"chapters": chapters, "quality": {"enabled": False}}


@dataclass(frozen=True)
class Requests:
    """The bodies of all requests about one chapter, in the order in which the operator sends them."""

    name: str
    create: Json
    intent: Json
    job: Json
    running: Json
    outcome: Json
    event: Json


Stages = list[list[Requests]]
"""A course: what a stage has begins when all of the stage before has ended."""


def courses(namespace: str, namespace_uid: str, queue: Json, size: Size) -> Iterator[Stages]:
    """Plan every course of the load from its creation to its end.

    Of shape 2, a chapter's requests stand for those about its outline, validation and exports too.
    """
    around = Surroundings(
        defaults=Defaults(image=IMAGE),
        namespace_uid=namespace_uid,
        queues={names.QUEUE_CHAPTER: GenerationQueue.model_validate(queue)},
        providers={},
        jobs={},
        readings={},
    )
    for number in range(1, size.courses + 1):
        raw = course(namespace, number, replace(size, whole=False))
        raw["metadata"]["uid"] = str(uuid.uuid5(uuid.NAMESPACE_OID, raw["metadata"]["name"]))
        raw["metadata"]["creationTimestamp"] = clock.stamp(_NOW)
        raw["status"] = {"startTime": clock.stamp(_NOW)}
        parent = CourseGeneration.model_validate(raw)
        chapters = [
            _of_chapter(parent, children.manifest(parent, "ChapterGeneration", name, spec, "chapter"), around)
            for name, spec in children.planned_chapters(parent, parent.status)
        ]
        kinds = [[TaskKind.OUTLINE], [TaskKind.VALIDATION], [TaskKind.EXPORT] * len(FORMATS)] if size.whole else []
        others = [[_as(k, n, chapters[0]) for n, k in enumerate(stage)] for stage in kinds]
        yield [*others[:1], chapters, *others[1:]]


def _as(kind: TaskKind, number: int, chapter: Requests) -> Requests:
    """Give the requests of a chapter under another name, with a Job that fake nodes take for one of another kind."""

    def named(body: Json) -> Json:
        meta = body["metadata"]
        return body | {"metadata": meta | {"name": f"{meta['name']}-{kind.value}-{number}"}}

    name, label = f"{chapter.name}-{kind.value}-{number}", {names.LABEL_COMPONENT: kind.value}
    job = copy.deepcopy(named(chapter.job))
    job["metadata"]["ownerReferences"][0]["name"] = name
    job["metadata"]["labels"] |= label
    job["spec"]["template"]["metadata"]["labels"] |= label
    return replace(
        chapter,
        name=name,
        create=named(chapter.create),
        job=job,
        event=named(chapter.event),
    )


def _of_chapter(parent: CourseGeneration, manifest: Json, around: Surroundings) -> Requests:
    name = manifest["metadata"]["name"]
    uid = str(uuid.uuid5(uuid.NAMESPACE_OID, name))
    meta = manifest["metadata"] | {"uid": uid, "generation": 1, "creationTimestamp": clock.stamp(_NOW)}
    stored = manifest | {"metadata": meta}

    def visit(status: Json, after: float, granted: bool = False, **changes: Any) -> tuple[Json, tuple[Effect, ...]]:
        obj = ChapterGeneration.model_validate(stored | {"status": status})
        fields = {f: getattr(around, f) for f in Surroundings.__slots__} | changes
        plan = objects.plan(objects.ObjectView(obj, parent, [], Surroundings(**fields)), _NOW + after, granted)
        return plan.status.wire(), plan.effects

    first, effects = visit({}, 0.1, granted=True)
    job = next(e.manifest for e in effects if isinstance(e, CreateJob))
    job_uid = str(uuid.uuid5(uuid.NAMESPACE_OID, job["metadata"]["name"]))
    raw_job = job | {"metadata": job["metadata"] | {"uid": job_uid, "creationTimestamp": clock.stamp(_NOW)}}
    ready = views.job_view(raw_job | {"status": {"ready": 1}})
    second, _ = visit(first, 1.1, jobs={ready.name: ready})
    end = {"type": "Complete", "status": "True", "lastTransitionTime": clock.stamp(_NOW + 2)}
    ended = views.job_view(raw_job | {"status": {"conditions": [end]}})
    said = stages.result(TaskKind.CHAPTER, around.namespace_uid).to_json()
    pod = PodView("p", "p", job_uid, _NOW, "Succeeded", exit_code=0, termination_message=said)
    reading = Reading(_NOW + 2, (pod,), final=True)
    third, effects = visit(second, 2.1, jobs={ended.name: ended}, readings={job_uid: reading})
    told = next(e for e in effects if isinstance(e, PostEvent))
    return Requests(
        name=name,
        create=manifest,
        intent=difference({}, first),
        job=job,
        running=difference(first, second),
        outcome=difference(second, third),
        event=_event(stored, told),
    )


def _event(obj: Json, told: PostEvent) -> Json:
    meta, now = obj["metadata"], clock.stamp(_NOW)[:19] + "Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{meta['uid'][:16]}", "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": names.API_VERSION,
            "kind": obj["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
            "resourceVersion": "1",
        },
        "type": told.type,
        "reason": told.reason,
        "message": told.message,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
        "source": {"component": "bench"},
        "reportingComponent": "bench",
    }
