"""The object store: bounded reads and conditional writes under the namespace's own prefix.

S3 in production and on the local cluster (credentials in the AWS_* environment), a folder only in
tests. Every call is bounded in time and size, and transient errors are retried for some seconds.
"""

import hashlib
import json
import os
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore, from_url

from coursegen_api import authorities
from coursegen_worker.failures import invalid_input, one_line, storage_unavailable

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
CALL_TIMEOUT = timedelta(seconds=20)
CONNECT_TIMEOUT = timedelta(seconds=3)
RETRIES = 3
RETRY_TIMEOUT = timedelta(seconds=8)
_ASKED = 5
"""versitygw refuses what is written (409) while somebody else takes the last file of the same folder away."""

_KEY = re.compile(r"[0-9a-f-]{36}/[a-z]+/[A-Za-z0-9][A-Za-z0-9._-]*")
_STORE_ERRORS = (BaseError, OSError, NotImplementedError, ValueError)


class TooLargeError(Exception):
    """What lies under a key is larger than the reader allows."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lies under a key, without its content."""

    key: str
    size: int
    written: datetime
    """When it was last written, by the store's clock."""


class Store:
    """Reads and writes under `<namespace UID>/`, and nowhere else."""

    def __init__(self, backend: ObjectStore, namespace_uid: str) -> None:
        self._backend = backend
        self.namespace_uid = namespace_uid
        self._prefix = f"{namespace_uid}/"
        self.committing = threading.RLock()
        """Held while an artifact is being written, so that a stop waits for the end of that write."""
        self._asked = threading.Lock()
        self._told: tuple[datetime, float] | None = None
        """The store's clock, and the monotonic one, when the store was asked for the time."""

    @classmethod
    def open(cls, url: str | None, namespace_uid: str, retries: int = RETRIES) -> "Store":
        """Open `s3://bucket[/prefix]` or `file:///dir`; raises StorageUnavailable for a URL that is none.

        Arguments:
            retries: of a request that was not answered; 0 for who deletes, since a late repetition would hit what
                somebody else has written meanwhile.
        """
        if not url:
            raise storage_unavailable("no object store: COURSEGEN_STORE_URL is not set in the Secret coursegen-store")
        try:
            if url.startswith("file:"):
                backend = from_url(url)
            elif url.startswith("s3:"):
                backend = _open_s3(url, retries)
            else:
                raise ValueError("it must begin with s3://")
        except _STORE_ERRORS as error:
            raise storage_unavailable(f"COURSEGEN_STORE_URL does not name a store: {_reason(error)}") from error
        return cls(backend, namespace_uid)

    def read(self, key: str, limit: int) -> bytes | None:
        """Give what lies under the key, or None; raises TooLargeError over `limit` bytes."""
        self._check(key)
        try:
            found = obstore.get(self._backend, key)
            if found.meta["size"] > limit:
                raise TooLargeError(f"{key} has {found.meta['size']} bytes, over {limit}")
            return bytes(found.bytes())
        except FileNotFoundError:
            return None
        except _STORE_ERRORS as error:
            raise storage_unavailable(f"cannot read {key}: {_reason(error)}") from error

    def create(self, key: str, data: bytes) -> bool:
        """Write a new object in one piece; False, without a change, where one is already."""
        return self._put(key, data, "create")

    def replace(self, key: str, data: bytes) -> bool:
        """Write over a damaged object; False if somebody else replaced it in the meantime."""
        self._check(key)
        try:
            tag = obstore.head(self._backend, key)["e_tag"]
        except FileNotFoundError:
            return self.create(key, data)
        except _STORE_ERRORS as error:
            raise storage_unavailable(f"cannot look at {key}: {_reason(error)}") from error
        try:
            return self._put(key, data, {"e_tag": tag})
        except NotImplementedError:  # a folder, and S3 servers without If-Match
            return self._put(key, data, "overwrite")

    def look(self, key: str) -> Found | None:
        """Give what lies under the key, without its content, or None."""
        self._check(key)
        try:
            meta = obstore.head(self._backend, key)
        except FileNotFoundError:
            return None
        except _STORE_ERRORS as error:
            raise storage_unavailable(f"cannot look at {key}: {_reason(error)}") from error
        return Found(key, meta["size"], meta["last_modified"])

    def list(self) -> Iterator[Found]:
        """Give everything under the namespace's prefix, in no order."""
        try:
            for page in obstore.list(self._backend, prefix=self._prefix.rstrip("/")):
                yield from (Found(meta["path"], meta["size"], meta["last_modified"]) for meta in page)
        except _STORE_ERRORS as error:
            raise storage_unavailable(f"cannot list {self._prefix}: {_reason(error)}") from error

    def delete(self, key: str) -> None:
        """Delete what lies under the key; what is not there is as good as deleted."""
        self._check(key)
        try:
            obstore.delete(self._backend, key)
        except FileNotFoundError:
            return
        except _STORE_ERRORS as error:
            raise storage_unavailable(f"cannot delete {key}: {_reason(error)}") from error

    def now(self) -> datetime:
        """Give the time by the store's own clock, which it stamps on what is written; it is asked once."""
        with self._asked:
            if self._told is None:
                self._told = self._ask_for_the_time(), time.monotonic()
            then, asked = self._told
        return then + timedelta(seconds=time.monotonic() - asked)

    def _ask_for_the_time(self) -> datetime:
        for _ in range(_ASKED):
            # A name of its own, since others may ask at this moment; and one that a clean-up removes if it is left.
            probe = f"{self._prefix}cleanup/{secrets.token_hex(32)}.now"
            self._put(probe, b"", "overwrite")
            found = self.look(probe)
            self.delete(probe)
            if found is not None:
                return found.written
        raise storage_unavailable(f"{probe} was written and is not there")

    @staticmethod
    def now_by_us() -> datetime:
        """Give the time by this machine's clock, good enough for ages of a day."""
        return datetime.now(UTC)

    def _put(self, key: str, data: bytes, mode: Any) -> bool:
        self._check(key)
        with self.committing:
            try:
                obstore.put(self._backend, key, data, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
            except NotImplementedError:
                raise
            except _STORE_ERRORS as error:
                raise storage_unavailable(f"cannot write {key}: {_reason(error)}") from error
        return True

    def _check(self, key: str) -> None:
        if not key.startswith(self._prefix) or not _KEY.fullmatch(key):
            raise invalid_input(f"key {key!r} is not one of this namespace: it must begin with {self._prefix}")


def content_key(namespace_uid: str, kind: str, extension: str, identity: dict[str, Any]) -> str:
    """Name an artifact by everything that decides its content, and by nothing else.

    The identity must not contain an object's UID, a time or an attempt: a retry has to find what an
    earlier attempt wrote.
    """
    text = json.dumps(_normal(identity), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{namespace_uid}/{kind}/{hashlib.sha256(text.encode()).hexdigest()}.{extension}"


def _normal(value: Any) -> Any:
    """Give the value with text in NFC and runs of white space as one space."""
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFC", value).split())
    if isinstance(value, dict):
        return {k: _normal(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_normal(v) for v in value]
    return value


def _open_s3(url: str, retries: int) -> ObjectStore:
    plain_http = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("true", "1")
    return from_url(
        url,
        # Client options given here hide the environment's: without this line AWS_ALLOW_HTTP has no effect.
        client_options={
            "timeout": CALL_TIMEOUT,
            "connect_timeout": CONNECT_TIMEOUT,
            "allow_http": plain_http,
        },
        retry_config={
            "max_retries": retries,
            "retry_timeout": RETRY_TIMEOUT,
            "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=2), "base": 2},
        },
    )


def _reason(error: BaseException) -> str:
    """Give the sentence of an obstore error, without its debug dump."""
    said = f"{type(error).__name__}: {str(error).split('Debug source')[0]}"
    return one_line(authorities.distrust(error) or said, 300)
