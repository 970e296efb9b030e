"""A model for scenes: the scripted server of the worker's tests, in a Pod behind a Service of the namespace."""

from pathlib import Path

from coursegen_api import names

from .scene import Scene
from .system import ROOT

SERVER = ROOT / "tests" / "worker" / "scripted_model.py"
PORT = 8080


def serve(scene: Scene, script: Path = SERVER) -> None:
    """Start the scripted server as a Pod of the namespace, within its Pod security standard."""
    scene.create("ConfigMap", "model", apiVersion="v1", data={script.name: script.read_text()})
    container = {
        "name": "model",
        "image": scene.system.images["coursegen/worker"].reference,
        "command": ["/app/bin/python", f"/script/{script.name}", "--port", str(PORT)],
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
    labels = {"name": "model", "labels": {"app": "model"}}
    scene.create("Pod", "model", spec, apiVersion="v1", metadata=labels)
    scene.create("Service", "model", {"selector": {"app": "model"}, "ports": [{"port": PORT}]}, apiVersion="v1")
    scene.kubectl("wait", "--for=condition=Ready", "pod/model", "--timeout=180s")


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
