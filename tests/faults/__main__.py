"""Runs plans over some lanes, each with a control plane of its own: `make faults`, `python -m tests.faults --help`."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from . import plans
from .campaign import Task, carry_out, lanes, learn
from .run import Result


async def _amain(arguments: argparse.Namespace) -> int:
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    begun = time.monotonic()
    results: list[tuple[str, Result]] = []

    def told(bug: str, result: Result) -> None:
        results.append((bug, result))
        _print(bug, result)

    async with lanes(arguments.lanes, folder) as grounds:
        learned = await learn(grounds[0])
        print(f"a clean run: {len(learned.written)} writes, {learned.seconds:.1f} s; logs in {folder}", flush=True)
        if arguments.writes:
            print(json.dumps(learned.written, indent=1))
        chosen: list[Task] = [(p, "") for p in plans.everything(learned.written)]
        chosen += [(plan, bug) for bug, plan in plans.CATCHES.items()]
        chosen = [(p, b) for p, b in chosen if any(part in (b or p.name) for part in arguments.only or [""])]
        chosen = [(p, b) for p, b in chosen if not any(part in (b or p.name) for part in arguments.without or ())]
        chosen = [(p if b or not arguments.quiet else replace(p, quiet=arguments.quiet), b) for p, b in chosen]
        await carry_out(grounds, chosen, learned.end_state, told)
    return _summary(results, time.monotonic() - begun)


def _print(bug: str, result: Result) -> None:
    mark = "caught" if bug and result.wrong else "ESCAPED" if bug else "WRONG" if result.wrong else "ok"
    mark = mark if result.says_something else "not met"
    print(f"{mark:8}{result.seconds:6.1f} s  {f'[{bug}] ' if bug else ''}{result.plan.name}", flush=True)
    for said in result.wrong[: 2 if bug else 6]:
        print(f"          {said[:300]}", flush=True)


def _summary(results: Sequence[tuple[str, Result]], seconds: float) -> int:
    plain = [r for bug, r in results if not bug]
    wrong, met = [r for r in plain if r.wrong], [r for r in plain if r.says_something]
    caught = {bug for bug, r in results if bug and r.wrong}
    escaped = {bug for bug, _ in results if bug} - caught
    print(
        f"{len(plain)} plans, {len(met)} of which met their request, {len(wrong)} wrong; "
        f"{len(caught)} planted bugs caught, escaped: {sorted(escaped) or 'none'}; {seconds / 60:.1f} min"
    )
    return 1 if wrong or escaped else 0


def main() -> int:
    """Run; exit code 1 if anything is wrong, or a planted bug escapes."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Break things, and see what comes of it."
    )
    parser.add_argument("--only", action="append", help="plans, or planted bugs, whose name has this part")
    parser.add_argument("--without", action="append", help="none of those with this part")
    parser.add_argument("--lanes", type=int, default=2, help="control planes, and so plans at a time")
    parser.add_argument("--quiet", type=float, default=0, help="seconds in which nothing may be written at the end")
    parser.add_argument("--writes", action="store_true", help="print the writes of a clean run")
    return asyncio.run(_amain(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
