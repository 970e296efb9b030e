"""A course that a language model writes: the scripted server stands in for the model, in a Pod behind a Service."""

import json

from . import model
from .scene import SECONDS, Scene, chapter, condition, outcomes

COURSE = {
    "title": "Keeping a shop's list",
    "learningObjectives": ["Explain what a list is for", "Write a list of the day"],
    "chapterCount": 2,
    "exports": [{"format": "json"}, {"format": "pdf"}],
}


def test_a_model_writes_a_course_and_its_key_goes_nowhere_else(scene: Scene) -> None:
    model.serve(scene)
    model.secret(scene, "model", key="sk-e2e", allowedEndpoint=model.endpoint(scene))
    model.secret(scene, "elsewhere", key="sk-e2e", allowedEndpoint="https://models.example/v1")
    scene.create("Secret", "any-secret", apiVersion="v1", stringData={"password": "not for a model"})
    for name in ("model", "elsewhere", "any-secret"):
        model.provider(scene, name)
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
    assert all(part["usage"]["promptTokens"] > 0 for part in document["hasPart"])

    scene.delete("CourseGeneration", "shop")
    kinds = ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport")
    scene.system.recorder.until(
        lambda: not [n for kind in kinds for n in scene.names(kind) if n.startswith("shop")],
        SECONDS,
        lambda: "parts of the course are still there",
    )
    scene.create("CourseGeneration", "shop", COURSE | {"providerName": "model"})
    again = scene.until_ended("shop")
    assert again["phase"] == "Succeeded"
    assert not {k: v for k, v in again["usage"].items() if k != "cached" and v}, "what was paid is not paid again"

    refused = scene.until_ended("elsewhere", "ChapterGeneration")
    assert outcomes(refused) == ["Rejected"]
    assert "https://models.example/v1" in refused["errorDetails"]["message"]
    held = scene.until("ChapterGeneration", "any-secret", lambda s: s.get("holdReason") == "Misconfigured")
    assert condition(held, "Stalled")[0] == "True"
    assert "couldn't find key" in held["holdMessage"]
