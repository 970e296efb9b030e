"""A namespace's artifacts are cleaned up by a task like any other, on the real API server."""

from coursegen_api.base import FailureClass
from coursegen_api.task import CleanupTask, TaskInput, TaskResult, exit_code

from ...e2e.scene import Scene, chapter, outcomes
from .kubelet import End, Kubelet, well


def test_a_clean_up_knows_what_is_in_use_retries_and_tells_what_it_did(scene: Scene, kubelet: Kubelet) -> None:
    seen: list[TaskInput] = []

    def fails_at_first(task: TaskInput) -> End:
        if isinstance(task.work, CleanupTask):
            seen.append(task)
            if task.attempt == 1:
                failure = FailureClass.STORAGE_UNAVAILABLE
                return End(exit_code(failure), TaskResult(failure_class=failure, message="said so").to_json())
        return well(task)

    kubelet.decide = fails_at_first
    scene.create("ChapterGeneration", "c", chapter())
    key = scene.until_ended("c", "ChapterGeneration")["artifact"]["key"]
    scene.create("ArtifactCleanup", "artifacts", {"retentionDays": 7})
    status = scene.until_ended("artifacts", "ArtifactCleanup")
    assert (status["phase"], outcomes(status)) == ("Succeeded", ["StorageUnavailable", "Succeeded"])
    assert status["queueName"] == "default"
    assert status["cleanup"] == {"removed": 2, "removedBytes": 20, "kept": 1, "complete": True}
    for task in seen:
        assert isinstance(task.work, CleanupTask)
        assert task.work.retention_days == 7
        reader = task.work.in_use.reader()
        assert key in reader
        assert key.replace("chapter", "outline") not in reader
    said = scene.kubectl("get", "artclean")
    assert "Succeeded" in said.splitlines()[1]
