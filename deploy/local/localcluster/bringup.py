"""From nothing, or from half of it, to a cluster that is ready: the two phases of `up`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcluster import (
    controlplane,
    converge,
    debian,
    golang,
    images,
    kubeconfig,
    kwok,
    network,
    node,
    node_images,
    pki,
    policies,
    storage,
)
from localcluster.api import Api
from localcluster.images import Image
from localcluster.paths import Instance
from localcluster.programs import Program
from localcluster.progress import Reporter
from localcluster.record import Record
from localcluster.sandbox import Sandbox
from localcluster.settings import API_SERVICE_ADDRESS, Options

_READY_SECONDS = 120.0


@dataclass(frozen=True)
class NodeTools:
    """What a real node needs besides the control plane's binary."""

    coredns: Path
    pause: Image
    kube_router: Path | None = None


@dataclass(frozen=True)
class Tools:
    """What must be on the machine before anything starts."""

    binaries: Path
    node: NodeTools | None = None
    kwok: Path | None = None


def tools(options: Options, reporter: Reporter) -> Tools:
    """Builds and installs what is missing."""
    debian.ensure(debian.CONTROL_PLANE, reporter)
    binaries = golang.ensure(golang.CONTROL_PLANE, reporter)
    if not options.has_node:
        return Tools(binaries, kwok=golang.ensure(golang.KWOK, reporter) if options.kwok_nodes else None)
    debian.ensure((*debian.NODE, *(debian.POLICIES if options.enforces_policies else ())), reporter)
    coredns = golang.ensure(golang.COREDNS, reporter)
    kube_router = golang.ensure(golang.KUBE_ROUTER, reporter) if options.enforces_policies else None
    return Tools(binaries, NodeTools(coredns, images.pause(reporter), kube_router))


@dataclass(frozen=True)
class BringUp:
    """One run of `up` on one instance, whose lock the caller holds."""

    instance: Instance
    options: Options
    tools: Tools
    box: Sandbox
    reporter: Reporter

    @property
    def address(self) -> str:
        return self.box.link.node_address

    @property
    def api(self) -> Api:
        return Api(self.address, self.instance.pki)

    def run(self, known: Record) -> None:
        """Starts what is missing, restarts what changed, and waits until everything is ready."""
        self._write_configs()
        early, late, last = self._early(), self._late(), self._last()
        with self.reporter.step("control plane", "etcd, API server, controllers, scheduler") as step:
            known = self._run_control_plane(known, early, [p.name for p in (*late, *last)])
            self._forget_other_nodes()
            step.note(f"Kubernetes {golang.KUBERNETES} on {self.address}")
        if self.tools.kwok is not None:
            self._run_kwok(known, (*early, *late))
        if self.tools.node is not None:
            known = self._run_node(known, (*early, *late), last, self.tools.node)
        if last:
            self._enforce_policies(known, (*early, *late, *last))

    def _run_control_plane(self, known: Record, wanted: tuple[Program, ...], late: list[str]) -> Record:
        servers = [p for p in wanted if p.name not in controlplane.CLIENTS]
        known = converge.run(self.instance, self.box, known, servers, later=[*controlplane.CLIENTS, *late])
        self._wait(known, "The API server is ready", self.api.ready, "kube-apiserver")
        known = converge.run(self.instance, self.box, known, wanted, later=late)
        # The controller manager makes the account that every Pod of the namespace runs as.
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        self._wait(known, "The controllers work", lambda: bool(self.api.get(account)), "kube-controller-manager")
        return known

    def _forget_other_nodes(self) -> None:
        """Removes the nodes that an earlier `up` with other options made."""
        if self.tools.node is None:
            self.api.request("DELETE", f"/api/v1/nodes/{self.options.node_name}")
        if self.tools.kwok is None:
            kwok.make_nodes(self.api, 0)

    def _run_node(
        self, known: Record, wanted: tuple[Program, ...], last: tuple[Program, ...], tools: NodeTools
    ) -> Record:
        with self.reporter.step("node", "containerd, kubelet, kube-proxy, CoreDNS") as step:
            network.let_pods_out(self.box)
            network.allow_dns(self.api)
            storage.prepare(self.instance, self.api)
            known = converge.run(self.instance, self.box, known, wanted, later=[p.name for p in last])
            node_images.ensure(self.instance, self.box, tools.pause)
            self._wait_for_node(known)
            step.note("Pods, Services, names and volumes work")
        return known

    def _enforce_policies(self, known: Record, wanted: tuple[Program, ...]) -> None:
        with self.reporter.step("network policies", "kube-router") as step:
            policies.allow(self.api)
            known = converge.run(self.instance, self.box, known, wanted)
            self._wait(known, "Network policies are in force", lambda: policies.in_force(self.box), policies.NAME)
            step.note("what they forbid does not pass")

    def _run_kwok(self, known: Record, wanted: tuple[Program, ...]) -> None:
        count = self.options.kwok_nodes
        with self.reporter.step("fake nodes", f"kwok with {count}"):
            kwok.make_nodes(self.api, count)
            known = converge.run(self.instance, self.box, known, wanted)
            self._wait(known, "The fake nodes are ready", lambda: kwok.ready(self.api, count), "kwok")

    def _write_configs(self) -> None:
        pki.ensure(self.instance.pki, pki.leaves(self.address, API_SERVICE_ADDRESS, self.options.node_name))
        controlplane.write_configs(self.instance, self.address)
        admin = kubeconfig.build(self.instance.pki, "admin", name=self.instance.name, address=self.address)
        kubeconfig.write(self.instance.kubeconfig, admin)
        if self.tools.node is not None:
            node.write_configs(self.instance, self.address, self.tools.node.pause.reference, self.options)
            network.write_configs(self.instance, self.address, self.options.node_name)
            policies.write_configs(self.instance, self.address)
        if self.tools.kwok is not None:
            kwok.write_configs(self.instance, self.address, self.options)

    def _early(self) -> tuple[Program, ...]:
        """The control plane; containerd beside it, since it needs nobody and takes a moment."""
        plane = controlplane.programs(self.instance, self.tools.binaries, self.address, self.options)
        return plane if self.tools.node is None else (*plane, node.containerd(self.instance))

    def _late(self) -> tuple[Program, ...]:
        """What the API server must be there for."""
        if self.tools.kwok is not None:
            return (kwok.program(self.instance, self.tools.kwok, self.address),)
        if self.tools.node is None:
            return ()
        kubelet = node.kubelet(self.instance, self.tools.binaries, self.address, self.options.node_name)
        return (kubelet, *network.programs(self.instance, self.tools.binaries, self.tools.node.coredns))

    def _last(self) -> tuple[Program, ...]:
        """What the API server must know the node for."""
        if self.tools.node is None or self.tools.node.kube_router is None:
            return ()
        return (policies.program(self.instance, self.tools.node.kube_router, self.options.node_name),)

    def _wait_for_node(self, known: Record) -> None:
        started = known.running["kubelet"].process.started()
        self._wait(
            known, "The node is ready", lambda: node.ready_since(self.api, self.options.node_name, started), "kubelet"
        )
        self._wait(known, "Services route", lambda: network.proxy_ready(self.address), "kube-proxy")
        self._wait(known, "Names resolve", lambda: network.dns_ready(self.address), "coredns")

    def _wait(self, known: Record, what: str, check: Callable[[], bool], log: str) -> None:
        converge.wait(self.instance, known, what, check, seconds=_READY_SECONDS, log=log)
