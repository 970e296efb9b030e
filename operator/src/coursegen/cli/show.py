"""Writes to the terminal: calm, aligned, in colour only where somebody looks."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

_GAP = 2
STYLES = {
    "Succeeded": "green",
    "ok": "green",
    "Closed": "green",
    "Running": "cyan",
    "Held": "yellow",
    "degraded": "yellow",
    "HalfOpen": "yellow",
    "warning": "yellow",
    "Suspended": "yellow",
    "Failed": "red",
    "failed": "red",
    "down": "red",
    "Open": "red",
    "refused": "red",
    "Cancelled": "dim",
    "unknown": "dim",
}


_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), "\ufffd")
_IN_A_ROW = _CONTROLS | dict.fromkeys((9, 10, 13), " ")
_IN_TEXT = {c: shown for c, shown in _CONTROLS.items() if chr(c) not in "\t\n"}
"""What a model, an Event or an object says must not move the cursor, set the title or type for who reads it."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    style: str = ""
    right: bool = False


def cell(value: object, *, right: bool = False) -> Cell:
    """Make a cell of a value; nothing is a dash, and words that say how something stands are coloured."""
    text = "-" if value is None or value == "" else str(value).translate(_IN_A_ROW)
    return Cell(text, STYLES.get(text, ""), right)


def number(value: float | None, digits: int = 0) -> Cell:
    """Make a cell of a figure, set flush right."""
    return cell(None if value is None else f"{value:,.{digits}f}", right=True)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> list[Text]:
    """Set a table: as wide as it has to be, nothing cut off, no trailing spaces."""
    body = [list(row) for row in rows]
    heads = [Cell(h, "bold", all(row[i].right for row in body) and bool(body)) for i, h in enumerate(head)]
    widths = [max(len(row[i].text) for row in [heads, *body]) for i in range(len(head))]
    return [_line(row, widths) for row in [heads, *body]]


def _line(row: Sequence[Cell], widths: Sequence[int]) -> Text:
    line = Text()
    for i, (one, width) in enumerate(zip(row, widths, strict=True)):
        padding = " " * (width - len(one.text))
        last = i == len(row) - 1
        if one.right:
            line.append(padding)
        line.append(one.text, one.style)
        if not last:
            line.append(("" if one.right else padding) + " " * _GAP)
    return line


def facts(pairs: Iterable[tuple[str, object]]) -> list[Text]:
    """Set `name  value` lines; those without a value are left out."""
    known = [(name, value) for name, value in pairs if value not in (None, "", [])]
    width = max((len(name) for name, _ in known), default=0)
    lines = []
    for name, value in known:
        line = Text(f"{name:<{width}}  ", "bold")
        line.append(str(value).translate(_IN_A_ROW), STYLES.get(str(value), "not bold"))
        lines.append(line)
    return lines


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to `told`, which ends well: rich would end with 1."""
        raise BrokenPipeError


class Screen:
    """stdout."""

    def __init__(self) -> None:
        self.console = _Console(highlight=False, soft_wrap=True, emoji=False, markup=False)

    @property
    def live(self) -> bool:
        """Whether somebody looks at it who can be shown something in place."""
        return self.console.is_terminal

    def lines(self, *blocks: Iterable[Text | str]) -> None:
        """Write blocks of lines, an empty line between them."""
        first = True
        for block in blocks:
            lines = list(block)
            if not lines:
                continue
            if not first:
                self.console.print()
            first = False
            for line in lines:
                self.console.print(line)

    def say(self, text: str) -> None:
        """Write one line."""
        self.console.print(text.translate(_IN_TEXT))

    def raw(self, text: str) -> None:
        """Write text as it is, line breaks and all, and at once: a log."""
        print(text.translate(_IN_TEXT), end="", flush=True)

    def tell(self, text: str) -> None:
        """Write one line to stderr: for people, and not part of the answer."""
        print(text.translate(_IN_TEXT), file=sys.stderr)

    def data(self, value: Any, form: str) -> None:
        """Write JSON or YAML, for machines."""
        whole = (sys.stdout.encoding or "").lower() in ("utf-8", "utf8")  # what another encoding lacks is escaped
        if form == "yaml":
            import yaml

            sys.stdout.write(yaml.safe_dump(value, sort_keys=False, allow_unicode=whole))
        else:
            sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=not whole, default=str) + "\n")
