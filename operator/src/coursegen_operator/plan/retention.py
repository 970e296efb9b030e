"""How long a finished course stays: as long as it was asked for, and for ever if a GitOps tool tracks it."""

from coursegen_api.kinds import ObjectMeta

from . import clock
from .coursestep import CourseStep
from .world import DeleteSelf, PostEvent

_TRACKERS = {
    "argocd.argoproj.io/": "Argo CD",
    "kustomize.toolkit.fluxcd.io/": "Flux",
    "helm.toolkit.fluxcd.io/": "Flux",
}
"""By the domain of a label or annotation: who would make the course anew, and so have it generated again."""


def tracker(meta: ObjectMeta) -> str:
    """Name the GitOps tool that tracks an object; empty if none does."""
    marks = (*meta.labels, *meta.annotations)
    return next((tool for domain, tool in _TRACKERS.items() if any(m.startswith(domain) for m in marks)), "")


def retire(step: CourseStep) -> None:
    """Delete a course whose time after its end is over."""
    course = step.view.course
    ttl, ended = course.spec.ttl_seconds_after_finished, step.status.completion_time
    if ttl is None or ended is None or course.metadata.deletion_timestamp:
        return
    due = clock.parse(ended) + ttl
    if due > step.now:
        step.draft.wake(due)
    elif tool := tracker(course.metadata):
        words = f"Not deleted {ttl} s after its end: {tool} tracks it and would create it anew. Take it out of Git."
        step.draft.effects.append(PostEvent("Normal", "CourseKept", words))
    else:
        step.draft.effects.append(DeleteSelf())
