"""The states that health checks are tried on: how each is known, and what Argo CD and Flux are to make of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from . import argocd, flux

Json = dict[str, Any]

FOLDER = Path(__file__).parents[2] / "deploy" / "gitops" / "recorded"

QUEUE: Json = {"priority": 1, "capacity": 1, "workers": {"priorityClassName": "coursegen-default"}}


@dataclass(frozen=True)
class State:
    """One object in one state."""

    kind: str
    name: str
    holds: Callable[[Json], Any]
    """Tells whether a version of the object is in the state."""
    argo: str
    """Its health in Argo CD."""
    actions: str = ""
    """The actions that Argo CD offers."""
    flux: str = "InProgress"


def _phase(word: str) -> Callable[[Json], bool]:
    return lambda o: o.get("status", {}).get("phase") == word


def _held(reason: str) -> Callable[[Json], bool]:
    return lambda o: o.get("status", {}).get("holdReason") == reason


def _new(o: Json) -> bool:
    return "status" not in o


def _ready(o: Json) -> bool:
    return bool(o.get("status", {}).get("conditions"))


def _circuit_open(o: Json) -> bool:
    status = o.get("status", {})
    seen = status.get("observedGeneration") == o["metadata"]["generation"]
    return seen and status.get("circuitBreaker", {}).get("state") == "Open"


_COURSE, _CHAPTER, _VALIDATION, _EXPORT = "CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport"

STATES = {
    "course-new": State(_COURSE, "running", _new, "Progressing", "cancel stop suspend", "Unknown"),
    "course-running": State(
        _COURSE, "running", lambda o: o.get("status", {}).get("chapters", {}).get("running"),
        "Progressing", "cancel stop suspend",
    ),
    "course-succeeded": State(_COURSE, "succeeded", _phase("Succeeded"), "Healthy", flux="Current"),
    "course-failed": State(_COURSE, "failed", _phase("Failed"), "Degraded", "retry stop", "Failed"),
    "course-cancelled": State(_COURSE, "cancelled", _phase("Cancelled"), "Degraded", "resume retry stop", "Failed"),
    "course-suspended": State(_COURSE, "suspended", _phase("Suspended"), "Suspended", "cancel resume stop", "Current"),
    "course-misconfigured": State(
        _COURSE, "misconfigured", _held("Misconfigured"), "Degraded", "cancel stop suspend", "Failed"
    ),
    "chapter-running": State(_CHAPTER, "running-chapter-01", _phase("Running"), "Progressing", "cancel suspend"),
    "chapter-succeeded": State(_CHAPTER, "succeeded-chapter-01", _phase("Succeeded"), "Healthy", flux="Current"),
    "chapter-failed": State(_CHAPTER, "failed-chapter", _phase("Failed"), "Degraded", "retry", "Failed"),
    "chapter-circuit-open": State(
        _CHAPTER, "unlucky", _held("ProviderCircuitOpen"), "Progressing", "cancel suspend"
    ),
    "validation-waiting": State(_VALIDATION, "waiting", _held("DependencyPending"), "Progressing", "cancel suspend"),
    "export-waiting": State(_EXPORT, "waiting", _held("DependencyPending"), "Progressing", "cancel suspend"),
    "cleanup-succeeded": State("ArtifactCleanup", "clean", _phase("Succeeded"), "Healthy", flux="Current"),
    "queue-stopped": State("GenerationQueue", "gitops", _ready, "Suspended", "resume"),
    "provider-idle": State("ModelProvider", "idle", _ready, "Healthy"),
    "provider-circuit-open": State("ModelProvider", "open", _circuit_open, "Degraded"),
}  # fmt: skip
"""By the name of the file in deploy/gitops/recorded. Flux reads queues and providers by their conditions alone."""


def judge(file: str, obj: Json) -> None:
    """AssertionError if Argo CD or Flux would make something else of an object than its state asks."""
    state, customization = STATES[file], argocd.customizations()[obj["kind"]]
    health, message = customization.health(obj)
    assert (health, bool(message)) == (state.argo, True), f"{file}: {health} {message}"
    assert " ".join(customization.enabled(obj)) == state.actions, file
    if expressions := flux.expressions().get(obj["kind"]):
        assert flux.status(expressions, obj) == state.flux, file


def text(obj: Json) -> str:
    """Give an object as a file, without the book-keeping of the API server."""
    kept = {k: v for k, v in obj["metadata"].items() if k not in ("managedFields", "resourceVersion")}
    return yaml.safe_dump(obj | {"metadata": kept}, sort_keys=False, allow_unicode=True, width=120)


def load(file: str) -> Json:
    """Read a recorded object."""
    obj: Json = yaml.safe_load((FOLDER / f"{file}.yaml").read_text())
    return obj
