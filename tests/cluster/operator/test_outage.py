"""A provider that answers 429 and 500 for a while, with a hundred courses waiting, on a real API server."""

from coursegen_api.base import FailureClass
from coursegen_api.task import TaskInput, TaskResult, exit_code

from ...e2e.scene import Scene, course
from ...e2e.system import Operator
from .kubelet import End, Kubelet, well

COURSES = 100
BREAKER = {"minimumAttempts": 5, "windowSeconds": 60, "openSeconds": 2, "maxOpenSeconds": 4}


def failing(task: TaskInput) -> End:
    """End as a worker does whose provider answers 429 to one request and 500 to the next."""
    limited = int(task.name[1:4]) % 2 == 0
    failure = FailureClass.RATE_LIMITED if limited else FailureClass.PROVIDER_UNAVAILABLE
    said = TaskResult(failure_class=failure, message="said so", retry_after_seconds=3 if limited else None)
    return End(exit_code(failure), said.to_json())


def statuses(scene: Scene) -> list[dict]:
    """Give the statuses of all chapters, by one look: the breaker does not wait for a hundred."""
    return [c.get("status", {}) for c in scene.system.recorder.all("ChapterGeneration", scene.namespace)]


def attempts(scene: Scene) -> list[dict]:
    """Give all attempts of all chapters."""
    return [a for status in statuses(scene) for a in status.get("attempts", ())]


def test_nothing_but_probes_starts_until_the_provider_is_back_and_nobody_pays(
    scene: Scene, kubelet: Kubelet, operator: Operator
) -> None:
    kubelet.decide = failing
    scene.create("ModelProvider", "p", {"writer": "template", "concurrency": 8, "circuitBreaker": BREAKER})
    for i in range(COURSES):
        scene.create("CourseGeneration", f"c{i:03d}", course(1, providerName="p"))
    scene.until("ModelProvider", "p", lambda s: s.get("circuitBreaker", {}).get("openings", 0) >= 2)
    operator.kill()
    operator.start()
    status = scene.until("ModelProvider", "p", lambda s: s.get("circuitBreaker", {}).get("openings", 0) >= 4)
    assert status["circuitBreaker"]["state"] in ("Open", "HalfOpen")
    found = statuses(scene)
    opened = scene.status("ModelProvider", "p")["circuitBreaker"]["openings"]  # after the attempts: it goes on opening
    begun = [a for status in found for a in status.get("attempts", ())]
    assert len([a for a in begun if not a.get("probe")]) <= 16, "what ran, or was on its way, when it opened"
    assert len([a for a in begun if a.get("probe")]) <= opened
    assert "ProviderCircuitOpen" in {s.get("holdReason") for s in found}

    kubelet.decide = well
    for name in scene.names("CourseGeneration"):
        status = scene.until_ended(name, seconds=600)  # the first may be the last of a hundred
        assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)
    assert not any(a.get("counted") for a in attempts(scene))
    assert len(scene.names("ChapterGeneration")) == COURSES
    assert scene.status("ModelProvider", "p")["circuitBreaker"]["state"] == "Closed"
    scene.system.recorder.until(
        lambda: set(scene.events("p")) == {"CircuitOpen", "CircuitHalfOpen", "CircuitClosed"},
        60,
        lambda: f"Events of p: {scene.events('p')}",
    )
