"""The examples of the OpenAPI document: one course, course-123, at work, as every operation would tell of it.

Answers are made of the models themselves, so that no example has a field that there is not.
"""

from typing import Any

from pydantic import BaseModel

from .actions import Feedback, Options, RegenerateChapter
from .models import (
    Accepted,
    Artifact,
    Attempt,
    ChapterCounts,
    Course,
    Demand,
    GenerationStatus,
    Graph,
    Graphs,
    LastHour,
    Page,
    Position,
    Queue,
    Series,
    Task,
    TaskDetail,
    TaskHealth,
    Ticket,
    Upload,
    Usage,
    Who,
    Worker,
)

COURSE_UID, CHAPTER_UID = "0acb5d2e-7f0b-4c57-9a31-2f6a1f0f9d11", "5d1f0a3c-2b64-4e0f-8a57-1c9e7b2d4f60"
_VALIDATION_UID, _EXPORT_UID = "7be4c1d8-90a2-4f3b-b6c5-3d8e2a1f5c74", "c2a95f37-4e18-4d6a-9b70-8f1c6d3e2b05"
SHA256 = "9c1d2f6b0e5a47c38d9f1b2a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f"
_CREATED, _BEGUN, _NOW, _DONE = (f"2026-01-01T09:0{m}:00Z" for m in (0, 1, 2, 4))
_QUEUE = "chapter-generation"
_COUNTS = ChapterCounts(total=10, succeeded=3, running=2, held=5, failed=0)

_COURSE: dict[str, Any] = {
    "task_id": COURSE_UID, "kind": "course", "name": "course-123", "namespace": "courses",
    "title": "Python Programming", "course_id": "course-123", "course_task_id": COURSE_UID, "phase": "Running",
    "progress_percentage": 41, "progress_time": _NOW, "stage": "Chapters", "created_time": _CREATED,
    "start_time": _CREATED, "estimated_completion_time": "2026-01-01T09:06:30Z", "estimate_certainty": "Low",
    "chapters": _COUNTS, "usage": Usage(prompt_tokens=21400, completion_tokens=9800, cost_micro_usd=61000),
}  # fmt: skip
_PART: dict[str, Any] = {
    "namespace": "courses", "course_id": "course-123", "course_task_id": COURSE_UID, "created_time": _BEGUN,
}  # fmt: skip
_CHAPTER: dict[str, Any] = _PART | {
    "task_id": CHAPTER_UID, "kind": "chapter", "name": "course-123-chapter-03", "title": "Loops and lists",
    "chapter_id": "course-123-chapter-03", "index": 3, "phase": "Running", "progress_percentage": 62,
    "progress_time": _NOW, "stage": "Writing sections", "queue_name": _QUEUE, "attempt": 1, "queued_time": _BEGUN,
    "start_time": _BEGUN,
}  # fmt: skip
_CHAPTER_TASK = Task(**_CHAPTER)
_VALIDATION_TASK = Task(
    **_PART, task_id=_VALIDATION_UID, kind="validation", name="course-123-validation",
    title="Readability, alignment, bias", phase="Held", hold_reason="QueueFull",
    hold_message="All 8 slots of quality-validation are taken.", queue_name="quality-validation", queued_time=_NOW,
)  # fmt: skip
_EXPORT_TASK = Task(
    **_PART, task_id=_EXPORT_UID, kind="export", name="course-123-pdf", title="Export as PDF", format="pdf",
    phase="Succeeded", progress_percentage=100, queue_name="export", attempt=1, start_time=_NOW,
    completion_time=_DONE, runtime_seconds=7.5,
    artifact=Artifact(sha256=SHA256, bytes=482113, media_type="application/pdf"),
)  # fmt: skip
_SPEC = {"title": "Python Programming", "learning_objectives": ["Learn Python basics"], "exports": [{"format": "pdf"}]}
_CONDITIONS = [{"type": "Finished", "status": "False", "reason": "Running", "last_transition_time": _BEGUN}]
_ATTEMPT = Attempt(number=1, job_name="course-123-chapter-03-r0-a1", admission_time=_BEGUN, start_time=_BEGUN)
_QUEUE_NOW = Queue(
    name=_QUEUE, priority=8, capacity=8, active=8, pending=5, oldest_pending_time=_BEGUN, stop_policy="None",
    circuit="Closed", max_retries=3, timeout_seconds=120,
    last_hour=LastHour(
        succeeded=57, failed=1, success_rate_percent=98, wait_p50_seconds=4, wait_p95_seconds=31,
        run_p50_seconds=38, run_p95_seconds=84,
    ),
)  # fmt: skip
_AMOUNTS = {"pending": 5, "active": 8, "capacity": 8}
_WORKER = Worker(
    name="course-123-chapter-03-r0-a1-x7k2p", namespace="courses", node="node-3", phase="Running", start_time=_BEGUN,
    task_id=CHAPTER_UID, title="Loops and lists", component="chapter", queue=_QUEUE, attempt=1,
)  # fmt: skip


def _page(*items: BaseModel) -> BaseModel:
    return Page[Any](items=list(items), total=len(items), offset=0, limit=100)


def _accepted(kind: str, name: str, uid: str, **more: Any) -> BaseModel:
    urls = {"status_url": f"api/v1/tasks/{uid}", "websocket_url": f"ws/tasks/{uid}"}
    return Accepted.model_validate({"task_id": uid, "kind": kind, "name": name, "namespace": "courses"} | urls | more)


_COURSE_TASK = Task(**_COURSE)
_OF_CHAPTER = _accepted("chapter", "course-123-chapter-03", CHAPTER_UID)
_WISHED = _accepted("chapter", "course-123-chapter-03", CHAPTER_UID, request_id="simplify-1")

ANSWERS: dict[str, BaseModel | str] = {
    "GET /api/v1/courses": _page(_COURSE_TASK),
    "POST /api/v1/courses": _accepted("course", "course-123", COURSE_UID),
    "GET /api/v1/courses/{course_id}": Course(
        **_COURSE, spec=_SPEC, conditions=_CONDITIONS, chapter_tasks=[_CHAPTER_TASK],
        validation_tasks=[_VALIDATION_TASK], export_tasks=[_EXPORT_TASK],
    ),
    "GET /api/v1/courses/{course_id}/generation-status": GenerationStatus(
        course_id="course-123", task_id=COURSE_UID, namespace="courses", status="Running", stage="Chapters",
        progress_percentage=41, chapters=_COUNTS, chapter_tasks=[_CHAPTER_TASK], export_tasks=[_EXPORT_TASK],
        retry_count=0, start_time=_CREATED, estimated_completion_time="2026-01-01T09:06:30Z", estimate_certainty="Low",
    ),
    "POST /api/v1/courses/{course_id}/regenerate-chapter": _WISHED,
    "GET /api/v1/courses/{course_id}/chapters": _page(_CHAPTER_TASK),
    "GET /api/v1/chapters": _page(_CHAPTER_TASK),
    "POST /api/v1/chapters": _accepted("chapter", "loops", CHAPTER_UID),
    "GET /api/v1/validations": _page(_VALIDATION_TASK),
    "POST /api/v1/validations": _accepted("validation", "validation-4f1c9a2b7d30", _VALIDATION_UID),
    "GET /api/v1/exports": _page(_EXPORT_TASK),
    "POST /api/v1/exports": _accepted("export", "export-8d20c6e5b1f7", _EXPORT_UID),
    "GET /api/v1/tasks": _page(_COURSE_TASK, _CHAPTER_TASK, _VALIDATION_TASK, _EXPORT_TASK),
    "GET /api/v1/tasks/{task_id}": TaskDetail(
        **_CHAPTER, spec={"course_name": "course-123", "index": 3}, conditions=_CONDITIONS, attempts=[_ATTEMPT],
        pods=[_WORKER.name],
    ),
    "GET /api/v1/tasks/{task_id}/position": Position(
        available=True, waiting=True, queue_name="quality-validation", ahead=12, wait_seconds=95.0,
        estimated_start_time="2026-01-01T09:03:35Z",
    ),
    "POST /api/v1/tasks/{task_id}/regenerate": _WISHED,
    "POST /api/v1/tasks/{task_id}/{verb}": _OF_CHAPTER,
    "GET /api/v1/tasks/{task_id}/log": '{"level": "info", "message": "Writing section 2 of 4"}\n',
    "POST /api/v1/ws-tickets": Ticket(ticket="Jq1v0cXr2mWb6sZk8dTyHw", expires_in_seconds=30),
    "POST /api/v1/uploads": Upload(
        artifact_key=f"6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10/upload/{SHA256}.md", namespace="courses", sha256=SHA256,
        bytes=5120, media_type="text/markdown",
    ),
    "GET /health/tasks": TaskHealth(
        status="healthy", problems=[], active=8, pending=5, success_rate_percent=98.3, success_rate_target_percent=95,
        progress="connected", queues=[_QUEUE_NOW],
    ),
    "GET /api/v1/queues": _page(_QUEUE_NOW),
    "PATCH /api/v1/queues/{name}": _QUEUE_NOW.model_copy(update={"capacity": 16, "stop_policy": "Hold"}),
    "GET /api/v1/workers": _page(_WORKER),
    "GET /demand": Demand(**_AMOUNTS, queues={_QUEUE: _AMOUNTS}),
    "GET /api/v1/graphs": Graphs(
        available=True,
        graphs=[
            Graph(
                name="throughput", title="Finished an hour", unit="per hour",
                series=[Series(name="chapter", points=[(1767258000.0, 57.0), (1767258060.0, None)])],
            ),
        ],
    ),
    "GET /api/v1/whoami": Who(
        user="system:serviceaccount:courses:teacher", groups=["system:serviceaccounts", "system:authenticated"],
        read_only=False, can_download=True,
    ),
    "GET /metrics": 'coursegen_gateway_requests_total{code="200",method="GET",route="/demand"} 12.0\n',
    "GET /livez": "ok",
    "GET /readyz": "ok",
}  # fmt: skip
"""What a success says, by operation."""

_SIMPLER = Options(focus_area="simplification")
_WISH: dict[str, Any] = {"feedback": "Content too advanced for beginners", "options": _SIMPLER}
BODIES: dict[str, Any] = {
    "POST /api/v1/courses/{course_id}/regenerate-chapter": RegenerateChapter(
        **_WISH, chapter_id="course-123-chapter-03"
    ),
    "POST /api/v1/tasks/{task_id}/regenerate": Feedback(**_WISH),
    "PATCH /api/v1/queues/{name}": {"capacity": 16, "stop_policy": "Hold"},
}
"""What is sent, where a route does not say it itself."""


def add(document: dict[str, Any]) -> None:
    """Lay the examples into an OpenAPI document, beside the schemas that they are of."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            label = f"{method.upper()} {path}"
            _lay(ANSWERS.get(label), [r for status, r in operation["responses"].items() if status.startswith("2")])
            _lay(BODIES.get(label), [operation["requestBody"]] if label in BODIES else [])


def _lay(example: Any, places: list[dict[str, Any]]) -> None:
    if example is not None:
        value = example.model_dump(mode="json") if isinstance(example, BaseModel) else example
        for place in places:
            for content in place["content"].values():
                content["example"] = value
