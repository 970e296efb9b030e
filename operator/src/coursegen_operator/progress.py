"""Live percentages from Redis: one stream a namespace, read into the snapshot.

Nothing that matters comes this way. Without Redis, or after a FLUSHALL, percentages are older and
every final state is the same.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError
from redis import asyncio as redis_asyncio
from redis.exceptions import RedisError

from coursegen_api import names
from coursegen_api.task import Progress

from .redisplace import BLOCK_MS, Address, Redis, wrong_with

__all__ = ["ProgressReader", "Redis", "not_ahead"]

_BATCH = 1000
_RECONNECT_SECONDS = 2.0

log = logging.getLogger(__name__)

Take = Callable[[Progress, str], None]
"""Takes a message, and the namespace whose stream it was on: who may append there may speak of that namespace alone."""


class NoAddressError(Exception):
    """What should say where Redis is does not; the message repeats nothing of it."""


class ProgressReader:
    """Follows the streams of all namespaces in which there is work."""

    def __init__(
        self, redis: Redis, namespaces: Callable[[], Mapping[str, str]], unreadable: Callable[[], None] = lambda: None
    ) -> None:
        self._redis, self._namespaces = redis, namespaces
        self._unreadable = unreadable
        """Called for each message that is none."""
        self._positions: dict[str, str] = {}
        self.last_message = 0.0
        self.connected = False
        self.configured = False
        """False while the Secret that would say where Redis is says nothing: there is none, and nothing is wrong."""
        self._told = False
        """Said already that Redis is not there: once for each time that it goes."""

    async def run(self, take: Take) -> None:
        """Read until cancelled; a Redis that is not there is tried again every two seconds."""
        while True:
            try:
                await self._read(take)
            except (RedisError, OSError, TimeoutError, NoAddressError) as error:
                if not self._told:
                    log.warning("redis cannot be read, percentages will be older: %s", _why(error))
                self._told = True
            self.connected = False
            await asyncio.sleep(_RECONNECT_SECONDS)

    async def _read(self, take: Take) -> None:
        """Read from where Redis is now; return when it is elsewhere, or is to be asked with another password."""
        address = self._redis.address()
        self.configured = bool(address.url)
        if not self.configured:
            return
        client = self._client(address)
        try:
            await self._follow(client, take, address)
        finally:
            await client.aclose()
        log.info("redis is reached another way from now on: its Secret has changed")
        self._positions.clear()  # of another server, perhaps, which counts its entries anew

    def _client(self, address: Address) -> "redis_asyncio.Redis":
        where = self._redis.folder or "the settings"
        if wrong := wrong_with(address.url):
            raise NoAddressError(f"the url in {where} {wrong}")
        try:
            return self._redis.client(address)
        except ValueError as error:  # its words repeat the URL
            raise NoAddressError(f"the url in {where} is none that Redis is reached by") from error

    async def _follow(self, client: "redis_asyncio.Redis", take: Take, address: Address) -> None:
        await client.ping()
        self.connected, self._told = True, False
        while self._redis.address() == address:
            streams = {names.progress_stream(uid): namespace for namespace, uid in self._namespaces().items()}
            for stream in streams.keys() - self._positions.keys():
                self._positions[stream] = "0"
            wanted: Any = {s: self._positions[s] for s in streams}
            if not wanted:
                await asyncio.sleep(BLOCK_MS / 1000)
                continue
            answer: Any = await client.xread(wanted, count=_BATCH, block=BLOCK_MS)
            for stream, entries in answer.items() if isinstance(answer, dict) else answer or ():
                for entry, values in _flat(entries):
                    self._positions[stream] = entry
                    self._take(values, streams[stream], take)

    def _take(self, values: Mapping[str, str], namespace: str, take: Take) -> None:
        try:
            message = Progress.model_validate(values, extra="ignore")
        except ValidationError:
            self._unreadable()
            return
        self.last_message = time.time()
        take(message, namespace)


def not_ahead(message: Progress) -> Progress:
    """Take a worker's clock that runs ahead for the present: a time to come would stop later writes."""
    return message.model_copy(update={"time": min(message.time, time.time())})


def _why(error: Exception) -> str:
    """Name an error, and say what its certificate lacks; never the whole message, which can hold the URL."""
    if isinstance(error, NoAddressError):
        return str(error)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    about = f", its certificate is not trusted: {cause.verify_message}" if cause else ""
    return type(error).__name__ + about


def _flat(entries: Any) -> list[tuple[str, Mapping[str, str]]]:
    """Give entries as pairs; RESP3 wraps them in one more list."""
    out = []
    for entry in entries:
        if entry and isinstance(entry[0], (list, tuple)):
            out += _flat(entry)
        else:
            out.append((entry[0], entry[1]))
    return out
