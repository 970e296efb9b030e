"""An API server of a few paths, spoken to over HTTP: what a command makes of its answers, the bad ones among them."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from coursegen.access import Access
from coursegen.cli.app import Scope
from coursegen.client import Client

Json = dict[str, Any]
Answer = Json | int | Callable[[Json], Json]
"""What a path answers: an object, a code that refuses, or what follows from the query or the body."""


@contextmanager
def served(paths: Mapping[str, Answer], namespace: str = "courses", ahead: float = 0.0) -> Iterator[Client]:
    """Give a client of an API server that has these paths, and 404 for every other.

    Arguments:
        ahead: seconds that its clock is ahead of this machine's.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body go as one, or each answer waits for the kernel's acknowledgement

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(time.time() + ahead) if timestamp is None else timestamp)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._answer(parts.path, {k: v[0] for k, v in parse_qs(parts.query).items()})

        def do_POST(self) -> None:
            self._answer(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _answer(self, path: str, asked: Json) -> None:
            found = paths.get(path, 404)
            code = found if isinstance(found, int) else 200
            said = {"message": f"{path}: {code}"} if isinstance(found, int) else found
            body = json.dumps(said(asked) if callable(said) else said).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with Client(access=Access(f"http://127.0.0.1:{server.server_port}", namespace, False, dict)) as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def scope_of(client: Client, **given: Any) -> Scope:
    """Give a command's scope that looks there."""
    scope = Scope(**given)
    scope.__dict__["client"] = client
    return scope


def listed(*objects: Any) -> Json:
    """Give a list, as the API server does."""
    return {"metadata": {}, "items": [o if isinstance(o, dict) else o.stored() for o in objects]}


def secret(kind: str = "Opaque", **data: str) -> Json:
    """Give a Secret."""
    return {"type": kind, "data": {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}}
