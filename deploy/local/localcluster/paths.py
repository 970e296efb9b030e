"""Where things lie: caches that may vanish, and one state folder an instance."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError

HERE = Path(__file__).resolve().parent.parent  # deploy/local
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?")


def _xdg(variable: str, fallback: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / fallback) / "coursegen"


def cache() -> Path:
    """The folder of builds and images: each entry is named by its content and can be made again."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_home() -> Path:
    """The folder that holds the instances."""
    return _xdg("XDG_STATE_HOME", ".local/state")


@dataclass(frozen=True)
class Instance:
    """One local cluster by name, and every path that belongs to it."""

    name: str
    home: Path

    @property
    def state(self) -> Path:
        return self.home / self.name

    @property
    def lock(self) -> Path:
        """Held while `up` or `down` works; beside the state folder, which `down` removes."""
        return self.home / f".{self.name}.lock"

    @property
    def record(self) -> Path:
        return self.state / "instance.json"

    @property
    def pki(self) -> Path:
        return self.state / "pki"

    @property
    def config(self) -> Path:
        return self.state / "config"

    @property
    def registries(self) -> Path:
        """How the node reaches registries of images: a folder HOST:PORT for each, with containerd's hosts.toml."""
        return self.config / "registries"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def data(self) -> Path:
        """What must outlive a reboot: etcd's data, containerd's images, volumes."""
        return self.state / "data"

    @property
    def volatile(self) -> Path:
        """What belongs to running processes, and is emptied before they start anew."""
        return self.state / "run"

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.logs / "audit.log"

    @property
    def ident(self) -> str:
        """The name of this instance's cgroups: two state homes may each hold an instance of one name."""
        digest = hashlib.sha256(str(self.state).encode()).hexdigest()[:6]
        return f"coursegen-{self.name}-{digest}"


def instance(name: str) -> Instance:
    """The instance of that name.

    Raises LocalClusterError for a name that is no DNS label of at most 20 characters.
    """
    if not _NAME.fullmatch(name):
        raise LocalClusterError(f"{name!r} cannot name a cluster: use 1 to 20 lower-case letters, digits and hyphens.")
    return Instance(name=name, home=state_home())


def instances() -> list[Instance]:
    """Every instance that has a state folder."""
    home = state_home()
    names = sorted(p.name for p in home.iterdir() if _NAME.fullmatch(p.name)) if home.is_dir() else []
    return [Instance(name=name, home=home) for name in names]
