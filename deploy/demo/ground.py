"""Where the demo runs: a cluster of this machine's own, one of kind's, or one that is there already.

kind needs Docker and kubectl; it was tried with stand-ins for these programs, and not with the real ones. A cluster
that is there needs neither: its images are built with buildah where there is no Docker, and its kubectl is that of the
local cluster.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from localcluster import golang, images, paths, shell
from localcluster.cluster import Cluster
from localcluster.errors import LocalClusterError
from localcluster.images import Build, Image
from localcluster.progress import Reporter

from . import overlay, registry
from .kubectl import Kubectl
from .overlay import ROOT

KINDS = ("local", "kind", "existing")
_OF_THE_DEMO = (
    ("crd", "coursegenerations.coursegen.dev"),
    *(("namespace", name) for name in (overlay.SYSTEM, *overlay.TENANTS)),
)
"""What `make down` would take along, by which a cluster shows that somebody uses it."""
_IF_THERE = ("--ignore-not-found", "--output=name")


class Ground(Protocol):
    """A cluster to deploy to."""

    reporter: Reporter
    overlay: Path
    """The overlay that suits it."""

    @property
    def words(self) -> str:
        """Say how a person calls kubectl for it."""

    @property
    def plugin(self) -> str:
        """Say how a person calls the plugin for it."""

    def up(self) -> Kubectl:
        """Have the cluster run; LocalClusterError says what is missing."""

    def build_images(self) -> None:
        """Build the images, and write the overlay's generated component, which names them."""

    def bring_images(self) -> None:
        """Build the images, and bring them to the cluster."""

    def down(self, kubectl: Kubectl | None = None) -> None:
        """Remove what the demo made."""


def choose(kind: str, name: str, reporter: Reporter) -> Ground:
    """Give the ground that CLUSTER names."""
    if kind == "kind":
        return Kind(reporter, name)
    if kind == "existing":
        return Existing(reporter, os.environ.get("IMAGE_REGISTRY", ""))
    return Local(reporter, Cluster.named(name, reporter))


def built(reporter: Reporter) -> dict[str, Image]:
    """Build with buildah what is not built yet; the names are those of the manifests."""
    own = {
        name: images.build(Build(f"{images.REGISTRY}/{name.split('/')[1]}", ROOT / file, ROOT, arguments), reporter)
        for name, (file, arguments) in registry.PARTS.items()
    }
    return own | {
        "redis": images.redis(reporter),
        "versity/versitygw": images.s3(reporter),
        "prom/prometheus": images.prometheus(reporter),
    }


@dataclass
class Local:
    """Kubernetes on this machine, without Docker."""

    reporter: Reporter
    cluster: Cluster
    overlay: Path = overlay.OVERLAY

    @property
    def words(self) -> str:
        return "deploy/demo/kubectl"

    @property
    def plugin(self) -> str:
        return f"{self.words} coursegen"

    def up(self) -> Kubectl:
        access = self.cluster.up()
        return Kubectl(access.kubectl, access.kubeconfig, _log(access.name))

    def build_images(self) -> None:
        self._build()

    def bring_images(self) -> None:
        for image in self._build().values():
            self.cluster.ensure_image(image)

    def _build(self) -> dict[str, Image]:
        made = built(self.reporter)
        overlay.write({name: image.reference for name, image in made.items()})
        return made

    def down(self, kubectl: Kubectl | None = None) -> None:
        self.cluster.down()


@dataclass
class Kind:
    """A cluster of kind's, in Docker."""

    reporter: Reporter
    name: str
    overlay: Path = ROOT / "deploy" / "overlays" / "kind"

    @property
    def words(self) -> str:
        return f"KUBECONFIG={self._kubeconfig} kubectl"

    @property
    def plugin(self) -> str:
        return f"KUBECONFIG={self._kubeconfig} .venv/bin/coursegen"

    @property
    def _kubeconfig(self) -> Path:
        return paths.cache() / f"kind-{self.name}.kubeconfig"

    def up(self) -> Kubectl:
        kind, kubectl = _program("kind"), _program("kubectl")
        log, config = _log(self.name), f"--kubeconfig={self._kubeconfig}"
        with self.reporter.step("cluster", f"kind create cluster --name {self.name}"):
            if self.name not in shell.output([kind, "get", "clusters"]).split():
                argv = [kind, "create", "cluster", f"--name={self.name}", config, "--wait=120s"]
                shell.logged(argv, what="Creating the kind cluster", log=log)
            shell.logged([kind, "export", "kubeconfig", f"--name={self.name}", config], what="kind export", log=log)
        return Kubectl(Path(kubectl), self._kubeconfig, log)

    def build_images(self) -> None:
        self._build()

    def bring_images(self) -> None:
        references = self._build()
        with self.reporter.step("images", "kind load docker-image"):
            argv = [_program("kind"), "load", "docker-image", f"--name={self.name}", *references.values()]
            shell.logged(argv, what="Loading the images into kind", log=_log(self.name))

    def _build(self) -> dict[str, str]:
        _program("docker")
        log = _log(self.name)
        references = registry.docker_tag_by_content(registry.docker_build(self.reporter, "coursegen.local", log), log)
        overlay.write(references, self.overlay / "generated")
        return references

    def down(self, kubectl: Kubectl | None = None) -> None:
        argv = [_program("kind"), "delete", "cluster", f"--name={self.name}"]
        shell.logged(argv, what="Deleting the kind cluster", log=_log(self.name))


@dataclass
class Existing:
    """The cluster of the kubeconfig, which pulls the images from a registry."""

    reporter: Reporter
    registry: str
    overlay: Path = ROOT / "deploy" / "overlays" / "kind"

    @property
    def words(self) -> str:
        return "kubectl" if shutil.which("kubectl") else str(self._kubectl())

    @property
    def plugin(self) -> str:
        return ".venv/bin/coursegen"

    def up(self) -> Kubectl:
        if not self.registry:
            raise LocalClusterError(
                "IMAGE_REGISTRY is not set: name a registry that you may push to and the cluster may pull from.",
                hint="For example: make demo CLUSTER=existing IMAGE_REGISTRY=registry.example.com/coursegen",
            )
        kubectl = self._reached()
        self._must_be_ours(kubectl)
        return kubectl

    def _reached(self) -> Kubectl:
        named = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
        if not any(Path(file).exists() for file in named.split(os.pathsep)):
            raise LocalClusterError(f"There is no kubeconfig: KUBECONFIG names {named}, which does not exist.")
        return Kubectl(self._kubectl(), Path(named), _log("existing"))

    def _kubectl(self) -> Path:
        """Give kubectl; on a machine without one, that of the local cluster."""
        found = shutil.which("kubectl")
        return Path(found) if found else golang.ensure(golang.CONTROL_PLANE, self.reporter) / "kubectl"

    def _must_be_ours(self, kubectl: Kubectl) -> None:
        """What this machine did not deploy is not to be overwritten, nor taken down: with the CRDs all courses go."""
        if self._claim(kubectl).exists():
            return
        there = [kubectl.output("get", what, name, *_IF_THERE).strip() for what, name in _OF_THE_DEMO]
        if found := ", ".join(filter(None, there)):
            raise LocalClusterError(
                f"The cluster has what this demo did not make ({found}): it is left alone.",
                hint="Choose another cluster, or deploy an overlay of your own: docs/deploy.md",
            )

    def _claim(self, kubectl: Kubectl) -> Path:
        """Name the file that says of a cluster that what it has of the demo is ours: a kubeconfig may name another."""
        uid = kubectl.output("get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}").strip()
        return paths.state_home() / ".existing" / uid

    def bring_images(self) -> None:
        self.build_images()
        claim = self._claim(self._reached())
        claim.parent.mkdir(parents=True, exist_ok=True)
        claim.touch()

    def build_images(self) -> None:
        log = _log("existing")
        if registry.has_docker():
            tagged = registry.docker_build(self.reporter, self.registry, log)
            pushed = registry.docker_push(self.reporter, tagged, self.registry, log)
        else:
            pushed = registry.buildah_push(self.reporter, built(self.reporter), self.registry, log)
        overlay.write(pushed, self.overlay / "generated")

    def down(self, kubectl: Kubectl | None = None) -> None:
        kubectl = kubectl or self._reached()
        self._must_be_ours(kubectl)
        claim, generated = self._claim(kubectl), self.overlay / "generated"
        if not claim.exists():  # it failed before it deployed anything
            return
        if not generated.exists():  # the overlay names it; what is deleted goes by its name
            overlay.write({}, generated)
        kubectl.run("delete", "-k", str(self.overlay), "--ignore-not-found", what="Removing what the demo deployed")
        shutil.rmtree(generated, ignore_errors=True)
        claim.unlink()


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise LocalClusterError(
            f"{name} is not installed.", hint="`make demo` alone needs none of docker, kind, kubectl."
        )
    return found


def _log(name: str) -> Path:
    return paths.cache() / "logs" / f"deploy-{name}.log"
