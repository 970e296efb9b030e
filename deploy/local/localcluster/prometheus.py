"""Prometheus and promtool for tests: those of the machine, else Debian's package, unpacked and not installed.

Installing it would start a daemon, which nobody asked for.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from localcluster import lock, paths, shell
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter

_PACKAGE = "prometheus"


@dataclass(frozen=True)
class Prometheus:
    """Where the two programs are."""

    server: Path
    promtool: Path


def ensure(reporter: Reporter) -> Prometheus:
    """Gives the two programs, and brings them if they are missing.

    Raises LocalClusterError on a machine that has neither them nor apt-get.
    """
    server, promtool = shutil.which("prometheus"), shutil.which("promtool")
    if server and promtool:
        return Prometheus(Path(server), Path(promtool))
    with lock.held(paths.cache() / "prometheus.lock"):
        found = paths.cache() / "debian" / _PACKAGE
        if not found.is_dir():
            if shutil.which("apt-get") is None:
                raise LocalClusterError(
                    "prometheus and promtool are missing.", hint="Install them; there is no apt-get."
                )
            with reporter.step("unpack Prometheus", "from Debian's package"):
                _unpack(found)
    return Prometheus(found / "usr" / "bin" / "prometheus", found / "usr" / "bin" / "promtool")


def _unpack(target: Path) -> None:
    """Brings the package into its folder, whole or not at all."""
    log = paths.cache() / "logs" / "prometheus.log"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        download = ["apt-get", "download", _PACKAGE]
        try:
            shell.logged(download, what="apt-get download", log=log, cwd=folder)
        except LocalClusterError:  # the package lists are missing or old
            shell.logged(["apt-get", "update"], what="apt-get update", log=log)
            shell.logged(download, what="apt-get download", log=log, cwd=folder)
        [package] = folder.glob("*.deb")
        shell.logged(["dpkg-deb", "--extract", str(package), str(folder / "out")], what="dpkg-deb", log=log)
        (folder / "out").rename(target)
