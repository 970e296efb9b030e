"""Tasks: any piece of work by its id, lists of them, what can be asked of them, and what they leave."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse, StreamingResponse

from coursegen_operator.kube import path_of

from .. import actions, logs, present, store
from ..access import Caller, Right
from ..examples import CHAPTER_UID, SHA256
from ..fields import Subject
from ..gateway import Gateway
from ..models import Accepted, Kind, Page, Position, Task, TaskDetail, Ticket
from ..problems import Problem
from ..state import PODS, TASK_KINDS, Entry
from ..tickets import SECONDS
from .common import By, Here, IdempotencyKey, Known, Limit, Namespace, Offset, Search, Sort, TaskId, select

router = APIRouter(prefix="/api/v1", tags=["tasks"], route_class=Known)

_PLURALS = {kind: plural for plural, kind in TASK_KINDS.items()}


async def listed(gateway: Gateway, caller: Caller, kinds: list[str], namespace: str, q: str) -> list[Subject]:
    """Give all tasks of some kinds that a caller may list, with what a query may look at."""
    # A task tells its reader the names of its Pods; their nodes are told to who may list Pods. It costs a question for
    # each namespace, which a search for something else need not wait for.
    of_nodes = await gateway.visible(caller, PODS, namespace) if "worker:" in q.casefold() else set[str]()
    out = []
    for plural in (_PLURALS[k] for k in kinds):
        seen = await gateway.visible(caller, plural, namespace)
        there = [Entry(plural, item) for place, item in gateway.state.of_kind(plural).items() if place[0] in seen]
        out += [present.subject(gateway.state, entry, entry.place[0] in of_nodes) for entry in there]
    return out


@router.get("/tasks", summary="List courses, chapters, validations and exports")
async def list_tasks(
    gateway: Here,
    caller: By,
    kind: Annotated[list[Kind] | None, Query(description="Only these kinds.", examples=[["chapter", "export"]])] = None,
    namespace: Namespace = "",
    q: Search = "",
    sort: Sort = "-created",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Page[Task]:
    """Give what the caller may list, by a query, a page at a time."""
    kinds = list(dict.fromkeys(kind)) if kind else list(_PLURALS)
    return select(await listed(gateway, caller, list(kinds), namespace, q), q, sort, offset, limit)


@router.get("/tasks/{task_id}", summary="Show one task")
async def get_task(gateway: Here, caller: By, task_id: TaskId) -> TaskDetail:
    """Give a task with its attempts and conditions."""
    return present.detail(gateway.state, (await gateway.find(caller, task_id)).entry)


@router.get("/tasks/{task_id}/position", summary="Say where a waiting task stands")
async def get_position(gateway: Here, caller: By, task_id: TaskId) -> Position:
    """Give how many go first, and when its turn comes; the operator is asked about nothing but what is held."""
    entry = (await gateway.find(caller, task_id)).entry
    if not present.held(entry):
        return Position(available=True)
    return present.position(await gateway.positions.of(task_id), time.time())


@router.delete("/tasks/{task_id}", status_code=204, summary="Delete a task and what it owns")
async def delete_task(gateway: Here, caller: By, task_id: TaskId) -> Response:
    """Delete the object; files in the store stay."""
    await actions.delete(gateway, await gateway.find(caller, task_id))
    return Response(status_code=204)


@router.post("/tasks/{task_id}/regenerate", status_code=202, summary="Make a chapter anew from feedback")
async def regenerate_task(
    gateway: Here,
    caller: By,
    task_id: TaskId,
    wish: actions.Feedback,
    idempotency_key: IdempotencyKey = None,
) -> Accepted:
    """Write the wish down; a chapter that is at work is made anew after its end."""
    found = await gateway.find(caller, task_id)
    if found.entry.plural not in actions.REGENERATED:
        raise Problem(409, "Only courses and chapters can be made anew.")
    return await actions.regenerate(gateway, found, wish.feedback, wish.options.focus_area, idempotency_key)


@router.post("/tasks/{task_id}/{verb}", status_code=202, summary="Retry, cancel, stop, suspend or resume a task")
async def steer_task(
    gateway: Here,
    caller: By,
    task_id: TaskId,
    verb: Annotated[
        Literal["retry", "cancel", "stop", "suspend", "resume"], Path(description="What is asked.", examples=["retry"])
    ],
) -> Accepted:
    """Write the request down; the operator acts on it."""
    found = await gateway.find(caller, task_id)
    if verb in ("suspend", "resume"):
        return await actions.change(gateway, found, {"spec": {"suspend": verb == "suspend"}}, verb)
    return await actions.request(gateway, found, verb)


@router.get(
    "/tasks/{task_id}/artifact",
    summary="Download the result",
    response_class=StreamingResponse,
    responses={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
async def download(
    gateway: Here,
    caller: By,
    task_id: TaskId,
    if_none_match: Annotated[
        str, Header(max_length=200, description="ETag of what one has: it is not sent again.", examples=[f'"{SHA256}"'])
    ] = "",
) -> Response:
    """Stream the file from the object store."""
    entry = (await gateway.find(caller, task_id)).entry
    made = entry.item.get("status", {}).get("artifact")
    if not made:
        raise Problem(404, "There is no file yet: it is there when the task has succeeded.")
    tag = f'"{made["sha256"]}"'
    if if_none_match == tag:
        return Response(status_code=304, headers={"ETag": tag})
    opened = await gateway.store.open(made["key"], gateway.state.namespace_uid(entry.place[0]))
    name = store.file_name(entry.place[1], made["mediaType"])
    # Never shown in the gateway's own origin: what a worker wrote is saved as a file.
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "ETag": tag, "Content-Length": str(opened.size)}
    return StreamingResponse(opened.chunks, media_type="application/octet-stream", headers=headers)


@router.get(
    "/tasks/{task_id}/log",
    summary="Read the log of the last attempt's worker",
    response_class=PlainTextResponse,
)
async def read_log(
    gateway: Here,
    caller: By,
    task_id: TaskId,
    lines: Annotated[int, Query(ge=1, le=5000, description="Most that is shown.", examples=[500])] = 500,
) -> Response:
    """Give the last lines of the newest Pod's log, with the caller's own right to read it."""
    entry = (await gateway.find(caller, task_id)).entry
    pods = gateway.state.pods_of(entry)
    if not pods:
        raise Problem(404, "There is no Pod of this task any more; ended ones are kept for some minutes.")
    namespace, name = entry.place[0], max(pods, key=present.recency)["metadata"]["name"]
    await gateway.gate.demand(caller, Right("get", "pods/log", namespace, name), "read logs")
    text = await logs.read(gateway.impersonator.client(caller), path_of("pods", namespace, name, "log"), lines)
    return PlainTextResponse(text, headers={"X-Pod": name})


@router.post("/ws-tickets", status_code=201, tags=["live"], summary="Get a ticket for a WebSocket")
async def make_ticket(
    gateway: Here,
    caller: By,
    task_id: Annotated[str, Query(max_length=64, description="Empty: the feed.", examples=[CHAPTER_UID])] = "",
) -> Ticket:
    """Give what lets a browser open one WebSocket, once, within 30 seconds."""
    if task_id:
        await gateway.find(caller, task_id)
    return Ticket(ticket=gateway.tickets.give(caller, task_id), expires_in_seconds=SECONDS)
