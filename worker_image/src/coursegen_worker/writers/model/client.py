"""Requests to a provider within the time that is left: passing errors are tried again, all others end the task."""

import asyncio
import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Self

import aiohttp

from coursegen_api.base import FailureClass
from coursegen_worker import __version__, log
from coursegen_worker.failures import TaskFailedError, one_line
from coursegen_worker.writers.model.wire import Dialect, Message, Reply, Rung, UnreadableError

LEAST_CALL_SECONDS = 2.0
"""With less time left no request is made: it would be paid and not heard."""
RETRY_SECONDS = 20.0
"""So long one request is tried again, unless the provider limits the rate and says when it has room."""
CONNECT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 5.0
MAX_REPLY_BYTES = 4 * 1024 * 1024

_WRONG_KEY = (401, 403)
_NOT_UNDERSTOOD = (400, 413, 422, 501)
"""The request is one that this server, or this model, does not take: another form of it may do."""
_PASSING = (408, 409, 425)


class NotUnderstoodError(Exception):
    """The server does not take a request of this form."""


@dataclass(frozen=True)
class Trouble:
    """A request that failed in a way that may pass."""

    failure: FailureClass
    message: str
    retry_after: float | None = None
    """Seconds, as the provider says."""


@dataclass
class Client:
    """One connection pool to one provider, for the time of a task."""

    dialect: Dialect
    provider: str
    """The ModelProvider, to be named to people."""
    endpoint: str
    model: str
    key: str
    deadline: float
    """When the last answer must be there, on the monotonic clock."""
    patient: bool = True
    """False reports the first error that may pass, and tries nothing again."""
    heard: bool = False
    """True once this model has answered here: a 404 then is about the form (OpenRouter's word for an unknown one)."""

    async def __aenter__(self) -> Self:
        headers = {"User-Agent": f"coursegen-worker/{__version__}", **self.dialect.headers(self.key)}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, trust_env=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, message: Message, rung: Rung) -> Reply:
        """Give the answer; raises NotUnderstoodError, or TaskFailedError with the class of the failure."""
        body = self.dialect.body(self.model, message, rung)
        began, pause = time.monotonic(), FIRST_PAUSE_SECONDS
        while True:
            try:
                found = await self._once(body)
            except NotUnderstoodError as error:
                other = self.dialect.instead(body, str(error))
                if other is None:
                    raise
                body = other
                continue
            if isinstance(found, Reply):
                return found
            wait = pause * random.uniform(0.75, 1.25)  # noqa: S311
            if found.retry_after is not None:
                wait = max(found.retry_after, FIRST_PAUSE_SECONDS)  # one that says 0 is not to be flooded
            told = found.failure is FailureClass.RATE_LIMITED and found.retry_after is not None
            over = not told and time.monotonic() + wait - began > RETRY_SECONDS
            if not self.patient or over or wait > self._left() - LEAST_CALL_SECONDS:
                seconds = None if found.retry_after is None else int(-(-found.retry_after // 1))
                raise TaskFailedError(found.failure, found.message, seconds)
            log.event("provider-tried-again", failure=found.failure.value, message=found.message, wait=round(wait, 1))
            await asyncio.sleep(wait)
            pause = min(MAX_PAUSE_SECONDS, pause * 2)

    def _left(self) -> float:
        return self.deadline - time.monotonic()

    async def _once(self, body: dict[str, Any]) -> Reply | Trouble:
        left = self._left()
        if left < LEAST_CALL_SECONDS:
            raise TaskFailedError(FailureClass.TIMEOUT, "no time is left for another request to the model")
        try:
            async with asyncio.timeout(left):
                return await self._post(body)
        except aiohttp.ClientConnectorCertificateError as error:
            raise self.rejected(f"cannot be trusted at {self.endpoint}: {error}") from error
        except ValueError as error:  # of a URL; it is not repeated, since a proxy's may have a password in it
            said = f"cannot be reached at {self.endpoint}: that, or HTTPS_PROXY, is no URL such as http://proxy:3128"
            raise self.rejected(said) from error
        except (aiohttp.ClientError, ConnectionError) as error:
            return self._trouble(f"cannot be heard: {type(error).__name__}: {self._safe(str(error))}")
        except TimeoutError as error:
            said = f"ModelProvider {self.provider} did not answer in the {left:.0f} s that were left"
            raise TaskFailedError(FailureClass.TIMEOUT, said) from error

    async def _post(self, body: dict[str, Any]) -> Reply | Trouble:
        url = self.endpoint.rstrip("/") + self.dialect.path
        # No redirect is followed: it could lead the key to another host.
        async with self._session.post(url, json=body, allow_redirects=False) as response:
            data = await _limited(response.content)
            if data is None:
                raise self.rejected(f"answers with more than {MAX_REPLY_BYTES} bytes")
            if response.status == 200:
                return self._answer(data)
            if response.status == 400 and b"content_filter" in data:
                return Reply("", refusal=self._safe(_said(data)))
            return self._refused(response.status, response.headers, data)

    def _answer(self, data: bytes) -> Reply | Trouble:
        try:
            reply = self.dialect.read(json.loads(data))
        except (ValueError, RecursionError, UnreadableError):
            return self._trouble(f"answers with something that is no completion: {self._safe(_said(data))}")
        self.heard = True
        return reply

    def _refused(self, status: int, headers: Mapping[str, str], data: bytes) -> Trouble:
        """Judge an answer that is none; raises what cannot pass."""
        said = f"says {status}: {self._safe(_said(data))}"
        sentence = said.rstrip(".")
        if status in _NOT_UNDERSTOOD or (status == 404 and self.heard):
            raise NotUnderstoodError(said)
        if status in _WRONG_KEY:
            raise self.rejected(f"{sentence}. Is the key in its Secret right, and may it use model {self.model}?")
        if status == 402 or (status == 429 and b"insufficient_quota" in data):
            raise self.rejected(f"{sentence}. The account has no credit left: waiting does not help")
        if status == 429:
            return Trouble(FailureClass.RATE_LIMITED, f"ModelProvider {self.provider} {said}", retry_after(headers))
        if status in _PASSING or status >= 500:
            return self._trouble(said, retry_after(headers))
        raise self.rejected(f"{sentence}. Are endpoint {self.endpoint} and model {self.model} right?")

    def _trouble(self, said: str, wait: float | None = None) -> Trouble:
        return Trouble(FailureClass.PROVIDER_UNAVAILABLE, f"ModelProvider {self.provider} {said}", wait)

    def rejected(self, said: str) -> TaskFailedError:
        """Make the failure that only a change of provider, Secret or ModelProvider can mend."""
        return TaskFailedError(FailureClass.REJECTED, f"ModelProvider {self.provider} {said}")

    def _safe(self, text: str) -> str:
        """Give what a provider said in one line, without the key: some repeat it."""
        return one_line(text.replace(self.key, "(the key)") if self.key else text, 200)


async def _limited(content: aiohttp.StreamReader) -> bytes | None:
    """Read a whole body; None if it is larger than any answer."""
    found = bytearray()
    async for chunk in content.iter_any():
        found += chunk
        if len(found) > MAX_REPLY_BYTES:
            return None
    return bytes(found)


def _said(data: bytes) -> str:
    """Give an error's sentence, wherever the provider has put it."""
    text = data[:2000].decode("utf-8", "replace")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return text or "nothing"
    error = (_error(body) or body) if isinstance(body, dict) else body
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def _error(body: dict[str, Any]) -> Any:
    """Give the error of a body, or of its first choice."""
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return body.get("error") or (first.get("error") if isinstance(first, dict) else None)


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Give the seconds that a provider asks to wait (RFC 9110, 10.2.3); None if it says nothing sensible."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if value.replace(".", "", 1).isdecimal() and value.isascii():
            return min(float(value) * unit, 10**9)
    try:
        at = parsedate_to_datetime(headers.get("retry-after", "")).timestamp()
    except (ValueError, OverflowError):
        return None
    return max(0.0, at - (time.time() if now is None else now))
