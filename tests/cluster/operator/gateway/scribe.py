"""A node that gives the log of any Pod that is on it, so that the API server has somebody to ask. No program runs."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localcluster import pki

from ....e2e.scene import Scene

Json = dict[str, Any]

LOG = '{"level": "info", "message": "Writing section 2 of 4"}\n'
_NAME = "scribe"


class _Log(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(LOG.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


class Scribe:
    """The node, which takes no Pods but those that are put on it by hand."""

    def __init__(self, scene: Scene) -> None:
        self._scene, self._api = scene, scene.system.api
        address = scene.system.host_address
        self._server = ThreadingHTTPServer((address, 0), _Log)
        leaf = pki.Leaf(f"kubelet-{_NAME}", f"system:node:{_NAME}", addresses=(address,))
        pki.ensure(self._api.pki, (leaf,))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._api.pki / f"{leaf.name}.crt", self._api.pki / f"{leaf.name}.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name=_NAME, daemon=True)

    def __enter__(self) -> "Scribe":
        self._thread.start()
        node = {"metadata": {"name": _NAME}, "spec": {"unschedulable": True}}
        self._scene.system.request("POST", "/api/v1/nodes", node)
        address, port = self._server.server_address[:2]
        status: Json = {"addresses": [{"type": "InternalIP", "address": str(address)}]}
        status["daemonEndpoints"] = {"kubeletEndpoint": {"Port": port}}
        path = f"/api/v1/nodes/{_NAME}/status"
        self._scene.system.request("PATCH", path, {"status": status}, "application/merge-patch+json")
        return self

    def __exit__(self, *_: object) -> None:
        self._api.request("DELETE", f"/api/v1/nodes/{_NAME}")
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def take(self, pod: Json) -> None:
        """Take a Pod, if it was not taken before."""
        meta = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding"
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": meta["name"]}}
        code, answer = self._api.request("POST", path, body | {"target": {"kind": "Node", "name": _NAME}})
        assert code in (201, 409), answer
