"""The whole system on a cluster of the tests' own: brought up as `make demo` does it, with what tests need changed."""

import functools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import obstore
import yaml
from obstore.store import S3Store

from coursegen_api import names
from demo import bucket, crds, overlay
from demo.kubectl import Kubectl
from localcluster import Build, Cluster, Image, Options, Reporter, images
from localcluster.api import Api

from ..ports import free_port
from .recorder import Recorder

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
SYSTEM = overlay.SYSTEM
TENANTS = (overlay.TENANT, "rivals")
"""Two namespaces with accounts of their own at the object store and at Redis, as the demo makes them."""

SCENES = "scenes"
"""Whose accounts the scenes' namespaces use."""

COMPONENTS = ("gateway", "prometheus", "redis", "s3", "network-policy/system", "admission-policy")

MISBEHAVING = Path(__file__).parent / "misbehaving_worker"

BACKOFF_SECONDS = [1, 2, 3]
"""Of every queue, in place of 60, 120 and 240 s; those are proven with a simulated clock."""

TIMEOUT_SECONDS = 600
"""Of every queue, in place of 120 s: with all scenes at once a worker may take longer, and is none the worse for it."""

SLOW_CPU = "40m"
"""A worker that gets no more than this takes long enough for a chapter to be met in the middle of it."""

# Queues beside the five: each has what one bad day needs. The PriorityClass is that of another queue.
QUEUES: dict[str, Json] = {
    "slow": {"timeoutSeconds": 300, "workers": {"resources": {"limits": {"cpu": SLOW_CPU}}}},
    "hasty": {"timeoutSeconds": 15, "maxRetries": 1, "workers": {"resources": {"limits": {"cpu": "25m"}}}},
    "tight": {"maxRetries": 1, "workers": {"resources": {"limits": {"memory": "20Mi"}}}},
    "once": {"timeoutSeconds": 15, "maxRetries": 0},
    "nowhere": {"maxRetries": 0, "workers": {"nodeSelector": {"example.com/pool": "absent"}}},
}


@dataclass
class System:
    """A running system, and what tests use of it."""

    cluster: Cluster
    kubectl: Kubectl
    api: Api
    recorder: Recorder
    images: Mapping[str, Image]
    folder: Path
    """Where the tests' overlay and logs lie."""
    processes: "list[Operator]" = field(default_factory=list)
    host_address: str = ""
    """Where the cluster's network reaches this machine."""
    account: Path | None = None
    """The kubeconfig of the operator's own account, for those that are started here; None: they are administrators."""

    def request(self, method: str, path: str, body: Json | None = None, kind: str = "application/json") -> Json:
        """Ask the API server; AssertionError if it refuses."""
        status, answer = self.api.request(method, path, body, kind=kind)
        assert 200 <= status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def create_tenant(self, namespace: str, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Create a namespace to work in, from the tenant component, with Secrets."""
        parts = tenant_manifests(self.kubectl.program, namespace)
        for name, values in secrets.items():
            meta = {"name": name, "namespace": namespace}
            parts.append({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": dict(values)})
        parts = [p for p in parts if p["kind"] != "ArtifactCleanup"]  # it is work: a test has it where it is asked for
        for part in sorted(parts, key=lambda m: m["kind"] != "Namespace"):
            self.request("POST", path_of(part, namespace), part)

    def apply_base(self, version: Path = ROOT) -> None:
        """Apply the CRDs and the queues of a tree, without an operator."""
        crds.apply(self.kubectl, version / "crds")
        for file in ("priorityclasses.yaml", "queues.yaml"):
            self.kubectl.run("apply", "-f", str(version / "deploy" / "base" / file), what=f"Applying {file}")

    def guard(self) -> None:
        """Put the admission policies in force where no overlay is applied; operators act as their own account."""
        parts = ("base/namespace.yaml", "base/operator/serviceaccount.yaml", "base/operator/rbac.yaml")
        for file in (*parts, "components/admission-policy/policies.yaml"):
            self.kubectl.run("apply", "-f", str(ROOT / "deploy" / file), what=f"Applying {file}")
        self.account = self.log_in("coursegen-operator", SYSTEM, self.folder)

    def secrets(self) -> dict[str, dict[str, str]]:
        """Give the Secrets that workers find by name, for a namespace that is made in the middle of things.

        Its UID is in no policy and no ACL: so they reach everything. TENANTS have what the demo gives to its own.
        """
        generated = self.folder / "generated"
        root, login = overlay.read_env(generated / "s3-root.env"), overlay.read_env(generated / f"store-{SCENES}.env")
        login |= {"AWS_ACCESS_KEY_ID": root["ROOT_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": root["ROOT_SECRET_KEY"]}
        return {overlay.STORE: login, "coursegen-redis": overlay.read_env(generated / f"redis-{SCENES}.env")}

    def log_in(self, account: str, namespace: str, folder: Path) -> Path:
        """Write the kubeconfig of a ServiceAccount, which has none of an administrator's rights."""
        token = self.kubectl.output("-n", namespace, "create", "token", account, "--duration=4h").strip()
        config = yaml.safe_load(self.kubectl.output("config", "view", "--raw", "--minify"))
        config["users"][0]["user"] = {"token": token}
        place = folder / f"{account}.kubeconfig"
        place.touch(mode=0o600)
        place.write_text(yaml.safe_dump(config))
        return place

    @contextmanager
    def store(self, tenant: str = "") -> Iterator[S3Store]:
        """Reach the object store from here, as who may do everything or as a tenant."""
        own = self.folder / "generated" / f"store-{tenant}.env"
        values = overlay.read_env(own) if tenant else self.secrets()[overlay.STORE]
        with self.kubectl.background(
            "port-forward", "--namespace", SYSTEM, "service/s3", ":7070", says=r"127\.0\.0\.1:\d+"
        ) as found:
            yield S3Store(
                "coursegen",
                endpoint=f"http://{found[0]}",
                region="us-east-1",
                access_key_id=values["AWS_ACCESS_KEY_ID"],
                secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
                client_options={"allow_http": True},
                retry_config={"max_retries": 0} if tenant else None,  # versitygw refuses some things by 500
            )

    def fetch(self, keys: Sequence[str]) -> list[bytes]:
        """Read artifacts from the object store."""
        with self.store() as store:
            return [bytes(obstore.get(store, key).bytes()) for key in keys]

    def operator(
        self, name: str, namespaces: Sequence[str], environ: Mapping[str, str] | None = None, **settings: str
    ) -> "Operator":
        """Start an operator as a process of this machine, for some namespaces; it ends with the tests."""
        environment = {
            "KUBECONFIG": str(self.account or self.kubectl.kubeconfig),
            "COURSEGEN_NAMESPACES": ",".join(namespaces),
            "COURSEGEN_WORKER_IMAGE": self.images["coursegen/worker"].reference,
            "COURSEGEN_HTTP_PORT": str(free_port()),
            "COURSEGEN_LEADER_ELECTION": "false",  # each has namespaces of its own
        }
        environment |= {f"COURSEGEN_{k.upper()}": v for k, v in settings.items()} | dict(environ or {})
        process = Operator(environment, self.folder / f"{name}.log")
        self.processes.append(process)
        process.start()
        return process


@dataclass
class Operator:
    """An operator that runs here rather than in a Pod, so that a test can choose its settings and kill it."""

    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it; it dies with this process, however that dies."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "coursegen_operator"],
                env={"PATH": os.environ["PATH"], **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process
        self.process.send_signal(number)

    def ended(self, seconds: float) -> int:
        """Wait until it has ended by itself, and give its exit code; subprocess.TimeoutExpired if it does not."""
        assert self.process
        return self.process.wait(seconds)

    def check(self) -> None:
        """AssertionError with the end of the log if it has ended by itself."""
        assert self.process
        assert self.process.poll() is None, "".join(self.log.read_text().splitlines(keepends=True)[-15:])


# ---- bringing it up -----------------------------------------------------------------------------------


@contextmanager
def running(name: str, folder: Path, namespaces: Sequence[str], keep: bool) -> Iterator[System]:
    """Bring a system up whose operator watches these namespaces; take all down after the body, also if it fails.

    Arguments:
        name: of the cluster.
        folder: for what is written.
        keep: leave the cluster as it is, for a next run.
    """
    cluster = Cluster.named(name, Reporter(sys.stderr))
    processes: list[Operator] = []
    try:
        access = cluster.up(Options())
        built = build_images(cluster.reporter)
        for image in built.values():
            cluster.ensure_image(image)
        kubectl = Kubectl(access.kubectl, access.kubeconfig, folder / "deploy.log")
        with cluster.reporter.step("deploy", "kubectl apply -k, with short waits"):
            deploy(kubectl, folder, built, namespaces)
        api = Api(access.address, cluster.instance.pki, seconds=60)
        system = System(cluster, kubectl, api, Recorder(api), built, folder, processes)
        system.account = system.log_in("coursegen-operator", SYSTEM, folder)  # the admission policies know nobody else
        for queue, spec in QUEUES.items():
            apply_queue(system, queue, spec)
        system.recorder.start()
        try:
            yield system
        finally:
            system.recorder.stop()
    finally:
        for process in processes:
            process.kill()
        if not keep:
            cluster.down()


def build_workers(reporter: Reporter) -> dict[str, Image]:
    """Build the worker, and the one that misbehaves, if they changed."""
    registry = images.REGISTRY
    dockerfile = ROOT / "worker_image" / "Dockerfile"
    worker = images.build(Build(f"{registry}/worker", dockerfile, ROOT), reporter)
    quality = Build(f"{registry}/worker-quality", dockerfile, ROOT, {"EXTRAS": "--extra=embedding"})
    misbehaving = Build(
        f"{registry}/misbehaving-worker",
        MISBEHAVING / "Dockerfile",
        MISBEHAVING,
        {images.BASE_ARGUMENT: worker.reference},
    )
    return {
        "coursegen/worker": worker,
        "coursegen/worker-quality": images.build(quality, reporter),
        "coursegen/misbehaving-worker": images.build(misbehaving, reporter),
    }


def build_images(reporter: Reporter) -> dict[str, Image]:
    """Build what changed; the names are those of the manifests."""
    operator = Build(f"{images.REGISTRY}/operator", ROOT / "operator" / "Dockerfile", ROOT)
    return build_workers(reporter) | {
        "coursegen/operator": images.build(operator, reporter),
        "prom/prometheus": images.prometheus(reporter),
        "redis": images.redis(reporter),
        "versity/versitygw": images.s3(reporter),
    }


def deploy(kubectl: Kubectl, folder: Path, built: Mapping[str, Image], namespaces: Sequence[str]) -> None:
    """Apply an overlay like deploy/overlays/local, and wait until all of it is ready."""
    generated = folder / "generated"
    overlay.write(
        {name: image.reference for name, image in built.items()}, generated, (*TENANTS, overlay.TRIAL, SCENES)
    )
    base = os.path.relpath(ROOT / "deploy", folder)
    short = [
        {"op": "replace", "path": "/spec/backoffSeconds", "value": BACKOFF_SECONDS},
        {"op": "replace", "path": "/spec/timeoutSeconds", "value": TIMEOUT_SECONDS},
        # All scenes share the queues: what fails in one on purpose must not pause them for the others.
        {"op": "add", "path": "/spec/circuitBreaker", "value": {"enabled": False}},
    ]
    operator = {
        "name": "coursegen-operator",
        "namespace": SYSTEM,
        "behavior": "merge",
        "literals": [f"COURSEGEN_NAMESPACES={','.join((*namespaces, *TENANTS, overlay.TRIAL))}"],
    }
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{base}/base", f"{base}/overlays/local/tenant"],
        "components": [*(f"{base}/components/{part}" for part in COMPONENTS), "generated"],
        "configMapGenerator": [operator],
        "patches": [{"target": {"kind": "GenerationQueue"}, "patch": yaml.safe_dump(short)}],
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    crds.apply(kubectl, ROOT / "crds")
    uids = {tenant: _make_namespace(kubectl, tenant, folder) for tenant in (*TENANTS, overlay.TRIAL)}
    kubectl.run("label", "namespace", overlay.TRIAL, f"{names.LABEL_TEST_QUEUE}=true", what="Labelling a namespace")
    _make_namespace(kubectl, SCENES, folder)
    overlay.limit(generated, uids)
    kubectl.run("apply", "-k", str(folder), what="Applying the tests' overlay")
    deployments = (f"deployment/coursegen-{part}" for part in ("redis", "operator", "gateway", "prometheus"))
    for workload in ("statefulset/coursegen-s3", *deployments):
        kubectl.run("-n", SYSTEM, "rollout", "status", workload, "--timeout=600s", what=f"Waiting for {workload}")
        if workload == "statefulset/coursegen-s3":
            bucket.protect(kubectl, generated, uids)


def _make_namespace(kubectl: Kubectl, name: str, folder: Path) -> str:
    """Make a namespace to work in, as the tenant component has it; gives its UID."""
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump_all(tenant_manifests(kubectl.program, name)))
    kubectl.run("apply", "-f", str(file), what=f"Making the namespace {name}")
    return kubectl.output("get", "namespace", name, "--output=jsonpath={.metadata.uid}").strip()


def apply_queue(system: System, name: str, spec: Json) -> None:
    """Create or replace a queue that has short waits."""
    full = {"priority": 8, "capacity": 50, "backoffSeconds": BACKOFF_SECONDS} | spec
    full["workers"] = {"priorityClassName": "coursegen-default"} | full.get("workers", {})
    queue = {"apiVersion": "coursegen.dev/v1alpha1", "kind": "GenerationQueue", "metadata": {"name": name}}
    system.api.apply(f"/apis/coursegen.dev/v1alpha1/generationqueues/{name}", queue | {"spec": full})


@functools.cache
def _tenant(program: Path) -> str:
    argv = [str(program), "kustomize", str(ROOT / "deploy" / "overlays" / "local" / "tenant")]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def tenant_manifests(program: Path, namespace: str) -> list[Json]:
    """Give what the tenant component makes, for a namespace."""
    parts: list[Json] = [m for m in yaml.safe_load_all(_tenant(program)) if m]
    for part in parts:
        part["metadata"]["name" if part["kind"] == "Namespace" else "namespace"] = namespace
    return parts


def path_of(manifest: Json, namespace: str) -> str:
    """Give the URL path that creates a manifest."""
    version, kind = manifest["apiVersion"], manifest["kind"].lower()
    plural = kind.removesuffix("y") + "ies" if kind.endswith("y") else kind + "s"
    group = "/api/v1" if version == "v1" else f"/apis/{version}"
    return f"{group}/{plural}" if plural == "namespaces" else f"{group}/namespaces/{namespace}/{plural}"
