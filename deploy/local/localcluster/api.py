"""A small client of the API server, for what bringing a cluster up has to ask and to say."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcluster.errors import LocalClusterError

PORT = 6443
_FIELD_MANAGER = "localcluster"

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Api:
    """Requests as the cluster's administrator."""

    address: str
    pki: Path
    seconds: float = field(default=10.0, kw_only=True)
    """After which a server that has not answered is taken for a silent one."""

    @property
    def server(self) -> str:
        return f"https://{self.address}:{PORT}"

    def _connect(self) -> http.client.HTTPConnection:
        context = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        context.load_cert_chain(self.pki / "admin.crt", self.pki / "admin.key")
        return http.client.HTTPSConnection(self.address, PORT, timeout=self.seconds, context=context)

    def request(
        self, method: str, path: str, body: Manifest | None = None, *, kind: str = "application/json"
    ) -> tuple[int, Any]:
        """Sends one request and returns its status and its JSON (or text).

        A dead or silent server is status 0: whoever waits for it asks again.
        """
        connection = self._connect()
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": kind, "User-Agent": "localcluster"})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            connection.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def get(self, path: str) -> Any:
        """The object at a path, or None if it is not there."""
        status, found = self.request("GET", path)
        return found if status == 200 else None

    def apply(self, path: str, manifest: Manifest) -> None:
        """Server-side apply of one object."""
        query = f"{path}?fieldManager={_FIELD_MANAGER}&force=true"
        status, answer = self.request("PATCH", query, manifest, kind="application/apply-patch+yaml")
        if status not in (200, 201):
            raise LocalClusterError(f"The API server refused {path}: {status} {answer}")

    def ready(self) -> bool:
        """Says whether the API server calls itself ready."""
        return self.request("GET", "/readyz")[0] == 200


def conditions(thing: Manifest | None) -> dict[str, str]:
    """The conditions of an object, type to status."""
    if thing is None:
        return {}
    listed: Sequence[Mapping[str, str]] = thing.get("status", {}).get("conditions", ())
    return {c["type"]: c["status"] for c in listed}
