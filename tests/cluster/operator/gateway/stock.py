"""A namespace with work in every state, and ids from it for the requests that schemathesis makes up.

The real operator has brought the work where it is. What reading is aimed at stays; what is changed and deleted
is there for that, or is made for the one request.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import schemathesis

from coursegen_api import names
from coursegen_api.task import TaskInput

from ....e2e.scene import Scene, chapter, course
from ..kubelet import RUNS, End, well
from .place import Place
from .scribe import Scribe

Json = dict[str, Any]

KINDS = ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport")
COURSE_ID, SPARE_ID, QUEUE = "course-fuzz", "course-spare", "fuzz-queue"
_INVALID = End(10, '{"v":1,"class":"InvalidInput","message":"No such thing."}')
_OF_COURSE: Json = {"courseName": COURSE_ID}
_OTHER_SOURCES = ("chapter_name", "artifact_key", "config_map_name")
_RULED_OUT = {
    "/api/v1/courses": ("chapter_count",), "/api/v1/chapters": ("course_name", "estimated_duration"),
    "/api/v1/validations": _OTHER_SOURCES, "/api/v1/exports": _OTHER_SOURCES,
}  # fmt: skip
"""Of what is created: fields that rules of the CRD, which no schema tells, refuse beside others, or as made up."""
_NEEDED: dict[str, Json] = {
    "/api/v1/chapters": {
        "title": "Loops", "learning_objectives": ["Write a for loop"], "course_context": {"title": "Python"},
    },
}  # fmt: skip
"""Fields that by such rules may not be missing."""


def decide(task: TaskInput) -> End:
    """End an attempt by what its object is called; what fails does so each time that it is run again."""
    if task.name.startswith("fails"):
        return _INVALID
    return RUNS if task.name.startswith("runs") else well(task)


def rights(place: Place, scene: Scene) -> str:
    """Give the token of an author who may see and read everything, and change the one queue that is for that."""
    rules = [
        {"apiGroups": [names.GROUP], "resources": ["generationqueues"], "verbs": ["get", "list", "watch"]},
        {
            "apiGroups": [names.GROUP], "resources": ["generationqueues"], "resourceNames": [QUEUE],
            "verbs": ["patch"],
        },
        {"nonResourceURLs": ["/metrics"], "verbs": ["get"]},
    ]  # fmt: skip
    role = f"{scene.namespace}-operator-of-one-queue"
    body = {"metadata": {"name": role}, "rules": rules}
    scene.system.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", body)
    return place.token(scene.namespace, "author", role="coursegen-author", cluster_role=role)


class Stock:
    """What there is, and what a request is aimed at."""

    def __init__(self, place: Place, scene: Scene, scribe: Scribe, client: httpx.Client) -> None:
        self._place, self._scene, self._scribe, self._client = place, scene, scribe, client
        self._counts: dict[str, Iterator[int]] = defaultdict(itertools.count)
        self._fresh = itertools.count(1)

    # ---- what there is ----------------------------------------------------------------------------------

    def fill(self) -> None:
        """Create what there is to read, and what there is to change; wait until the gateway shows it so."""
        create = self._scene.create
        create("GenerationQueue", QUEUE, {"priority": 1, "capacity": 0})
        for owner_id in (COURSE_ID, SPARE_ID):
            spec = course(2, courseId=owner_id, exports=[{"format": "pdf"}], quality={"enabled": True})
            create("CourseGeneration", owner_id, spec)
        create("CourseGeneration", "asleep", course(1, suspend=True))
        for name in ("filed", "fails", "runs", "runs-away", "spare"):
            create("ChapterGeneration", name, chapter(name))
        create("ChapterGeneration", "stuck", chapter(queueName=QUEUE))
        create("ChapterGeneration", "spare-asleep", chapter(suspend=True))
        create("QualityValidation", "spare", _OF_COURSE)
        create("CourseExport", "spare", _OF_COURSE | {"format": "json"})
        create("CourseExport", "stuck", _OF_COURSE | {"format": "scorm", "queueName": QUEUE})
        for owner_id in (COURSE_ID, SPARE_ID):
            self._scene.until_ended(owner_id)
        self._scene.annotate("ChapterGeneration", "runs-away", names.ANNOTATION_CANCEL, "now")
        states = {"filed": "Succeeded", "fails": "Failed", "runs": "Running", "runs-away": "Cancelled", "stuck": "Held"}
        for name, phase in states.items():
            self._until_shown("ChapterGeneration", name, lambda task, phase=phase: task["phase"] == phase)  # type: ignore[misc]
        self._until_shown("CourseGeneration", COURSE_ID, lambda task: task["phase"] == "Succeeded")
        self._place.file(self._scene.status("ChapterGeneration", "filed")["artifact"]["key"], b"{}")

    def empty(self) -> None:
        """Remove what no namespace takes with it."""
        self._scene.kubectl("delete", "generationqueue", QUEUE)

    # ---- aiming -----------------------------------------------------------------------------------------

    def aim(self, case: schemathesis.Case) -> None:
        """Have a request name what exists: of each two one that the operation is for; of the rest half stay as made up.

        The examples of the document are always aimed.
        """
        label = case.operation.label + str(case.path_parameters.get("verb", ""))
        number = next(self._counts[label])
        example = case.meta is not None and case.meta.phase.name.value == "examples"
        if not example and number % 4 == 3:
            return
        apt = example or number % 2 == 0
        if case.operation.path in _RULED_OUT and isinstance(case.body, dict):
            self._aim_body(case.body, anew=example or number % 4 == 0)
            if apt:
                for field in _RULED_OUT[case.operation.path]:
                    case.body.pop(field, None)
                case.body |= {k: v for k, v in _NEEDED.get(case.operation.path, {}).items() if k not in case.body}
        self._aim_query(case)
        parameters = case.path_parameters
        if "course_id" in parameters:
            parameters["course_id"] = COURSE_ID if apt else SPARE_ID
            if isinstance(case.body, dict) and "chapter_id" in case.body:
                case.body["chapter_id"] = "part-1" if apt else f"{SPARE_ID}-chapter-02"
        if "task_id" in parameters:
            parameters["task_id"] = self._apt(case) if apt else self._any(case, number)
        if case.operation.path == "/api/v1/queues/{name}":
            parameters["name"] = QUEUE

    def _aim_body(self, body: Json, anew: bool) -> None:
        body["namespace"] = self._scene.namespace
        if isinstance(body.get("suspend", True), bool):
            body["suspend"] = True  # what is made up is not to run as well
        if "course_name" in body:
            body["course_name"] = COURSE_ID
        if anew:
            body["name"] = f"made-{next(self._fresh)}"

    def _aim_query(self, case: schemathesis.Case) -> None:
        if isinstance(case.query, dict) and "namespace" in case.query:
            case.query["namespace"] = self._scene.namespace
        if isinstance(case.query, dict) and "task_id" in case.query:
            case.query["task_id"] = self._uid("CourseGeneration", COURSE_ID)

    def _apt(self, case: schemathesis.Case) -> str:
        """Give a piece of work of which the operation can be asked now."""
        *_, last = case.operation.path.split("/")
        wanted = str(case.path_parameters.get("verb", "")) if last == "{verb}" else last
        if case.method == "DELETE":
            return self._made("QualityValidation", _OF_COURSE | {"suspend": True})
        if wanted == "cancel":
            return self._made("ChapterGeneration", chapter(suspend=True))
        if wanted == "stop":
            return self._made("CourseGeneration", course(1, suspend=True))
        if wanted == "retry":
            return self._until_shown("ChapterGeneration", "fails", lambda task: task["phase"] == "Failed")
        if wanted == "regenerate":
            return self._uid("ChapterGeneration", "spare")
        if wanted in ("suspend", "resume"):
            return self._uid("CourseGeneration", "asleep")
        if wanted == "log":  # of the newest attempt: it may have been made again since
            self._scribe.take(self._scene.until_pod(self._scene.until_job("runs")["metadata"]["name"]))
        chapters = {"artifact": "filed", "position": "stuck", "log": "runs"}
        if wanted in chapters:
            return self._uid("ChapterGeneration", chapters[wanted])
        return self._any(case, next(self._counts["any"]))

    def _any(self, case: schemathesis.Case, number: int) -> str:
        """Give any piece of work, whether that makes sense or not; a change goes to what is there for it."""
        found = [o for kind in KINDS for o in self._scene.system.recorder.all(kind, self._scene.namespace)]
        if case.method != "GET":
            found = [o for o in found if o["metadata"]["name"].startswith(("spare", "made", SPARE_ID))]
            if case.method == "DELETE":
                return self._made("CourseExport", _OF_COURSE | {"format": "pdf", "suspend": True})
        found.sort(key=lambda o: o["metadata"]["name"])
        return str(found[number * 7 % len(found)]["metadata"]["uid"])

    def _made(self, kind: str, spec: Json) -> str:
        name = f"for-{next(self._fresh)}"
        self._scene.create(kind, name, spec)
        return self._until_shown(kind, name, lambda task: True)

    def _uid(self, kind: str, name: str) -> str:
        found = self._scene.system.recorder.now(kind, self._scene.namespace, name)
        assert found, f"{kind} {name} is gone"
        return str(found["metadata"]["uid"])

    def _until_shown(self, kind: str, name: str, holds: Callable[[Json], Any]) -> str:
        """Give the uid of an object, once the gateway shows it and something holds."""

        def shown() -> str | None:
            found = self._scene.system.recorder.now(kind, self._scene.namespace, name)
            if found is None:
                return None
            answer = self._client.get(f"/api/v1/tasks/{found['metadata']['uid']}")
            return str(found["metadata"]["uid"]) if answer.status_code == 200 and holds(answer.json()) else None

        said = lambda: f"the gateway does not show {kind} {name} so"  # noqa: E731
        return self._scene.system.recorder.until(shown, 60, said)
