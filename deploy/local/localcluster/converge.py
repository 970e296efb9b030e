"""Makes what runs equal to what should run: starts what is missing, restarts what changed, ends what is not wanted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from localcluster import cgroups, programs, record
from localcluster.errors import LocalClusterError
from localcluster.paths import Instance
from localcluster.programs import ProcessId, Program, Running
from localcluster.record import Record
from localcluster.sandbox import Sandbox

_TERM_SECONDS = 10.0
_POLL_SECONDS = 0.05


def run(
    instance: Instance, box: Sandbox, known: Record, wanted: Sequence[Program], *, later: Collection[str] = ()
) -> Record:
    """Starts and ends programs until exactly the wanted ones run; returns the new record, which is saved too.

    Programs named in `later` have their turn in a call to come: those that run are left as they are. While it works the
    record is marked unsettled: if this program is killed here, the next `up` starts all anew.
    """
    names = {program.name for program in wanted}.union(later)
    surplus = [name for name in known.running if name not in names or not known.alive(name)]
    stale = [program for program in wanted if not _is_current(known, program)]
    if not surplus and not stale:
        return known
    current = replace(known, settled=False)
    record.save(instance.record, current)
    running = dict(known.running)
    for name in [*surplus, *(program.name for program in stale)]:
        old = running.pop(name, None)
        if old is not None and known.alive(name):
            stop(old.process)
    for program in stale:
        running[program.name] = _start(instance, box, program)
    current = replace(current, running=running, settled=True)
    record.save(instance.record, current)
    return current


def _is_current(known: Record, program: Program) -> bool:
    return known.alive(program.name) and known.running[program.name].fingerprint == program.fingerprint


def _start(instance: Instance, box: Sandbox, program: Program) -> Running:
    log = instance.logs / f"{program.name}.log"
    process = programs.start(box.enter(program.argv), cgroup=cgroups.system(instance.ident), log=log)
    return Running(process, program.fingerprint)


def stop(process: ProcessId) -> None:
    """Asks a process to end, and ends it when it takes too long."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not process.alive():
                return
            signal.pidfd_send_signal(handle, number)
            deadline = time.monotonic() + _TERM_SECONDS
            while process.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def wait(instance: Instance, known: Record, what: str, check: Callable[[], bool], *, seconds: float, log: str) -> None:
    """Waits until something is so.

    Raises LocalClusterError as soon as a program that it depends on has ended, or when the time is over; `log` names
    the program whose log tells most about it.
    """
    deadline = time.monotonic() + seconds
    while not check():
        for name in known.running:
            if not known.alive(name):
                raise LocalClusterError(f"{name} ended by itself.", log=instance.logs / f"{name}.log")
        if time.monotonic() > deadline:
            raise LocalClusterError(f"{what}: not so after {seconds:.0f} s.", log=instance.logs / f"{log}.log")
        time.sleep(_POLL_SECONDS)
