"""Bad days that a worker has: it crashes, is too large or too slow, hangs, or never starts."""

import pytest

from .scene import Scene, chapter, condition, course, outcomes

WRONG_IMAGE = "coursegen.local/no-such-worker:1"


@pytest.mark.own_operator
@pytest.mark.parametrize(
    ("wish", "failure", "words"),
    [
        pytest.param("[exit 1]", "Internal", "exit code 1", id="exit-1"),
        pytest.param("[crash]", "Internal", "signal 11", id="crash"),
        pytest.param("[exit 11]", "Rejected", "exit code 11", id="rejected"),
    ],
)
def test_a_worker_that_ends_badly(scene: Scene, wish: str, failure: str, words: str) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    scene.create("CourseGeneration", "c", course(2) | {"chapters": [
        {"id": "bad", "title": f"Bad {wish}", "learningObjectives": ["Write a for loop"]},
        {"id": "good", "title": "Good", "learningObjectives": ["Write a for loop"]},
    ]})  # fmt: skip
    status = scene.until_ended("c")
    part = scene.status("ChapterGeneration", "c-chapter-01")
    times = 1 if failure == "Rejected" else 4
    assert (part["phase"], part["retryCount"], outcomes(part)) == ("Failed", times - 1, [failure] * times)
    assert all(a["counted"] for a in part["attempts"])
    assert words in part["errorDetails"]["message"]
    assert condition(part, "Stalled") == ("True", failure)
    assert (status["phase"], status["errorDetails"]["failureClass"]) == ("Failed", failure)
    assert condition(status, "Finished") == ("True", "Failed")
    scene.until_event("c-chapter-01", "ChapterFailed")


EXITS = {
    1: "Internal",
    10: "InvalidInput",
    11: "Rejected",
    20: "RateLimited",
    21: "ProviderUnavailable",
    22: "Timeout",
    23: "BadOutput",
    24: "StorageUnavailable",
    25: "QualityBelowBar",
    30: "Stopped",
    77: "Internal",
}


@pytest.mark.own_operator
def test_each_exit_code_is_the_class_that_it_stands_for(scene: Scene) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    for code in EXITS:
        scene.create("ChapterGeneration", f"exit-{code}", chapter(f"Loops [exit {code}]", queueName="once"))
    for code, failure in EXITS.items():
        # Not the first errorDetails: the node has no room for so many at once, and says so.
        status = scene.until_was("ChapterGeneration", f"exit-{code}", lambda s: outcomes(s)[:1] not in ([], ["open"]))
        assert (status["errorDetails"]["failureClass"], outcomes(status)[0]) == (failure, failure)
        assert status["attempts"][0]["counted"] is (failure != "RateLimited")
        assert status["phase"] == ("Held" if failure == "RateLimited" else "Failed")


@pytest.mark.own_operator
def test_a_worker_that_fills_its_disk_is_evicted_and_told_so(scene: Scene) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    scene.create("ChapterGeneration", "c", chapter("Loops [fill]", queueName="once"))
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], outcomes(status)) == ("Failed", ["Internal"])
    assert "evicted" in status["errorDetails"]["message"]
    assert "256Mi" in status["errorDetails"]["message"]


@pytest.mark.own_operator
def test_a_worker_that_crashes_twice_and_then_works(scene: Scene) -> None:
    scene.operator(worker_image=scene.system.images["coursegen/misbehaving-worker"].reference)
    scene.create("ChapterGeneration", "c", chapter("Loops [crash until 3]"))
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 2)
    assert outcomes(status) == ["Internal", "Internal", "Succeeded"]
    assert status.get("errorDetails") is None
    assert "RetryBackoff" in {s.get("holdReason") for s in scene.history("ChapterGeneration", "c")}


def test_a_worker_with_too_little_memory(scene: Scene) -> None:
    scene.create("ChapterGeneration", "c", chapter(queueName="tight"))
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], outcomes(status)) == ("Failed", 1, ["OutOfMemory"] * 2)
    assert condition(status, "Stalled") == ("True", "OutOfMemory")
    assert "memory" in status["errorDetails"]["message"]


def test_a_worker_that_is_too_slow_ends_itself(scene: Scene) -> None:
    scene.create("ChapterGeneration", "c", chapter(queueName="hasty"))
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], status["retryCount"], outcomes(status)) == ("Failed", 1, ["Timeout"] * 2)
    assert condition(status, "Stalled") == ("True", "Timeout")
    assert "ran out of time" in status["errorDetails"]["message"]


@pytest.mark.long
@pytest.mark.own_operator
def test_a_pod_past_its_deadline_that_hears_no_signal(scene: Scene) -> None:
    image = scene.system.images["coursegen/misbehaving-worker"].reference
    scene.operator(worker_image=image, keep_jobs_seconds="20")
    scene.create("ChapterGeneration", "c", chapter("Loops [hang]", queueName="once"))
    status = scene.until_ended("c", "ChapterGeneration")
    assert (status["phase"], outcomes(status)) == ("Failed", ["Timeout"])
    assert "deadline" in status["errorDetails"]["message"]
    scene.until_gone("Job", "Pod")


@pytest.mark.long
@pytest.mark.own_operator
def test_an_image_that_cannot_be_pulled(scene: Scene) -> None:
    scene.operator(worker_image=WRONG_IMAGE)
    scene.create("CourseGeneration", "c", course(1))
    scene.create("ChapterGeneration", "once", chapter(queueName="once"))
    for name in ("once", "c-chapter-01"):
        status = scene.until("ChapterGeneration", name, lambda s: WRONG_IMAGE in str(s.get("errorDetails")))
        assert status["errorDetails"]["failureClass"] == "PodNotStarted"
        assert WRONG_IMAGE in status["errorDetails"]["message"]
    status = scene.until_ended("once", "ChapterGeneration")
    assert (status["phase"], outcomes(status)) == ("Failed", ["PodNotStarted"])
    assert WRONG_IMAGE in status["errorDetails"]["message"]
    assert "Running" not in scene.phases("ChapterGeneration", "once")
    assert "Running" not in scene.phases("ChapterGeneration", "c-chapter-01")
    first = scene.phases("CourseGeneration", "c", lambda s: not s.get("retryCount"))  # its next attempt may have begun
    assert "Running" not in first[1:]


@pytest.mark.own_operator
def test_an_image_that_is_never_pulled_ends_at_once(scene: Scene) -> None:
    scene.operator(worker_image=WRONG_IMAGE, image_pull_policy="Never")
    scene.create("CourseGeneration", "c", {"title": "Python", "learningObjectives": ["x"], "chapterCount": 1})
    status = scene.until_ended("c")
    assert (status["phase"], status["errorDetails"]["failureClass"]) == ("Failed", "PodNotStarted")
    assert outcomes(status["outline"]) == ["PodNotStarted"] * 4
    assert WRONG_IMAGE in status["errorDetails"]["message"]
    scene.until_gone("Job", "Pod")
