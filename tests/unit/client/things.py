"""Objects for the client's tests, in few words."""

from datetime import UTC, datetime
from typing import Any

from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.export import CourseExport
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)
UID = "0f3b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10"


def at(seconds: float) -> str:
    """Write the time some seconds after NOW (before it, if negative)."""
    return datetime.fromtimestamp(NOW.timestamp() + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta(name: str, **more: Any) -> dict[str, Any]:
    created = {"creationTimestamp": at(-600), "uid": UID, "generation": 1, "resourceVersion": "5"}
    return {"name": name, "namespace": "courses"} | created | more


def seen(**status: Any) -> dict[str, Any]:
    """Give a status that an operator has written."""
    return {"observedGeneration": 1, "phase": "Running"} | status


def finished(
    how: str = "Succeeded", message: str = "10 chapters and 3 exports are in the store."
) -> list[dict[str, str]]:
    kinds = {"Finished": how, "Ready": how}
    return [
        {"type": t, "status": "True", "reason": r, "message": message, "lastTransitionTime": at(-5)}
        for t, r in kinds.items()
    ]


def attempt(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"number": number, "jobName": f"loops-r0-a{number}", "admissionTime": at(-30)} | more


def artifact(key: str = "a.json", media: str = "application/json") -> dict[str, Any]:
    return {"key": f"{UID}/chapter/{key}", "sha256": "0" * 64, "bytes": 12345, "mediaType": media}


def chapter(name: str = "loops", *, spec: dict[str, Any] | None = None, **status: Any) -> ChapterGeneration:
    given = {"title": "Loops", "learningObjectives": ["Write a loop"], "courseContext": {"title": "Python"}}
    return ChapterGeneration.model_validate({"metadata": meta(name), "spec": given | (spec or {}), "status": status})


def course(name: str = "python", *, spec: dict[str, Any] | None = None, **status: Any) -> CourseGeneration:
    given = {"title": "Python", "learningObjectives": ["Write a program"]}
    return CourseGeneration.model_validate({"metadata": meta(name), "spec": given | (spec or {}), "status": status})


def export(name: str = "python-pdf", form: str = "pdf", **status: Any) -> CourseExport:
    return CourseExport.model_validate(
        {"metadata": meta(name), "spec": {"courseName": "python", "format": form}, "status": status}
    )


def queue(name: str = "chapter-generation", *, spec: dict[str, Any] | None = None, **status: Any) -> GenerationQueue:
    return GenerationQueue.model_validate(
        {"metadata": meta(name, namespace=""), "spec": {"priority": 8, "capacity": 4} | (spec or {}), "status": status}
    )


def provider(name: str = "p", **status: Any) -> ModelProvider:
    return ModelProvider.model_validate({"metadata": meta(name), "spec": {}, "status": status})
