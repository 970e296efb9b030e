"""What the worker's tests share: tasks to do, and a worker that does them as a process of its own."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from coursegen_api import names, task
from coursegen_api.task import CourseContext, OutlineTask, TaskInput, TaskResult, Work
from coursegen_worker.documents import Chapter, Course, Outline
from coursegen_worker.writers import ChapterBrief
from coursegen_worker.writers.template import TemplateWriter

NAMESPACE = "0d9c7c56-5f1f-4a05-9d2c-3f9b6f1f0a11"
OTHER_NAMESPACE = "7a1e0c52-0000-4000-8000-000000000001"
PYTHON_COURSE = CourseContext(title="Python Programming", subject_domain="Computer Science", difficulty_score=2.0)
BIOLOGY = CourseContext(title="Cell Biology", subject_domain="Biology")


DEMO = (PYTHON_COURSE, ["Learn Python basics", "Build applications"], "PT20H")


def compose(
    course: CourseContext, objectives: list[str], duration: str | None = None, count: int | None = None
) -> tuple[Outline, list[Chapter]]:
    """Compose a whole course in this process."""
    writer = TemplateWriter()
    work = OutlineTask(
        course_id="course-123",
        course=course,
        learning_objectives=objectives,
        estimated_duration=duration,
        chapter_count=count,
    )
    outline, _ = writer.outline(work, ignore)
    return outline, [
        writer.chapter(brief(outline, index), ignore).chapter for index in range(1, len(outline.chapters) + 1)
    ]


def brief(outline: Outline, index: int) -> ChapterBrief:
    """Give what the writer is told about one chapter of an outline."""
    planned = outline.chapters[index - 1]
    return ChapterBrief(
        chapter_id=f"{outline.course_id}-{index}",
        course_id=outline.course_id,
        course=outline.course,
        index=index,
        title=planned.title,
        level=outline.course.proficiency_level,
        objectives=planned.objectives,
        course_objective_ids=planned.course_objective_ids,
        estimated_duration=planned.estimated_duration,
        contract=planned.contract,
        plan=planned.plan,
    )


def as_course(outline: Outline, chapters: list[Chapter], **changes: object) -> Course:
    """Give the course as exporters get it."""
    values = {
        "course_id": outline.course_id,
        "course": outline.course,
        "objectives": outline.objectives,
        "estimated_duration": outline.estimated_duration,
        "chapters": chapters,
    }
    return Course.model_validate(values | changes)


def ignore(share: float, stage: str) -> None:
    """Take a report of progress."""


def make_task(work: Work, **changes: object) -> TaskInput:
    """Give a whole task for some work."""
    values: dict[str, object] = {
        "uid": "11111111-1111-4111-8111-111111111111",
        "namespace_uid": NAMESPACE,
        "name": "course-123",
        "revision": 0,
        "attempt": 1,
        "deadline_seconds": 120,
        "work": work,
    }
    return TaskInput.model_validate(values | changes)


@dataclass(frozen=True)
class Ended:
    """How a worker process ended: its code, its last word, and its log."""

    code: int
    result: TaskResult
    log: str


@dataclass
class Worker:
    """Runs the worker as a Job does: a process of its own, told everything by its environment."""

    folder: Path
    store_url: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def termination_log(self) -> Path:
        return self.folder / "termination-log"

    def start(self, raw: str, setup: str = "") -> subprocess.Popen[str]:
        """Start a process; `setup` is Python that runs in it before the worker does."""
        self.termination_log.unlink(missing_ok=True)
        main = f"import time; started = time.monotonic(); import sys; {setup}; "
        main += "from coursegen_worker.process import main; sys.exit(main(started))"
        command = [sys.executable, "-c", main] if setup else [sys.executable, "-m", "coursegen_worker"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            names.ENV_TASK: raw,
            names.ENV_STORE_URL: self.store_url,
            names.ENV_TERMINATION_LOG: str(self.termination_log),
            names.ENV_POD_UID: "pod-1",
            **self.environment,
        }
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    def wait(self, process: subprocess.Popen[str]) -> Ended:
        """Wait for the end, and read the last word."""
        log = process.communicate(timeout=60)[1]
        raw = self.termination_log.read_bytes()
        assert len(raw) <= task.MAX_RESULT_BYTES
        return Ended(process.returncode, task.TASK_RESULT.validate_json(raw), log)

    def run(self, work: Work, **changes: object) -> Ended:
        """Do one task, from start to end."""
        return self.wait(self.start(make_task(work, **changes).to_json()))

    def run_raw(self, raw: str, setup: str = "") -> Ended:
        """Do what the text says, which may be no task."""
        return self.wait(self.start(raw, setup))
