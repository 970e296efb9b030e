"""The ground that a run stands on: a control plane with fake nodes, queues wider than the load, a fresh namespace."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from coursegen_api import names
from coursegen_api.task import TaskKind
from localcluster import Access, Cluster, Options

from . import stages
from .client import Client, RefusedError

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
NAMESPACE = "bench-"
"""How the namespace of every run begins."""

NODES = 10
CAPACITY = 5000
"""Of every queue, and of the operator: above any load here."""

_GATEWAY_TIMEOUT = 504
_GONE_SECONDS = 300


def up(
    cluster: Cluster, folder: Path, qps: int, burst: int, seconds: Mapping[TaskKind, stages.Range] | None = None
) -> Access:
    """Bring the control plane up with these client limits of the controller manager, or change them.

    Arguments:
        seconds: how long work of a kind takes on the fake nodes; without it no time.
    """
    access = cluster.up(
        Options(
            kwok_nodes=NODES,
            kwok_stages=str(stages.write(folder / "stages", seconds)),
            kcm_qps=qps,
            kcm_burst=burst,
            audit_log=True,
        )
    )
    for arguments in (
        ("apply", "--server-side", "-k", str(ROOT / "crds")),
        ("wait", "--for=condition=Established", "crd", "--selector=app.kubernetes.io/part-of=coursegen"),
        ("apply", "--server-side", "-f", str(ROOT / "deploy" / "base" / "priorityclasses.yaml")),
    ):
        command = [str(access.kubectl), f"--kubeconfig={access.kubeconfig}", *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=90)
    return access


def queues() -> list[Json]:
    """Give the five queues as they are shipped, with room for everything."""
    shipped = yaml.safe_load_all((ROOT / "deploy" / "base" / "queues.yaml").read_text())
    return [q | {"spec": q["spec"] | {"capacity": CAPACITY}} for q in shipped if q]


@asynccontextmanager
async def namespace(client: Client, name: str) -> AsyncIterator[str]:
    """Make a namespace for one run, give its UID, and remove it with all that is in it."""
    for queue in queues():
        await client.apply(f"/apis/{names.API_VERSION}/generationqueues/{queue['metadata']['name']}", queue)
    made = await client.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    account = {"metadata": {"name": names.WORKER_SERVICE_ACCOUNT}, "automountServiceAccountToken": False}
    await client.request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)
    try:
        yield made["metadata"]["uid"]
    finally:
        await remove(client, name)


async def sweep(client: Client) -> None:
    """Remove what a run that was broken off has left."""
    for left in (await client.request("GET", "/api/v1/namespaces"))["items"]:
        if left["metadata"]["name"].startswith(NAMESPACE):
            await remove(client, left["metadata"]["name"])


async def remove(client: Client, name: str) -> None:
    """Delete a namespace, what is many in it first, and wait until it is gone."""
    options: Json = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
    ours, core = f"/apis/{names.API_VERSION}/namespaces/{name}", f"/api/v1/namespaces/{name}"
    collections = [f"{ours}/coursegenerations", f"{ours}/chaptergenerations", f"/apis/batch/v1/namespaces/{name}/jobs"]
    deadline = time.monotonic() + _GONE_SECONDS
    for path in (*collections, f"{core}/pods", f"{core}/events", core):
        now = {"gracePeriodSeconds": 0} if path.endswith("/pods") else {}
        while True:
            try:
                await client.request("DELETE", path, options | now)
            except (TimeoutError, RefusedError) as error:  # so many that it takes its time: what is left goes next
                is_late = isinstance(error, TimeoutError) or error.status == _GATEWAY_TIMEOUT
                if not is_late or time.monotonic() > deadline:
                    raise
            else:
                break
    while await client.get(core):
        if time.monotonic() > deadline:
            raise TimeoutError(f"namespace {name} is not gone after {_GONE_SECONDS} s")
        await asyncio.sleep(0.5)
