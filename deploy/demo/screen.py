"""Draws a course: on a terminal in place and calmly, elsewhere a line for each thing that changed."""

import shutil
import sys
import time
from collections.abc import Sequence
from typing import Protocol, TextIO

from .view import CourseView, Row

_BAR = 20
_TITLE = 38
_PLAIN_STEP = 25
"""Without a terminal a percentage is worth a line when it has grown by so much."""


class Screen(Protocol):
    """Shows one view after the other."""

    def show(self, view: CourseView) -> None:
        """Show what is now."""


def choose(stream: TextIO = sys.stdout) -> Screen:
    """Give the screen that suits a stream."""
    return Terminal(stream) if stream.isatty() else Plain(stream)


def lines(view: CourseView, width: int, height: int) -> list[str]:
    """Give the lines of a view, none wider than `width`, not more than `height`."""
    head = [
        f"  {view.name}  {view.title}",
        f"  {_bar(view.percentage)} {view.percentage:3d} %  {view.doing}, {_clock(view.seconds)}",
        "",
    ]
    rows = [_line(row) for row in _fitting(view.rows, height - len(head))]
    return [line[:width].rstrip() for line in head + rows]


def _fitting(rows: Sequence[Row], room: int) -> list[Row]:
    """Leave out rows that have ended, the first ones first, where there are too many for the screen."""
    surplus = len(rows) - max(room, 1)
    out = []
    for row in rows:
        if surplus > 0 and row.ended:
            surplus -= 1
        else:
            out.append(row)
    return out[: max(room, 1)]


def _line(row: Row) -> str:
    title = row.title if len(row.title) <= _TITLE else row.title[: _TITLE - 1] + "…"
    return f"  {row.mark} {row.name:>7}  {title:<{_TITLE}}  {_bar(row.percentage)} {row.percentage:3d} %  {row.note}"


def _bar(percentage: int) -> str:
    full = percentage * _BAR // 100
    return "█" * full + "░" * (_BAR - full)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


class Terminal:
    """Redraws in place, and writes only the lines that differ."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._drawn: list[str] = []

    def show(self, view: CourseView) -> None:
        """Draw over what was drawn before."""
        size = shutil.get_terminal_size()
        new = lines(view, size.columns - 1, size.lines - 1)
        out = f"\033[{len(self._drawn)}A" if self._drawn else ""
        for number in range(max(len(new), len(self._drawn))):
            text = new[number] if number < len(new) else ""
            same = number < len(self._drawn) and self._drawn[number] == text
            out += "\n" if same else f"{text}\033[K\n"
        self._stream.write(out)
        self._stream.flush()
        self._drawn = new + [""] * (len(self._drawn) - len(new))


class Plain:
    """Prints a line when something changes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said: dict[str, tuple[str, str, int]] = {}

    def show(self, view: CourseView) -> None:
        """Print what is new."""
        for row in view.rows:
            waits = row.note.split(":")[0] if row.phase == "Held" else ""
            state = (row.phase, "".join(c for c in waits if not c.isdigit()), row.percentage // _PLAIN_STEP)
            about_to_end = row.phase == "Running" and row.percentage == 100
            if self._said.get(row.name) != state and not about_to_end:
                self._said[row.name] = state
                self._print(f"{row.mark} {row.name:>7}  {row.percentage:3d} %  {row.title}: {row.note}")
        state = (view.phase, view.doing, 0)
        if self._said.get("") != state:
            self._said[""] = state
            self._print(f"{view.name} is {view.percentage} % done: {view.doing}")

    def _print(self, text: str) -> None:
        self._stream.write(f"  {time.strftime('%H:%M:%S')}  {text}\n")
        self._stream.flush()
