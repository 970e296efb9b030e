"""A running gateway with the rights of its manifests, and people with tokens of their own."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import redis
import yaml

from coursegen_api import names
from coursegen_api.task import Progress

from .... import programs
from ....e2e.scene import Scene
from ....e2e.system import ROOT, System
from ....ports import free_port

Json = dict[str, Any]

SYSTEM = "coursegen-system"
_SECONDS = 60


@dataclass
class Server:
    """A program that listens on a port of loopback until the tests end."""

    command: list[str]
    log: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Give its address, of one that speaks HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Server":
        """Start it, and wait until it listens; it dies with this process."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.command],
                env={"PATH": os.environ["PATH"], **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.05)
        raise AssertionError(f"nothing listens on {self.port}: {self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        """End it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@dataclass
class Place:
    """The gateway, what it stands on, and ways to reach it."""

    system: System
    folder: Path
    redis: Server
    s3: Server | None
    s3_environment: Mapping[str, str]
    """What reaches the object store."""
    gateways: dict[str, Server] = field(default_factory=dict)

    def gateway(self, name: str = "gateway", **settings: str) -> Server:
        """Give a running gateway with some settings; it is the same for the same name."""
        if name not in self.gateways:
            port = free_port()
            operators = [p.environment["COURSEGEN_HTTP_PORT"] for p in self.system.processes]
            environment = {
                "KUBECONFIG": str(self._kubeconfig()),
                "COURSEGEN_HTTP_HOST": "127.0.0.1",
                "COURSEGEN_HTTP_PORT": str(port),
                "COURSEGEN_REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
                "COURSEGEN_OPERATOR_URL": ",".join(f"http://127.0.0.1:{p}" for p in operators),
                "COURSEGEN_STORE_URL": "s3://courses",
                "COURSEGEN_REQUESTS_PER_SECOND": "2000",
                **self.s3_environment,
            }
            environment |= {f"COURSEGEN_{k.upper()}": v for k, v in settings.items()}
            command = [sys.executable, "-m", "coursegen_gateway"]
            server = Server(command, self.folder / f"{name}.log", port, environment).start()
            self.gateways[name] = server
            self._until_ready(server)
        return self.gateways[name]

    def client(self, token: str = "", gateway: str = "gateway") -> httpx.Client:
        """Give a client of a gateway for who holds a token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        base = f"http://127.0.0.1:{self.gateways[gateway].port}"
        return httpx.Client(base_url=base, headers=headers, timeout=_SECONDS, trust_env=False)

    def token(self, namespace: str, name: str, role: str = "", cluster_role: str = "") -> str:
        """Give the token of a new service account, bound to a Role of its namespace or to a ClusterRole everywhere."""
        api, rbac = self.system.api, "/apis/rbac.authorization.k8s.io/v1"
        api.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": name}})
        who = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        group = "rbac.authorization.k8s.io"
        if role:
            reference = {"apiGroup": group, "kind": "Role", "name": role}
            body: Json = {"metadata": {"name": name}, "roleRef": reference, "subjects": [who]}
            self.system.request("POST", f"{rbac}/namespaces/{namespace}/rolebindings", body)
            until_may(self.system, who, f"{rbac}/namespaces/{namespace}/roles/{role}")
        if cluster_role:
            reference = {"apiGroup": group, "kind": "ClusterRole", "name": cluster_role}
            body = {"metadata": {"name": f"{namespace}-{name}"}, "roleRef": reference, "subjects": [who]}
            self.system.request("POST", f"{rbac}/clusterrolebindings", body)
            until_may(self.system, who, f"{rbac}/clusterroles/{cluster_role}")
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        answer = self.system.request("POST", path, {"spec": {"expirationSeconds": 3600}})
        return str(answer["status"]["token"])

    def file(self, key: str, content: bytes) -> Path:
        """Put a file into the object store, as a worker does; gives where it lies."""
        path = self.folder / "s3" / "courses" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def report(self, scene: Scene, kind: str, name: str, percentage: int, stage: str = "Writing") -> None:
        """Say on the namespace's stream, as a worker does, how far an attempt is."""
        found = self.system.recorder.now(kind, scene.namespace, name)
        assert found
        attempt = found["status"]["attempts"][-1]["number"]
        word = Progress(
            uid=found["metadata"]["uid"],
            revision=found["status"].get("revision", 0),
            attempt=attempt,
            pod_uid="pod",
            percentage=percentage,
            stage=stage,
            time=time.time(),
        )
        client = redis.Redis(port=self.redis.port)
        client.xadd(names.progress_stream(self.namespace_uid(scene.namespace)), word.fields())  # type: ignore[arg-type]

    def namespace_uid(self, namespace: str) -> str:
        """Give the UID of a namespace."""
        return str(self.system.api.get(f"/api/v1/namespaces/{namespace}")["metadata"]["uid"])

    def _until_ready(self, server: Server) -> None:
        deadline = time.monotonic() + _SECONDS
        while True:
            answer = httpx.get(f"http://127.0.0.1:{server.port}/readyz", timeout=_SECONDS, trust_env=False)
            if answer.status_code == 200:
                return
            assert time.monotonic() < deadline, f"{answer.text}\n{server.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def _kubeconfig(self) -> Path:
        """Write a kubeconfig that has the gateway's own token and nothing more."""
        path = self.folder / "gateway.kubeconfig"
        config = yaml.safe_load(self.system.kubectl.kubeconfig.read_text())
        config["users"] = [{"name": u["name"], "user": {"token": self.own_token}} for u in config["users"]]
        path.write_text(yaml.safe_dump(config))
        return path

    @property
    def own_token(self) -> str:
        """Give a token of the gateway's service account."""
        path = f"/api/v1/namespaces/{SYSTEM}/serviceaccounts/coursegen-gateway/token"
        return str(self.system.request("POST", path, {"spec": {"expirationSeconds": 7200}})["status"]["token"])


def until_may(system: System, who: Json, role: str) -> None:
    """Wait until the API server goes by a role that was bound; a no before that, the gateway would remember."""
    rule = system.request("GET", role)["rules"][0]
    spec: Json = {"user": f"system:serviceaccount:{who['namespace']}:{who['name']}"}
    if paths := rule.get("nonResourceURLs"):
        spec["nonResourceAttributes"] = {"verb": rule["verbs"][0], "path": paths[0]}
    else:
        resource, _, part = rule["resources"][0].partition("/")
        asked = {"verb": rule["verbs"][0], "group": rule["apiGroups"][0], "resource": resource, "subresource": part}
        asked |= {"namespace": who["namespace"], "name": next(iter(rule.get("resourceNames", ())), "")}
        spec["resourceAttributes"] = asked
    deadline = time.monotonic() + _SECONDS
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    while not system.request("POST", path, {"spec": spec})["status"]["allowed"]:
        assert time.monotonic() < deadline, f"{role} is not in force for {who['name']}"
        time.sleep(0.05)


def apply_rights(system: System) -> None:
    """Apply what the gateway's manifests give it, and the roles for people."""
    system.api.request("POST", "/api/v1/namespaces", {"metadata": {"name": SYSTEM}})
    for file in ("components/gateway/rbac.yaml", "base/roles.yaml"):
        system.kubectl.run("apply", "-f", str(ROOT / "deploy" / file), what=f"Applying {file}")


def apply_workloads(system: System, folder: Path) -> None:
    """Apply what the docs look at in the operator's namespace; none of it runs."""
    deploy = os.path.relpath(ROOT / "deploy", folder)
    parts = {"resources": [f"{deploy}/base"], "components": [f"{deploy}/components/{c}" for c in ("gateway", "redis")]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(parts))
    wanted = ("Namespace", "ServiceAccount", "ConfigMap", "Deployment", "Service")
    rendered = [m for m in yaml.safe_load_all(system.kubectl.output("kustomize", str(folder))) if m["kind"] in wanted]
    for workload in (m for m in rendered if m["kind"] == "Deployment"):
        workload["spec"]["replicas"] = 0  # Pods would be in the way of tests that bring nodes
    (folder / "system.yaml").write_text(yaml.safe_dump_all(rendered))
    system.kubectl.run("apply", "-f", str(folder / "system.yaml"), what="Applying the system's workloads")
    holder = {"holderIdentity": "coursegen-operator-0", "leaseDurationSeconds": 15}
    lease = {"metadata": {"name": "coursegen-operator-leader"}, "spec": holder}
    system.api.request("POST", f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases", lease)


def start_redis(folder: Path) -> Server:
    """Start Debian's redis-server."""
    port = free_port()
    arguments = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    return Server([programs.redis_server(), *arguments], folder / "redis.log", port).start()


def start_s3(folder: Path) -> tuple[Server, dict[str, str]]:
    """Start the S3 server of the local cluster, with one bucket; gives what reaches it as well."""
    (folder / "s3" / "courses").mkdir(parents=True)
    port, key, secret = free_port(), "test-access", secrets.token_hex(12)
    command = [
        programs.versitygw(),
        "--access",
        key,
        "--secret",
        secret,
        "--port",
        f"127.0.0.1:{port}",
        "posix",
        str(folder / "s3"),
    ]
    return Server(command, folder / "s3.log", port).start(), programs.s3_environment(port, key, secret)
