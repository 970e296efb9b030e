"""The one exception that a person may see."""

from __future__ import annotations

from pathlib import Path


class LocalClusterError(Exception):
    """Says what failed, where its log is and what to do; the command line prints it without a traceback."""

    def __init__(self, what: str, *, log: Path | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.log = log
        self.hint = hint

    def __str__(self) -> str:
        lines = [self.what]
        if self.log is not None:
            lines += [*_tail(self.log), f"Log: {self.log}"]
        if self.hint is not None:
            lines.append(self.hint)
        return "\n".join(lines)


def _tail(log: Path, lines: int = 8) -> list[str]:
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return []
    return [f"  | {line[:200]}" for line in text.splitlines()[-lines:]]
