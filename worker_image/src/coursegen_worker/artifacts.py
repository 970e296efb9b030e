"""Artifacts: found whole or made anew, committed once.

A document is its own commit mark. A file (PDF, zip) gets a small mark beside it, written last, with the
file's hash: a file without its mark, or unlike it, counts as not there. Whatever is damaged is
replaced. Of two writers at once the first commits, and the second takes over what the first wrote. What a task
takes over for its own result is looked for by `reuse_…`, which keeps it from being cleaned up (renewal.py).
"""

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from coursegen_api.base import Artifact, FailureClass
from coursegen_worker.documents import D, DamagedError, unseal
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.renewal import take_over
from coursegen_worker.store import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, Store, TooLargeError

DOCUMENT_TYPE = "application/json"
MARK = ".mark"
"""Beside a file: it is whole."""
T = TypeVar("T")
_MARK_BYTES = 1024
_ROUNDS = 3
"""So often a writer that lost a race, or met a damaged object, tries again."""


def find_document(store: Store, key: str, kind: type[D]) -> tuple[Artifact, D] | None:
    """Give a whole document of that kind, or None."""
    found = _read_document(store, key, kind)
    return (_artifact(key, found[0], DOCUMENT_TYPE), found[1]) if found else None


def reuse_document(store: Store, key: str, kind: type[D]) -> tuple[Artifact, D] | None:
    """Give a whole document of that kind to take over, or None if it has to be made."""
    found = _read_document(store, key, kind)
    if found is None or not take_over(store, [key], lambda: store.replace(key, found[0])):
        return None
    return _artifact(key, found[0], DOCUMENT_TYPE), found[1]


def _read_document(store: Store, key: str, kind: type[D]) -> tuple[bytes, D] | None:
    try:
        data = store.read(key, MAX_DOCUMENT_BYTES)
        return None if data is None else (data, unseal(data, kind))
    except (DamagedError, TooLargeError):
        return None


def commit_document(store: Store, key: str, document: D) -> tuple[Artifact, D]:
    """Write the document, or give the whole one that somebody else wrote first."""
    data = document.seal()
    if len(data) > MAX_DOCUMENT_BYTES:
        raise TaskFailedError(
            FailureClass.BAD_OUTPUT, f"the {type(document).__name__.lower()} has {len(data)} bytes: too large to store"
        )
    kind = type(document)
    return _settle(
        key,
        write=lambda: store.create(key, data),
        written=(_artifact(key, data, DOCUMENT_TYPE), document),
        find=lambda: find_document(store, key, kind),
        replace=lambda: store.replace(key, data),
    )


def find_file(store: Store, key: str) -> Artifact | None:
    """Give a file that is whole by its mark, or None."""
    found = _read_file(store, key)
    return found[0] if found else None


def reuse_file(store: Store, key: str) -> Artifact | None:
    """Give a whole file to take over, or None if it has to be made."""
    found = _read_file(store, key)
    if found is None:
        return None
    mark, data = found

    def rewrite() -> None:
        store.replace(key, data)
        store.replace(_mark_key(key), _mark_bytes(mark))

    return mark if take_over(store, [key, _mark_key(key)], rewrite) else None


def _read_file(store: Store, key: str) -> tuple[Artifact, bytes] | None:
    mark = _read_mark(store, key)
    if mark is None:
        return None
    try:
        data = store.read(key, MAX_FILE_BYTES)
    except TooLargeError:
        return None
    return (mark, data) if data is not None and _artifact(key, data, mark.media_type) == mark else None


def commit_file(store: Store, key: str, data: bytes, media_type: str) -> Artifact:
    """Write the file, then its mark; or give the whole file that somebody else committed first."""
    artifact = _artifact(key, data, media_type)
    mark = _mark_bytes(artifact)
    with store.committing:
        _settle(
            key,
            write=lambda: store.create(key, data),
            written=artifact,
            find=lambda: artifact if _same(store, key, artifact) else find_file(store, key),
            replace=lambda: store.replace(key, data),
        )
        return _settle(
            _mark_key(key),
            write=lambda: store.create(_mark_key(key), mark),
            written=artifact,
            find=lambda: find_file(store, key),
            replace=lambda: store.replace(_mark_key(key), mark),
        )


def _settle(
    key: str,
    *,
    write: Callable[[], bool],
    written: T,
    find: Callable[[], T | None],
    replace: Callable[[], bool],
) -> T:
    """Write, or else find what another wrote, or else replace what is damaged."""
    if write():
        return written
    for _ in range(_ROUNDS):
        if (found := find()) is not None:
            return found
        if replace():
            return written
    raise TaskFailedError(FailureClass.STORAGE_UNAVAILABLE, f"{key} is damaged and cannot be replaced")


def _same(store: Store, key: str, artifact: Artifact) -> bool:
    try:
        data = store.read(key, MAX_FILE_BYTES)
    except TooLargeError:
        return False
    return data is not None and hashlib.sha256(data).hexdigest() == artifact.sha256


def commit_bytes(store: Store, key: str, data: bytes) -> Artifact:
    """Write a document that is named by the hash of its bytes."""
    store.create(key, data)
    return _artifact(key, data, DOCUMENT_TYPE)


def _mark_key(key: str) -> str:
    return key + MARK


def _mark_bytes(artifact: Artifact) -> bytes:
    return json.dumps(artifact.wire(), sort_keys=True).encode()


def _read_mark(store: Store, key: str) -> Artifact | None:
    try:
        data = store.read(_mark_key(key), _MARK_BYTES)
        return None if data is None else Artifact.model_validate_json(data)
    except (TooLargeError, ValueError):
        return None


def _artifact(key: str, data: bytes, media_type: str) -> Artifact:
    return Artifact(key=key, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), media_type=media_type)
