"""The system as a whole: health, queues, workers, demand, graphs, and the probes that need no token."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field

from coursegen_operator.kube import ApiError, path_of

from .. import present
from ..access import Caller, Right
from ..gateway import Gateway
from ..graphs import RANGES
from ..models import Demand, Graphs, Page, Queue, TaskHealth, Who, Worker
from ..problems import not_found, of_cluster
from ..state import PODS, QUEUES, uid_of
from .common import By, Here, Known, Namespace, Offset, the_gateway

router = APIRouter(route_class=Known)
probes = APIRouter(tags=["probes"])


class QueueChange(BaseModel):
    """What an admin changes of a queue."""

    model_config = ConfigDict(extra="forbid")

    capacity: int | None = Field(default=None, ge=0, le=10000, description="Jobs that may be active at once.")
    stop_policy: Literal["None", "Hold", "HoldAndDrain"] | None = Field(default=None, description="What is stopped.")


async def queues(gateway: Gateway, caller: Caller) -> list[Queue]:
    """Give the queues, most urgent first; Problem 403 for who may not list them."""
    await gateway.gate.demand(caller, Right("list", QUEUES), "list queues")
    found = [present.queue(item) for item in gateway.state.of_kind(QUEUES).values()]
    return sorted(found, key=lambda q: (-q.priority, q.name))


@router.get("/health/tasks", tags=["system"], summary="Whether tasks are done as they should be")
async def health_tasks(gateway: Here, caller: By) -> TaskHealth:
    """Give the state of the queues and of what they stand on; 200 whatever it is: `status` says it."""
    found = await queues(gateway, caller)
    hours = [q.last_hour for q in found if q.last_hour]
    succeeded, failed = sum(h.succeeded for h in hours), sum(h.failed for h in hours)
    rate = round(100 * succeeded / (succeeded + failed), 1) if succeeded + failed else None
    target = gateway.settings.success_rate_target_percent
    problems = [f"The circuit of the queue {q.name} is {q.circuit}." for q in found if q.circuit != "Closed"]
    problems += [f"The queue {q.name} is stopped ({q.stop_policy})." for q in found if q.stop_policy != "None"]
    problems += [f"The queue {q.name} has a capacity of 0: nothing of it starts." for q in found if not q.capacity]
    if rate is not None and rate < target:
        problems.append(f"{rate} % of the last hour's tasks succeeded; the target is {target} %.")
    if stale := gateway.trouble():
        problems.append(f"What is shown may be old: {stale}.")
    hears_redis = gateway.hears_redis()
    if hears_redis is False:
        problems.append("Redis cannot be read: percentages are older than they could be.")
    return TaskHealth(
        status="unhealthy" if not found or stale else "degraded" if problems else "healthy",
        problems=problems if found else ["There is no GenerationQueue: nothing can run."],
        active=sum(q.active for q in found),
        pending=sum(q.pending for q in found),
        success_rate_percent=rate,
        success_rate_target_percent=target,
        progress="off" if hears_redis is None else "connected" if hears_redis else "disconnected",
        queues=found,
    )


@router.get("/api/v1/queues", tags=["system"], summary="List queues")
async def list_queues(gateway: Here, caller: By) -> Page[Queue]:
    """Give the queues, most urgent first."""
    found = await queues(gateway, caller)
    return Page(items=found, total=len(found), offset=0, limit=max(1, len(found)))


@router.patch("/api/v1/queues/{name}", tags=["system"], summary="Change a queue's capacity, stop it or let it go on")
async def change_queue(
    gateway: Here,
    caller: By,
    name: Annotated[str, Path(max_length=52, description="The queue.", examples=["chapter-generation"])],
    change: QueueChange,
) -> Queue:
    """Change the queue as the caller."""
    await gateway.gate.demand(caller, Right("get", QUEUES, name=name), "read this queue")
    if ("", name) not in gateway.state.of_kind(QUEUES):
        raise not_found(f"queue {name}")
    client = await gateway.may_change(caller, Right("patch", QUEUES, name=name), "change this queue")
    spec = {"capacity": change.capacity, "stopPolicy": change.stop_policy}
    try:
        made = await client.patch(path_of(QUEUES, "", name), {"spec": {k: v for k, v in spec.items() if v is not None}})
    except ApiError as error:
        raise of_cluster(error, "change this queue") from error
    gateway.state.put(QUEUES, made)
    return present.queue(made)


@router.get("/api/v1/workers", tags=["system"], summary="List worker Pods")
async def list_workers(
    gateway: Here,
    caller: By,
    namespace: Namespace = "",
    limit: Annotated[int, Query(ge=1, le=1000, description="Most that is shown.", examples=[200])] = 200,
    offset: Offset = 0,
) -> Page[Worker]:
    """Give the worker Pods that the caller may list, newest first."""
    seen = await gateway.visible(caller, PODS, namespace)
    pods = [p for place, p in gateway.state.of_kind(PODS).items() if place[0] in seen]
    pods.sort(key=lambda p: (p["metadata"]["creationTimestamp"], p["metadata"]["name"]), reverse=True)
    shown = [(p, gateway.state.task_of(p)) for p in pods[offset : offset + limit]]
    known = {uid_of(e.item) for e in await gateway.readable(caller, [e for _, e in shown if e])}
    found = [present.worker(gateway.state, p, e if e and uid_of(e.item) in known else None) for p, e in shown]
    return Page(items=found, total=len(pods), offset=offset, limit=limit)


@router.get("/demand", tags=["system"], summary="Waiting work, for autoscalers")
async def demand(gateway: Here, caller: By) -> Demand:
    """Give what waits and runs, as KEDA's metrics-api scaler reads it (valueLocation: `pending`)."""
    found = await queues(gateway, caller)
    each = {q.name: {"pending": q.pending, "active": q.active, "capacity": q.capacity} for q in found}
    total = {k: sum(q[k] for q in each.values()) for k in ("pending", "active", "capacity")}
    return Demand(**total, queues=each)


@router.get("/api/v1/graphs", tags=["system"], summary="Graphs of the past, from Prometheus")
async def graphs(
    gateway: Here,
    caller: By,
    range_: Annotated[
        Literal["1h", "6h", "1d", "7d"], Query(alias="range", description="How far back.", examples=["6h"])
    ] = "1h",
) -> Graphs:
    """Give throughput, success, duration and waits; or say why there is nothing to show."""
    await gateway.gate.demand(caller, Right("list", QUEUES), "see graphs")
    return await gateway.prometheus.graphs(RANGES[range_])


@router.get("/api/v1/whoami", tags=["system"], summary="Who the token belongs to")
async def whoami(gateway: Here, caller: By) -> Who:
    """Give the caller as Kubernetes knows them."""
    return Who(
        user=caller.user,
        groups=list(caller.groups),
        read_only=gateway.settings.read_only,
        can_download=gateway.store.is_set,
    )


@router.get("/metrics", tags=["probes"], summary="The gateway's own metrics", response_class=PlainTextResponse)
async def metrics(gateway: Here, caller: By) -> Response:
    """Give the metrics to who may get the path /metrics (the right that Kubernetes' own components ask for)."""
    await gateway.gate.demand(caller, Right("get", "/metrics"), "read metrics")
    return Response(generate_latest(gateway.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _probe(trouble: str) -> PlainTextResponse:
    return PlainTextResponse(trouble or "ok", 503 if trouble else 200)


_PROBE: dict[int | str, dict[str, Any]] = {503: {"description": "Why not.", "content": {"text/plain": {}}}}


@probes.get("/livez", response_class=PlainTextResponse, responses=_PROBE, summary="Whether the process is well")
async def livez(request: Request) -> PlainTextResponse:
    """Say why the process should be restarted, if it should."""
    return _probe(the_gateway(request).trouble())


@probes.get("/readyz", response_class=PlainTextResponse, responses=_PROBE, summary="Whether requests can be answered")
async def readyz(request: Request) -> PlainTextResponse:
    """Say why requests cannot be answered yet, if they cannot."""
    return _probe(the_gateway(request).unready() or the_gateway(request).trouble())
