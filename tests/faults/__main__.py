"""Runs plans over some lanes, each with a control plane of its own: `make faults`, `python -m tests.faults --help`."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import plans, record
from .campaign import Task, carry_out, catches, lanes, learn_of_all
from .record import Line, Record
from .run import Result


async def _amain(arguments: argparse.Namespace) -> int:
    done = record.load(arguments.record) if arguments.record else Record()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    begun = time.monotonic()
    until = begun + 60 * arguments.minutes if arguments.minutes else float("inf")

    def told(task: Task, result: Result) -> None:
        _print(task, result)
        judges = sorted(result.judges)
        done.add(Line(task.name, task.is_well(result), result.says_something, round(result.seconds, 1), judges))

    async with lanes(arguments.lanes, folder) as made:
        learned = await learn_of_all(made)
        if not done.written:  # the first run of a cluster writes what no other does: how its queues stand
            learned = await learn_of_all(made)
        print(f"a clean run: {len(learned.written)} writes, {learned.seconds:.1f} s; logs in {folder}", flush=True)
        done.begin(learned.written, learned.events)
        learned = replace(learned, written=done.written, events=dict(done.events))
        every = [*(Task(p) for p in plans.everything(learned)), *catches()]
        chosen = [t for t in every if _is_chosen(t, arguments)]
        todo = [t for t in chosen if not done.has(t.name)]
        if arguments.list:
            print("\n".join(t.name for t in todo))
            return 0
        print(f"{len(chosen)} plans, {len(chosen) - len(todo)} of them done already", flush=True)
        await carry_out(made, todo, learned, told, until)
    return _summary(chosen, done, time.monotonic() - begun)


def _is_chosen(task: Task, arguments: argparse.Namespace) -> bool:
    wanted = any(part in task.name for part in arguments.only or [""])
    return wanted and not any(part in task.name for part in arguments.without or ())


def _print(task: Task, result: Result) -> None:
    well = task.is_well(result)
    mark = ("caught" if well else "ESCAPED") if task.bug else "ok" if well else "WRONG"
    mark = mark if result.says_something else "not met"
    print(f"{mark:8}{result.seconds:6.1f} s  {task.name}", flush=True)
    for handover in result.handovers:
        print(f"          {handover}", flush=True)
    for said in result.wrong[: 2 if task.bug else 6]:
        print(f"          {said[:300]}", flush=True)


def _summary(chosen: Sequence[Task], done: Record, seconds: float) -> int:
    """Say what came of the chosen plans; 1 if anything is wrong, 3 if something is left to do."""
    lines = [(t, done.lines[t.name]) for t in chosen if t.name in done.lines]
    plain, bugs = [line for t, line in lines if not t.bug], [(t.bug, line) for t, line in lines if t.bug]
    wrong, escaped = [line.name for line in plain if not line.well], [bug for bug, line in bugs if not line.well]
    met, left = sum(line.met for line in plain), len(chosen) - len(lines)
    print(
        f"{len(plain)} plans, {met} of which met their request, {len(wrong)} wrong; "
        f"{len(bugs) - len(escaped)} planted bugs caught, escaped: {', '.join(escaped) or 'none'}; "
        f"{sum(line.seconds for _, line in lines) / 60:.0f} min of runs, {seconds / 60:.1f} min now"
        + (f"; {left} left to do" if left else "")
    )
    for name in wrong:
        print(f"  wrong: {name}")
    return 1 if wrong or escaped else 3 if left else 0


def main() -> int:
    """Run; exit code 1 if anything is wrong or a planted bug escapes, 3 if the time was up before all was tried."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Break things, and see what comes of it."
    )
    parser.add_argument("--only", action="append", help="plans, or planted bugs, whose name has this part")
    parser.add_argument("--without", action="append", help="none of those with this part")
    parser.add_argument("--list", action="store_true", help="name them, and carry none out")
    parser.add_argument("--lanes", type=int, default=2, help="control planes, and so plans at a time")
    parser.add_argument("--record", type=Path, help="a file of what was done, which the next run goes on from")
    parser.add_argument("--minutes", type=float, default=0, help="begin no further plan after so long")
    try:
        return asyncio.run(_amain(parser.parse_args()))
    except record.RecordError as error:
        print(f"tests.faults: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
