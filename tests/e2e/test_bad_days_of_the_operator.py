"""The operator is killed in the middle of whatever it does, and started again."""

import pytest

from .scene import SECONDS, Scene, course
from .system import SYSTEM


@pytest.mark.own_operator
def test_killed_and_started_again_many_times_it_comes_to_the_same_end(scene: Scene) -> None:
    operator = scene.operator(keep_jobs_seconds="20")
    scene.create("CourseGeneration", "c", {
        "title": "Python", "learningObjectives": ["Learn Python basics"], "chapterCount": 4,
        "exports": [{"format": "json"}, {"format": "scorm"}],
    })  # fmt: skip
    moments = [
        ("CourseGeneration", "c", lambda s: s.get("outline", {}).get("attempts")),
        ("CourseGeneration", "c", lambda s: s.get("stage") == "Chapters"),
        ("ChapterGeneration", "c-chapter-02", lambda s: s.get("attempts")),
        ("CourseGeneration", "c", lambda s: s.get("chapters", {}).get("succeeded")),
        ("CourseGeneration", "c", lambda s: s.get("stage") in ("Validation", "Exports")),
        ("CourseGeneration", "c", lambda s: s.get("stage") == "Exports" and s.get("exports")),
    ]
    for kind, name, comes in moments:
        scene.until_was(kind, name, comes)
        operator.kill()
        operator.start()
    status = scene.until_ended("c")
    assert (status["phase"], status["retryCount"], status["chapters"]["summary"]) == ("Succeeded", 0, "4/4")
    ended = [(k, n) for k in ("ChapterGeneration", "QualityValidation", "CourseExport") for n in scene.names(k)]
    assert len(ended) == 4 + 1 + 2
    for kind, name in ended:
        assert len(scene.status(kind, name)["attempts"]) == 1, f"{kind} {name} was tried again"
    scene.until_event("c", "CourseSucceeded")  # Events are best effort: killed before it is posted, it is not posted
    operator.kill()
    operator.start()  # one that starts after the end finds nothing to do but to tidy up
    scene.until_gone("Job", "Pod", seconds=SECONDS)
    assert scene.status("CourseGeneration", "c") == status
    scene.until_event("c", "CourseSucceeded")


@pytest.mark.takes_away
def test_its_pod_deleted_without_grace_is_replaced_and_goes_on(scene: Scene) -> None:
    scene.create("CourseGeneration", "c", course(3, exports=[{"format": "json"}]))
    scene.until("ChapterGeneration", "c-chapter-01", lambda s: s.get("attempts"))
    scene.kubectl("-n", SYSTEM, "delete", "pod", "-l", "app.kubernetes.io/name=coursegen-operator", "--grace-period=0",
                  "--force")  # fmt: skip
    status = scene.until_ended("c")
    assert (status["phase"], status["retryCount"], status["chapters"]["summary"]) == ("Succeeded", 0, "3/3")
