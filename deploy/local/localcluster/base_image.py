"""The base of the project's images where no registry is reachable: Debian with Python, by debootstrap.

It stands in for python:3.13-slim: `python`, `python3` and `python -m venv` work in both.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

from localcluster import buildah, debian, lock, paths, shell
from localcluster.progress import Reporter

_SUITE = "trixie"
_PACKAGES = ("ca-certificates", "python3", "python3-venv")
_MIRROR = "http://deb.debian.org/debian"
_SURPLUS = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"),
    *("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/lib/python3.13/test", "usr/lib/python3.13/idlelib"),
)
_UNSYNCED = {"DPKG_FORCE": "unsafe-io"}  # a file system that is packed and removed need not reach the disk
_SETTINGS = ("--cmd=python3", "--env=LANG=C.UTF-8", "--env=PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")


def reference() -> str:
    """The image's name: another recipe is another image."""
    recipe = repr((_SUITE, _PACKAGES, _SURPLUS, _SETTINGS, 1))
    return f"coursegen.local/base:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"


def ensure(reporter: Reporter) -> str:
    """Makes the base image unless it is there, and returns its name."""
    name = reference()
    debian.ensure(debian.IMAGES, reporter)
    with lock.held(paths.cache() / "base-image.lock"):
        if not buildah.exists(name):
            with reporter.step("base image", f"Debian {_SUITE} with Python; about a minute"):
                _make(name)
    return name


def _make(name: str) -> None:
    log = paths.cache() / "logs" / "base-image.log"
    with tempfile.TemporaryDirectory(prefix=".base-", dir=paths.cache()) as scratch:
        rootfs, layer = Path(scratch) / "rootfs", Path(scratch) / "rootfs.tar"
        argv = ["debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", _SUITE, str(rootfs), _mirror()]
        # A mount namespace of its own: whatever debootstrap leaves mounted when it is killed goes with it.
        shell.logged(["unshare", "--mount", *argv], what="debootstrap", log=log, env=_UNSYNCED)
        _trim(rootfs)
        shell.logged(["tar", "-C", str(rootfs), "--sort=name", "-cf", str(layer), "."], what="Packing", log=log)
        buildah.commit(name, layer, log, _SETTINGS)


def _trim(rootfs: Path) -> None:
    for surplus in _SURPLUS:
        shutil.rmtree(rootfs / surplus, ignore_errors=True)
    for needed in ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log"):
        (rootfs / needed).mkdir(parents=True)
    (rootfs / "etc/apt/sources.list").write_text(f"deb {_MIRROR} {_SUITE} main\n")
    (rootfs / "etc/resolv.conf").unlink(missing_ok=True)
    (rootfs / "etc/hostname").unlink(missing_ok=True)
    (rootfs / "usr/local/bin/python").symlink_to("/usr/bin/python3")


def _mirror() -> str:
    """The machine's own mirror of Debian, where it has one."""
    sites = shell.output(["apt-get", "indextargets", "--format", "$(SITE)"]).split()
    return next((site for site in sites if re.search(r"/debian/?$", site)), _MIRROR)
