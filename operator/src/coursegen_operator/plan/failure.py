"""Judges how an attempt ended, from its Job and its Pods. DESIGN's order: what Kubernetes did to the
Pod comes first, the worker's own word last, and a success without a readable result is none.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from coursegen_api.base import FailureClass, Outcome
from coursegen_api.task import EXIT_CODES, EXIT_OK, TASK_RESULT, TaskResult

from .world import JobView, PodView, Reading

NEVER_RETRIED = frozenset({FailureClass.INVALID_INPUT, FailureClass.REJECTED})
"""Running these again gives the same answer: a person has to change something first."""

FREE = frozenset({FailureClass.RATE_LIMITED, FailureClass.DISRUPTED, FailureClass.RESULT_LOST})
"""Not the work's fault: these cost no retry."""

_AT_ONCE = frozenset({"ErrImageNeverPull", "InvalidImageName"})
_IMAGE = _AT_ONCE | {"ErrImagePull", "ImagePullBackOff", "ImageInspectError", "RegistryUnavailable"}
_CONFIG = frozenset({"CreateContainerConfigError"})
_ABSENT = ("not found", "no PriorityClass with name")
"""How Kubernetes says that a Pod, or its Job, names what is not there."""
_KILLED = 128
_OVER_ITS_LIMIT = "Evicted"
"""Of a Pod that is no DisruptionTarget: the kubelet ended it for its own use of local storage."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt ended."""

    outcome: Outcome
    failure_class: FailureClass | None = None
    message: str = ""
    result: TaskResult | None = None

    @property
    def counted(self) -> bool:
        """Say whether the failure counts against maxRetries."""
        return self.failure_class is not None and self.failure_class not in FREE


def failed(failure_class: FailureClass, message: str, result: TaskResult | None = None) -> Verdict:
    """Give the verdict of a failure."""
    return Verdict(Outcome.FAILED, failure_class, message[:1024], result)


def judge(job: JobView, reading: Reading, namespace_uid: str) -> Verdict:
    """Judge a Job that has ended, by a reading that was made after its end."""
    pods = [p for p in reading.pods if p.job_uid == job.uid]
    if not pods:
        said = job.message or "Kubernetes says no more"
        return failed(FailureClass.RESULT_LOST, f"The Pod was gone before its result was read ({said}).")
    pod = next((p for p in pods if p.exit_code == EXIT_OK), max(pods, key=lambda p: p.created))
    return _by_kubernetes(pod) or _by_worker(pod, namespace_uid)


def silent(job: JobView, reading: Reading | None) -> Verdict:
    """Judge an attempt that is ended from outside since it has neither ended nor answered in time."""
    pods = [p for p in reading.pods if p.job_uid == job.uid] if reading else []
    if pods and all(p.disrupted for p in pods):
        said = max(pods, key=lambda p: p.created)
        lost = f"The Pod was taken off its node ({said.message or said.reason}), which has not confirmed its end."
        return failed(FailureClass.DISRUPTED, lost)
    late = "The Pod neither ended nor answered by its deadline; its Job was deleted."
    return failed(FailureClass.TIMEOUT, late)


def lost_since(job: JobView, reading: Reading) -> float | None:
    """Give the time by which a Job's Pods were to have ended that were taken off their node; None if one may still."""
    pods = [p for p in reading.pods if p.job_uid == job.uid]
    if not pods or not all(p.disrupted and p.to_be_gone and p.exit_code is None for p in pods):
        return None
    return max(p.to_be_gone for p in pods)


def never_ran(job: JobView, reading: Reading) -> bool:
    """Tell whether a Job has ended without a container of it ever having run."""
    pods = [p for p in reading.pods if p.job_uid == job.uid]
    return bool(pods) and all(p.never_ran for p in pods)


def _by_kubernetes(pod: PodView) -> Verdict | None:
    if pod.exit_code == EXIT_OK:
        return None
    if pod.reason == "DeadlineExceeded":
        return failed(FailureClass.TIMEOUT, "The Pod ran past its deadline and was ended by Kubernetes.")
    if pod.terminated_reason == "OOMKilled":
        return failed(
            FailureClass.OUT_OF_MEMORY,
            "The worker used more memory than its limit: raise spec.workers.resources of the queue.",
        )
    if pod.disrupted:
        return failed(
            FailureClass.DISRUPTED, f"The Pod was taken off its node: {pod.message or pod.reason or 'evicted'}."
        )
    if pod.reason == _OVER_ITS_LIMIT:
        return failed(FailureClass.INTERNAL, f"The worker used more than it may, and was evicted: {pod.message}")
    return None


def _by_worker(pod: PodView, namespace_uid: str) -> Verdict:
    result = read_result(pod.termination_message)
    if pod.exit_code is None:
        return failed(FailureClass.RESULT_LOST, f"The Pod ended ({pod.reason or pod.phase}) without a word.")
    if pod.exit_code == EXIT_OK:
        return _success(result, namespace_uid)
    failure = EXIT_CODES.get(pod.exit_code)
    if failure is None:
        how = f"signal {pod.exit_code - _KILLED}" if pod.exit_code > _KILLED else f"exit code {pod.exit_code}"
        return failed(FailureClass.INTERNAL, f"The worker ended by {how}, without a class of its own.")
    said = result.message if result and result.message else f"The worker ended with exit code {pod.exit_code}."
    return failed(failure, said, result)


def _success(result: TaskResult | None, namespace_uid: str) -> Verdict:
    if result is None or result.failure_class is not None or result.artifact is None:
        return failed(FailureClass.RESULT_LOST, "The worker said it succeeded, but left no readable result.")
    if not result.artifact.key.startswith(f"{namespace_uid}/"):
        return failed(
            FailureClass.BAD_OUTPUT, "The worker reported an artifact outside its namespace; it was not accepted."
        )
    return Verdict(Outcome.SUCCEEDED, message=result.message[:1024], result=result)


def read_result(text: str) -> TaskResult | None:
    """Read a termination message; None if it is not a whole result."""
    try:
        return TASK_RESULT.validate_json(text)
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a Pod has not started yet."""

    message: str
    hopeless: bool = False
    """Waiting will not help: end the attempt at once."""
    misconfigured: bool = False
    """Something that the Pod names is not there; Kubernetes goes on as soon as it is."""
    unschedulable: bool = False
    """No node takes the Pod."""
    quota: bool = False
    """The namespace's quota refuses the Pod; the Job controller tries again."""


def not_started(job: JobView, reading: Reading) -> Trouble | None:
    """Say why an active Job has no running Pod; None if nothing is known to be wrong."""
    pods = [p for p in reading.pods if p.job_uid == job.uid]
    said = reading.troubles[0] if reading.troubles else ""
    if not pods:
        return Trouble(said, misconfigured=_is_absent(said), quota="exceeded quota" in said) if said else None
    pod = max(pods, key=lambda p: p.created)
    if pod.running:
        return None
    reason = pod.waiting_reason
    words = f"{reason}: {pod.waiting_message}" if pod.waiting_message else reason
    if reason in _IMAGE:
        return Trouble(f"The worker image cannot be had. {words}", hopeless=reason in _AT_ONCE)
    if reason in _CONFIG:
        return Trouble(f"Something that the Pod needs is not there. {words}", misconfigured=True)
    if not pod.scheduled:
        return Trouble(f"No node takes the Pod: {pod.message or 'unschedulable'}", unschedulable=True)
    return Trouble(said, misconfigured=_is_absent(said)) if said else None


def _is_absent(said: str) -> bool:
    return any(words in said for words in _ABSENT)
