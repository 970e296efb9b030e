"""Who may reach whom, tried by real connections in Pods' own networks: what the network policies say, as one table.

What a policy forbids is refused as a closed port is. So nothing counts unless, in the same moment, the node reaches
every place: kubelet's probes and forwarded ports come from there, and no policy is asked about them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from coursegen_api import names
from localcluster import Reporter, cgroups, images, shell

from . import connections
from .connections import Place
from .scene import SECONDS, Scene, chapter
from .system import ROOT, SYSTEM, TENANTS, Json, System

NAME = "app.kubernetes.io/name"
NAMESPACED = ROOT / "deploy" / "overlays" / "namespaced"
METADATA, ELSEWHERE = "169.254.169.254", "192.0.2.1"
"""Where clouds have their metadata server, and an address that is nobody's (RFC 5737): the node alone has them here."""

OUTSIDE = {f"{ELSEWHERE}:{port}" for port in (80, 443, 6379, 6380, 8080)} | {f"{METADATA}:{port}" for port in (80, 443)}
BY_TLS = {f"{ELSEWHERE}:443", f"{ELSEWHERE}:6380"}
PODS = {"worker:8080", "tenant's Pod:443", "tenant's Pod:8080", "rival's Pod:443", "rival's Pod:8080"}
PODS |= {"own operator:8080", "own operator:443"}
CLUSTER = {"dns", "api server"}
EVERYTHING = CLUSTER | {"redis", "s3", "operator", "gateway", "prometheus"} | OUTSIDE | PODS

REACHES = {
    "the node": EVERYTHING,
    "worker": {"dns", "redis", "s3"} | BY_TLS,
    "tenant's Pod": set(),
    "rival's Pod": set(),
    "operator": CLUSTER | {"redis", f"{METADATA}:443"} | BY_TLS,  # nothing of a cloud answers there: it is port 80
    "gateway": CLUSTER | {"redis", "s3", "operator", "prometheus", f"{METADATA}:443"} | BY_TLS,
    "redis": set(),
    "s3": set(),
    "prometheus": {"api server", "operator", "gateway", f"{METADATA}:443", f"{ELSEWHERE}:443"},
    "the Prometheus operator's": CLUSTER | OUTSIDE | {"operator", "gateway", "own operator:8080"},
    "stranger": CLUSTER | OUTSIDE | {"gateway"},
    "impostor": CLUSTER | OUTSIDE | {"gateway"},
    "own operator": CLUSTER | {f"{METADATA}:443"} | BY_TLS,
    "own operator's neighbour": set(),
}

OWN = "team"
"""A namespace with an operator of its own, as deploy/overlays/namespaced has it."""

OURS = {names.LABEL_MANAGED_BY: names.MANAGED_BY}
STAND_INS = {
    "tenant's Pod": ("", {}),  # in the scene's own namespace
    "rival's Pod": (TENANTS[1], {}),
    "the Prometheus operator's": ("monitoring", {NAME: "prometheus"}),
    "stranger": ("monitoring", {NAME: "grafana"}),
    "impostor": ("monitoring", OURS),
    "own operator": (OWN, {NAME: "coursegen-operator"}),
    "own operator's neighbour": (OWN, {}),
}
"""Pods of this test that do nothing: their namespace and labels."""


def argv(what: str, places: list[Place]) -> list[str]:
    return [sys.executable, connections.__file__, what, json.dumps(places)]


def inside(system: System, pod: Json) -> list[str]:
    """Give the beginning of a command line that runs in a Pod's network, whose image may have no program at all."""
    mark = f"/pod{pod['metadata']['uid']}/"
    for pid in cgroups.members(system.cluster.instance.ident):
        try:
            if mark in Path(f"/proc/{pid}/cgroup").read_text():
                return ["nsenter", f"--target={pid}", "--net", "--"]
        except OSError:  # it has ended in between
            continue
    raise ProcessLookupError(f"{pod['metadata']['name']} has no process")


@contextmanager
def listening(entered: list[str], places: list[Place]) -> Iterator[None]:
    """Listen in some network during the body."""
    program = ["setpriv", "--pdeathsig", "KILL", *entered, *argv("listen", places)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "listening\n"
            yield
        finally:
            process.kill()


@contextmanager
def addresses(system: System) -> Iterator[None]:
    """Give the node two more addresses, at which somebody listens, during the body."""
    box = system.cluster.sandbox()
    places = [(a, int(p)) for a, _, p in (place.partition(":") for place in OUTSIDE)]
    for address in (METADATA, ELSEWHERE):
        shell.output(box.enter(["ip", "address", "replace", f"{address}/32", "dev", "lo"]))
    try:
        with listening(box.enter([]), places):
            yield
    finally:
        for address in (METADATA, ELSEWHERE):
            shell.output(box.enter(["ip", "address", "delete", f"{address}/32", "dev", "lo"]))


@contextmanager
def stand_ins(scene: Scene) -> Iterator[dict[str, Json]]:
    """Give the Pods of this test during the body."""
    container: Json = {"name": "idle", "image": images.pause(Reporter()).reference}
    container["ports"] = [{"name": "http", "containerPort": 8080}]
    container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    security = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"containers": [container], "securityContext": security, "automountServiceAccountToken": False}
    spec |= {"terminationGracePeriodSeconds": 0}
    own = Scene(scene.system, "monitoring")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": own.namespace}}
    with ExitStack() as after:
        scene.system.api.apply(f"/api/v1/namespaces/{own.namespace}", namespace)
        after.callback(one_namespace(scene.system))
        own.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
        made = {}
        for who, (namespace, labels) in STAND_INS.items():
            there = Scene(scene.system, namespace or scene.namespace)
            name = f"idle-{len(made)}"
            meta = {"name": name, "labels": {"app": "idle"} | labels}
            there.create("Pod", name, spec, apiVersion="v1", metadata=meta)
            after.callback(there.delete, "Pod", name, "v1", 0)
            made[who] = (there, name)
        for there, name in made.values():
            there.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s")
        yield {
            who: scene.system.request("GET", f"/api/v1/namespaces/{there.namespace}/pods/{name}")
            for who, (there, name) in made.items()
        }


def one_namespace(system: System) -> Callable[[], None]:
    """Make the namespace of an operator of its own, with its policies; gives what removes it."""
    own = Scene(system, OWN)
    parts = [m for m in yaml.safe_load_all(own.kubectl("kustomize", str(NAMESPACED))) if m]
    wanted = [m for m in parts if m["kind"] in ("Namespace", "NetworkPolicy")]
    assert {m["metadata"]["name"] for m in wanted} == {
        "courses",
        "default-deny",
        "coursegen-workers",
        "coursegen-operator",
    }
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted}).replace('"courses"', f'"{OWN}"')
    own.kubectl("apply", "-f", "-", stdin=text)
    own.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=120s")
    return lambda: own.delete("Namespace", OWN, "v1")


def system_pod(system: System, name: str) -> Json:
    """Give a Pod of the system that runs; another test may have it replaced at any time."""
    pods = [p for p in system.recorder.all("Pod", SYSTEM) if p["metadata"]["labels"].get(NAME) == f"coursegen-{name}"]
    running = [p for p in pods if p["status"].get("phase") == "Running" and "deletionTimestamp" not in p["metadata"]]
    if not running:
        raise ProcessLookupError(f"no Pod of {name} runs")
    return running[0]


def all_places(system: System, pods: Mapping[str, Json]) -> dict[str, Place]:
    """Give the address and port of everything that the table names."""

    def service(name: str, namespace: str = SYSTEM) -> Place:
        spec = system.request("GET", f"/api/v1/namespaces/{namespace}/services/{name}")["spec"]
        return spec["clusterIP"], spec["ports"][0]["port"]

    places = {name: service(name) for name in ("redis", "s3", "gateway", "prometheus")}
    places |= {"operator": service("coursegen-operator"), "api server": service("kubernetes", "default")}
    places["dns"] = (system.cluster.sandbox().link.node_address, 53)
    for place in OUTSIDE | PODS:
        who, _, port = place.partition(":")
        places[place] = (pods[who]["status"]["podIP"] if who in pods else who, int(port))
    return places


def reached(entered: list[str], places: Mapping[str, Place]) -> set[str]:
    """Try all places from one network."""
    done = subprocess.run([*entered, *argv("try", list(places.values()))], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProcessLookupError(done.stderr)
    return {place for place, answered in zip(places, json.loads(done.stdout), strict=True) if answered}


def tried(system: System, pods: Mapping[str, Json], places: Mapping[str, Place]) -> dict[str, set[str]]:
    """Try all places from all networks at once; ProcessLookupError if a Pod goes meanwhile."""
    entered = {"the node": system.cluster.sandbox().enter([])}
    entered |= {who: inside(system, pod) for who, pod in pods.items()}
    entered |= {
        who: inside(system, system_pod(system, who)) for who in ("operator", "gateway", "prometheus", "redis", "s3")
    }
    with ThreadPoolExecutor(len(entered)) as pool:
        found = dict(zip(entered, pool.map(lambda start: reached(start, places), entered.values()), strict=True))
    # Nothing keeps a Pod from itself.
    return {who: {p for p in answered if p.partition(":")[0] != who} for who, answered in found.items()}


@pytest.mark.own_operator
def test_nobody_reaches_more_or_less_than_the_policies_say(scene: Scene) -> None:
    system = scene.system
    scene.operator(worker_image=system.images["coursegen/misbehaving-worker"].reference)
    scene.create("ChapterGeneration", "c", chapter("Loops [sleep 600]"))
    with ExitStack() as during:
        during.enter_context(addresses(system))
        pods = during.enter_context(stand_ins(scene)) | {"worker": scene.until_pod_runs("c")}
        for who in ("worker", "tenant's Pod", "rival's Pod", "own operator"):
            ports = [int(place.partition(":")[2]) for place in PODS if place.startswith(f"{who}:")]
            during.enter_context(listening(inside(system, pods[who]), [("", port) for port in ports]))
        places = all_places(system, pods)
        assert places.keys() == EVERYTHING
        found: dict[str, set[str]] = {}
        deadline = time.monotonic() + SECONDS
        # Another test may just have taken Redis or the operator away; and an engine takes a moment to know a new Pod.
        while found != REACHES and time.monotonic() < deadline:
            try:
                found = tried(system, pods, places)
            except ProcessLookupError as error:
                found = {str(error): set()}
        amiss = {who: found.get(who, set()) ^ wanted for who, wanted in REACHES.items()}
        assert found == REACHES, {who: sorted(wrong) for who, wrong in amiss.items() if wrong}
