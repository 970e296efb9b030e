"""What a run stands on: a control plane with an audit log that keeps bodies, a proxy before it, and a kubelet."""

import asyncio
import json
import os
import secrets
import select
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import kopf
import yaml

from coursegen_api import names
from coursegen_operator.access import Access
from localcluster import Cluster, Options
from localcluster import record as cluster_record

from ..bench.client import Client
from .kubelet import Kubelet
from .proxy import Proxy

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
CAPACITY = {names.QUEUE_CHAPTER: 2}
"""Of the queues that are narrower than the load; the others are as shipped."""

BACKOFF_SECONDS = [1, 2, 3]

_WRITES = ["create", "update", "patch", "delete", "deletecollection"]
_KEPT = [{"group": "coursegen.dev"}, {"group": "batch"}, {"group": "coordination.k8s.io"}]
_POLICY: Json = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "omitManagedFields": True,
    "rules": [
        {"level": "RequestResponse", "verbs": _WRITES, "resources": _KEPT},
        {"level": "Metadata", "verbs": _WRITES},
        {"level": "None"},
    ],
}


@dataclass
class Ground:
    """A control plane and what stands around it; one run at a time."""

    cluster: Cluster
    options: Options
    access: Access
    client: Client
    proxy: Proxy
    folder: Path
    audit_log: Path

    async def kill(self, program: str) -> None:
        """End a program of the control plane, and start it again."""
        known = cluster_record.load(self.cluster.instance.record)
        assert known
        await asyncio.to_thread(_kill, known.running[program].process.pid)
        await asyncio.to_thread(self.cluster.up, self.options)

    async def ask(self, verb: str, path: str, body: Json | None = None) -> Json:
        """Ask the API server itself, not the proxy."""
        return await self.client.request(verb, path, body)


@asynccontextmanager
async def ground(folder: Path, capacity: Mapping[str, int] = MappingProxyType(CAPACITY)) -> AsyncIterator[Ground]:
    """Bring a control plane up, and take it down after the body."""
    policy = _write_policy(folder)
    options = Options(control_plane_only=True, audit_log=True, audit_policy=str(policy), kcm_qps=200, kcm_burst=400)
    cluster = Cluster.named(f"t-{os.getpid()}-{secrets.token_hex(2)}")
    try:
        made = await asyncio.to_thread(cluster.up, options)
        await asyncio.to_thread(_apply, made.kubectl, made.kubeconfig)
        pki = cluster.instance.pki
        access = Access(
            kopf.ConnectionInfo(
                server=made.server,
                ca_path=pki / "ca.crt",
                certificate_path=pki / "admin.crt",
                private_key_path=pki / "admin.key",
            )
        )
        tls = access.ssl_context()
        assert not isinstance(tls, bool)
        async with Client(access, "faults", 50) as client, Proxy(access.server, tls) as proxy:
            await _queues(client, capacity)
            playing = asyncio.create_task(Kubelet(client).run())
            assert made.audit_log
            yield Ground(cluster, options, access, client, proxy, folder, made.audit_log)
            playing.cancel()
    finally:
        await asyncio.to_thread(cluster.down)


def _kill(pid: int) -> None:
    """End a process, and wait until it is gone: while it goes, it looks to `up` as if it still ran."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [])
    finally:
        os.close(handle)


def _write_policy(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(_POLICY))
    return policy


def _apply(kubectl: Path, kubeconfig: Path) -> None:
    for arguments in (
        ("apply", "--server-side", "-k", str(ROOT / "crds")),
        ("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"),
        ("apply", "--server-side", "-f", str(ROOT / "deploy" / "base" / "priorityclasses.yaml")),
    ):
        command = [str(kubectl), f"--kubeconfig={kubeconfig}", *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=90)


async def _queues(client: Client, capacity: Mapping[str, int]) -> None:
    shipped = yaml.safe_load_all((ROOT / "deploy" / "base" / "queues.yaml").read_text())
    for queue in (q for q in shipped if q):
        name = queue["metadata"]["name"]
        spec = queue["spec"] | {"backoffSeconds": BACKOFF_SECONDS}
        spec |= {"capacity": capacity[name]} if name in capacity else {}
        await client.apply(f"/apis/{names.API_VERSION}/generationqueues/{name}", queue | {"spec": spec})
