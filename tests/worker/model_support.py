"""What the tests of writers that ask a model share: a task done in this process, against a scripted server."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from scripted_model import ScriptedModel
from worker_support import NAMESPACE, PYTHON_COURSE, make_task

from coursegen_api.task import ChapterTask, OutlineTask, TaskResult, Work, Writer
from coursegen_worker import tasks
from coursegen_worker.meter import Meter
from coursegen_worker.progress import Identity, Progress
from coursegen_worker.store import Store
from coursegen_worker.writers import Desk
from coursegen_worker.writers.model import ModelWriter

CHAPTER = ChapterTask(
    chapter_id="loops",
    course=PYTHON_COURSE,
    title="Loops",
    learning_objectives=["Write a for loop", "Choose between for and while"],
)
PARTS = 7
"""What CHAPTER is asked for in: introduction, two lessons, exercise, recap, and questions for each lesson."""
OUTLINE = OutlineTask(
    course_id="course-123",
    course=PYTHON_COURSE,
    learning_objectives=["Learn Python basics", "Build applications"],
    chapter_count=6,
)
KEY = "sk-test-0123456789"


def choice(server: ScriptedModel, **changes: object) -> dict[str, object]:
    """Give the writer of a task as the operator describes it."""
    return {"type": "openai", "provider": "scripted", "endpoint": server.endpoint, "model": "scripted-1"} | changes


@dataclass
class Desktop:
    """Does tasks in this process, each with a meter of its own, as a Job would."""

    model: ScriptedModel
    folder: Path
    seconds: float = 60.0
    writer: dict[str, object] = field(default_factory=dict)
    store: Store = field(init=False)
    meter: Meter = field(default_factory=Meter)

    def __post_init__(self) -> None:
        self.store = Store.open(self.folder.as_uri(), NAMESPACE)

    def run(self, work: Work = CHAPTER, **changes: object) -> TaskResult:
        """Do a task; raises TaskFailedError."""
        task = make_task(work, writer=choice(self.model, **self.writer), **changes)
        self.meter = Meter()
        progress = Progress(None, "", Identity("", 0, 0, ""))
        deadline = time.monotonic() + self.seconds
        return tasks.run(task, tasks.Tools(self.store, progress, self.meter, deadline))

    def writer_of(self) -> ModelWriter:
        """Give the writer of an attempt, to be asked directly."""
        desk = Desk(self.store, Meter(), time.monotonic() + self.seconds)
        return ModelWriter(Writer.model_validate(choice(self.model, **self.writer)), desk)

    def files(self, kind: str) -> list[Path]:
        """Name what the store has of a kind."""
        return sorted((self.folder / NAMESPACE / kind).glob("*")) if (self.folder / NAMESPACE / kind).is_dir() else []

    def read(self, result: TaskResult) -> bytes:
        """Give the artifact's bytes."""
        assert result.artifact is not None
        return (self.folder / result.artifact.key).read_bytes()
