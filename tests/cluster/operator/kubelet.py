"""Plays the node: lets Pods run and end as a test says. API server and controllers are real; no program runs."""

import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coursegen_api import names
from coursegen_api.base import Artifact
from coursegen_api.task import (
    TASK_INPUT,
    CleanupSummary,
    OutlineSummary,
    QualitySummary,
    TaskInput,
    TaskKind,
    TaskResult,
)

from ...e2e.scene import Scene

Json = dict[str, Any]

_LOOK_SECONDS = 0.05
_MEANWHILE_SECONDS = 5.0


@dataclass(frozen=True)
class End:
    """How a Pod ends."""

    exit_code: int = 0
    message: str = ""
    """The termination message: the worker's result, if it left one."""
    reason: str = "Error"
    """The container's."""
    pod_reason: str = ""
    started: bool = True
    ends: bool = True


RUNS = End(ends=False)
"""Runs, and goes on."""


def well(task: TaskInput) -> End:
    """End as a worker does that has done its task: the same task gives the same artifact."""
    kind, work = task.work.kind, json.dumps(task.work.wire(), sort_keys=True)
    digest = hashlib.sha256(work.encode()).hexdigest()
    key = f"{task.namespace_uid}/{kind.value}/{digest}.json"
    artifact = Artifact(key=key, sha256=digest, bytes=len(work), media_type="application/json")
    outline = quality = cleanup = None
    if kind is TaskKind.OUTLINE:
        outline = OutlineSummary(chapter_count=3, titles=["One", "Two", "Three"])
    if kind is TaskKind.VALIDATION:
        quality = QualitySummary(passed=True, readability=85, readability_method="none")
    if kind is TaskKind.CLEANUP:
        cleanup = CleanupSummary(removed=2, removed_bytes=20, kept=1)
    said = TaskResult(artifact=artifact, outline=outline, quality=quality, cleanup=cleanup)
    return End(0, said.to_json(), "Completed")


class Kubelet:
    """Runs and ends every Pod of a scene, once `decide` says how; None leaves a Pod as it is."""

    def __init__(self, scene: Scene, decide: Callable[[TaskInput], End | None]) -> None:
        self.decide = decide
        self.scheduled_only = False
        """Play only Pods that the scheduler has put on a node; without nodes all are played."""
        self.meanwhile: Callable[[], None] = lambda: None
        """Called every few seconds, however long a look takes."""
        self._scene = scene
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def __enter__(self) -> "Kubelet":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        done: set[str] = set()
        due = time.monotonic() + _MEANWHILE_SECONDS
        while not self._ends.wait(_LOOK_SECONDS):
            if time.monotonic() >= due:
                self.meanwhile()
                due = time.monotonic() + _MEANWHILE_SECONDS
            for pod in self._told():
                uid = pod["metadata"]["uid"]
                if self.scheduled_only and not pod["spec"].get("nodeName"):
                    continue
                if pod["spec"].get("nodeName") and pod["metadata"].get("deletionTimestamp"):
                    self._remove(pod)
                    continue
                end = self.decide(task_of(pod)) if uid not in done else None
                if end is not None:
                    done.add(uid)
                    self.play(pod, end)

    def _told(self) -> list[Json]:
        """Give the Pods that the recorder was told of: the next round sees what it is told of later, for no request."""
        return self._scene.system.recorder.until(lambda: [self._scene.pods()], 60, lambda: "no Pods")[0]

    def run(self, pod: Json) -> None:
        """Let one Pod run."""
        self._status(pod, running(stamp()))

    def play(self, pod: Json, end: End) -> None:
        """Let one Pod run, unless it never starts, and end."""
        begun = stamp()
        if end.started:
            self._status(pod, running(begun))
        if end.ends:
            self._status(pod, ended(end, begun))

    def _remove(self, pod: Json) -> None:
        """Say that a Pod has stopped that was deleted: until then it stays."""
        meta = pod["metadata"]
        if pod.get("status", {}).get("phase") == "Running":
            self._status(pod, ended(End(143), stamp()))
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        self._scene.system.api.request("DELETE", path, {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}})

    def _status(self, pod: Json, status: Json) -> None:
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/status"
        kind, api = "application/strategic-merge-patch+json", self._scene.system.api
        # A Pod that is gone by now is nobody's concern; a server that gave no answer may not have been told.
        while api.request("PATCH", path, {"status": status}, kind=kind)[0] == 0:
            if self._ends.wait(_LOOK_SECONDS):
                return


def task_of(pod: Json) -> TaskInput:
    """Read what a Pod was asked to do."""
    env = pod["spec"]["containers"][0]["env"]
    return TASK_INPUT.validate_json(next(e["value"] for e in env if e["name"] == names.ENV_TASK))


def running(begun: str) -> Json:
    """Give the status of a Pod that runs and is ready."""
    container = _container({"running": {"startedAt": begun}}, ready=True)
    return {"phase": "Running", "conditions": [_ready("True")], "containerStatuses": [container]}


def ended(end: End, begun: str) -> Json:
    """Give the status of a Pod that has ended."""
    last: Json = {"exitCode": end.exit_code, "reason": end.reason, "message": end.message}
    last |= {"startedAt": begun, "finishedAt": stamp()} if end.started else {}
    status: Json = {"phase": "Failed" if end.exit_code else "Succeeded", "conditions": [_ready("False")]}
    status |= {"containerStatuses": [_container({"terminated": last}, ready=False)]}
    return status | ({"reason": end.pod_reason} if end.pod_reason else {})


def _container(state: Json, *, ready: bool) -> Json:
    return {
        "name": names.CONTAINER, "image": "none", "imageID": "", "restartCount": 0, "ready": ready, "started": ready,
        "state": state,
    }  # fmt: skip


def _ready(answer: str) -> Json:
    return {"type": "Ready", "status": answer, "lastTransitionTime": stamp()}


def stamp() -> str:
    """Give the present time as Kubernetes writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
