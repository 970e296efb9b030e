"""Content that this system did not make, on its way to a validation or an export."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from .. import uploads
from ..models import Upload
from .common import By, Here, Known

PATH = "/api/v1/uploads"

router = APIRouter(tags=["tasks"], route_class=Known)

_EXAMPLE = {
    "title": "Loops", "learningObjectives": ["Write a for loop"],
    "content": "## Again and again\n\nA loop runs the same lines for each item of a list.",
}  # fmt: skip
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 10 MiB, as docs/exports.md describes it.",
        "content": {
            "application/json": {"schema": {"type": "object", "minProperties": 1}, "example": _EXAMPLE},
            "text/markdown": {"schema": {"type": "string", "minLength": 1}, "example": "# Loops\n\nA loop runs again."},
        },
    }
}
Into = Annotated[
    str,
    Query(
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description="The namespace in which it is to be validated or exported.",
        examples=["courses"],
    ),
]


@router.post(PATH, status_code=201, summary="Send content that this system did not make", openapi_extra=_BODY)
async def upload(gateway: Here, caller: By, request: Request, namespace: Into) -> Upload:
    """Keep it in the object store; a validation or an export takes the answer's `artifact_key`.

    The same content has the same key. What no object names any more is removed after the namespace's retention.
    """
    media_type = request.headers.get("content-type", "")
    return await uploads.take(gateway, caller, namespace, media_type, request.stream())
