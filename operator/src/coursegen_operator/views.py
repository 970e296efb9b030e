"""Reads Jobs and Pods, as the API server has them, into what the planner sees of them."""

from typing import Any

from coursegen_api import names

from .plan import clock, jobs
from .plan.world import JobView, PodView

Json = dict[str, Any]


def version_of(raw: Json) -> int:
    """Give the resourceVersion as a number; they are comparable (KEP-5504)."""
    return int(raw["metadata"].get("resourceVersion") or 0)


def _controller(meta: Json) -> str:
    return next((o["uid"] for o in meta.get("ownerReferences") or () if o.get("controller")), "")


def _time(text: str | None) -> float:
    return clock.parse(text) if text else 0.0


def _fingerprint(raw: Json, before: JobView | None) -> str:
    """Hash what a Job runs, unless that is what was hashed before: the API server counts the changes of its spec."""
    spec = raw["metadata"]["uid"], raw["metadata"].get("generation")
    if before and before.generation and (before.uid, before.generation) == spec:
        return before.fingerprint
    return jobs.fingerprint(raw["spec"]["template"]["spec"])


def job_view(raw: Json, before: JobView | None = None) -> JobView:
    """Read a Job; `before` is what was read of that name the last time."""
    meta, status = raw["metadata"], raw.get("status") or {}
    labels = meta.get("labels") or {}
    end = next(
        (c for c in status.get("conditions") or () if c["type"] in ("Complete", "Failed") and c["status"] == "True"),
        None,
    )
    return JobView(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=meta["uid"],
        owner_uid=_controller(meta),
        object_uid=labels.get(names.LABEL_OBJECT_UID, ""),
        course_uid=labels.get(names.LABEL_COURSE_UID, ""),
        queue=labels.get(names.LABEL_QUEUE, ""),
        spec_hash=(meta.get("annotations") or {}).get(names.ANNOTATION_SPEC_HASH, ""),
        fingerprint=_fingerprint(raw, before),
        created=_time(meta.get("creationTimestamp")),
        begun=_time(status.get("startTime") or meta.get("creationTimestamp")),
        suspended=bool(raw["spec"].get("suspend")) or _has_not_begun(labels, status, end),
        ready=int(status.get("ready") or 0),
        finished=end["type"] if end else "",
        ended=_time(end.get("lastTransitionTime")) if end else 0.0,
        message=(end.get("message") or end.get("reason") or "") if end else "",
        deleting=meta.get("deletionTimestamp") is not None,
        resource_version=version_of(raw),
        generation=meta.get("generation") or 0,
    )


def _has_not_begun(labels: Json, status: Json, end: Json | None) -> bool:
    """Tell whether Kueue has just let a Job go on, and the Job controller has not yet: no clock runs for it."""
    return names.LABEL_KUEUE_QUEUE in labels and not status.get("startTime") and end is None


def _has_run(ended: Json | None) -> bool:
    """Tell whether a container that has ended had begun; one that the kubelet does not find has an unknown status."""
    return ended is not None and (bool(ended.get("startedAt")) or ended.get("reason") != "ContainerStatusUnknown")


def pod_view(raw: Json) -> PodView:
    """Read a Pod."""
    meta, status = raw["metadata"], raw.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled", {})
    target = conditions.get("DisruptionTarget", {})
    container: Json = next(iter(status.get("containerStatuses") or ()), {})
    state = container.get("state") or {}
    ended, waiting = state.get("terminated"), state.get("waiting") or {}
    disrupted = target.get("status") == "True"
    return PodView(
        uid=meta["uid"],
        name=meta["name"],
        job_uid=_controller(meta),
        created=_time(meta.get("creationTimestamp")),
        phase=status.get("phase", ""),
        reason=status.get("reason") or (target.get("reason", "") if disrupted else ""),
        message=(target.get("message") if disrupted else None) or status.get("message") or scheduled.get("message", ""),
        scheduled=scheduled.get("status") != "False",
        running="running" in state,
        began=_time((state.get("running") or {}).get("startedAt")),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        exit_code=ended["exitCode"] if ended else None,
        terminated_reason=ended.get("reason", "") if ended else "",
        never_ran="running" not in state and not _has_run(ended),
        termination_message=ended.get("message", "") if ended else "",
        disrupted=disrupted,
        to_be_gone=_time(meta.get("deletionTimestamp")),
    )
