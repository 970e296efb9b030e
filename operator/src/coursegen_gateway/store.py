"""The object store: artifacts are read from it, and content from outside is written to it.

Either only under the prefix of a namespace: of the one whose object names the artifact, or that the content is for.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import from_url

from coursegen import s3
from coursegen_api import authorities, names

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
_LOOKS, _LOOK_SECONDS = 60, 0.25
_LONGEST_REMOVAL = timedelta(hours=2, seconds=30)
"""An announcement that is older was left by a clean-up that was killed: a worker lives an hour at most."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An artifact that is being read."""

    size: int
    chunks: AsyncIterator[bytes]


class Store:
    """The object store."""

    def __init__(self, url: str = "", folder: str = "", ca: str = "") -> None:
        """Use `s3://bucket[/prefix]`, or `file:///dir` in tests, with credentials from the environment.

        Arguments:
            url: the store; empty: none, or what `folder` says.
            folder: a mounted Secret with COURSEGEN_STORE_URL, COURSEGEN_CA and AWS_*, looked at before each use.
            ca: certificates that vouch for `url`, beside the system's.
        """
        self._url, self._folder, self._ca = url, folder, ca
        self._known: Mapping[str, str] = {}
        self._backend: Any = None

    @property
    def is_set(self) -> bool:
        """Tell whether there is a store."""
        return bool(self._said().get(names.ENV_STORE_URL))

    async def open(self, key: str, namespace_uid: str) -> Opened:
        """Begin to read; Problem 404 for what is not there, 502 for a foreign key or a failing store, 503 for none."""
        if not namespace_uid or not _KEY.fullmatch(key) or not key.startswith(f"{namespace_uid}/"):
            raise Problem(502, "The status of this object names a key outside its namespace's part of the store.")
        try:
            found = await obstore.get_async(self._now(), key)
        except FileNotFoundError as error:
            raise Problem(404, "The file is not in the object store any more: make the work again.") from error
        except (BaseError, OSError, ValueError) as error:
            raise Problem(502, f"The object store does not answer: {_reason(error)}.") from error
        return Opened(int(found.meta["size"]), _pieces(found.stream(min_chunk_size=_PIECE)))

    async def keep(self, key: str, data: bytes) -> None:
        """Write what is named by the hash of its bytes; Problem 502 or 503 if it is not kept.

        What is there already is written again: so it is young, and no clean-up that begins later removes it. One that
        has begun is waited for, as workers do that take an artifact over (coursegen_worker/renewal.py).
        """
        try:
            for _ in range(_LOOKS):
                with suppress(AlreadyExistsError):  # versitygw, while the folder's last file is being removed
                    await obstore.put_async(self._now(), key, data, use_multipart=False)
                announced = await self._written(key + names.STORE_ANNOUNCED)
                written = await self._written(key)
                if written and (announced is None or written - announced > _LONGEST_REMOVAL):
                    return
                await asyncio.sleep(_LOOK_SECONDS)
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise Problem(502, f"The object store refuses the gateway's credentials for {key}. {_INSTEAD}") from error
        except (BaseError, OSError) as error:
            raise Problem(502, f"The object store does not take it: {_reason(error)}. Try again.") from error
        detail = "The same content, sent long ago, is being removed by a clean-up: send it again in a minute."
        raise Problem(503, detail, headers={"Retry-After": "60"})

    async def _written(self, key: str) -> datetime | None:
        """Say when something was last written, by the store's clock; None if it is not there."""
        try:
            found: datetime = (await obstore.head_async(self._now(), key))["last_modified"]
        except FileNotFoundError:
            return None
        return found

    def _now(self) -> Any:
        """Give the store as it is now; what was opened with other credentials goes on with them."""
        known = self._said()
        if not known.get(names.ENV_STORE_URL):
            raise Problem(503, "No object store is set (COURSEGEN_STORE_URL): nothing can be downloaded here.")
        if known != self._known:
            self._backend, self._known = _opened(known), known
        return self._backend

    def _said(self) -> Mapping[str, str]:
        """Give the URL and, from a folder, the credentials; hidden files are how Kubernetes mounts a Secret."""
        if not self._folder:
            return {names.ENV_STORE_URL: self._url, names.ENV_CA: self._ca}
        try:
            files = [f for f in Path(self._folder).iterdir() if not f.name.startswith(".")]
            return {f.name: f.read_text().strip() for f in files}
        except OSError:
            return {}


def _opened(known: Mapping[str, str]) -> Any:
    url = known[names.ENV_STORE_URL]
    if not url.startswith("s3:"):
        return from_url(url)
    try:
        authorities.trust(known.get(names.ENV_CA, ""))
    except ValueError as error:
        raise Problem(503, f"The gateway's {names.ENV_CA} {error}.") from error
    plain = s3.allows_http({**os.environ, **known})
    options: Any = {"timeout": timedelta(minutes=10), "connect_timeout": timedelta(seconds=3), "allow_http": plain}
    config: Any = s3.config(known)
    return from_url(url, config=config, client_options=options)


def _reason(error: BaseException) -> str:
    """Say no more than people outside may know: no address, no bucket."""
    return authorities.distrust(error) or type(error).__name__


_INSTEAD = "They have to allow that under */upload/* (docs/deploy.md); without, put the content into a ConfigMap."


async def _pieces(stream: Any) -> AsyncIterator[bytes]:
    async for piece in stream:
        yield bytes(piece)


def file_name(name: str, media_type: str) -> str:
    """Name the file for who saves it: the object's name, which Kubernetes keeps free of anything odd."""
    return f"{name}.{_EXTENSIONS.get(media_type.partition(';')[0], 'bin')}"
