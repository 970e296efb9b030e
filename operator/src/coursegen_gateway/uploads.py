"""Content that this system did not make: taken whole or not at all, and named by the hash of its bytes.

The name is known when all has come, so a body lies in memory until then; a few do at once, and each has its time. What
it says is the worker's to judge: to read ten megabytes of hostile JSON here would cost everybody's memory.
"""

import asyncio
import codecs
import hashlib
import logging
from collections.abc import AsyncIterator

from starlette.requests import ClientDisconnect

from coursegen_api import names
from coursegen_api.task import MAX_CONTENT_BYTES

from .access import Caller, Right
from .gateway import Gateway
from .models import Upload
from .problems import FieldError, Problem
from .state import EXPORTS, VALIDATIONS

_EXTENSIONS = {"application/json": "json", "text/markdown": "md"}
_SECONDS = 60.0
_BLANK = b"\xef\xbb\xbf \t\r\n"

log = logging.getLogger(__name__)


def too_large() -> Problem:
    """Say how much content may have, and what to do with more."""
    size = f"{MAX_CONTENT_BYTES // 1024 // 1024} MiB ({MAX_CONTENT_BYTES} bytes)"
    return Problem(413, f"Content has at most {size}: send a course in parts, such as a chapter each.")


async def take(gateway: Gateway, caller: Caller, namespace: str, media_type: str, body: AsyncIterator[bytes]) -> Upload:
    """Put content into a namespace's part of the store, for who may validate or export there."""
    await _allow(gateway, caller, namespace)
    media_type = media_type.partition(";")[0].strip().lower()
    extension = _EXTENSIONS.get(media_type)
    if extension is None:
        known = "application/json (a chapter or course document) or text/markdown (a chapter)"
        raise Problem(415, f"Content-Type says what the content is: {known}.")
    if not gateway.store.is_set:
        detail = "No object store is set (COURSEGEN_STORE_URL): put the content into a ConfigMap (config_map_name)."
        raise Problem(503, detail)
    namespace_uid = gateway.state.namespace_uid(namespace)
    if not namespace_uid:
        raise Problem(404, f"There is no namespace {namespace}.")
    if gateway.uploads.locked():
        detail = "Others are sending content at this moment: send it again in some seconds."
        raise Problem(503, detail, headers={"Retry-After": "5"})
    async with gateway.uploads:
        data = await _read(body, extension)
        digest = hashlib.sha256(data).hexdigest()
        key = names.upload_key(namespace_uid, digest, extension)
        await gateway.store.keep(key, data)
    # The API server's audit log does not see this change.
    log.info("%s sent %d bytes to %s, kept as %s", caller.user, len(data), namespace, key)
    return Upload(artifact_key=key, namespace=namespace, sha256=digest, bytes=len(data), media_type=media_type)


async def _allow(gateway: Gateway, caller: Caller, namespace: str) -> None:
    """Let those send content who may have it validated or exported."""
    gateway.must_write()
    gateway.must_serve(namespace)
    if not await gateway.gate.may(caller, Right("create", EXPORTS, namespace)):
        await gateway.gate.demand(caller, Right("create", VALIDATIONS, namespace), "send content")


async def _read(body: AsyncIterator[bytes], extension: str) -> bytes:
    """Read a body to its end; Problem 413, 408 or 400 if that does not come in bounds, 422 for what is no text."""
    data, decoder = bytearray(), codecs.getincrementaldecoder("utf-8")()
    try:
        async with asyncio.timeout(_SECONDS):
            async for piece in body:
                data += piece
                if len(data) > MAX_CONTENT_BYTES:
                    raise too_large()
                decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _unusable("It is not UTF-8 text.") from error
    except TimeoutError as error:
        raise Problem(408, f"The content did not come within {_SECONDS:.0f} s: nothing was kept.") from error
    except ClientDisconnect as error:
        raise Problem(400, "The content did not come whole: nothing was kept.") from error
    start = bytes(data.lstrip(_BLANK)[:1])
    if not start:
        raise _unusable("It is empty.")
    if extension == "json" and start != b"{":
        raise _unusable("A chapter or course document is a JSON object.")
    return bytes(data)


def _unusable(why: str) -> Problem:
    return Problem(422, f"The content cannot be used: {why}", [FieldError(field="body", message=why)])
