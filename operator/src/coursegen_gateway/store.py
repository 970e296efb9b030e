"""Reads artifacts from the object store: only under the prefix of the namespace whose object names them."""

import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from .problems import Problem

_KEY = re.compile(r"[0-9a-f-]{36}/[a-z]+/[A-Za-z0-9][A-Za-z0-9._-]*")
_PIECE = 256 * 1024
_EXTENSIONS = {
    "application/pdf": "pdf",
    "application/zip": "zip",
    "application/json": "json",
    "application/epub+zip": "epub",
    "text/markdown": "md",
    "text/html": "html",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """An artifact that is being read."""

    size: int
    chunks: AsyncIterator[bytes]


class Store:
    """The object store, read only."""

    def __init__(self, url: str) -> None:
        """Open `s3://bucket[/prefix]`, or `file:///dir` in tests; credentials come from the environment."""
        plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("true", "1")
        options: Any = {"timeout": timedelta(minutes=10), "connect_timeout": timedelta(seconds=3), "allow_http": plain}
        self._backend: Any = from_url(url, client_options=options) if url.startswith("s3:") else from_url(url)

    async def open(self, key: str, namespace_uid: str) -> Opened:
        """Begin to read; Problem 404 for what is not there, 502 for a foreign key or a store that fails."""
        if not namespace_uid or not _KEY.fullmatch(key) or not key.startswith(f"{namespace_uid}/"):
            raise Problem(502, "The status of this object names a key outside its namespace's part of the store.")
        try:
            found = await obstore.get_async(self._backend, key)
        except FileNotFoundError as error:
            raise Problem(404, "The file is not in the object store any more: make the work again.") from error
        except (BaseError, OSError) as error:
            raise Problem(502, f"The object store does not answer: {type(error).__name__}.") from error
        return Opened(int(found.meta["size"]), _pieces(found.stream(min_chunk_size=_PIECE)))


async def _pieces(stream: Any) -> AsyncIterator[bytes]:
    async for piece in stream:
        yield bytes(piece)


def file_name(name: str, media_type: str) -> str:
    """Name the file for who saves it: the object's name, which Kubernetes keeps free of anything odd."""
    return f"{name}.{_EXTENSIONS.get(media_type.partition(';')[0], 'bin')}"
