"""What a campaign has tried so far, in a file: the next one goes on from there, as long as the operator is the same."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .ground import ROOT

_TRIED = ("operator", "crds")
"""What a result is about."""


class RecordError(Exception):
    """A record that cannot be gone on with; the message says why, and what to do."""


@dataclass(frozen=True)
class Line:
    """One plan that was carried out."""

    name: str
    well: bool
    met: bool
    seconds: float
    judges: list[str]
    """Those who objected."""


@dataclass
class Record:
    """The lines of a campaign, and what its first clean run wrote, so that each part tries the same writes."""

    file: Path | None = None
    written: list[str] = field(default_factory=list)
    events: Mapping[str, int] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)

    def begin(self, written: list[str], events: Mapping[str, int]) -> None:
        """Keep what was learned, unless an earlier part has."""
        if self.written:
            return
        self.written, self.events = written, events
        self._append({"version": version() if self.file else "", "written": written, "events": dict(events)})

    def add(self, line: Line) -> None:
        """Keep a line; of a plan that is carried out again the last counts."""
        self.lines[line.name] = line
        self._append(asdict(line))

    def has(self, name: str) -> bool:
        """Tell whether a plan was carried out, and went well."""
        return name in self.lines and self.lines[name].well

    def _append(self, what: object) -> None:
        if self.file:
            with self.file.open("a") as file:
                file.write(json.dumps(what) + "\n")


def load(file: Path) -> Record:
    """Read a record, or begin one; RecordError if it is about another operator."""
    now = version()
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        return Record(file)
    first, *lines = [json.loads(line) for line in file.read_text().splitlines()]
    if first["version"] != now:
        raise RecordError(f"{file} is about another version of the operator: remove it, or name another file.")
    found = (Line(**line) for line in lines)
    return Record(file, first["written"], first["events"], {line.name: line for line in found})


def version() -> str:
    """Name the operator that is tried; RecordError if it is not committed."""
    if _git("status", "--porcelain", "--", *_TRIED):
        raise RecordError(f"commit what has changed in {' and '.join(_TRIED)} first: a record is about one version.")
    trees = _git("rev-parse", *(f"HEAD:{folder}" for folder in _TRIED))
    return hashlib.sha256(trees.encode()).hexdigest()[:12]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout
