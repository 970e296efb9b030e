"""A model for scenes: the scripted server of the worker's tests, in a Pod behind a Service of the namespace."""

from pathlib import Path

from coursegen_api import names

from .scene import Scene
from .system import ROOT

POLICY = ROOT / "examples" / "model-in-cluster.yaml"
SERVER = ROOT / "tests" / "worker" / "scripted_model.py"
PORT = 8080
BROKEN = "Write loops-500"
"""Answered 500 by the failing server, and not 429, where it is what is asked about."""


def serve(scene: Scene, script: Path = SERVER) -> None:
    """Start the scripted server as a Pod of the namespace, within its Pod security standard."""
    scene.kubectl(
        "apply", "-f", "-", stdin=POLICY.read_text().replace("namespace: courses", f"namespace: {scene.namespace}")
    )
    scene.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=120s")  # no Pod is taken before
    scene.create("ConfigMap", "model", apiVersion="v1", data={script.name: script.read_text()})
    _start(scene, "model", script.name)
    scene.create("Service", "model", {"selector": {"server": "model"}, "ports": [{"port": PORT}]}, apiVersion="v1")


def fail(scene: Scene, retry_after: int) -> None:
    """Have another server stand where the scene's was, which answers nothing but 429 and 500."""
    _start(scene, "failing", SERVER.name, "--retry-after", str(retry_after))
    _stand_in(scene, "failing")


def recover(scene: Scene) -> None:
    """Have the scene's server answer again."""
    _stand_in(scene, "model")


def _stand_in(scene: Scene, name: str) -> None:
    """Have a server stand behind the Service; its endpoints change some time after it."""
    scene.change("Service", "model", "v1", spec={"selector": {"server": name}})
    address = scene.kubectl("get", "pod", name, "--output=jsonpath={.status.podIP}")
    scene.kubectl("wait", "endpointslices", "--selector=kubernetes.io/service-name=model",
                  f"--for=jsonpath={{.endpoints[0].addresses[0]}}={address}", "--timeout=120s")  # fmt: skip


def _start(scene: Scene, name: str, script: str, *arguments: str) -> None:
    container = {
        "name": "model",
        "image": scene.system.images["coursegen/worker"].reference,
        "command": ["/app/bin/python", f"/script/{script}", "--port", str(PORT), *arguments],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "script", "mountPath": "/script"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "script", "configMap": {"name": "model"}}],
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "automountServiceAccountToken": False,
    }
    labels = {"app": "model", "server": name}
    scene.create("Pod", name, spec, apiVersion="v1", metadata={"name": name, "labels": labels})
    scene.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=180s")


def endpoint(scene: Scene) -> str:
    """Give the address of a scene's model server."""
    return f"http://model.{scene.namespace}.svc:{PORT}/v1"


def secret(scene: Scene, name: str, **data: str) -> None:
    """Create a provider's Secret."""
    scene.create("Secret", name, apiVersion="v1", type=names.SECRET_TYPE_PROVIDER_KEY, stringData=data)


def provider(scene: Scene, name: str) -> None:
    """Create a ModelProvider that asks the scene's model server with the Secret of the same name."""
    spec = {"writer": "openai", "endpoint": endpoint(scene), "model": "scripted-1", "secretName": name}
    prices = {"promptMicroUSD": 150_000, "completionMicroUSD": 600_000}
    scene.create("ModelProvider", name, spec | {"prices": prices})
