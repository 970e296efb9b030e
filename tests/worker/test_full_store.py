"""A store that is really full: the S3 server of the local cluster over a disk of a few kilobytes."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from model_support import CHAPTER, PARTS, choice
from scripted_model import Asked, ScriptedModel
from servers import end, wait_for_port
from tests.ports import free_port
from worker_support import NAMESPACE, Worker

from coursegen_api.base import ExportFormat, FailureClass
from coursegen_api.task import ChapterRef, ExportTask, Source
from tests import programs

KILOBYTES = 160
SERVE = 'mount -t tmpfs -o size="$1"k,mode=755 none data && mkdir data/courses && shift && exec "$@"'
"""In a mount namespace of its own, so that the disk is gone with the server."""


@dataclass(frozen=True)
class SmallDisk:
    """The disk that the server writes to, seen from outside of its mount namespace."""

    folder: Path

    def fill(self, leave: int = 0) -> None:
        """Take all room but so many bytes."""
        room = os.statvfs(self.folder)
        size = max(0, room.f_bavail * room.f_frsize - leave)
        (self.folder / "filler").write_bytes(b"x" * size)

    def empty(self) -> None:
        (self.folder / "filler").unlink()

    def names(self, kind: str) -> list[str]:
        folder = self.folder / "courses" / NAMESPACE / kind
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def disk(worker: Worker, tmp_path: Path) -> Iterator[SmallDisk]:
    (tmp_path / "data").mkdir()
    port, key, secret = free_port(), "test-access", secrets.token_hex(12)
    served = [programs.versitygw(), "--access", key, "--secret", secret, "--port", f"127.0.0.1:{port}", "posix", "data"]
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-ec", SERVE, "sh", str(KILOBYTES), *served],
            cwd=tmp_path,
            stdout=out,
            stderr=out,
        )
    wait_for_port(port, process, log)
    worker.store_url = "s3://courses"
    worker.environment |= programs.s3_environment(port, key, secret)
    yield SmallDisk(Path(f"/proc/{process.pid}/root{tmp_path}/data"))
    end(process)


def test_a_disk_that_fills_up_between_sections_costs_no_part_twice(
    worker: Worker, disk: SmallDisk, model: ScriptedModel
) -> None:
    def script(asked: Asked) -> None:
        if asked.shape == "practice":
            disk.fill()

    model.script = script
    full = worker.run(CHAPTER, writer=choice(model, parallelRequests=1))
    assert (full.code, full.result.failure_class) == (24, FailureClass.STORAGE_UNAVAILABLE)
    assert full.result.usage is not None
    assert full.result.usage.prompt_tokens == 100 * len(model.asked)
    kept = len(disk.names("part"))
    assert 0 < kept == len(model.asked) - 1
    assert disk.names("chapter") == []
    disk.empty()
    model.script = lambda asked: None
    model.asked.clear()
    again = worker.run(CHAPTER, writer=choice(model, parallelRequests=1))
    assert again.code == 0, again.log
    assert len(model.asked) == PARTS - kept


def test_a_file_that_does_not_fit_is_no_file(worker: Worker, disk: SmallDisk) -> None:
    written = worker.run(CHAPTER).result.artifact
    assert written is not None
    source = Source(chapters=[ChapterRef(index=1, key=written.key, sha256=written.sha256)])
    work = ExportTask(source=source, format=ExportFormat.EPUB)
    disk.fill(leave=4096)
    full = worker.run(work)
    assert (full.code, full.result.failure_class) == (24, FailureClass.STORAGE_UNAVAILABLE)
    assert disk.names("export") == []
    disk.empty()
    again = worker.run(work)
    assert again.code == 0, again.log
    assert len(disk.names("export")) == 2, "the file and its mark"
