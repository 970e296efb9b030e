"""What routes share: the gateway, the caller, and the parameters of lists."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.routing import APIRoute

from ..access import Caller
from ..actions import Place
from ..examples import CHAPTER_UID
from ..fields import HELP, Subject
from ..gateway import Gateway
from ..models import Page, Task
from ..problems import Problem
from ..query import MAX_QUERY, QueryError, parse

SORTS = ("created", "-created", "started", "-started", "ended", "-ended", "name", "-name")


def the_gateway(request: Request) -> Gateway:
    """Give the gateway that serves a request."""
    found: Gateway = request.app.state.gateway
    return found


class Known(APIRoute):
    """A route that asks who calls before anything of a body is received: FastAPI would read and parse it first."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give what answers; Problem 401 if it is not known who calls."""
        answer = super().get_route_handler()

        async def handle(request: Request) -> Response:
            gateway, address = the_gateway(request), request.client.host if request.client else ""
            caller = await gateway.caller(request.headers.get("authorization", ""), address)
            request.state.caller = caller
            if self.body_field is None:
                return await answer(request)
            async with gateway.bodies.received(request, caller.user):
                if await request.body():
                    _must_say_json(request.headers.get("content-type", ""))
                return await answer(request)

        return handle


def _must_say_json(media_type: str) -> None:
    """Problem 415 unless it is JSON's: FastAPI would take the body for bytes, and refuse it for what it is not."""
    media_type = media_type.partition(";")[0].strip().lower()
    if not (media_type == "application/json" or re.fullmatch(r"application/[^/]+\+json", media_type)):
        said = f"it is {media_type[:80]}" if media_type else "there is none"
        raise Problem(415, f"Send JSON with the header Content-Type: application/json; {said}.")


async def the_caller(request: Request) -> Caller:
    """Give who calls, as a Known route has found out."""
    found: Caller = request.state.caller
    return found


Here = Annotated[Gateway, Depends(the_gateway)]
By = Annotated[Caller, Depends(the_caller)]
Namespace = Annotated[
    str,
    Query(
        max_length=63,
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$",
        description="Look in this namespace alone.",
        examples=["courses"],
    ),
]
Search = Annotated[
    str,
    Query(
        max_length=MAX_QUERY,
        description=(
            f"Words and `field:value`, AND by default, OR, NOT or a minus, parentheses, quotes. Fields: {HELP}. "
            "`args:` looks at every value of spec, `kwargs:title=loops` at that of one field."
        ),
        examples=["state:failed -error:timeout", "kwargs:proficiency_level=beginner"],
    ),
]
Sort = Annotated[
    str, Query(pattern=rf"^({'|'.join(SORTS)})$", description="A minus puts the largest first.", examples=["-started"])
]
Limit = Annotated[int, Query(ge=1, le=500, description="Most that is shown.", examples=[100])]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="How many are left out before.", examples=[0])]
TaskId = Annotated[str, Path(description="metadata.uid of the object.", examples=[CHAPTER_UID])]
IdempotencyKey = Annotated[
    str | None,
    Header(max_length=63, description="A request that is sent again under it asks once.", examples=["simplify-1"]),
]


def select(found: list[Subject], q: str, sort: str, offset: int, limit: int) -> Page[Task]:
    """Filter, sort and cut a list; Problem 400 for a query that cannot be understood."""
    try:
        match = parse(q)
    except QueryError as error:
        raise Problem(400, f"The query cannot be understood: {error}.") from error
    tasks = [s.task for s in found if match(s)]
    tasks.sort(key=lambda t: (_sort_key(t, sort.lstrip("-")), t.task_id), reverse=sort.startswith("-"))
    return Page(items=tasks[offset : offset + limit], total=len(tasks), offset=offset, limit=limit)


def _sort_key(task: Task, by: str) -> str:
    times = {"created": task.created_time, "started": task.start_time, "ended": task.completion_time}
    return times.get(by, task.name) or ""


def body_of(model: type[Any], example: dict[str, Any]) -> dict[str, Any]:
    """Describe a body in OpenAPI: a spec of the contract in snake_case, with the place beside it."""
    schema = portable(model.model_json_schema(by_alias=False, ref_template="#/components/schemas/{model}"))
    schema.pop("$defs", None)
    schema["properties"] = portable(Place.model_json_schema()["properties"]) | schema["properties"]
    schema["required"] = ["namespace", *schema.get("required", ())]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def portable(schema: Any) -> Any:
    """Leave out what only Kubernetes reads, and patterns that no other language's expressions know."""
    if isinstance(schema, dict):
        kept = {k: portable(v) for k, v in schema.items() if not k.startswith("x-kubernetes-")}
        if "\\x{" in str(kept.get("pattern", "")):
            del kept["pattern"]
        return kept
    return [portable(v) for v in schema] if isinstance(schema, list) else schema
