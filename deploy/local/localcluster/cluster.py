"""A local cluster: brought up, looked at, taken down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcluster import (
    cgroups,
    controlplane,
    converge,
    golang,
    kubeconfig,
    lock,
    paths,
    pki,
    programs,
    record,
    sandbox,
)
from localcluster.api import PORT, Api
from localcluster.errors import LocalClusterError
from localcluster.paths import Instance
from localcluster.progress import Reporter
from localcluster.programs import Program
from localcluster.record import Record
from localcluster.sandbox import Sandbox
from localcluster.settings import API_SERVICE_ADDRESS, NODE_NAME, Options

_CONTROL_PLANE_SECONDS = 60.0


@dataclass(frozen=True)
class Access:
    """What a program needs to use a running cluster."""

    name: str
    address: str
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

    def up(self, options: Options = Options()) -> Access:
        """Brings the cluster to what the options say, from whatever state it is in, and waits until it is ready."""
        _require_root()
        binaries = golang.ensure(golang.CONTROL_PLANE, self.reporter)
        with self._locked():
            box, known = self._sandbox(options)
            self._write_configs(box)
            wanted = self._programs(box, binaries, options)
            known = converge.run(self.instance, box, replace(known, options=options), wanted)
            record.save(self.instance.record, known)
            self._wait_for_control_plane(box, known)
            return self._access(box, options, binaries)

    def down(self) -> None:
        """Removes everything that this cluster made on the machine; cached builds and images stay."""
        _require_root()
        with self._locked():
            sandbox.remove(self.instance)
            others = [i for i in paths.instances() if i != self.instance and cgroups.members(i.ident)]
            sandbox.remove_made_folders(self.instance, others_run=bool(others))
            shutil.rmtree(self.instance.state, ignore_errors=True)
        self.instance.lock.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with lock.held(self.instance.lock):
            yield

    def _sandbox(self, options: Options) -> tuple[Sandbox, Record]:
        """The running sandbox, or a new one on top of the data that the last one left."""
        known = record.load(self.instance.record)
        box = known.sandbox() if known else None
        if known is not None and box is not None:
            return box, known
        sandbox.remove(self.instance)
        shutil.rmtree(self.instance.volatile, ignore_errors=True)
        box = sandbox.create(self.instance, known.slot if known else None)
        known = Record(boot=programs.boot_id(), slot=box.link.slot, holder=box.holder, options=options)
        record.save(self.instance.record, known)
        return box, known

    def _write_configs(self, box: Sandbox) -> None:
        address = box.link.node_address
        pki.ensure(self.instance.pki, pki.leaves(address, API_SERVICE_ADDRESS, NODE_NAME))
        controlplane.write_configs(self.instance, address)
        admin = kubeconfig.build(self.instance.pki, "admin", name=self.instance.name, address=address)
        kubeconfig.write(self.instance.kubeconfig, admin)

    def _programs(self, box: Sandbox, binaries: Path, options: Options) -> tuple[Program, ...]:
        return controlplane.programs(self.instance, binaries, box.link.node_address, options)

    def _api(self, box: Sandbox) -> Api:
        return Api(box.link.node_address, self.instance.pki)

    def _wait_for_control_plane(self, box: Sandbox, known: Record) -> None:
        api = self._api(box)
        # The controller manager makes the account that every Pod of the namespace needs: with it, Pods can be created.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        for what, check, log in (
            ("The API server answers", api.ready, "kube-apiserver"),
            ("The controllers work", lambda: api.get(account) is not None, "kube-controller-manager"),
        ):
            converge.wait(self.instance, known, what, check, seconds=_CONTROL_PLANE_SECONDS, log=log)

    def _access(self, box: Sandbox, options: Options, binaries: Path) -> Access:
        return Access(
            name=self.instance.name,
            address=box.link.node_address,
            kubeconfig=self.instance.kubeconfig,
            kubectl=binaries / "kubectl",
            audit_log=self.instance.audit_log if options.audit_log else None,
        )


def _require_root() -> None:
    if not programs.require_root():
        raise LocalClusterError("A local cluster needs root: it makes namespaces, cgroups and links.")
