"""One calm line for each long step: what it does, how far it is, how long it took."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_TITLE_WIDTH = 22
_NOTE_WIDTH = 58
_OTHER_WIDTH = 38  # title, mark, time and the spaces between: what a line has besides its note
_TICK_SECONDS = 0.2
_PLAIN_FIRST_SECONDS = 5.0  # a log of a quick run has one line a step
_PLAIN_AGAIN_SECONDS = 60.0


class Step:
    """A step that is under way; `note` says how far it is."""

    def __init__(self, title: str, note: str) -> None:
        self.title = title
        self.note_text = note
        self.measure: Callable[[], str] | None = None  # asked for the note while the step goes on
        self.started = time.monotonic()

    def note(self, text: str) -> None:
        """Replaces what the line says."""
        self.note_text = text

    def line(self, mark: str, columns: int | None = None) -> str:
        """The step's line, with the time that it has taken so far, in a terminal of so many columns."""
        if self.measure is not None:
            self.note_text = self.measure()
        # A line that wraps could not be written over by the next one.
        width = _NOTE_WIDTH if columns is None else max(0, min(_NOTE_WIDTH, columns - _OTHER_WIDTH))
        note = self.note_text[:width]
        return f"  {mark} {self.title:<{_TITLE_WIDTH}} {note:<{width}} {self._elapsed():>8}"

    def _elapsed(self) -> str:
        seconds = time.monotonic() - self.started
        return f"{seconds:.1f} s" if seconds < 100 else f"{int(seconds) // 60} m {int(seconds) % 60:02d} s"


class Reporter:
    """Prints steps to a stream; with no stream it is silent, which is what a test fixture wants."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._live = stream is not None and stream.isatty()

    @contextmanager
    def step(self, title: str, note: str = "") -> Iterator[Step]:
        """Shows one step while its body runs; the last line says whether it went well."""
        step = Step(title, note)
        stop = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(step, stop), daemon=True)
        ticker.start()
        mark = "✗"
        try:
            yield step
            mark = "✓"
        finally:
            stop.set()
            ticker.join()
            self._print(step.line(mark, self._columns()), final=True)

    def say(self, text: str) -> None:
        """Prints a line of its own."""
        self._print(text, final=True)

    def _tick(self, step: Step, stop: threading.Event) -> None:
        if self._live:
            while not stop.wait(_TICK_SECONDS):
                self._print(step.line("·", self._columns()), final=False)
            return
        if stop.wait(_PLAIN_FIRST_SECONDS):
            return
        self._print(step.line("·"), final=True)
        while not stop.wait(_PLAIN_AGAIN_SECONDS):
            self._print(step.line("·"), final=True)

    def _columns(self) -> int | None:
        return shutil.get_terminal_size().columns if self._live else None

    def _print(self, line: str, *, final: bool) -> None:
        if self._stream is None:
            return
        start = "\r\033[K" if self._live else ""
        self._stream.write(start + line.rstrip() + ("\n" if final else ""))
        self._stream.flush()
