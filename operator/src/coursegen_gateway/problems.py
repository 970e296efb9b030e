"""What goes wrong, as problem documents (RFC 9457): what happened, what it means, and by which field."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import Scope

from coursegen_operator.kube import ApiError, ApiUnreachable

from .words import snake

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


_DETAILS = {404: "There is nothing at this path.", 405: "This path does not know the method: look at /openapi.json."}


class FieldError(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="Path of the field, for example learning_objectives.0.")
    message: str = Field(description="What is wrong with it, as a sentence.")


class ProblemDocument(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(default="about:blank", description="A URI that names the kind of problem.")
    title: str = Field(description="The kind of problem, in short.", examples=["Not Found"])
    status: int = Field(description="The HTTP status code.", examples=[404])
    detail: str = Field(description="What happened, and what to do.")
    errors: list[FieldError] = Field(default_factory=list, description="The fields at fault, if fields are.")
    candidates: list[dict[str, str]] = Field(default_factory=list, description="What the id names, if several things.")


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """Ends a request with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        candidates: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.document = ProblemDocument(
            title=HTTPStatus(status).phrase,
            status=status,
            detail=detail,
            errors=list(errors),
            candidates=[dict(c) for c in candidates],
        )
        self.status, self.detail, self.headers = status, detail, dict(headers or {})

    def response(self) -> JSONResponse:
        """Give the answer."""
        content = self.document.model_dump(exclude_defaults=True)
        return JSONResponse(content, self.status, self.headers, media_type=MEDIA_TYPE)


def not_found(what: str) -> Problem:
    """Say that there is no such thing, or none that the caller may see: the two look the same."""
    return Problem(404, f"There is no {what}, or you may not read it.")


def of_fields(error: ValidationError | RequestValidationError, drop: int = 0) -> Problem:
    """Say which fields a request has wrong; `drop` parts of each path are ours, not the caller's."""
    errors = [FieldError(field=_path(e, drop), message=_sentence(e)) for e in error.errors()[:50]]
    named = ", ".join(dict.fromkeys(e.field for e in errors))
    return Problem(422, f"The request cannot be used as it is: look at {named}.", errors)


def _path(error: Mapping[str, Any], drop: int) -> str:
    parts = [snake(str(part)) for part in error["loc"][drop:]]
    if parts and error["type"] == "extra_forbidden":
        parts[-1] = str(error["loc"][-1])  # as the caller wrote it: in snake_case it may be a field
    return ".".join(parts) or "body"


def _sentence(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        wrote = str(error["loc"][-1])
        better = f"; names are in snake_case here: {snake(wrote)}" if snake(wrote) != wrote else ""
        return f"there is no such field{better}"
    return str(error["msg"])


def of_cluster(error: ApiError, what: str) -> Problem:
    """Pass on what the API server refused; `what` was asked of it."""
    if error.status == 422:
        return Problem(422, f"Kubernetes does not accept it: {error.message}", _causes(error))
    if error.status in (401, 403):
        return Problem(403, f"You may not {what}: {error.message}")
    if error.status == 404:
        return Problem(404, f"It is gone: {error.message}")
    if error.status == 409:
        return Problem(409, error.message)
    if error.status == 429:
        return Problem(503, "The API server is busy: try again in a moment.", headers={"Retry-After": "2"})
    return Problem(502, f"The API server could not {what}: {error.message[:300]}")


def _causes(error: ApiError) -> list[FieldError]:
    out = []
    for cause in error.causes:
        path = str(cause.get("field", "")).removeprefix("spec.").replace("[", ".").replace("]", "")
        message = str(cause.get("message", ""))
        out.append(FieldError(field=".".join(snake(p) for p in path.split(".")) or "body", message=message))
    return out


def install(app: FastAPI) -> None:
    """Have every error of the app answered by a problem document."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> JSONResponse:
        broken = next((e for e in error.errors() if e["type"] == "json_invalid"), None)
        if broken:
            return Problem(400, f"The body is no JSON: {broken['ctx']['error']}.").response()
        return of_fields(error, drop=1).response()

    @app.exception_handler(ApiUnreachable)
    async def _unreachable(_: Request, error: ApiUnreachable) -> JSONResponse:
        detail = "The API server does not answer; whether a change took effect is not known. Look, then try again."
        return Problem(503, detail, headers={"Retry-After": "5"}).response()

    @app.exception_handler(ApiError)
    async def _undecided(_: Request, error: ApiError) -> JSONResponse:
        log.error("the API server did not say who somebody is, or what they may: %s", error)
        detail = "The API server did not say who you are or what you may: nothing was changed. Try again."
        return Problem(503, detail, headers={"Retry-After": "5"}).response()

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        detail = _DETAILS.get(error.status_code) or str(error.detail)
        headers = {"Allow": _allowed(app, request)} if error.status_code == 405 else error.headers
        return Problem(error.status_code, detail, headers=headers).response()


def _allowed(app: FastAPI, request: Request) -> str:
    """Name the methods of a path: of all its routes, where Starlette names those of the first; files have none."""
    found = [m for m in ("GET", "POST", "PATCH", "DELETE") if _fits(app, {**request.scope, "method": m})] or ["GET"]
    return ", ".join(["HEAD"] * ("GET" in found) + found)


def _fits(app: FastAPI, scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in app.routes)


RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "What went wrong (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
}
