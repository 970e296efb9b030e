"""What a cluster is like right now, asked of the kernel and of its API server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from localcluster import record
from localcluster.api import Api, conditions
from localcluster.paths import Instance
from localcluster.record import Record
from localcluster.sandbox import Link


@dataclass(frozen=True)
class Status:
    """A cluster as a person or a script wants to know it."""

    name: str
    state: str  # absent, stopped, broken, starting or ready
    server: str | None = None
    kubeconfig: str | None = None
    programs: Mapping[str, int | None] = field(default_factory=dict)  # the process, None where it has ended
    nodes: Mapping[str, bool] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """The status for people."""
        out = [f"{self.name}: {_SENTENCES[self.state]}"]
        if self.server:
            out += [f"  API server    {self.server}", f"  KUBECONFIG    {self.kubeconfig}"]
        for name, pid in self.programs.items():
            out.append(f"  {name:<24} " + (f"runs as process {pid}" if pid else "has ended"))
        for name, ready in self.nodes.items():
            out.append(f"  {name:<24} " + ("is ready" if ready else "is not ready"))
        return out


_SENTENCES = {
    "absent": "there is no such cluster; `up` makes one.",
    "stopped": "it does not run (was the machine restarted?); `up` starts it with the data that it had.",
    "broken": "some of its programs have ended; `up` repairs it.",
    "starting": "it runs, and is not ready yet.",
    "ready": "ready.",
}


def of(instance: Instance) -> Status:
    """The status of an instance; changes nothing."""
    known = record.load(instance.record)
    if known is None:
        return Status(instance.name, "absent")
    programs = {
        name: running.process.pid if known.alive(name) else None for name, running in sorted(known.running.items())
    }
    api = Api(Link(known.slot).node_address, instance.pki)
    state = _state(known, programs)
    if state != "stopped" and api.ready():
        nodes = _nodes(api)
        state = "ready" if state == "starting" and all(nodes.values()) else state
    else:
        nodes = {}
    server = None if state == "stopped" else api.server
    return Status(instance.name, state, server, str(instance.kubeconfig), programs, nodes)


def _state(known: Record, programs: Mapping[str, int | None]) -> str:
    if known.sandbox() is None:
        return "stopped" if known.settled else "broken"
    return "starting" if all(programs.values()) else "broken"


def _nodes(api: Api) -> dict[str, bool]:
    listed = api.get("/api/v1/nodes") or {"items": []}
    return {node["metadata"]["name"]: conditions(node).get("Ready") == "True" for node in listed["items"]}
