"""`logs`: what a worker wrote, as long as its Pod is there."""

from coursegen_api.base import TaskStatus
from coursegen_api.course import CourseGeneration
from coursegen_api.names import CONTAINER

from .. import kinds
from ..errors import NotFoundError
from .app import Scope


def logs(scope: Scope, name: str, follow: bool, number: int | None) -> None:
    """Write a worker's log."""
    obj = scope.find(name)
    status = (obj.status.outline or TaskStatus()) if isinstance(obj, CourseGeneration) else obj.status
    found = [a for a in status.attempts if number in (None, a.number)]
    if not found:
        what = f"attempt {number}" if number else "attempt"
        hint = "A course's log is its outline's: name one of its chapters." if isinstance(obj, CourseGeneration) else ""
        raise NotFoundError(f"{kinds.label(obj)} has no {what} yet.", hint)
    attempt, namespace = found[-1], obj.metadata.namespace
    pods = scope.client.read(
        f"/api/v1/namespaces/{namespace}/pods", labelSelector=f"batch.kubernetes.io/job-name={attempt.job_name}"
    )["items"]
    if not pods:
        raise NotFoundError(
            f"The Pod of attempt {attempt.number} ({attempt.job_name}) is gone.",
            "Ended Jobs are kept for five minutes: COURSEGEN_KEEP_JOBS_SECONDS. A log collector keeps them longer.",
        )
    pod = max(pods, key=lambda p: str(p["metadata"]["creationTimestamp"]))["metadata"]["name"]
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
    if follow:
        for line in scope.client.lines(path, container=CONTAINER, follow="true"):
            scope.screen.raw(f"{line}\n")
    else:
        text = scope.client.text(path, container=CONTAINER)
        if not text:
            scope.screen.tell(f"The worker of attempt {attempt.number} has written nothing.")
        scope.screen.raw(text)
