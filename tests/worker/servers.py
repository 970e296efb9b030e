"""The servers that the worker talks to, as tests see them."""

import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import redis

SECONDS = 60
"""A server that takes longer, on a machine where all tests run at once, is taken for one that never comes."""


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until somebody listens; fails with the server's log if it ends instead."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}: {log.read_text()}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Tell a server to end, and wait until it has."""
    process.terminate()
    process.wait(SECONDS)


@dataclass(frozen=True)
class RedisServer:
    """A Redis with a password, and a user that may only append to its namespace's stream."""

    port: int
    password: str
    tenant_password: str

    @property
    def tenant_url(self) -> str:
        return f"redis://tenant:{quote(self.tenant_password, safe='')}@127.0.0.1:{self.port}/0"

    def client(self) -> "redis.Redis[bytes]":
        """Give the operator's connection, which may read."""
        return redis.Redis(port=self.port, password=self.password)


@dataclass(frozen=True)
class S3Server:
    """A running S3 server and what a worker needs to reach it."""

    url: str
    environment: dict[str, str]
    folder: Path
