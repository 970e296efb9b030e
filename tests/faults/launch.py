"""Runs the operator as it is, but for the way to the API server (plain, to the proxy), and how soon it settles costs.

And with a clock that is off, or one planted bug, if asked.
"""

import os
import sys
import time
from pathlib import Path

import kopf

_SETTLED_SECONDS = 4.0
"""In place of 35: here a write is given up after 2 seconds, not 30."""

_PERIOD_SECONDS = 2.0
"""In place of 30."""


def _step_clock(off: Path) -> None:
    """Have the clock be off by what a file says, as long as there is one."""
    right = time.time

    def now() -> float:
        try:
            return right() + float(off.read_text())
        except FileNotFoundError:
            return right()

    time.time = now


def _run() -> int:
    from coursegen_operator import __main__ as operator
    from coursegen_operator import access
    from coursegen_operator.plan import settling

    from . import bugs

    access.from_kubeconfig = lambda: access.Access(kopf.ConnectionInfo(server=os.environ["FAULTS_SERVER"]))
    settling.SETTLED_SECONDS, settling.PERIOD_SECONDS = _SETTLED_SECONDS, _PERIOD_SECONDS
    if bug := os.environ["FAULTS_BUG"]:
        bugs.ALL[bug]()
    return operator.main()


if __name__ == "__main__":
    if off := os.environ["FAULTS_CLOCK"]:
        _step_clock(Path(off))
    sys.exit(_run())
