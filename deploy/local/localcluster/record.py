"""What an instance remembers about itself between two commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import files, programs
from localcluster.programs import ProcessId, Running
from localcluster.sandbox import Link, Sandbox
from localcluster.settings import Options


@dataclass(frozen=True)
class Record:
    """The last known state; whether it still holds is asked of the kernel, never of this file."""

    boot: str
    slot: int
    holder: ProcessId
    options: Options
    running: Mapping[str, Running] = field(default_factory=dict)
    settled: bool = True

    def sandbox(self) -> Sandbox | None:
        """The sandbox, if it still runs and `up` was not killed while it worked on it."""
        if not self.settled or self.boot != programs.boot_id() or not self.holder.alive():
            return None
        return Sandbox(self.holder, Link(self.slot))

    def alive(self, name: str) -> bool:
        """Says whether a program still runs."""
        running = self.running.get(name)
        return running is not None and self.boot == programs.boot_id() and running.process.alive()


def save(path: Path, record: Record) -> None:
    """Writes the record in one step: a reader sees the old one or the new one."""
    text = {
        "boot": record.boot,
        "slot": record.slot,
        "holder": [record.holder.pid, record.holder.start_ticks],
        "settled": record.settled,
        "options": record.options.to_json(),
        "running": {n: [r.process.pid, r.process.start_ticks, r.fingerprint] for n, r in record.running.items()},
    }
    files.write_json(path, text)


def load(path: Path) -> Record | None:
    """The record of an instance, or None where there is none that can be read."""
    try:
        text = json.loads(path.read_text())
        return Record(
            boot=text["boot"],
            slot=text["slot"],
            holder=ProcessId(*text["holder"]),
            settled=text["settled"],
            options=Options(**text["options"]),
            running={n: Running(ProcessId(pid, start), mark) for n, (pid, start, mark) in text["running"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
