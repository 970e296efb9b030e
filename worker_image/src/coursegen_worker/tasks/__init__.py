"""The kinds of task; each is imported only when it is asked for, since every chapter pays its start."""

from dataclasses import dataclass

from coursegen_api.task import ChapterTask, CleanupTask, OutlineTask, TaskInput, TaskResult, ValidationTask
from coursegen_worker.meter import Meter
from coursegen_worker.progress import Progress
from coursegen_worker.store import Store
from coursegen_worker.writers import Desk


@dataclass(frozen=True)
class Tools:
    """What a task works with."""

    store: Store
    progress: Progress
    meter: Meter
    """What a model is paid."""
    deadline: float
    """When the work has to be finished, on the monotonic clock."""


def desk(task: TaskInput, tools: Tools) -> Desk:
    """Give a writer what it works with."""
    return Desk(tools.store, tools.meter, tools.deadline, task.probe)


def run(task: TaskInput, tools: Tools) -> TaskResult:
    """Do the task; raises TaskFailedError with the class of its failure."""
    work = task.work
    if isinstance(work, OutlineTask):
        from coursegen_worker.tasks import outline

        return outline.run(task, work, tools)
    if isinstance(work, ChapterTask):
        from coursegen_worker.tasks import chapter

        return chapter.run(task, work, tools)
    if isinstance(work, ValidationTask):
        from coursegen_worker.tasks import validation

        return validation.run(task, work, tools)
    if isinstance(work, CleanupTask):
        from coursegen_worker.tasks import cleanup

        return cleanup.run(task, work, tools)
    from coursegen_worker.tasks import export

    return export.run(task, work, tools)
