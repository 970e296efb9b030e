"""A namespace in the middle of its work, as the operator writes it: for what kubectl shows of it."""

from typing import Any

from .manifests import KEY, manifest
from .schema import Json

STAMP = "2026-01-01T00:00:00Z"

_FULL = "Queue chapter-generation (capacity 200) is used up: waits for a Job to end."
_LATE = "Retry after Timeout is due at 2026-01-01T00:02:00Z."
_SLOW = "The worker stopped at its deadline of 120 seconds."
_COURSE = {"title": "Python Programming", "learningObjectives": ["Learn Python basics"]}


def _ready(reason: str, message: str, status: str = "False", **more: str) -> list[Json]:
    answers = {"Ready": status, "Succeeded": "Unknown" if status == "False" else "True"} | more
    return [
        {"type": kind, "status": answer, "reason": reason, "message": message, "lastTransitionTime": STAMP}
        for kind, answer in answers.items()
    ]


def _artifact(size: int) -> Json:
    return {"key": KEY, "sha256": "0" * 64, "bytes": size, "mediaType": "application/pdf"}


def _error(kind: str, message: str) -> Json:
    return {"failureClass": kind, "message": message, "attempt": 1, "time": STAMP}


def _course(name: str, spec: Json, status: Json) -> tuple[Json, Json]:
    return manifest("CourseGeneration", _COURSE | spec, name), status


def _chapter(index: int, status: Json) -> tuple[Json, Json]:
    spec = {"courseName": "python", "index": index, "title": f"Chapter {index}", "learningObjectives": ["Learn"]}
    queue = {"queueName": "chapter-generation", "title": spec["title"]}
    return manifest("ChapterGeneration", spec, f"python-chapter-{index:02d}"), queue | status


def _counts(summary: str, **more: int) -> Json:
    return {"summary": summary, "total": int(summary.split("/")[1])} | more


SCENE: list[tuple[Json, Json]] = [
    _course(
        "python",
        {},
        {
            "phase": "Running",
            "progressPercentage": 41,
            "stage": "Chapters",
            "chapters": _counts("1/5", succeeded=1, running=1, held=2, failed=1),
            "retryCount": 5,
            "conditions": _ready("Running", ""),
        },
    ),
    _course(
        "rust",
        {"title": "Rust"},
        {
            "phase": "Held",
            "holdReason": "CourseLimit",
            "conditions": _ready("CourseLimit", "100 courses are being generated, the limit: waits for one to end."),
        },
    ),
    _course(
        "go",
        {"title": "Go"},
        {
            "phase": "Failed",
            "progressPercentage": 60,
            "stage": "Chapters",
            "chapters": _counts("6/10", succeeded=6, failed=1),
            "retryCount": 3,
            "errorDetails": _error("Timeout", _SLOW),
            "conditions": _ready("ChapterFailed", f"Chapter go-chapter-07 failed. {_SLOW}", Stalled="True"),
        },
    ),
    _course(
        "html",
        {"title": "HTML"},
        {
            "phase": "Succeeded",
            "progressPercentage": 100,
            "stage": "Done",
            "chapters": _counts("4/4", succeeded=4),
            "retryCount": 0,
            "conditions": _ready("Succeeded", "4 chapters, 1 file.", "True", QualityPassed="True"),
        },
    ),
    _chapter(1, {"phase": "Succeeded", "progressPercentage": 100, "conditions": _ready("Succeeded", "", "True")}),
    _chapter(
        2,
        {"phase": "Running", "progressPercentage": 45, "stage": "writing", "conditions": _ready("Running", "")},
    ),
    _chapter(3, {"phase": "Held", "holdReason": "QueueFull", "conditions": _ready("QueueFull", _FULL)}),
    _chapter(
        4,
        {
            "phase": "Held",
            "holdReason": "RetryBackoff",
            "retryCount": 2,
            "nextRetryTime": "2026-01-01T00:02:00Z",
            "errorDetails": _error("Timeout", _SLOW),
            "conditions": _ready("RetryBackoff", _LATE),
        },
    ),
    _chapter(
        5,
        {
            "phase": "Failed",
            "progressPercentage": 30,
            "retryCount": 3,
            "errorDetails": _error("OutOfMemory", "The worker used more memory than its limit."),
            "conditions": _ready("OutOfMemory", "The worker used more memory than its limit.", Stalled="True"),
        },
    ),
    (
        manifest("QualityValidation", {"courseName": "html"}, "html-quality-0a1b2c3d"),
        {
            "phase": "Succeeded",
            "progressPercentage": 100,
            "quality": {"passed": False, "readability": 71.5, "alignment": 0.92, "belowBar": [2, 3]},
            "artifact": _artifact(9000),
            "conditions": _ready("Succeeded", "Chapters 2 and 3 are below the bar.", "True", QualityPassed="False"),
        },
    ),
    (
        manifest("CourseExport", {"courseName": "html", "format": "pdf"}, "html-pdf-0a1b2c3d"),
        {
            "phase": "Succeeded",
            "progressPercentage": 100,
            "artifact": _artifact(182_044),
            "conditions": _ready("Succeeded", "182044 bytes of application/pdf", "True"),
        },
    ),
    (
        manifest("CourseExport", {"courseName": "python", "format": "scorm"}, "python-scorm-0a1b2c3d"),
        {
            "phase": "Held",
            "holdReason": "DependencyPending",
            "conditions": _ready("DependencyPending", "Waits for the chapters of course python to be ready."),
        },
    ),
    (
        manifest("ArtifactCleanup", {"retentionDays": 30}, "artifacts"),
        {
            "phase": "Succeeded",
            "progressPercentage": 100,
            "cleanup": {"removed": 12, "removedBytes": 1_048_576, "kept": 340},
            "completionTime": "2026-01-01T00:00:00Z",
            "conditions": _ready("Succeeded", "12 artifacts of 1048576 bytes removed, 340 kept", "True"),
        },
    ),
    (
        manifest("GenerationQueue", {"priority": 8, "capacity": 200}, "scene-chapters"),
        {"active": 200, "capacity": 200, "pending": 1037},
    ),
    (
        manifest("GenerationQueue", {"priority": 4, "capacity": 50, "backoffSeconds": [1, 2]}, "scene-exports"),
        {"active": 0, "pending": 1},
    ),
    (manifest("ModelProvider", {"concurrency": 20}, "local"), {"active": 17}),
    (
        manifest(
            "ModelProvider",
            {"writer": "openai", "endpoint": "https://models.example/v1", "model": "large", "concurrency": 8},
            "remote",
        ),
        {
            "active": 1,
            "usage": {"period": "2026-11", "tokens": 1234567, "settledTime": "2026-11-20T10:00:00.000Z"},
            "circuitBreaker": {
                "state": "HalfOpen",
                "openedTime": "2026-11-20T10:00:00.000Z",
                "nextProbeTime": "2026-11-20T10:00:30.000Z",
                "openings": 1,
                "recentAttempts": 6,
                "recentFailures": 5,
                "failureClass": "ProviderUnavailable",
            },
        },
    ),
]


def expand(status: Json) -> dict[str, Any]:
    """Give what is in every status besides."""
    work = {"progressPercentage": 0, "retryCount": 0} if "phase" in status else {}
    return work | {"observedGeneration": 1} | status
