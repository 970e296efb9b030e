"""The FastAPI application: routes, WebSockets, the page's files, and what every request passes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, WebSocket
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel

from coursegen_api.task import MAX_CONTENT_BYTES

from . import examples, problems, sockets
from .actions import SPECS
from .gateway import Gateway
from .guard import Bound, Guard
from .routes import courses, system, tasks, uploads
from .routes.common import portable
from .uploads import too_large

PAGE = Path(__file__).parent / "page"

_DESCRIPTION = """\
Courses, chapters, validations and exports of a cluster: seen and steered.

Every call needs `Authorization: Bearer` with a token of the cluster (`kubectl create token`), and is decided by
Kubernetes' RBAC on the object that it touches; changes are made with the caller's own token. Probes alone need none.
Errors are problem documents (RFC 9457). What a caller may not read looks as if it did not exist.

`/ws/tasks/{task_id}` is a WebSocket: the present state first, then each change. Clients send the
same Authorization header. Browsers cannot: they offer the subprotocol `coursegen.v1`, and beside it
`base64url.bearer.authorization.k8s.io.` with the token in base64url behind; or they bring `?ticket=` from
`POST /api/v1/ws-tickets`, good at the replica that gave it.
"""


def build(gateway: Gateway) -> FastAPI:
    """Give the application of a gateway."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with gateway.running():
            yield

    app = FastAPI(
        title="Coursegen",
        version="1",
        summary="Course generation on Kubernetes.",
        description=_DESCRIPTION,
        root_path=gateway.settings.url_prefix,
        lifespan=lifespan,
        redirect_slashes=False,  # behind TLS the redirect would name http://, and clients would send their token there
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=problems.RESPONSES,
    )
    app.state.gateway = gateway
    problems.install(app)
    for router in (courses.router, tasks.router, uploads.router, system.router, system.probes):
        app.include_router(router)
    _sockets(app, gateway)
    _page(app)
    app.add_middleware(
        Guard,
        observe=gateway.metrics.answered,
        larger={uploads.PATH: Bound(MAX_CONTENT_BYTES, too_large)},
    )
    _document(app)
    return app


def _sockets(app: FastAPI, gateway: Gateway) -> None:
    @app.websocket("/ws/tasks/{task_id}")
    async def follow_task(socket: WebSocket, task_id: str) -> None:
        await sockets.follow_task(gateway, socket, task_id)

    @app.websocket("/ws/tasks")
    async def follow_all(socket: WebSocket) -> None:
        await sockets.follow_all(gateway, socket)


def _page(app: FastAPI) -> None:
    """Serve the page: files that hold no data, and so need no token."""

    @app.get("/", include_in_schema=False)
    async def index() -> FileResponse:
        return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})

    @app.get("/favicon.ico", include_in_schema=False)
    async def icon() -> RedirectResponse:
        return RedirectResponse("page/icon.svg")

    app.mount("/page", StaticFiles(directory=PAGE), name="page")


def _document(app: FastAPI) -> None:
    """Complete the OpenAPI document: schemas of what is not seen in a route's types, how to log in, and examples."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = make()
            parts = schema.setdefault("components", {})
            parts.setdefault("securitySchemes", {})["token"] = {"type": "http", "scheme": "bearer"}
            schema["security"] = [{"token": []}]
            known = parts.setdefault("schemas", {})
            known.pop("HTTPValidationError", None)
            known.pop("ValidationError", None)
            for name, definition in _definitions().items():
                known.setdefault(name, definition)
            for path in ("/livez", "/readyz"):
                schema["paths"][path]["get"]["security"] = []
            for operations in schema["paths"].values():
                for operation in operations.values():
                    operation["responses"].pop("422", None)
            examples.add(schema)
        found: dict[str, Any] = app.openapi_schema or schema
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def _definitions() -> dict[str, Any]:
    out: dict[str, Any] = {}
    models: tuple[type[BaseModel], ...] = (*SPECS.values(), problems.ProblemDocument)
    for model in models:
        whole = portable(model.model_json_schema(by_alias=False, ref_template="#/components/schemas/{model}"))
        out |= whole.pop("$defs", {}) | {model.__name__: whole}
    return out
