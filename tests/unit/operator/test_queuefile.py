"""Queues from a file behave as those of the API server, and a wrong file is refused by the name of what is wrong."""

from pathlib import Path

import pytest

from coursegen_operator.kube import ApiError
from coursegen_operator.queuefile import QueueFile
from coursegen_operator.settings import SettingsError
from coursegen_operator.snapshot import Snapshot

from .simulation import full_list

QUEUE = """
apiVersion: coursegen.dev/v1alpha1
kind: GenerationQueue
metadata: {name: %s}
spec: {priority: 8, capacity: %s}
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "queues.yaml"
    file.write_text(text)
    return file


def test_a_written_status_is_read_again_and_a_stale_write_conflicts(tmp_path: Path) -> None:
    queues = QueueFile(written(tmp_path, QUEUE % ("a", 1) + "---" + QUEUE % ("b", 2)))
    first = queues.list()
    assert [q["metadata"]["name"] for q in first["items"]] == ["a", "b"]
    guard = {"metadata": {"resourceVersion": "1"}}
    after = queues.patch_status("a", guard | {"status": {"active": 3, "circuitBreaker": {"state": "Open"}}})
    after = queues.patch_status("a", {"metadata": {}, "status": {"circuitBreaker": None}})
    assert after["status"] == {"active": 3}
    with pytest.raises(ApiError, match="409"):
        queues.patch_status("a", guard | {"status": {"active": 4}})
    with pytest.raises(ApiError, match="404"):
        queues.patch_status("c", {"metadata": {}, "status": {}})


def test_the_snapshot_takes_the_queues_and_what_became_of_them(tmp_path: Path) -> None:
    queues, snapshot = QueueFile(written(tmp_path, QUEUE % ("a", 1))), Snapshot()
    for active in (0, 5):
        if active:
            queues.patch_status("a", {"metadata": {}, "status": {"active": active}})
        listed = queues.list()
        full_list(snapshot, "GenerationQueue", listed["items"], int(listed["metadata"]["resourceVersion"]))
        assert snapshot.queues["a"].status.active == active
    assert snapshot.queues["a"].spec.capacity == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no GenerationQueue in it"),
        ("a: [", "no YAML"),
        ("kind: ConfigMap", "document 1 is no GenerationQueue"),
        ("- 1", "document 1 is no GenerationQueue"),
        (QUEUE % ("a", -1), r"queue a: spec\.capacity"),
        (QUEUE % ("a", "1, prioritty: 3"), r"queue a: spec\.prioritty"),
        (QUEUE % ("''", 1), "document 1 has no metadata.name"),
        ("kind: GenerationQueue\nmetadata: x", "document 1 has no metadata.name"),
        (QUEUE % ("a", 1) + "---" + QUEUE % ("a", 2), "two queues of the name a"),
    ],
)
def test_a_wrong_file_is_refused_by_queue_and_field(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SettingsError, match=said):
        QueueFile(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        QueueFile(tmp_path / "absent.yaml")
