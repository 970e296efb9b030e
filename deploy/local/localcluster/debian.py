"""Programs that come from Debian's packages: looked for by name, installed only when missing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from localcluster import lock, paths, shell
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter

CNI_PLUGINS = "/usr/lib/cni"
_SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_APT = {"DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True)
class Needed:
    """A program, and the Debian package that has it."""

    program: str
    package: str

    def missing(self) -> bool:
        if self.program.startswith("/"):
            return not Path(self.program).exists()
        return shutil.which(self.program, path=_SEARCHED) is None


CONTROL_PLANE = (Needed("ip", "iproute2"), Needed("nsenter", "util-linux"), Needed("openssl", "openssl"))
NODE = (
    Needed("containerd", "containerd"),
    Needed("runc", "runc"),
    Needed("nft", "nftables"),
    Needed("mount", "mount"),
    Needed(f"{CNI_PLUGINS}/ptp", "containernetworking-plugins"),
)
POLICIES = (Needed("iptables", "iptables"), Needed("ipset", "ipset"))
IMAGES = (Needed("buildah", "buildah"), Needed("debootstrap", "debootstrap"))


def ensure(needed: tuple[Needed, ...], reporter: Reporter) -> None:
    """Installs what is missing.

    Raises LocalClusterError on a machine without apt-get, naming the programs to install by hand.
    """
    if not _missing(needed):
        return
    with lock.held(paths.cache() / "apt.lock"):
        packages = _missing(needed)
        if not packages:
            return
        if shutil.which("apt-get") is None:
            programs = ", ".join(n.program for n in needed if n.missing())
            raise LocalClusterError(
                f"These programs are missing: {programs}.", hint="Install them; there is no apt-get."
            )
        with reporter.step("install packages", ", ".join(packages)):
            _install(packages)


def _missing(needed: tuple[Needed, ...]) -> list[str]:
    return sorted({n.package for n in needed if n.missing()})


def _install(packages: list[str]) -> None:
    log = paths.cache() / "logs" / "apt.log"
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    try:
        shell.logged(install, what="apt-get install", log=log, env=_APT)
    except LocalClusterError:  # the package lists are missing or old
        shell.logged(["apt-get", "update"], what="apt-get update", log=log, env=_APT)
        shell.logged(install, what="apt-get install", log=log, env=_APT)
