"""A node that gives the logs of its Pods, as a kubelet does: over TLS, to an API server that shows who it is."""

import http.server
import ssl
import threading
from urllib.parse import parse_qs, urlsplit

from localcluster import pki

from ....e2e.scene import Scene
from ....e2e.system import System


class LogNode:
    """A node that nothing is scheduled to; Pods come to it by hand, each with the lines that its worker has written."""

    name = "log-node"

    def __init__(self, system: System) -> None:
        self._system = system
        self._lines: dict[tuple[str, str], list[str]] = {}
        folder = system.cluster.instance.pki
        leaf = pki.Leaf(self.name, f"system:node:{self.name}", addresses=(system.host_address,), names=(self.name,))
        pki.ensure(folder, (leaf,))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{leaf.name}.crt", folder / f"{leaf.name}.key")
        context.load_verify_locations(folder / f"{pki.CA_NAME}.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        self._server = http.server.ThreadingHTTPServer((system.host_address, 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="log node", daemon=True)

    def __enter__(self) -> "LogNode":
        self._thread.start()
        node = {"metadata": {"name": self.name}, "spec": {"unschedulable": True}}
        self._system.request("POST", "/api/v1/nodes", node)
        here = {
            "addresses": [{"type": "InternalIP", "address": self._system.host_address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_port}},
        }
        path = f"/api/v1/nodes/{self.name}/status"
        self._system.request("PATCH", path, {"status": here}, "application/merge-patch+json")
        return self

    def __exit__(self, *_: object) -> None:
        self._system.api.request("DELETE", f"/api/v1/nodes/{self.name}")
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, scene: Scene, pod: str) -> None:
        """Take a Pod that is on no node yet."""
        self._lines[scene.namespace, pod] = []
        target = {"apiVersion": "v1", "kind": "Node", "name": self.name}
        body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
        self._system.request("POST", f"/api/v1/namespaces/{scene.namespace}/pods/{pod}/binding", body)

    def say(self, scene: Scene, pod: str, *lines: str) -> None:
        """Have the worker of a Pod say more."""
        self._lines[scene.namespace, pod] += lines

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        written = self._lines

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = urlsplit(self.path)
                _, kind, namespace, pod, _container = asked.path.split("/")
                last = int(parse_qs(asked.query)["tailLines"][0])
                lines = written[namespace, pod][-last:]
                body = "".join(f"{line}\n" for line in lines).encode()
                self.send_response(200 if kind == "containerLogs" else 404)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
