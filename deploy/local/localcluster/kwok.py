"""Fake nodes for scale tests: Pods that run and end in the API server only, as stages say."""

from __future__ import annotations

from pathlib import Path

from localcluster import files, kubeconfig, paths
from localcluster.api import Api, conditions
from localcluster.errors import LocalClusterError
from localcluster.paths import Instance
from localcluster.programs import Program
from localcluster.settings import Options

_ANNOTATION = "kwok.x-k8s.io/node"
_LEASE_SECONDS = 40
_STAGES = paths.HERE / "stages"

# Four Pods at a time is kwok's default, and would be what a scale test measures. kwok fills in no other default once
# there is a configuration, so all of these are said.
_CONFIGURATION = {
    "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
    "kind": "KwokConfiguration",
    "options": {
        "cidr": "10.128.0.0/12",
        "podPlayStageParallelism": 32,
        "nodePlayStageParallelism": 8,
        "nodeLeaseParallelism": 4,
        "podsOnNodeSyncParallelism": 4,
    },
}


def stage_files(options: Options) -> list[Path]:
    """The stage of the nodes, which is ours, and those of the Pods, which a caller may replace.

    Raises LocalClusterError for a folder without stages.
    """
    pods = options.stages or _STAGES / "pods"
    found = sorted(pods.glob("*.yaml"))
    if not found:
        raise LocalClusterError(f"There are no stages (*.yaml) in {pods}.")
    return [*sorted((_STAGES / "nodes").glob("*.yaml")), *found]


def write_configs(instance: Instance, address: str, options: Options) -> None:
    """Writes the files that kwok reads: one kubeconfig, and one file of settings and stages."""
    login = kubeconfig.build(instance.pki, "kwok", name=instance.name, address=address)
    kubeconfig.write(instance.config / "kwok.kubeconfig", login)
    files.write_json(instance.config / "kwok.json", _CONFIGURATION)
    stages = "\n---\n".join(file.read_text() for file in stage_files(options))
    files.write(instance.config / "stages.yaml", stages)


def program(instance: Instance, built: Path, address: str) -> Program:
    """The kwok controller, as a program."""
    login = instance.config / "kwok.kubeconfig"
    configuration = (instance.config / "kwok.json", instance.config / "stages.yaml")
    argv = (
        str(built / "kwok"),
        f"--kubeconfig={login}",
        *(f"--config={file}" for file in configuration),
        f"--manage-nodes-with-annotation-selector={_ANNOTATION}=fake",
        f"--node-lease-duration-seconds={_LEASE_SECONDS}",
        f"--node-ip={address}",
        "--server-address=127.0.0.1:10247",
        "--v=WARN",  # it says each Pod otherwise
    )
    return Program("kwok", argv, (login, *configuration))


def make_nodes(api: Api, count: int) -> None:
    """Makes the fake nodes, and removes those of an earlier `up` that asked for more."""
    names = {f"fake-{number}" for number in range(count)}
    for name in sorted(names):
        api.apply(f"/api/v1/nodes/{name}", _node(name))
    for name in _fake_nodes(api).keys() - names:
        api.request("DELETE", f"/api/v1/nodes/{name}")


def ready(api: Api, count: int) -> bool:
    """Says whether every fake node is ready."""
    return sum(_fake_nodes(api).values()) == count


def _fake_nodes(api: Api) -> dict[str, bool]:
    listed = api.get("/api/v1/nodes?labelSelector=type%3Dkwok") or {"items": []}
    return {node["metadata"]["name"]: conditions(node).get("Ready") == "True" for node in listed["items"]}


def _node(name: str) -> dict[str, object]:
    labels = {
        "type": "kwok",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
    }
    metadata = {"name": name, "annotations": {_ANNOTATION: "fake"}, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
