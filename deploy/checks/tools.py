"""The tools that judge and list: not ours to import, and large; each is installed when it is first needed.

Those of Python come from a file of hashes beside this one, into a folder of the cache; kube-score is built from its Go
module, as the local cluster's programs are.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster import golang, lock, paths
from localcluster.progress import Reporter

KUBE_SCORE = golang.Module(
    "kube-score", package="github.com/zegl/kube-score/cmd/kube-score", about="a judge of manifests, about a minute"
)


def checkov() -> str:
    """Give checkov."""
    return _installed("checkov", "checkov")


def cyclonedx() -> str:
    """Give cyclonedx-py, which writes bills of materials."""
    return _installed("cyclonedx", "cyclonedx-py")


def kube_score() -> str:
    """Give kube-score."""
    return str(golang.ensure(KUBE_SCORE, Reporter(sys.stderr)) / "kube-score")


def locked(name: str) -> Path:
    """Give the file that names a tool and all that it stands on, by hash."""
    return Path(__file__).with_name(f"{name}.txt")


def _installed(name: str, program: str) -> str:
    """Install a tool, unless it is there: other hashes are another folder."""
    packages = locked(name)
    key = hashlib.sha256(packages.read_bytes() + sys.version.encode()).hexdigest()[:12]
    place = paths.cache() / "tools" / f"{name}-{key}"
    with lock.held(paths.cache() / f"tool-{name}.lock"):
        if not place.exists():
            with Reporter(sys.stderr).step(name, f"by the hashes of {packages.name}"):
                _install(packages, place.with_suffix(".making")).rename(place)
    return str(place / "bin" / program)


def _install(packages: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    _uv("venv", "--relocatable", f"--python={sys.executable}", str(folder))
    _uv("pip", "sync", f"--python={folder}/bin/python", "--require-hashes", str(packages))
    return folder


def _uv(*argv: str) -> None:
    done = subprocess.run(["uv", *argv, "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"uv {argv[0]} failed: {done.stderr}")
