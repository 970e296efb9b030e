"""Live progress: messages on a Redis stream that may be lost, late or unwanted, and then nothing happens.

A thread of its own talks to Redis, so that a dead or slow server slows no work. It keeps only the
latest message: what was overtaken is never sent. This module imports neither pydantic nor the
redis package (0.4 s), because the first message tells how fast a worker starts.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import hiredis

from coursegen_api import names
from coursegen_worker import log

MIN_INTERVAL_SECONDS = 0.5
"""At most two messages a second."""
CONNECT_TIMEOUT_SECONDS = 0.5
REPLY_TIMEOUT_SECONDS = 1.0
FIRST_RECONNECT_SECONDS = 0.25
"""The wait after a first failure; each further one waits twice as long, up to RECONNECT_SECONDS.

Where network policies are in force, a Pod that has just started may be refused for some tenths of a second.
"""

RECONNECT_SECONDS = 5.0
STREAM_LENGTH = 10_000
"""The stream is trimmed to about this many entries."""
_STAGE_LENGTH = 63

Advance = Callable[[float, str], None]
"""Reports the share done, 0 to 1, of the part of the task that the callee was given, and the stage."""


@dataclass(frozen=True)
class Identity:
    """Whose progress it is: the object, its revision and attempt, and the Pod."""

    uid: str
    revision: int
    attempt: int
    pod_uid: str


@dataclass(frozen=True)
class _Message:
    percentage: int
    stage: str
    time: float

    def fields(self, identity: Identity) -> list[str]:
        """Give the entry's fields and values; the same as coursegen_api.task.Progress.fields()."""
        return [
            *("uid", identity.uid),
            *("revision", str(identity.revision)),
            *("attempt", str(identity.attempt)),
            *("podUid", identity.pod_uid),
            *("percentage", str(self.percentage)),
            *("stage", self.stage[:_STAGE_LENGTH]),
            *("time", str(self.time)),
        ]


class Progress:
    """Says how far the task is. Never blocks, never raises; percentages never fall."""

    def __init__(self, url: str | None, stream: str, identity: Identity) -> None:
        self._url = url
        self._stream = stream
        self._identity = identity
        self._latest = _Message(0, "starting", time.time())
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if url:
            self._changed.set()
            self._thread = threading.Thread(target=self._run, args=(url,), name="progress", daemon=True)
            self._thread.start()

    @property
    def percentage(self) -> int:
        """The latest percentage, 0 to 100."""
        return self._latest.percentage

    @property
    def stage(self) -> str:
        """The latest stage, in a word or two."""
        return self._latest.stage

    def report(self, percentage: float, stage: str) -> None:
        """Note how far the task is; the thread sends it when the rate allows."""
        whole = max(self._latest.percentage, min(100, int(percentage)))
        if (whole, stage) != (self._latest.percentage, self._latest.stage):
            self._latest = _Message(whole, stage, time.time())
            self._changed.set()

    def part(self, start: float, end: float) -> Advance:
        """Give a reporter for one part of the task, which runs from `start` to `end` percent."""
        return lambda share, stage: self.report(start + (end - start) * share, stage)

    def close(self, timeout: float = 0.4) -> None:
        """Send what is unsent, for at most `timeout` seconds, and end."""
        self._closing.set()
        self._changed.set()
        if self._thread:
            self._thread.join(timeout)

    def _run(self, url: str) -> None:
        """Send the latest message whenever there is one, until closed."""
        redis: _Redis | None = None
        patience = FIRST_RECONNECT_SECONDS
        while True:
            self._changed.wait()
            self._changed.clear()
            last = self._closing.is_set()
            try:
                redis = redis or _Redis(url)
                redis.append(self._stream, self._latest.fields(self._identity))
                pause, patience = MIN_INTERVAL_SECONDS, FIRST_RECONNECT_SECONDS
            except (OSError, ValueError, hiredis.HiredisError) as error:
                if redis:
                    redis.close()
                redis = None
                log.event("progress-unavailable", error=f"{type(error).__name__}: {error}")
                pause, patience = patience, min(2 * patience, RECONNECT_SECONDS)
                self._changed.set()  # it is still unsent
            if last:
                return
            self._closing.wait(pause)


class _Redis:
    """One connection that can append to a stream: redis://, rediss:// or unix://, with ACL user and database."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # it has a part of the URL in it, which may be the password's
            raise ValueError("the Redis URL is none: a password has its special characters as %XX") from None
        query = {k: v[-1] for k, v in parse_qs(parts.query).items()}
        self._socket = _connect(parts.scheme, parts.hostname, port, parts.path, query)
        self._socket.settimeout(REPLY_TIMEOUT_SECONDS)
        self._reader = hiredis.Reader()
        try:
            if parts.password:
                user = [unquote(parts.username)] if parts.username else []
                self._command("AUTH", *user, unquote(parts.password))
            database = query.get("db") or (parts.path.strip("/") if parts.scheme != "unix" else "")
            if database and database != "0":
                self._command("SELECT", database)
        except BaseException:
            self.close()
            raise

    def append(self, stream: str, fields: list[str]) -> None:
        """XADD the fields; raises OSError or HiredisError."""
        self._command("XADD", stream, "MAXLEN", "~", str(STREAM_LENGTH), "*", *fields)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def _command(self, *words: str) -> object:
        self._socket.sendall(hiredis.pack_command(words))  # type: ignore[arg-type]  # any length, says its code
        while (reply := self._reader.gets()) is False:
            data = self._socket.recv(4096)
            if not data:
                raise ConnectionError("Redis closed the connection")
            self._reader.feed(data)
        if isinstance(reply, hiredis.ReplyError):
            raise reply
        return reply


def _connect(scheme: str, host: str | None, port: int | None, path: str, query: dict[str, str]) -> socket.socket:
    """Open the socket; `rediss` trusts the authorities of names.ENV_REDIS_CA, of `ssl_ca_certs`, or the system's."""
    if scheme == "unix":
        plain = socket.socket(socket.AF_UNIX)
        plain.settimeout(CONNECT_TIMEOUT_SECONDS)
        plain.connect(path)
        return plain
    if scheme not in ("redis", "rediss") or not host:
        raise ValueError("the Redis URL must begin with redis://, rediss:// or unix:// and name a host")
    plain = socket.create_connection((host, port or 6379), timeout=CONNECT_TIMEOUT_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if scheme == "redis":
        return plain
    import ssl  # only where TLS is asked for: it costs 10 ms

    context = ssl.create_default_context(cafile=query.get("ssl_ca_certs"), cadata=os.environ.get(names.ENV_REDIS_CA))
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
