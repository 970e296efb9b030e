"""Where Redis is, and how to be let in: said once, or by a mounted Secret that may change at any time."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import asyncio as redis_asyncio

BLOCK_MS = 1000
"""So long Redis may keep a read waiting for something new."""


@dataclass(frozen=True, slots=True)
class Address:
    """A Redis at one time."""

    url: str = field(repr=False)
    """Empty: there is none. Never printed: it holds a password."""
    ca: str = field(default="", repr=False)
    """Certificates (PEM) that vouch for a rediss:// server; empty: those of the system."""


@dataclass(frozen=True, slots=True)
class Redis:
    """The way to Redis."""

    url: str = field(default="", repr=False)
    ca: str = field(default="", repr=False)
    max_connections: int = 50
    folder: str = ""
    """Where `url` and `ca.crt` are read from instead, anew each time."""

    def address(self) -> Address:
        """Give where Redis is now; OSError if the folder cannot be read."""
        if not self.folder:
            return Address(self.url, self.ca)
        return Address(*(_text(Path(self.folder) / name) for name in ("url", "ca.crt")))

    def client(self, address: Address) -> "redis_asyncio.Redis":
        """Give a client that gives up what takes longer than a read may; ValueError for a URL that is none."""
        tls: dict[str, Any] = {}
        if address.ca and address.url.startswith("rediss://"):
            tls = {"ssl_ca_data": address.ca}
        client: redis_asyncio.Redis = redis_asyncio.Redis.from_url(
            address.url,
            max_connections=self.max_connections,
            decode_responses=True,
            encoding_errors="replace",  # whoever may append to a stream may append anything
            socket_connect_timeout=2,
            socket_timeout=BLOCK_MS / 1000 + 5,
            **tls,
        )
        return client


def wrong_with(url: str) -> str:
    """Say what is wrong with a URL of Redis, without repeating any of it; empty if nothing is."""
    scheme = url.partition("://")[0]
    if url and scheme not in ("redis", "rediss", "unix"):
        return "has to begin with redis://, rediss:// or unix://"
    if scheme in ("redis", "rediss") and not _names_a_host(url):
        return "names no host; a password has its special characters as %XX"
    return ""


def lacks(url: str) -> tuple[str, ...]:
    """Name what a URL should have where others are in the network: TLS, a password; a socket's file needs neither."""
    if not url or wrong_with(url) or url.startswith("unix://"):
        return ()
    parts = urlsplit(url)
    told = {"TLS": parts.scheme == "rediss", "a password": bool(parts.password)}
    return tuple(what for what, there in told.items() if not there)


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a bracket that is not closed, or a port that is the rest of a password
        return False


def _text(file: Path) -> str:
    """Read a file of a Secret; one that is not there is empty, as the whole Secret may be absent."""
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return ""
