"""How long a finished course stays: as long as it was asked for, and for ever if something would create it anew."""

from coursegen_api.kinds import ObjectMeta

from . import clock
from .coursestep import CourseStep
from .world import DeleteSelf, PostEvent

_TRACKERS = {
    "argocd.argoproj.io/": "Argo CD",
    "app.kubernetes.io/instance": "Argo CD",  # its label unless told otherwise, before version 3
    "kustomize.toolkit.fluxcd.io/": "Flux",
    "helm.toolkit.fluxcd.io/": "Flux",
    "meta.helm.sh/": "Helm",
    "applyset.kubernetes.io/part-of": "kubectl apply --prune",
    "kapp.k14s.io/": "kapp",
    "configsync.gke.io/": "Config Sync",
    "config.k8s.io/owning-inventory": "Config Sync",
    "objectset.rio.cattle.io/": "Fleet",
}
"""By how a label or annotation begins: who would make the course anew, and so have it generated again."""


def tracker(meta: ObjectMeta) -> tuple[str, str] | None:
    """Name the tool that tracks an object, and the label or annotation that says so."""
    marks = sorted({*meta.labels, *meta.annotations})
    return next(((tool, m) for begin, tool in _TRACKERS.items() for m in marks if m.startswith(begin)), None)


def retire(step: CourseStep) -> None:
    """Delete a course whose time after its end is over."""
    course = step.view.course
    ttl, ended = course.spec.ttl_seconds_after_finished, step.status.completion_time
    if ttl is None or ended is None or course.metadata.deletion_timestamp:
        return
    due = clock.parse(ended) + ttl
    if due > step.now:
        step.draft.wake(due)
    elif tracked := tracker(course.metadata):
        tool, mark = tracked
        why = f"{tool} tracks it ({mark}) and would create it anew."
        words = f"Not deleted {ttl} s after its end: {why} Take it out of Git, or remove that mark."
        step.draft.effects.append(PostEvent("Normal", "CourseKept", words))
    else:
        step.draft.effects.append(DeleteSelf())
