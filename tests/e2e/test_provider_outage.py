"""A provider that answers 429 and 500 for a while, over HTTP, to real workers.

A hundred courses that wait for one are in tests/cluster/operator/test_outage.py, where Pods end as that test says.
"""

import pytest

from . import model
from .scene import Scene, chapter, outcomes
from .system import apply_queue

TIMEOUT_SECONDS = 60
RETRY_AFTER_SECONDS = 70
"""More than a worker has: it ends, and says so, instead of waiting."""


@pytest.mark.long
def test_a_provider_that_answers_429_and_500_is_let_alone_until_it_is_back_and_nobody_pays(scene: Scene) -> None:
    queue = f"{scene.namespace}-queue"[:52].strip("-")
    apply_queue(scene.system, queue, {"timeoutSeconds": TIMEOUT_SECONDS})
    model.serve(scene)
    model.secret(scene, "p", key="sk-e2e", allowedEndpoint=model.endpoint(scene))
    model.provider(scene, "p")
    model.fail(scene, RETRY_AFTER_SECONDS)
    asks = {"providerName": "p", "queueName": queue}
    broken = {"learningObjectives": [model.BROKEN], "courseContext": {"title": model.BROKEN}}
    scene.create("ChapterGeneration", "broken", chapter(model.BROKEN, **broken, **asks))
    scene.create("ChapterGeneration", "limited", chapter("Loops", **asks))
    scene.until("ModelProvider", "p", lambda s: s.get("circuitBreaker", {}).get("state") == "Open")
    scene.create("ChapterGeneration", "next", chapter("Lists", **asks))
    held = scene.until_was("ChapterGeneration", "next", lambda s: s.get("holdReason") == "ProviderCircuitOpen")
    assert outcomes(held) == []

    status = scene.until_was("ChapterGeneration", "broken", lambda s: outcomes(s)[:1] not in ([], ["open"]))
    assert outcomes(status) == ["ProviderUnavailable"]
    assert "says 500" in status["attempts"][0]["message"]
    model.recover(scene)
    ends = {name: scene.until_ended(name, "ChapterGeneration") for name in ("broken", "limited", "next")}
    assert {name: (s["phase"], s["retryCount"]) for name, s in ends.items()} == dict.fromkeys(ends, ("Succeeded", 0))
    assert outcomes(ends["limited"])[0] == "RateLimited"
    attempts = [a for s in ends.values() for a in s["attempts"]]
    assert not any(a.get("counted") for a in attempts)
    assert "Succeeded" in [a["outcome"] for a in attempts if a.get("probe")]
    scene.until("ModelProvider", "p", lambda s: s["circuitBreaker"]["state"] == "Closed")
    scene.kubectl("delete", "generationqueue", queue)
