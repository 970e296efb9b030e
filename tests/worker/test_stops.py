"""A stop at every stage of every kind of task: told as a stop, nothing half-written, and the next attempt goes on."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest
from model_support import CHAPTER, OUTLINE, choice
from scripted_model import ScriptedModel
from worker_support import Ended, Worker, make_task

from coursegen_api.base import ExportFormat, FailureClass
from coursegen_api.inuse import InUse
from coursegen_api.task import (
    ChapterFeedback,
    ChapterRef,
    CleanupTask,
    ExportTask,
    QualityBar,
    Source,
    TaskInput,
    ValidationTask,
)

WATCHED = """
import coursegen_worker.progress as p, json, os, time, re
report, seen = p.Progress.report, []
def watched(self, percentage, stage):
    report(self, percentage, stage)
    name = re.sub(r"[0-9]+", "#", stage)
    if name not in seen:
        seen.append(name)
        open({listed!r}, "w").write(json.dumps(seen))
        if name == {stop_at!r}:
            os.kill(os.getpid(), {signal})
            time.sleep(60)
p.Progress.report = watched
"""
"""Notes the stages of a task, the numbers in them as #; at one of them it is told to stop, and does nothing more."""

KINDS = ["outline", "chapter", "regeneration", "validation", "cleanup", "outline, model", "chapter, model"]
KINDS += ["regeneration, model", *(f"export, {form.value}" for form in ExportFormat)]


class Stoppable:
    """A worker whose tasks are stopped at one stage or another, over a store with one chapter in it."""

    def __init__(self, worker: Worker, store: Path, kind: str, model: ScriptedModel) -> None:
        self.worker, self.store, self.listed = worker, store, worker.folder / "stages"
        written = worker.run(CHAPTER.model_copy(update={"title": "Written before"})).result.artifact
        assert written is not None
        self.before = ChapterRef(index=1, key=written.key, sha256=written.sha256)
        self.task = self._task(kind, model)

    def _task(self, kind: str, model: ScriptedModel) -> TaskInput:
        name, _, how = kind.partition(", ")
        source = Source(chapters=[self.before])
        if name == "export":
            return make_task(ExportTask(source=source, format=ExportFormat(how)))
        wish = ChapterFeedback(request_id="r1", focus_area="simplification", previous_key=self.before.key)
        work = {
            "outline": OUTLINE.model_copy(update={"chapter_count": 2}),
            "chapter": CHAPTER.model_copy(update={"min_readability_score": 100}),
            "regeneration": CHAPTER.model_copy(update={"regeneration": wish}),
            "validation": ValidationTask(source=source, bar=QualityBar()),
            "cleanup": CleanupTask(retention_days=2, in_use=InUse.of([self.before.key], "")),
        }[name]
        return make_task(work, writer=choice(model)) if how else make_task(work)

    def run(self, stop_at: str = "") -> tuple[Ended, list[str]]:
        """Do the task up to a stage, or whole; also give the stages that it came to."""
        watched = WATCHED.format(listed=str(self.listed), stop_at=stop_at, signal=int(signal.SIGTERM))
        ended = self.worker.run_raw(self.task.to_json(), f"exec({watched!r})")
        return ended, json.loads(self.listed.read_text())

    def files(self) -> set[str]:
        return {str(path.relative_to(self.store)) for path in self.store.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stop_at_any_stage_is_told_and_loses_nothing(
    worker: Worker, store_folder: Path, tmp_path: Path, model: ScriptedModel, kind: str
) -> None:
    stoppable = Stoppable(worker, store_folder, kind, model)
    shutil.copytree(store_folder, tmp_path / "at-first")
    whole, stages = stoppable.run()
    assert whole.code == 0, whole.log
    assert whole.result.artifact is not None
    assert len(stages) >= 3
    assert stages[-1] == "done"
    shutil.rmtree(store_folder)
    shutil.copytree(tmp_path / "at-first", store_folder)
    for stage in stages:
        ended, _ = stoppable.run(stage)
        assert (ended.code, ended.result.failure_class) == (30, FailureClass.STOPPED), stage
        assert ended.result.artifact is None
        assert stage in re.sub(r"[0-9]+", "#", ended.result.message)
        assert (whole.result.artifact.key in stoppable.files()) == (stage == "done"), stage
    model.asked.clear()
    again, _ = stoppable.run()
    assert again.code == 0, again.log
    assert again.result.artifact == whole.result.artifact
    assert model.asked == [], "all was stored when the last stop came"
