"""The cgroups of one instance: what its processes are found by, and ended by.

Every program of an instance starts in `<ident>/system`, and kubelet puts Pods into `<ident>/kubepods`. So a container's
shim, or a child of a program that was killed, is found however it was orphaned, and nobody else's process ever is.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from localcluster.errors import LocalClusterError

PREFIX = "coursegen-"
_MOUNT = Path("/sys/fs/cgroup")
_GONE_SECONDS = 15.0


def hierarchies() -> list[Path]:
    """The mounted hierarchies: one with cgroup v2, one a controller with v1."""
    if (_MOUNT / "cgroup.controllers").exists():
        return [_MOUNT]
    found = [p for p in sorted(_MOUNT.iterdir()) if p.is_dir() and not p.is_symlink() and p.is_mount()]
    if not found:
        raise LocalClusterError("No cgroups are mounted under /sys/fs/cgroup; a node cannot run without.")
    return found


def _tracking() -> Path:
    """The hierarchy whose membership says which processes are the instance's.

    With v1 only one is used: the machine's own bookkeeping of memory and CPU stays as it was.
    """
    pids = _MOUNT / "pids"
    if pids.is_dir():
        return pids
    return _MOUNT if (_MOUNT / "cgroup.controllers").exists() else hierarchies()[0]


def create(ident: str) -> None:
    """Makes the root in every hierarchy; kubelet refuses one that is missing in any.

    Raises LocalClusterError where none may be made, as in most containers.
    """
    try:
        for hierarchy in hierarchies():
            (hierarchy / ident).mkdir(exist_ok=True)
        system(ident).mkdir(exist_ok=True)
    except OSError as error:
        raise LocalClusterError(
            f"No cgroup can be made: {error}.",
            hint="In a container this needs one that is privileged; or use a machine of its own.",
        ) from error


def system(ident: str) -> Path:
    """The cgroup that the instance's own programs start in."""
    return _tracking() / ident / "system"


def others_exist(ident: str) -> bool:
    """Says whether another instance runs, or left something, on this machine."""
    return any(p.is_dir() and p.name != ident for p in _tracking().glob(f"{PREFIX}*"))


def members(ident: str) -> list[int]:
    """The processes of the instance: its programs, shims and containers."""
    pids: list[int] = []
    for file in (_tracking() / ident).rglob("cgroup.procs"):
        try:
            pids += [int(line) for line in file.read_text().split()]
        except OSError:  # the cgroup went away in between
            continue
    return pids


def kill(ident: str) -> None:
    """Ends every process of the instance, and returns when none is left."""
    deadline = time.monotonic() + _GONE_SECONDS
    while pids := members(ident):
        for pid in pids:
            _kill_member(pid, ident)
        if time.monotonic() > deadline:
            raise LocalClusterError(f"These processes do not end: {pids}.", hint="Run `down` again.")
        time.sleep(0.02)


def _kill_member(pid: int, ident: str) -> None:
    """Kills through a handle taken before the last look, so that a number used again is never hit."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if f"/{ident}/" in Path(f"/proc/{pid}/cgroup").read_text():
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        return
    finally:
        os.close(handle)


def remove(ident: str) -> None:
    """Removes the instance's cgroups; the kernel keeps one for a moment after its last process."""
    deadline = time.monotonic() + _GONE_SECONDS
    for hierarchy in hierarchies():
        root = hierarchy / ident
        while root.exists():
            for folder in sorted(root.rglob("*"), key=lambda p: len(p.parts), reverse=True):
                if folder.is_dir():
                    _rmdir(folder)
            _rmdir(root)
            if root.exists() and time.monotonic() > deadline:
                raise LocalClusterError(f"The cgroup {root} stays busy.", hint="Run `down` again.")


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return
    except OSError:  # busy
        time.sleep(0.01)
