"""What one test sees of the running system: a namespace of its own, and ways to act in it, to wait and to look back."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coursegen_api import names
from localcluster.api import conditions

from .misbehaving_worker.misbehave import PAUSES
from .recorder import Json
from .system import Operator, System, path_of

COURSE: Json = {
    "title": "Python Programming",
    "subjectDomain": "Computer Science",
    "learningObjectives": ["Learn Python basics"],
}
SECONDS = 600
"""A state that takes longer on this machine, with all scenes at once, is taken for one that never comes."""


def course(chapters: int = 2, **spec: Any) -> Json:
    """Give the spec of a course with given chapters and no validation: the shortest way to several Jobs."""
    given = [
        {"id": f"part-{i}", "title": f"Part {i}", "learningObjectives": ["Write a for loop"]}
        for i in range(1, chapters + 1)
    ]
    return COURSE | {"chapters": given, "quality": {"enabled": False}} | spec


def chapter(title: str = "Loops", **spec: Any) -> Json:
    """Give the spec of a chapter that stands alone."""
    context = {"title": "Python Programming", "subjectDomain": "Computer Science"}
    return {"title": title, "learningObjectives": ["Write a for loop"], "courseContext": context} | spec


def condition(status: Json, kind: str) -> tuple[str, str]:
    """Give a condition's answer and reason."""
    return next(((c["status"], c["reason"]) for c in status.get("conditions", ()) if c["type"] == kind), ("", ""))


def outcomes(status: Json) -> list[str]:
    """Give how each attempt ended: its failure class, or its outcome."""
    return [a.get("failureClass") or a.get("outcome", "open") for a in status.get("attempts", ())]


@dataclass
class Scene:
    """A namespace of a test's own in the running system."""

    system: System
    namespace: str
    operators: list[Operator] = field(default_factory=list)

    # ---- acting -----------------------------------------------------------------------------------------

    def create(self, kind: str, name: str, spec: Json | None = None, **rest: Any) -> Json:
        """Create an object of ours, or of Kubernetes' own if `apiVersion` is among the rest."""
        manifest = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}} | rest
        manifest |= {"spec": spec} if spec is not None else {}
        path = path_of(manifest, self.namespace)
        if kind == "GenerationQueue":
            path = f"/apis/{names.API_VERSION}/generationqueues"
        return self.system.request("POST", f"{path}?fieldValidation=Strict", manifest)

    def change(self, kind: str, name: str, version: str = names.API_VERSION, **patch: Any) -> Json:
        """Merge into an object."""
        path = path_of({"apiVersion": version, "kind": kind}, self.namespace)
        return self.system.request("PATCH", f"{path}/{name}", patch, "application/merge-patch+json")

    def annotate(self, kind: str, name: str, annotation: str, value: str) -> None:
        """Ask for something by annotation."""
        self.change(kind, name, metadata={"annotations": {annotation: value}})

    def delete(self, kind: str, name: str, version: str = names.API_VERSION, grace: int | None = None) -> None:
        """Delete an object as kubectl does: in the background."""
        options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
        options |= {"gracePeriodSeconds": grace} if grace is not None else {}
        path = path_of({"apiVersion": version, "kind": kind}, self.namespace)
        self.system.request("DELETE", f"{path}/{name}", options)

    def kubectl(self, *arguments: str, seconds: int = SECONDS, stdin: str | None = None) -> str:
        """Run kubectl in the namespace; AssertionError with its words if it fails, or `diff` finds a difference."""
        access = self.system.kubectl
        argv = [str(access.program), f"--kubeconfig={access.kubeconfig}", "-n", self.namespace, *arguments]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=seconds + 30, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}"
        return done.stdout

    def operator(self, **settings: str) -> Operator:
        """Start an operator for this namespace alone, as a process here."""
        started = self.system.operator(self.namespace, [self.namespace], **settings)
        self.operators.append(started)
        return started

    # ---- waiting ----------------------------------------------------------------------------------------

    def until(self, kind: str, name: str, holds: Callable[[Json], Any], seconds: float = SECONDS) -> Json:
        """Give an object's status as soon as something holds of it."""

        def found() -> Json | None:
            status = self.status(kind, name)
            return status if status and holds(status) else None

        return self.system.recorder.until(found, seconds, lambda: f"{kind} {name} is {self._told(kind, name)}")

    def until_was(self, kind: str, name: str, holds: Callable[[Json], Any], seconds: float = SECONDS) -> Json:
        """Give the first status of an object of which something holds; by then it may be further."""

        def found() -> Json | None:
            return next((s for s in self.history(kind, name) if holds(s)), None)

        return self.system.recorder.until(found, seconds, lambda: f"{kind} {name} is {self._told(kind, name)}")

    def until_ended(self, name: str, kind: str = "CourseGeneration", seconds: float = SECONDS) -> Json:
        """Give an object's status as soon as it has ended, however."""
        return self.until(kind, name, lambda s: condition(s, "Finished")[0] == "True", seconds)

    def until_gone(self, *kinds: str, seconds: float = SECONDS) -> None:
        """Wait until no object of some kinds is left."""
        recorder = self.system.recorder

        def left() -> list[str]:
            return [f"{k} {o['metadata']['name']}" for k in kinds for o in recorder.all(k, self.namespace)]

        recorder.until(lambda: not left(), seconds, lambda: f"still there: {left()}")

    def until_job(self, owner: str, holds: Callable[[Json], Any] = lambda job: True, seconds: float = SECONDS) -> Json:
        """Give a Job of an object, as soon as there is one that has not ended and of which something holds."""

        def found() -> Json | None:
            open_jobs = [j for j in self.jobs(owner) if not _ended(j)]
            return next((j for j in open_jobs if holds(j)), None)

        return self.system.recorder.until(found, seconds, lambda: f"no such Job of {owner}: {self._told_jobs()}")

    def until_pod_runs(self, owner: str, seconds: float = SECONDS) -> Json:
        """Give the Pod of an object's Job, as soon as it is ready."""
        recorder = self.system.recorder

        def found() -> Json | None:
            jobs = {j["metadata"]["name"] for j in self.jobs(owner) if not _ended(j)}
            pods = [p for p in self.pods() if p["metadata"]["labels"].get("batch.kubernetes.io/job-name") in jobs]
            alive = [p for p in pods if not p["metadata"].get("deletionTimestamp")]
            return next((p for p in alive if conditions(p).get("Ready") == "True"), None)

        return recorder.until(found, seconds, lambda: f"no Pod of {owner} is ready: {self._told_jobs()}")

    def until_pod(self, job: str, seconds: float = SECONDS) -> Json:
        """Give the Pod of a Job as soon as there is one."""

        def found() -> Json | None:
            mine = (p for p in self.pods() if p["metadata"]["labels"].get("batch.kubernetes.io/job-name") == job)
            return next(mine, None)

        return self.system.recorder.until(found, seconds, lambda: f"Job {job} has no Pod: {self._told_jobs()}")

    def until_at_work(self, name: str) -> Json:
        """Give the Pod of a chapter with `[pause N]` in its title as soon as its worker pauses, and hears signals."""
        pod = self.until_pod_runs(name)
        deadline = time.monotonic() + SECONDS
        while PAUSES not in self.kubectl("logs", pod["metadata"]["name"]):
            assert time.monotonic() < deadline, f"{name} does not come to its work: {self._told_jobs()}"
            time.sleep(0.5)
        return pod

    def until_event(self, name: str, *reasons: str) -> None:
        """Wait until our Events about an object have these reasons, and no other."""
        self.system.recorder.until(
            lambda: sorted(self.events(name)) == sorted(reasons),
            SECONDS,
            lambda: f"Events of {name}: {self.events(name)}",
        )

    # ---- looking ----------------------------------------------------------------------------------------

    def status(self, kind: str, name: str) -> Json:
        """Give an object's status; empty if there is none."""
        found = self.system.recorder.now(kind, self.namespace, name)
        status: Json = found.get("status", {}) if found else {}
        return status

    def history(self, kind: str, name: str) -> list[Json]:
        """Give every status that an object has had."""
        versions = self.system.recorder.versions(kind, self.namespace, name)
        return [v["status"] for v in versions if v.get("status")]

    def phases(self, kind: str, name: str, of: Callable[[Json], Any] = lambda status: True) -> list[str]:
        """Give the phases that an object went through, or those of some statuses of it, repetitions left out."""
        seen: list[str] = []
        for status in filter(of, self.history(kind, name)):
            phase = status.get("phase", "")
            if not seen or seen[-1] != phase:
                seen.append(phase)
        return seen

    def names(self, kind: str) -> list[str]:
        """Name the objects of a kind."""
        return [o["metadata"]["name"] for o in self.system.recorder.all(kind, self.namespace)]

    def jobs(self, owner: str = "") -> list[Json]:
        """Give the Jobs that are there, of one object or of all."""
        found = self.system.recorder.all("Job", self.namespace)
        return [j for j in found if not owner or _owner(j) == owner]

    def pods(self) -> list[Json]:
        """Give the Pods that are there."""
        return self.system.recorder.all("Pod", self.namespace)

    def events(self, name: str) -> list[str]:
        """Give the reason of each of our Events about an object."""
        found = self.system.recorder.all("Event", self.namespace)
        ours = [e for e in found if e.get("reportingComponent") == names.MANAGED_BY]
        return [e["reason"] for e in ours if e["involvedObject"]["name"] == name]

    # ---- what holds of every scene ------------------------------------------------------------------------

    def check(self) -> None:
        """AssertionError if an attempt had two Jobs, if an operator ended, or if a task has two Events of its end."""
        attempts = Counter(_attempt(j) for j in self.system.recorder.ever("Job", self.namespace) if _is_ours(j))
        assert not [a for a, n in attempts.items() if n > 1], f"attempts with more than one Job: {attempts}"
        for operator in self.operators:
            operator.check()

    def _told(self, kind: str, name: str) -> str:
        status = self.status(kind, name)
        shown = ("phase", "stage", "holdReason", "holdMessage", "errorDetails", "retryCount", "chapters")
        said = {k: status[k] for k in shown if k in status} or "without a status"
        return f"{said}, attempts {outcomes(status)}; {self._told_jobs()}"

    def _told_jobs(self) -> str:
        return "Pods: " + ", ".join(
            f"{p['metadata']['name']} {p['status'].get('phase')}"
            for p in self.pods()
            if p["status"]["phase"] != "Succeeded"
        )


def _owner(job: Json) -> str:
    return next((str(o["name"]) for o in job["metadata"].get("ownerReferences", ()) if o.get("controller")), "")


def _ended(job: Json) -> bool:
    found = conditions(job)
    return "True" in (found.get("Complete"), found.get("Failed"))


def _is_ours(job: Json) -> bool:
    """Tell whether the operator created a Job, and not somebody who forged its labels."""
    owner = job["metadata"].get("labels", {}).get(names.LABEL_OBJECT_UID)
    return bool(owner) and owner in {o["uid"] for o in job["metadata"].get("ownerReferences", ())}


def _attempt(job: Json) -> tuple[str, str, str]:
    labels = job["metadata"]["labels"]
    return labels[names.LABEL_OBJECT_UID], labels[names.LABEL_REVISION], labels[names.LABEL_ATTEMPT]
