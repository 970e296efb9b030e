"""A course that a language model writes: the scripted server stands in for the model, in a Pod behind a Service."""

import json
from pathlib import Path

from coursegen_api import names

from .scene import Scene, chapter, condition, outcomes
from .system import ROOT

SERVER = ROOT / "tests" / "worker" / "scripted_model.py"
PORT = 8080
COURSE = {
    "title": "Keeping a shop's list",
    "learningObjectives": ["Explain what a list is for", "Write a list of the day"],
    "chapterCount": 2,
    "exports": [{"format": "json"}, {"format": "pdf"}],
}


def test_a_model_writes_a_course_and_its_key_goes_nowhere_else(scene: Scene) -> None:
    endpoint = f"http://model.{scene.namespace}.svc:{PORT}/v1"
    _serve(scene, SERVER)
    _provider(scene, "model", endpoint, key="sk-e2e", allowedEndpoint=endpoint)
    _provider(scene, "elsewhere", endpoint, key="sk-e2e", allowedEndpoint="https://models.example/v1")
    _provider(scene, "any-secret", endpoint, password="not for a model")
    for name in ("elsewhere", "any-secret"):
        scene.create("ChapterGeneration", name, chapter(providerName=name))
    scene.create("CourseGeneration", "shop", COURSE | {"providerName": "model"})

    course = scene.until_ended("shop")
    assert course["phase"] == "Succeeded"
    assert course["retryCount"] == 0
    assert course["usage"]["completionTokens"] > 1000
    assert course["usage"]["costMicroUSD"] > 0
    key = next(e["artifact"]["key"] for e in course["exports"] if e["format"] == "json")
    document = json.loads(scene.system.fetch([key])[0])
    assert [(g["writer"], g["llm"], g["model"]) for g in document["generators"]] == [("openai", True, "scripted-1")]
    assert [len(part["sections"]) for part in document["hasPart"]] == [8, 8]
    assert all(part["contract"]["teaches"] for part in document["hasPart"])

    refused = scene.until_ended("elsewhere", "ChapterGeneration")
    assert outcomes(refused) == ["Rejected"]
    assert "https://models.example/v1" in refused["errorDetails"]["message"]
    held = scene.until("ChapterGeneration", "any-secret", lambda s: s.get("holdReason") == "Misconfigured")
    assert condition(held, "Stalled")[0] == "True"
    assert "couldn't find key" in held["holdMessage"]


def _serve(scene: Scene, script: Path) -> None:
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


def _provider(scene: Scene, name: str, endpoint: str, **secret: str) -> None:
    scene.create("Secret", name, apiVersion="v1", type=names.SECRET_TYPE_PROVIDER_KEY, stringData=secret)
    spec = {"writer": "openai", "endpoint": endpoint, "model": "scripted-1", "secretName": name}
    prices = {"promptMicroUSD": 150_000, "completionMicroUSD": 600_000}
    scene.create("ModelProvider", name, spec | {"prices": prices})
