"""What a Dockerfile is built from: the files that it copies, and nothing else of its context.

An image's tag is a hash of these. What no COPY names cannot change the image, so it does not change the tag either, and
it is not even there while the image is built.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

_SKIPPED_FOLDERS = {"__pycache__", ".git", ".venv", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
_CONTINUED = re.compile(r"\\\s*\n")
_EPOCH = 1_700_000_000  # every copied file has this time: layers and wheels come out the same


@dataclass(frozen=True)
class Context:
    """A Dockerfile with its folder."""

    dockerfile: Path
    folder: Path

    def files(self) -> list[Path]:
        """The files that the Dockerfile copies, relative to the folder.

        Raises LocalClusterError if it copies something that is not there.
        """
        found: set[Path] = set()
        for source in _sources(self.dockerfile.read_text()):
            matches = sorted(self.folder.glob(source.strip("/"))) if source not in (".", "./") else [self.folder]
            if not matches:
                raise LocalClusterError(f"{self.dockerfile} copies {source!r}, which is not in {self.folder}.")
            for match in matches:
                found.update(path.relative_to(self.folder) for path in _walk(match))
        return sorted(found)

    def digest(self) -> str:
        """A hash of the Dockerfile and of every file that it copies, with its name and its executable bit."""
        digest = hashlib.sha256(self.dockerfile.read_bytes())
        for name in self.files():
            path = self.folder / name
            digest.update(json.dumps([str(name), _is_executable(path)]).encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    def stage(self, target: Path) -> None:
        """Lays the copied files out in a folder of their own."""
        for name in self.files():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / name, copy)
            copy.chmod(0o755 if _is_executable(self.folder / name) else 0o644)
        for path in (*target.rglob("*"), target):
            os.utime(path, (_EPOCH, _EPOCH))


def _sources(text: str) -> Iterator[str]:
    """The sources of every COPY and ADD that reads from the context."""
    for line in _CONTINUED.sub(" ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word.upper() not in ("COPY", "ADD"):
            continue
        rest = rest.strip()
        words = json.loads(rest) if rest.startswith("[") else shlex.split(rest)
        flags = [w for w in words if w.startswith("--")]
        if not any(flag.startswith("--from=") for flag in flags):
            yield from [w for w in words if not w.startswith("--")][:-1]


def _walk(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = [f for f in folders if f not in _SKIPPED_FOLDERS and not f.endswith(".egg-info")]
        yield from (Path(folder) / name for name in names if not name.endswith(".pyc"))


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)
