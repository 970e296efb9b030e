"""Large files on their way from the store to who asked for them."""

import hashlib
from pathlib import Path

from ....e2e.scene import Scene, chapter
from ..kubelet import Kubelet
from .conftest import People
from .place import Place
from .test_api import uid, until

_MIB = 1024 * 1024
_SIZE = 256 * _MIB
_AT_ONCE = 64 * _MIB


def test_a_large_file_passes_through_and_never_lies_in_memory_as_a_whole(
    place: Place, scene: Scene, kubelet: Kubelet, people: People
) -> None:
    scene.create("ChapterGeneration", "a", chapter())
    file = place.file(scene.until_ended("a", "ChapterGeneration")["artifact"]["key"], b"begins")
    with file.open("r+b") as large:  # mostly a hole, so that it costs no disk
        large.seek(_SIZE - 4)
        large.write(b"ends")
    with file.open("rb") as large:
        wanted = hashlib.file_digest(large, "sha256").digest()
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'a')}"
    until(scene, lambda: people.author.get(path).json()["artifact"])
    before, digest = most(place, anew=True), hashlib.sha256()
    with people.author.stream("GET", f"{path}/artifact") as answer:
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(_SIZE))
        for piece in answer.iter_raw():
            digest.update(piece)
    assert digest.digest() == wanted
    assert most(place) - before < _AT_ONCE


def most(place: Place, anew: bool = False) -> int:
    """Give the most memory that the gateway has had, in bytes; `anew` counts from now."""
    process = place.gateways["gateway"].process
    assert process
    proc = Path(f"/proc/{process.pid}")
    if anew:
        (proc / "clear_refs").write_text("5")
    [line] = [li for li in (proc / "status").read_text().splitlines() if li.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
