"""A local cluster: brought up, looked at, taken down."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcluster import bringup, cgroups, lock, node_images, paths, programs, record, sandbox, status
from localcluster.api import PORT
from localcluster.errors import LocalClusterError
from localcluster.images import Image
from localcluster.paths import Instance
from localcluster.progress import Reporter
from localcluster.record import Record
from localcluster.sandbox import Sandbox
from localcluster.settings import Options
from localcluster.status import Status


@dataclass(frozen=True)
class Access:
    """What a program needs to use a running cluster."""

    name: str
    address: str
    host_address: str  # the host, as Pods and the node see it
    kubeconfig: Path
    kubectl: Path
    audit_log: Path | None

    @property
    def server(self) -> str:
        return f"https://{self.address}:{PORT}"


@dataclass(frozen=True)
class Cluster:
    """One local cluster by name; every verb may be said twice."""

    instance: Instance
    reporter: Reporter = field(default_factory=Reporter)

    @classmethod
    def named(cls, name: str, reporter: Reporter | None = None) -> Cluster:
        """The cluster of that name, whether it runs or not."""
        return cls(paths.instance(name), reporter or Reporter())

    def up(self, options: Options | None = None) -> Access:
        """Brings the cluster to what the options say, from whatever state it is in, and waits until it is ready."""
        _require_root()
        options = options or Options()
        tools = bringup.tools(options, self.reporter)
        with lock.held(self.instance.lock):
            box, known = self._sandbox(options)
            bringup.BringUp(self.instance, options, tools, box, self.reporter).run(replace(known, options=options))
        return Access(
            name=self.instance.name,
            address=box.link.node_address,
            host_address=box.link.host_address,
            kubeconfig=self.instance.kubeconfig,
            kubectl=tools.binaries / "kubectl",
            audit_log=self.instance.audit_log if options.audit_log else None,
        )

    def down(self) -> None:
        """Removes everything that this cluster made on the machine; cached builds and images stay."""
        _require_root()
        with self.reporter.step(f"remove {self.instance.name}"), lock.held(self.instance.lock):
            sandbox.remove(self.instance)
            with sandbox.folders_held(self.instance):
                others = cgroups.others_exist(self.instance.ident)
                sandbox.remove_made_folders(self.instance, others_exist=others)
            shutil.rmtree(self.instance.state, ignore_errors=True)
            self.instance.lock.unlink()

    def load_image(self, archive: Path) -> None:
        """Imports an image archive into the node.

        Raises LocalClusterError if the cluster does not run or has no node.
        """
        node_images.load(self.instance, self._running_node(), archive)

    def ensure_image(self, image: Image) -> str:
        """Imports an image into the node unless it is there, and returns its name."""
        box = self._running_node()
        with self.reporter.step("load image", image.reference) as step:
            if not node_images.ensure(self.instance, box, image):
                step.note(f"{image.reference} is there")
        return image.reference

    def images(self) -> set[str]:
        """The names of the images that the node has."""
        return node_images.present(self._running_node())

    def status(self) -> Status:
        """How the cluster is right now."""
        return status.of(self.instance)

    def sandbox(self) -> Sandbox:
        """The namespaces that the cluster runs in.

        Raises LocalClusterError if it does not run.
        """
        known = record.load(self.instance.record)
        box = known.sandbox() if known else None
        if box is None:
            raise LocalClusterError(f"The cluster {self.instance.name!r} does not run.", hint="`up` starts it.")
        return box

    def _running_node(self) -> Sandbox:
        box = self.sandbox()
        known = record.load(self.instance.record)
        if known is None or not known.alive("containerd"):
            raise LocalClusterError(f"The cluster {self.instance.name!r} has no running node.", hint="`up` starts one.")
        return box

    def _sandbox(self, options: Options) -> tuple[Sandbox, Record]:
        """The running sandbox, or a new one on top of the data that the last one left."""
        known = record.load(self.instance.record)
        box = known.sandbox() if known else None
        if known is not None and box is not None and not _leaves_something(known.options, options):
            return box, known
        sandbox.remove(self.instance)
        shutil.rmtree(self.instance.volatile, ignore_errors=True)
        box = sandbox.create(self.instance, known.slot if known else None)
        known = Record(boot=programs.boot_id(), slot=box.link.slot, holder=box.holder, options=options)
        record.save(self.instance.record, known)
        return box, known


def _leaves_something(before: Options, after: Options) -> bool:
    """Says whether something of before would outlive its programs, in a sandbox that stays."""
    containers = before.has_node and not after.has_node  # which nobody but containerd could end
    rules = before.enforces_policies and not after.enforces_policies
    return containers or rules


def _require_root() -> None:
    if not programs.is_root():
        raise LocalClusterError("A local cluster needs root: it makes namespaces, cgroups and links.")
