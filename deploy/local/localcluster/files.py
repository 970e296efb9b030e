"""Writing files so that a reader never sees half of one, and is not woken by one that stays the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def write(path: Path, text: str, *, private: bool = False) -> None:
    """Writes a file unless it has that text already: kube-proxy ends itself when its configuration is touched."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.made")
    made.unlink(missing_ok=True)
    made.touch(mode=0o600 if private else 0o644)
    made.write_text(text)
    made.replace(path)


def write_json(path: Path, value: Mapping[str, object], *, private: bool = False) -> None:
    """Writes JSON, which every reader of YAML reads too."""
    write(path, json.dumps(value, indent=2) + "\n", private=private)
