"""Percentages as the workers report them: status has them only every few seconds, lest the API server be kept busy.

Nothing hangs on it. Without Redis the demo shows what status says.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from coursegen_api import names
from localcluster.errors import LocalClusterError

from .kubectl import Kubectl, Proxy
from .overlay import GENERATED, SYSTEM, TENANT

_BLOCK_MS = 500
_SOCKET_SECONDS = 5


@dataclass(frozen=True)
class Word:
    """What a worker said last."""

    revision: int
    attempt: int
    percentage: int
    stage: str


@dataclass
class Live:
    """The last word about each object, by UID; filled by a thread."""

    words: dict[str, Word] = field(default_factory=dict)

    def take(self, fields: dict[str, str]) -> None:
        """Keep one message of the stream."""
        number = (int(fields["revision"]), int(fields["attempt"]))
        self.words[fields["uid"]] = Word(*number, int(fields["percentage"]), fields["stage"])


@contextmanager
def reading(kubectl: Kubectl, api: Proxy, generated: Path = GENERATED) -> Iterator[Live]:
    """Read the namespace's stream during the body."""
    live, stop = Live(), threading.Event()
    url, namespace = _url(generated), api.get(f"/api/v1/namespaces/{TENANT}")
    with ExitStack() as stack:
        if url and namespace:
            port = _forward(kubectl, stack)
            login = urlsplit(url)
            address = f"redis://{login.username}:{login.password}@127.0.0.1:{port}"
            stream = names.progress_stream(namespace["metadata"]["uid"])
            thread = threading.Thread(target=_read, args=(address, stream, live, stop), daemon=True)
            thread.start()
            stack.callback(thread.join, timeout=2 * _BLOCK_MS / 1000)
            stack.callback(stop.set)
        yield live


def _forward(kubectl: Kubectl, stack: ExitStack) -> int:
    forward = ("port-forward", "--namespace", SYSTEM, "service/redis", ":6379")
    try:
        return int(stack.enter_context(kubectl.background(*forward, says=r"127\.0\.0\.1:(\d+)"))[1])
    except LocalClusterError:
        return 0  # a port at which nobody answers: Redis is away, as it may be


def _url(generated: Path) -> str | None:
    with suppress(OSError):
        match = re.match(r"url=(\S+)", (generated / "redis-operator.env").read_text())
        return match[1] if match else None
    return None


def _read(address: str, stream: str, live: Live, stop: threading.Event) -> None:
    from redis import Redis
    from redis.exceptions import RedisError

    position = "0-0"
    while not stop.is_set():
        with (
            suppress(RedisError, OSError),
            Redis.from_url(address, decode_responses=True, socket_timeout=_SOCKET_SECONDS, protocol=2) as client,
        ):
            while not stop.is_set():
                for _, entries in client.xread({stream: position}, block=_BLOCK_MS) or ():
                    for entry, fields in entries:
                        live.take(fields)
                        position = entry
        stop.wait(1.0)
