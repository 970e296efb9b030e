"""What is asked for over HTTP, as the operator acts on it: a chapter begun, suspend, resume, stop."""

from typing import Any

from coursegen_api.task import TaskInput

from ....e2e.scene import Scene, chapter, course
from ..kubelet import RUNS, End, Kubelet, well
from .conftest import People
from .test_api import uid, until


def test_a_chapter_that_is_begun_over_http_is_written(scene: Scene, kubelet: Kubelet, people: People) -> None:
    body = {
        "namespace": scene.namespace, "chapter_id": "Loops_1", "title": "Loops", "estimated_duration": "PT2H",
        "learning_objectives": ["Write a for loop"], "complexity_level": "beginner",
        "course_context": {"title": "Python", "difficulty_score": 2},
    }  # fmt: skip
    made = people.author.post("/api/v1/chapters", json=body)
    assert (made.status_code, made.json()["kind"]) == (202, "chapter"), made.text
    accepted = made.json()
    there = scene.system.recorder.until(
        lambda: scene.system.recorder.now("ChapterGeneration", scene.namespace, accepted["name"]), 30, lambda: "none"
    )
    assert there["metadata"]["uid"] == accepted["task_id"]
    assert {k: there["spec"][k] for k in ("chapterId", "title", "estimatedDuration", "complexityLevel")} == {
        "chapterId": "Loops_1", "title": "Loops", "estimatedDuration": "PT2H", "complexityLevel": "beginner",
    }  # fmt: skip
    assert there["spec"]["courseContext"].items() >= {"title": "Python", "difficultyScore": 2}.items()
    until(scene, lambda: people.author.get(f"/{accepted['status_url']}").json()["phase"] == "Succeeded")


def test_what_waits_can_be_suspended_and_waits_on_when_it_is_resumed(scene: Scene, people: People) -> None:
    queue = f"{scene.namespace}-closed"
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 0})
    scene.create("ChapterGeneration", "a", chapter(queueName=queue))
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'a')}"

    def held(reason: str) -> Any:
        scene.until("ChapterGeneration", "a", lambda s: s.get("holdReason") == reason)
        return until(scene, lambda: (t := people.author.get(path).json()).get("hold_reason") == reason and t)

    assert held("QueuePaused")["suspended"] is False
    assert people.author.post(f"{path}/suspend").status_code == 202
    assert held("Suspended")["suspended"] is True
    assert people.author.post(f"{path}/resume").status_code == 202
    assert held("QueuePaused")["suspended"] is False
    scene.kubectl("delete", "generationqueue", queue)


def test_what_is_suspended_starts_nothing_until_it_is_resumed(scene: Scene, kubelet: Kubelet, people: People) -> None:
    scene.create("ChapterGeneration", "a", chapter(suspend=True))
    scene.until("ChapterGeneration", "a", lambda s: s.get("holdReason") == "Suspended")
    scene.create("ChapterGeneration", "b", chapter())
    scene.until_ended("b", "ChapterGeneration")
    assert scene.jobs("a") == [], "b came later, and has run"
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'a')}"
    assert until(scene, lambda: (r := people.author.post(f"{path}/resume")).status_code == 202 and r)
    assert scene.until_ended("a", "ChapterGeneration")["phase"] == "Succeeded"


def test_a_course_that_is_stopped_delivers_the_chapters_that_it_has(
    scene: Scene, kubelet: Kubelet, people: People
) -> None:
    def decide(task: TaskInput) -> End:
        return RUNS if task.name.endswith("-02") else well(task)

    kubelet.decide = decide
    scene.create("CourseGeneration", "c", course(2, exports=[{"format": "pdf"}]))
    scene.until("ChapterGeneration", "c-chapter-01", lambda s: s.get("phase") == "Succeeded")
    scene.until("ChapterGeneration", "c-chapter-02", lambda s: s.get("phase") == "Running")
    chapters = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'c-chapter-02')}"
    refused = until(scene, lambda: (a := people.author.post(f"{chapters}/stop")).status_code == 409 and a)
    assert "Only a course can be stopped" in refused.json()["detail"]
    path = f"/api/v1/tasks/{uid(scene, 'CourseGeneration', 'c')}"
    assert until(scene, lambda: people.author.post(f"{path}/stop").status_code == 202)
    scene.until_ended("c")
    done = until(scene, lambda: (t := people.author.get(path).json())["phase"] == "Succeeded" and t)
    assert done["missing_chapters"] == [2]
    until(scene, lambda: people.author.get(chapters).json()["phase"] == "Cancelled")
