"""A cluster in memory with a clock of its own, in which the real snapshot, scheduler, planner and actor run.

The fake is at the edge only: an API server that keeps resourceVersions, refuses stale writes and taken
names, collects garbage by owner, and whose Jobs and Pods do what a test says. The real API server is
used in tests/cluster. Time moves only when a test moves it.
"""

import asyncio
import copy
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from coursegen_api import names
from coursegen_api.base import Artifact, FailureClass
from coursegen_api.task import (
    TASK_INPUT,
    CleanupSummary,
    OutlineSummary,
    Progress,
    QualitySummary,
    TaskInput,
    TaskResult,
    exit_code,
)
from coursegen_operator import effects, handlers, views
from coursegen_operator.act import Actor
from coursegen_operator.effects import Doer
from coursegen_operator.kube import ApiError, ApiUnreachable
from coursegen_operator.metrics import Metrics
from coursegen_operator.plan import clock
from coursegen_operator.plan.world import Defaults, Key, Reading, ReadPods
from coursegen_operator.pods import Wishes
from coursegen_operator.readings import Readings
from coursegen_operator.resync import list_all
from coursegen_operator.scheduler import Scheduler
from coursegen_operator.snapshot import KINDS, Snapshot
from coursegen_operator.standing import Standing
from coursegen_operator.turns import Turns
from coursegen_operator.workqueue import WorkQueue

Json = dict[str, Any]

START = 1_800_000_000.0
PLURALS = {k.meta.plural: name for name, k in KINDS.items()} | {"jobs": "Job"}
NAMESPACE_UIDS = {"courses": "11111111-1111-1111-1111-111111111111", "other": "22222222-2222-2222-2222-222222222222"}
MAX_VISITS = 5000


def full_list(snapshot: Snapshot, kind: str, items: Iterable[Json], version: int) -> set[Key]:
    """Have a snapshot take in a full list of a kind, of one page."""
    seen: set[tuple[str, str]] = set()
    return snapshot.apply_page(kind, items, seen) | snapshot.end_list(kind, seen, version)


def merge(target: Json, patch: Json) -> None:
    """Apply a merge patch (RFC 7396)."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


@dataclass
class FakeApi:
    """The API server's part: objects, versions, watch events, and a log of what was asked of it."""

    now: Callable[[], float]
    objects: dict[tuple[str, str, str], Json] = field(default_factory=dict)
    pods: dict[str, list[Json]] = field(default_factory=dict)
    """By Job name: Pods outlive their Job only if a test says so."""
    warnings: dict[str, str] = field(default_factory=dict)
    version: int = 100
    events: deque[tuple[str, str, Json]] = field(default_factory=deque)
    """What the watch has not delivered yet: kind, type, object."""
    jobs_created: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By object UID, revision and attempt."""
    posted: list[Json] = field(default_factory=list)
    writes: Counter[str] = field(default_factory=Counter)
    fault: Callable[[str, str], str] = lambda verb, path: ""
    """Asked at each write: '' (works), 'before' (lost before it took effect) or 'after' (answer lost)."""
    conflicts: int = 0
    mutations: dict[str, Json] = field(default_factory=dict)
    """By plural: fields of spec that an admission policy sets in whatever is created."""
    refusals: dict[str, str] = field(default_factory=dict)
    """By plural: why creating such an object is forbidden."""
    refusal_code: int = 403
    unlisted: set[str] = field(default_factory=set)
    """Plurals that no list can be had of."""

    # ---- what the operator calls (as kube.Kube) ---------------------------------------------------

    async def get(self, path: str) -> Json:
        kind, namespace, name, _ = self._parse(path)
        if kind == "namespaces":
            return {"metadata": {"name": name, "uid": NAMESPACE_UIDS[name]}}
        return copy.deepcopy(self._find(kind, namespace, name))

    async def pages(self, path: str, **selectors: str) -> AsyncIterator[Json]:
        yield await self._list(path, **selectors)

    async def list(self, path: str, **selectors: str) -> list[Json]:
        items: list[Json] = (await self._list(path, **selectors))["items"]
        return items

    async def _list(self, path: str, **selectors: str) -> Json:
        kind, namespace, _, _ = self._parse(path)
        if kind in self.unlisted:
            raise ApiUnreachable(f"no list of {kind}")
        if kind == "pods":
            wanted = selectors["labelSelector"].split("(")[1].rstrip(")").split(",")
            return {"metadata": {}, "items": [copy.deepcopy(p) for n in wanted for p in self.pods.get(n, ())]}
        if kind == "events":
            return {"metadata": {}, "items": [e for e in self.posted if e["metadata"]["namespace"] == namespace]}
        found = [o for (k, ns, _), o in self.objects.items() if k == kind and (not namespace or ns == namespace)]
        if kind == "jobs" and "labelSelector" in selectors:
            found = [o for o in found if o["metadata"]["labels"].get(names.LABEL_MANAGED_BY) == names.MANAGED_BY]
        return {"metadata": {"resourceVersion": str(self.version)}, "items": copy.deepcopy(found)}

    async def create(self, path: str, body: Json, metadata_only: bool = False) -> Json:
        kind, namespace, _, _ = self._parse(path)
        if kind in self.refusals:
            raise ApiError(self.refusal_code, "Refused", self.refusals[kind])
        body = copy.deepcopy(body)
        body |= {"spec": body["spec"] | self.mutations[kind]} if kind in self.mutations else {}
        made = self._write("POST", path, lambda: self.add(kind, namespace, body))
        return {"metadata": made["metadata"]} if metadata_only else made

    async def patch_status(self, path: str, patch: Json, metadata_only: bool = False) -> Json:
        kind, namespace, name, _ = self._parse(path)
        made = self._write("PATCH", path, lambda: self._patch(kind, namespace, name, patch))
        return {"metadata": made["metadata"]} if metadata_only else made

    async def delete(self, path: str, uid: str = "", query: str = "", version: str = "") -> Json:
        kind, namespace, name, _ = self._parse(path)
        if query:
            course = query.split("%3D")[1]
            doomed = [
                n
                for (k, ns, n), o in self.objects.items()
                if k == kind and ns == namespace and o["metadata"]["labels"].get(names.LABEL_COURSE_UID) == course
            ]
            return self._write("DELETE", path, lambda: ([self.remove(kind, namespace, n) for n in doomed] and {}) or {})
        return self._write("DELETE", path, lambda: self._delete_one(kind, namespace, name, uid, version))

    # ---- the rest of the world -----------------------------------------------------------------------

    def add(self, kind: str, namespace: str, body: Json) -> Json:
        """Create an object, as anybody."""
        name = body["metadata"]["name"]
        if kind == "events":
            if any(e["metadata"]["name"] == name for e in self.posted):
                raise ApiError(409, "AlreadyExists", f"event {name} already exists")
            body["metadata"]["creationTimestamp"] = clock.stamp(self.now())[:19] + "Z"
            self.posted.append(body)
            return body
        if (kind, namespace, name) in self.objects:
            raise ApiError(409, "AlreadyExists", f"{kind} {name} already exists")
        self.version += 1
        meta = body["metadata"] = {"labels": {}} | body["metadata"]
        meta |= {
            "namespace": namespace,
            "uid": f"{self.version:08d}-0000-0000-0000-000000000000",
            "resourceVersion": str(self.version),
            "generation": 1,
            "creationTimestamp": clock.stamp(self.now())[:19] + "Z",
        }
        if kind in PLURALS and kind != "jobs":
            KINDS[PLURALS[kind]].model_validate(body, extra="ignore")
        if kind == "jobs":
            labels = meta["labels"]
            identity = tuple(
                labels.get(n, "") for n in (names.LABEL_OBJECT_UID, names.LABEL_REVISION, names.LABEL_ATTEMPT)
            )
            self.jobs_created[identity] += 1
            body["status"] = {"active": 1}
        self.objects[(kind, namespace, name)] = body
        self._emit(kind, "ADDED", body)
        answer = copy.deepcopy(body)
        uids = {o["metadata"]["uid"] for o in self.objects.values()}
        if any(r["uid"] not in uids for r in meta.get("ownerReferences", ())):
            self.remove(kind, namespace, name)  # the garbage collector: its owner is not there
        return answer

    def edit(self, kind: str, namespace: str, name: str, change: Callable[[Json], None]) -> None:
        """Change an object as a person would: spec or metadata."""
        body = self._find(kind, namespace, name)
        before = json.dumps(body.get("spec"), sort_keys=True)
        change(body)
        if json.dumps(body.get("spec"), sort_keys=True) != before:
            body["metadata"]["generation"] += 1
        self.touch(kind, body)

    def touch(self, kind: str, body: Json) -> None:
        """Give an object a new version and tell the watch."""
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self._emit(kind, "MODIFIED", body)

    def remove(self, kind: str, namespace: str, name: str) -> None:
        """Delete an object and, as the garbage collector does, all that it owns."""
        body = self.objects.pop((kind, namespace, name), None)
        if body is None:
            return
        self.version += 1
        body["metadata"]["resourceVersion"] = str(self.version)
        self._emit(kind, "DELETED", body)
        if kind == "jobs":
            self.pods.pop(name, None)
        uid = body["metadata"]["uid"]
        owned = [
            k for k, o in self.objects.items() if any(r["uid"] == uid for r in o["metadata"].get("ownerReferences", ()))
        ]
        for key in owned:
            self.remove(*key)

    def _write(self, verb: str, path: str, effect: Callable[[], Json]) -> Json:
        fault = self.fault(verb, path)
        if fault == "before":
            raise ApiUnreachable("lost before it took effect")
        answer = effect()
        self.writes[verb] += 1
        if fault == "after":
            raise ApiUnreachable("answer lost")
        return answer

    def _patch(self, kind: str, namespace: str, name: str, patch: Json) -> Json:
        body = self._find(kind, namespace, name)
        meta = patch["metadata"]
        if meta["resourceVersion"] != body["metadata"]["resourceVersion"] or meta["uid"] != body["metadata"]["uid"]:
            self.conflicts += 1
            raise ApiError(409, "Conflict", "the object has been modified")
        status = body.setdefault("status", {})
        merge(status, patch["status"])
        model = KINDS[PLURALS[kind]].model_fields["status"].annotation
        model.model_validate(status)
        self.touch(kind, body)
        return copy.deepcopy(body)

    def _delete_one(self, kind: str, namespace: str, name: str, uid: str, version: str) -> Json:
        body = self._find(kind, namespace, name)
        if version and body["metadata"]["resourceVersion"] != version:
            raise ApiError(409, "Conflict", "the resourceVersion in the precondition does not match")
        if uid and body["metadata"]["uid"] != uid:
            raise ApiError(409, "Conflict", "the UID in the precondition does not match")
        self.remove(kind, namespace, name)
        return {}

    def _find(self, kind: str, namespace: str, name: str) -> Json:
        try:
            return self.objects[(kind, namespace, name)]
        except KeyError:
            raise ApiError(404, "NotFound", f"{kind} {name} not found") from None

    def _emit(self, kind: str, how: str, body: Json) -> None:
        if kind in PLURALS:
            self.events.append((kind, how, copy.deepcopy(body)))

    @staticmethod
    def _parse(path: str) -> tuple[str, str, str, str]:
        parts = path.split("/")[3:] if path.startswith("/api/") else path.split("/")[4:]
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        return parts[0], namespace, parts[1] if len(parts) > 1 else "", parts[2] if len(parts) > 2 else ""


class _InstantPods:
    """Reads Pods without waiting for the answer, where the real reader asks for many at a time."""

    def __init__(self, sim: "Simulation") -> None:
        self._sim = sim
        self.wishes = Wishes()

    def want(self, key: Key, wish: ReadPods) -> None:
        self.wishes.put(key, wish)

    def read(self) -> None:
        """Deliver what is due."""
        api, jobs = self._sim.api, self._sim.snapshot.jobs
        for wish in self.wishes.take(self._sim.time, jobs):
            name = wish.job.job_name
            pods = tuple(views.pod_view(p) for p in api.pods.get(name, ()))
            said = (api.warnings[name],) if name in api.warnings else ()
            final = bool(jobs[wish.job.namespace, name].finished)
            if look := self._sim.deliver(wish.key, wish.job.job_uid, Reading(self._sim.time, pods, said, final)):
                self.want(wish.key, look)


@dataclass
class Simulation:
    """The operator in its cluster; `restart` is a crash followed by a start."""

    defaults: Defaults = field(default_factory=lambda: Defaults(image="worker:test"))
    time: float = START
    api: FakeApi = field(init=False)
    watch_is_broken: bool = False

    def __post_init__(self) -> None:
        self.api = FakeApi(lambda: self.time)
        self.loop = asyncio.new_event_loop()
        for queue, priority in names.QUEUE_PRIORITIES.items():
            self.api.add("generationqueues", "", {
                "apiVersion": names.API_VERSION, "kind": "GenerationQueue",
                "metadata": {"name": queue}, "spec": {"priority": priority, "capacity": 50},
            })  # fmt: skip
        self.restart()

    # ---- the operator --------------------------------------------------------------------------------

    def restart(self) -> None:
        """Lose all memory and read everything anew."""
        self.snapshot = Snapshot()
        self.queue = WorkQueue(lambda: self.time)
        self.metrics = Metrics()
        self.scheduler = Scheduler(self.snapshot, self.queue, self.defaults, lambda: self.time)
        self.queue.turn_of = Turns(self.snapshot, self.scheduler)
        self.pods = _InstantPods(self)
        readings = Readings(self.snapshot, self.queue, self.defaults, lambda: self.time)
        self.deliver: Callable[[Key, str, Reading | None], ReadPods | None] = readings.take
        pods: Any = self.pods
        kube: Any = self.api
        doer = Doer(kube, self.snapshot, self.queue, self.metrics, pods, lambda: self.time)
        self.actor = Actor(
            kube, self.snapshot, self.queue, self.scheduler, self.defaults, self.metrics, doer, lambda: self.time
        )
        self.standing = Standing(kube, self.snapshot, self.scheduler, doer.history, lambda: self.time)
        self.api.events.clear()
        self.resync()
        self.snapshot.recount()
        self.loop.run_until_complete(doer.events.recall(self.snapshot.objects.values()))
        doer.history.refill(self.snapshot.objects.values())

    def resync(self) -> None:
        """Make the full LIST."""
        kube: Any = self.api
        self.loop.run_until_complete(list_all(kube, self.snapshot, set()))
        effects.enqueue(self.queue, self.snapshot.keys(), None, self.time, True)

    def stand(self) -> None:
        """Do what is done every five seconds."""
        self.loop.run_until_complete(self.standing.once())

    def watch(self) -> None:
        """Let the watch bring what it has."""
        while self.api.events:
            kind, how, raw = self.api.events.popleft()
            if self.watch_is_broken:
                continue
            if kind == "jobs":
                if raw["metadata"]["labels"].get(names.LABEL_MANAGED_BY) != names.MANAGED_BY:
                    continue
                pods: Any = self.pods
                handlers.take_job(raw, how == "DELETED", self.snapshot, self.queue, pods)
            else:
                touched = self.snapshot.apply(PLURALS[kind], raw, how == "DELETED")
                effects.enqueue(self.queue, touched, None, self.time)

    def settle(self) -> int:
        """Work until nothing is due; give the number of visits. Fails if it never comes to rest."""
        for visits in range(MAX_VISITS):
            self.watch()
            self.pods.read()
            key = self.queue.pop()
            if key is None:
                self._knows_what_is_there()
                return visits
            try:
                self.loop.run_until_complete(self.actor.visit(key))
            except (ApiUnreachable, ApiError):
                self.queue.add_at(key, self.time + 0.2)
        raise AssertionError(f"no rest after {MAX_VISITS} visits; still due: {key}")

    def _knows_what_is_there(self) -> None:
        """Check that what the operator made of its own writes, by their metadata alone, is what the API server has."""
        for key, obj in self.snapshot.objects.items():
            raw = self.api.objects.get((KINDS[key.kind].meta.plural, key.namespace, key.name))
            if raw and raw["metadata"]["resourceVersion"] == obj.metadata.resource_version:
                there = KINDS[key.kind].model_validate(raw, extra="ignore")
                assert (obj, obj.stored()) == (there, there.stored()), f"{key} is not what is there"

    def run(self, seconds: float) -> None:
        """Let time pass, stopping wherever something is due."""
        until = self.time + seconds
        self.settle()
        while (due := self._next_time()) is not None and due <= until:
            self.time = max(self.time, due)
            self.settle()
        self.time = until
        self.settle()

    def _next_time(self) -> float | None:
        times = [t for t in (self.queue.next_time(), self.pods.wishes.next_time()) if t is not None]
        return min(times, default=None)

    # ---- people -----------------------------------------------------------------------------------------

    def apply(self, kind: str, name: str, spec: Json, namespace: str = "courses", **meta: Any) -> None:
        """Create an object of ours as a user does."""
        plural = KINDS[kind].meta.plural
        body = {
            "apiVersion": names.API_VERSION,
            "kind": kind,
            "metadata": {"name": name, **meta},
            "spec": copy.deepcopy(spec),
        }
        self.api.add(plural, namespace if KINDS[kind].meta.scope == "Namespaced" else "", body)

    def annotate(self, kind: str, name: str, annotation: str, value: str, namespace: str = "courses") -> None:
        """Ask for something by annotation."""

        def change(body: Json) -> None:
            body["metadata"].setdefault("annotations", {})[annotation] = value

        self.api.edit(KINDS[kind].meta.plural, namespace, name, change)

    def change_spec(self, kind: str, name: str, namespace: str = "courses", **fields: Any) -> None:
        """Edit fields of spec."""
        self.api.edit(KINDS[kind].meta.plural, namespace, name, lambda body: body["spec"].update(fields))

    def status(self, kind: str, name: str, namespace: str = "courses") -> Json:
        """Give an object's status."""
        return self.api.objects[(KINDS[kind].meta.plural, namespace, name)].get("status", {})

    def names(self, kind: str, namespace: str = "courses") -> list[str]:
        """Name the objects of a kind."""
        plural = "jobs" if kind == "Job" else KINDS[kind].meta.plural
        return sorted(n for (k, ns, n) in self.api.objects if k == plural and ns == namespace)

    # ---- Jobs and Pods -----------------------------------------------------------------------------------

    def jobs(self, active: bool = True) -> list[Json]:
        """Give the Jobs that have not ended, in the order of their creation."""
        found = [o for (k, _, _), o in self.api.objects.items() if k == "jobs"]
        return [j for j in found if not active or not j["status"].get("conditions")]

    def job_of(self, name: str) -> Json:
        """Give the active Job of an object."""
        return next(j for j in self.jobs() if j["metadata"]["ownerReferences"][0]["name"] == name)

    @staticmethod
    def task(job: Json) -> TaskInput:
        """Read what a Job was asked to do."""
        env = job["spec"]["template"]["spec"]["containers"][0]["env"]
        return TASK_INPUT.validate_json(next(e["value"] for e in env if e["name"] == names.ENV_TASK))

    def pod(self, job: Json, **status: Any) -> Json:
        """Give a Job a Pod in some state, in place of the one it has."""
        meta = job["metadata"]
        pod = {
            "metadata": {
                "name": f"{meta['name']}-pod",
                "uid": f"pod-{meta['uid']}",
                "creationTimestamp": meta["creationTimestamp"],
                "labels": {"batch.kubernetes.io/job-name": meta["name"]},
                "ownerReferences": [{"uid": meta["uid"], "controller": True}],
            },
            "status": {"phase": "Pending"} | status,
        }  # fmt: skip
        self.api.pods[meta["name"]] = [pod]
        return pod

    def start(self, job: Json) -> None:
        """The Pod runs."""
        self.pod(
            job, phase="Running", containerStatuses=[{"state": {"running": {"startedAt": clock.stamp(self.time)}}}]
        )
        job["status"]["ready"] = 1
        self.api.touch("jobs", job)

    def report(self, job: Json, percentage: int, stage: str = "writing") -> None:
        """The worker reports progress."""
        task = self.task(job)
        self.snapshot.progress[task.uid] = Progress(
            uid=task.uid, revision=task.revision, attempt=task.attempt, pod_uid="pod", percentage=percentage,
            stage=stage, time=self.time,
        )  # fmt: skip
        self.queue.add(self.snapshot.by_uid[task.uid])

    def result(self, job: Json) -> TaskResult:
        """Give the result that a worker would leave: a function of the task, as the store's keys are."""
        task = self.task(job)
        work = task.work.kind.value
        identity = json.dumps(task.work.wire(), sort_keys=True)
        digest = f"{abs(hash(identity)):064x}"[:64]
        extra: Json = {}
        if work == "outline":
            count = task.work.chapter_count or 3
            extra["outline"] = OutlineSummary(chapter_count=count, titles=[f"Chapter {i}" for i in range(1, count + 1)])
        if work == "validation":
            extra["quality"] = QualitySummary(passed=True, readability=85.0, readability_method="test")
        if work == "cleanup":
            extra["cleanup"] = CleanupSummary(removed=1, removed_bytes=10, kept=0)
        key = f"{task.namespace_uid}/{work}/{digest}.json"
        artifact = Artifact(key=key, sha256=digest, bytes=10, media_type="application/json")
        return TaskResult(artifact=artifact, **extra)

    def succeed(self, job: Json, result: TaskResult | None = None) -> None:
        """The Pod ends well."""
        said = (result or self.result(job)).to_json()
        self._ended(job, {"exitCode": 0, "reason": "Completed", "message": said}, "Complete", phase="Succeeded")

    def fail(self, job: Json, failure: FailureClass, message: str = "", **more: Any) -> None:
        """The worker ends with a failure of its own."""
        result = TaskResult(failure_class=failure, message=message or f"test {failure}", **more)
        self._ended(job, {"exitCode": exit_code(failure), "reason": "Error", "message": result.to_json()}, "Failed")

    def end_pod(self, job: Json, exit_code: int = 137, container_reason: str = "Error", **status: Any) -> None:
        """The Pod ends some other way."""
        self._ended(job, {"exitCode": exit_code, "reason": container_reason}, "Failed", **status)

    def lose_pod(self, job: Json) -> None:
        """The Pod is deleted by hand, and the Job fails without it."""
        self._ended(job, {"exitCode": 137}, "Failed")
        self.api.pods.pop(job["metadata"]["name"], None)

    def _ended(self, job: Json, terminated: Json, condition: str, **status: Any) -> None:
        self.pod(job, **({"phase": "Failed"} | status), containerStatuses=[{"state": {"terminated": terminated}}])
        end = {"type": condition, "status": "True", "reason": "Test", "lastTransitionTime": clock.stamp(self.time)}
        job["status"] = {"ready": 0, "conditions": [end]}
        self.api.touch("jobs", job)

    def work(self, jobs: Iterable[Json] | None = None) -> None:
        """Let Jobs start and succeed, until there are none."""
        if jobs is not None:
            for job in jobs:
                self.start(job)
                self.succeed(job)
            self.run(1)
            return
        self.run(1)
        while active := self.jobs():
            self.work(active)

    @staticmethod
    def path(kind: str, name: str) -> tuple[str, str, str]:
        """Name an object as the API server's store does."""
        return KINDS[kind].meta.plural, "courses", name

    def key(self, kind: str, name: str) -> Key:
        return Key(kind, "courses", name)
