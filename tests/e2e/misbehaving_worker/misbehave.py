"""A worker that does what the title of its chapter or course asks for, as in `[exit 1]`; else it is the real worker.

`[exit N]` ends with that code and no result, `[crash]` reads where no memory is, `[eat]` takes memory without an end,
`[fill]` takes all of its disk and then waits to be found out,
`[hang]` hears no SIGTERM, `[sleep N]` waits before the real worker starts, `[pause N]` is the real worker, which stands
still for so long once it is at work. `[exit 1 until 2]` does so before attempt 2.
"""

import ctypes
import json
import os
import re
import runpy
import signal
import sys
import time
from pathlib import Path

PAUSES = "at work, and pauses"
WISH = re.compile(r"\[(\w+)(?: (\d+))?(?: until (\d+))?\]")


def main() -> None:
    """Do what the title asks for; then, if that has an end, give way to the real worker."""
    task = json.loads(os.environ["COURSEGEN_TASK"])
    work = task["work"]
    wish = WISH.search(work.get("title") or work.get("course", {}).get("title") or "")
    if wish and task["attempt"] < int(wish[3] or sys.maxsize):
        misbehave(wish[1], int(wish[2] or 0))
    os.execv("/app/bin/python", ["/app/bin/python", "-m", "coursegen_worker"])


def misbehave(what: str, number: int) -> None:
    """Misbehave in one of the ways that this file begins with."""
    match what:
        case "exit":
            os._exit(number)
        case "crash":
            ctypes.string_at(0)
        case "eat":
            hoard = []
            while True:
                hoard.append(b"x" * 10_000_000)
        case "fill":
            with Path("/tmp/hoard").open("wb") as file:
                for _ in range(300):
                    file.write(bytes(1_000_000))
            time.sleep(600)
        case "hang":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
        case "sleep":
            signal.signal(signal.SIGTERM, lambda *_: os._exit(30))
            time.sleep(number)
        case "pause":
            pause(number)


def pause(seconds: int) -> None:
    """Be the real worker, and stand still at its first report: from then on it hears signals."""
    from coursegen_worker.progress import Progress

    report = Progress.report

    def reported(self: Progress, percentage: float, stage: str) -> None:
        report(self, percentage, stage)
        Progress.report = report  # type: ignore[method-assign]
        print(PAUSES, flush=True)
        time.sleep(seconds)

    Progress.report = reported  # type: ignore[method-assign]
    runpy.run_module("coursegen_worker", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
