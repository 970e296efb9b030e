"""The HTTP API on a real cluster: what it answers, what it changes, and to whom."""

import contextlib
import hashlib
import re
from typing import Any

from coursegen_api import names

from ....e2e.scene import Scene, chapter, course
from ....e2e.system import ROOT
from ..kubelet import RUNS, End, Kubelet
from .conftest import People
from .place import Place

Json = dict[str, Any]


def uid(scene: Scene, kind: str, name: str) -> str:
    found = until(scene, lambda: scene.system.recorder.now(kind, scene.namespace, name))
    return str(found["metadata"]["uid"])


def until(scene: Scene, holds: Any, seconds: float = 60) -> Any:
    """Wait until something holds of what the gateway answers; its watches may be a moment behind the recorder's."""

    def told() -> Any:
        with contextlib.suppress(KeyError):  # of a task that it has not heard of, the answer is a problem
            return holds()

    return scene.system.recorder.until(told, seconds, lambda: "the gateway does not say so")


def test_the_way_of_a_course_over_http_as_the_replaced_system_had_it(
    place: Place, scene: Scene, kubelet: Kubelet, people: People
) -> None:
    spec = course(2) | {"learningObjectives": ["Learn Python basics"]}
    body = {
        "namespace": scene.namespace, "course_id": "course-123", "title": spec["title"],
        "learning_objectives": spec["learningObjectives"], "quality": {"enabled": False},
        "exports": [{"format": "pdf"}],
        "chapters": [
            {"id": c["id"], "title": c["title"], "learning_objectives": c["learningObjectives"]}
            for c in spec["chapters"]
        ],
    }  # fmt: skip
    made = people.author.post("/api/v1/courses", json=body)
    assert (made.status_code, made.json()["name"]) == (202, "course-123"), made.text
    again = people.author.post("/api/v1/courses", json=body)
    assert (again.status_code, again.headers["content-type"]) == (409, "application/problem+json")
    scene.until_ended("course-123")
    here = {"namespace": scene.namespace}
    path = "/api/v1/courses/course-123/generation-status"

    def whole() -> Json | None:
        """The gateway hears of the course, its chapters and its export by three streams."""
        told = people.author.get(path, params=here).json()
        ended = told["status"] == "Succeeded" and len(told["chapter_tasks"]) == 2 and told["export_tasks"]
        return told if ended else None

    status = until(scene, whole)
    assert (status["progress_percentage"], status["chapters"]["succeeded"], status["task_id"]) == (
        100, 2, made.json()["task_id"],
    )  # fmt: skip
    assert [c["chapter_id"] for c in status["chapter_tasks"]] == ["part-1", "part-2"]
    assert [e["format"] for e in status["export_tasks"]] == ["pdf"]

    kubelet.decide = lambda task: RUNS
    wish = {"chapter_id": "part-2", "feedback": "Too advanced", "options": {"focus_area": "simplification"}}
    path, key = "/api/v1/courses/course-123/regenerate-chapter", {"Idempotency-Key": "simplify-1"}
    answers = [people.author.post(path, params=here, json=wish, headers=key) for _ in range(2)]
    assert [a.status_code for a in answers] == [202, 202], answers[0].text
    assert answers[0].json()["task_id"] == uid(scene, "ChapterGeneration", "course-123-chapter-02")
    scene.until("ChapterGeneration", "course-123-chapter-02", lambda s: s.get("phase") == "Running")
    told = scene.system.recorder.now("ChapterGeneration", scene.namespace, "course-123-chapter-02")
    assert told
    assert told["spec"]["regeneration"] == {
        "requestId": "simplify-1", "feedback": "Too advanced", "focusArea": "simplification",
    }  # fmt: skip
    assert told["status"]["revision"] == 1


def test_a_task_that_fails_says_why_and_is_run_again_on_a_persons_word(
    place: Place, scene: Scene, kubelet: Kubelet, people: People
) -> None:
    kubelet.decide = lambda task: End(10, '{"v":1,"class":"InvalidInput","message":"No such thing."}')
    scene.create("ChapterGeneration", "a", chapter("<script>alert(1)</script>"))
    scene.until_ended("a", "ChapterGeneration")
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'a')}"
    task = until(scene, lambda: (t := people.author.get(path).json())["phase"] == "Failed" and t)
    assert (task["error_details"]["failure_class"], task["attempts"][0]["failure_class"]) == ("InvalidInput",) * 2
    assert (task["title"], task["kind"]) == ("<script>alert(1)</script>", "chapter")
    kubelet.decide = lambda task: RUNS
    assert people.author.post(f"{path}/retry").status_code == 202
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Running")
    until(scene, lambda: people.author.get(path).json()["phase"] == "Running")
    assert people.author.post(f"{path}/retry").status_code == 409
    assert people.author.post(f"{path}/cancel").status_code == 202
    scene.until_ended("a", "ChapterGeneration")
    until(scene, lambda: people.author.get(path).json()["phase"] == "Cancelled")
    assert people.author.post(f"{path}/cancel").status_code == 409
    assert people.author.delete(path).status_code == 204
    until(scene, lambda: people.author.get(path).status_code == 404)


def test_lists_are_filtered_sorted_and_cut(scene: Scene, people: People) -> None:
    for name in ("alpha", "beta", "gamma"):
        scene.create("ChapterGeneration", name, chapter(f"Title {name}", suspend=True))
    here = {"namespace": scene.namespace}

    def found(**query: Any) -> list[str]:
        return [t["name"] for t in people.author.get("/api/v1/chapters", params=here | query).json()["items"]]

    until(scene, lambda: len(found()) == 3)
    assert found(sort="name") == ["alpha", "beta", "gamma"]
    assert found(sort="-name", limit=1, offset=1) == ["beta"]
    assert found(q="-name:beta", sort="name") == ["alpha", "gamma"]
    assert people.author.get("/api/v1/tasks", params=here | {"kind": "course"}).json()["total"] == 0
    refused = people.author.get("/api/v1/tasks", params={"q": "colour:red"})
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert "there is no field 'colour'" in refused.json()["detail"]


def test_a_course_id_that_two_namespaces_have_is_a_409_that_lists_them(
    place: Place, scene: Scene, people: People
) -> None:
    other = f"{scene.namespace}-other"
    scene.system.create_tenant(other, {})
    reader = place.token(scene.namespace, "reader", cluster_role="coursegen-viewer")
    for namespace in (scene.namespace, other):
        Scene(scene.system, namespace).create("CourseGeneration", "twice", course(1, courseId="T-1", suspend=True))
    with place.client(reader) as client:
        answer = until(scene, lambda: (a := client.get("/api/v1/courses/T-1")).status_code == 409 and a)
        assert {c["namespace"] for c in answer.json()["candidates"]} == {scene.namespace, other}
        assert client.get("/api/v1/courses/T-1", params={"namespace": other}).json()["namespace"] == other
        first, second = (c["task_id"] for c in answer.json()["candidates"])
        for task_id in (first, second):
            assert client.get("/api/v1/courses/T-1", params={"task_id": task_id}).json()["task_id"] == task_id
    # Who may read one of the two namespaces sees no second.
    assert people.author.get("/api/v1/courses/T-1").json()["namespace"] == scene.namespace


def test_a_file_is_streamed_from_the_store_and_only_from_the_namespaces_part_of_it(
    place: Place, scene: Scene, kubelet: Kubelet, people: People
) -> None:
    scene.create("ChapterGeneration", "a", chapter())
    status = scene.until_ended("a", "ChapterGeneration")
    key, content = status["artifact"]["key"], b"{}" * 500_000
    file = place.folder / "s3" / "courses" / key
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'a')}/artifact"
    until(scene, lambda: "not in the object store" in people.author.get(path).json()["detail"])
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    answer = people.author.get(path)
    assert (answer.status_code, answer.headers["content-disposition"]) == (200, 'attachment; filename="a.json"')
    assert hashlib.sha256(answer.content).digest() == hashlib.sha256(content).digest()
    assert people.author.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert people.outsider.get(path).status_code == 404
    foreign = f"{'0' * 8}-0000-4000-8000-{'0' * 12}/chapter/{'a' * 64}.json"
    place.system.request(
        "PATCH",
        f"/apis/{names.API_VERSION}/namespaces/{scene.namespace}/chaptergenerations/a/status",
        {"status": {"artifact": {"key": foreign}}},
        "application/merge-patch+json",
    )
    refused = until(scene, lambda: (a := people.author.get(path)).status_code == 502 and a)
    assert "outside its namespace's part" in refused.json()["detail"]


def test_queues_are_shown_and_stopped_by_whom_kubernetes_lets(place: Place, scene: Scene, people: People) -> None:
    health = people.author.get("/health/tasks").json()
    assert {q["name"] for q in health["queues"]} >= set(names.QUEUE_PRIORITIES)
    assert (health["progress"], health["success_rate_target_percent"]) == ("connected", 95)
    name = f"{scene.namespace}-queue"
    scene.create("GenerationQueue", name, {"priority": 1})
    until(scene, lambda: name in {q["name"] for q in people.author.get("/api/v1/queues").json()["items"]})
    assert people.author.patch(f"/api/v1/queues/{name}", json={"stop_policy": "Hold"}).status_code == 403
    admin = place.token(scene.namespace, "admin", cluster_role="coursegen-queue-editor")
    with place.client(admin) as client:
        changed = client.patch(f"/api/v1/queues/{name}", json={"stop_policy": "Hold", "capacity": 3}).json()
        assert (changed["stop_policy"], client.get("/api/v1/queues").status_code) == ("Hold", 200)
    scene.kubectl("delete", "generationqueue", name)


def test_the_values_that_the_docs_have_keda_read_are_the_work_that_waits(
    scene: Scene, kubelet: Kubelet, people: People
) -> None:
    kubelet.decide = lambda task: RUNS
    queue = f"{scene.namespace}-narrow"
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 1})
    for name in ("first", "second", "third"):
        scene.create("ChapterGeneration", name, chapter(queueName=queue))
    path = f"queues.{queue}"
    wanted = {"pending": 2, "active": 1, "capacity": 1}
    found = until(scene, lambda: (d := people.author.get("/demand").json())["queues"].get(queue) == wanted and d)
    assert [read_by_keda(found, f"{path}.{field}") for field in wanted] == [2.0, 1.0, 1.0]
    documented = re.findall(r'valueLocation: "?([\w.-]+)"?', (ROOT / "docs" / "http-api.md").read_text())
    assert set(documented) == {"pending", "queues.chapter-generation.pending"}
    for location in documented:
        assert read_by_keda(found, location) >= 0
    assert read_by_keda(found, "pending") == sum(q["pending"] for q in found["queues"].values()) >= 2
    scene.kubectl("delete", "generationqueue", queue)


def read_by_keda(answer: Json, location: str) -> float:
    """Read a value as KEDA's metrics-api scaler does: by a GJSON path, to a number or a quantity."""
    value: Any = answer
    for part in location.split("."):
        value = value[part]
    assert type(value) in (int, float), location
    return float(value)


def test_workers_are_pods_that_the_caller_may_list(scene: Scene, kubelet: Kubelet, people: People) -> None:
    kubelet.decide = lambda task: RUNS
    scene.create("ChapterGeneration", "a", chapter())
    scene.until_pod(scene.until_job("a")["metadata"]["name"])
    here, task_id = {"namespace": scene.namespace}, uid(scene, "ChapterGeneration", "a")

    def known() -> list[Json]:
        """The gateway hears of Pods and of chapters by two streams."""
        pods: list[Json] = people.author.get("/api/v1/workers", params=here).json()["items"]
        return [p for p in pods if p["task_id"]]

    [pod] = until(scene, known)
    assert (pod["task_id"], pod["component"], pod["attempt"]) == (task_id, "chapter", 1)
    assert people.outsider.get("/api/v1/workers").json()["items"] == []
    # There is no node here that could give a log: the answer says so, and is no failure of the gateway.
    log = people.author.get(f"/api/v1/tasks/{task_id}/log")
    assert (log.status_code, log.headers["content-type"]) == (502, "application/problem+json")


def test_without_prometheus_the_graphs_say_so(people: People) -> None:
    answer = people.author.get("/api/v1/graphs").json()
    assert (answer["available"], "COURSEGEN_PROMETHEUS_URL" in answer["reason"]) == (False, True)


def test_a_task_that_waits_says_how_many_go_first_to_who_may_see_it(scene: Scene, people: People) -> None:
    queue = f"{scene.namespace}-narrow"
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 0})
    for index, name in enumerate(("first", "second"), start=1):  # by which they stand if they are of the same second
        scene.create("ChapterGeneration", name, chapter(queueName=queue, index=index))
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "QueuePaused")
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'second')}"
    until(scene, lambda: (a := people.author.get(path)).status_code == 200 and a.json()["hold_reason"])
    found = until(scene, lambda: (p := people.author.get(f"{path}/position").json())["available"] and p)
    assert (found["waiting"], found["queue_name"], found["ahead"], found["wait_seconds"]) == (True, queue, 1, None)
    assert people.outsider.get(f"{path}/position").status_code == 404
    assert people.author.post(f"{path}/cancel").status_code == 202
    scene.until_ended("second", "ChapterGeneration")
    until(scene, lambda: people.author.get(path).json()["phase"] == "Cancelled")
    assert people.author.get(f"{path}/position").json()["waiting"] is False
    scene.kubectl("delete", "generationqueue", queue)
