"""What the gateway needs real Pods for: its own Deployment, content that real workers read, their logs and files."""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from .scene import SECONDS, Scene, chapter
from .system import SYSTEM
from .test_plugin import coursegen, until_it_says

CONTENT = {
    "title": "Weather",
    "chapters": [
        {
            "title": title,
            "learningObjectives": [f"Explain how {title.lower()} forms"],
            "content": f"## How {title.lower()} forms\n\nWarm air goes up. It cools, and {title.lower()} forms.",
        }
        for title in ("Rain", "Snow", "Fog")
    ],
    "source": "x" * 5_000_000,  # nobody reads it: the document is only large
}


@contextmanager
def gateway(scene: Scene) -> Iterator[httpx.Client]:
    """Reach the cluster's gateway as a teacher of the scene's namespace."""
    scene.kubectl("create", "serviceaccount", "teacher")
    account = f"--serviceaccount={scene.namespace}:teacher"
    scene.kubectl("create", "rolebinding", "teacher", "--role=coursegen-author", account)
    headers = {"Authorization": f"Bearer {scene.kubectl('create', 'token', 'teacher').strip()}"}
    tunnel = ("port-forward", "--namespace", SYSTEM, "service/gateway", ":80")
    with (
        scene.system.kubectl.background(*tunnel, says=r"127\.0\.0\.1:\d+") as found,
        httpx.Client(base_url=f"http://{found[0]}", headers=headers, timeout=60, trust_env=False) as client,
    ):
        yield client


def test_content_from_outside_is_measured_and_made_a_pdf_through_the_gateway(scene: Scene) -> None:
    body = json.dumps(CONTENT).encode()
    with gateway(scene) as client:
        kind = {"Content-Type": "application/json"}

        def taken() -> httpx.Response | None:
            there = {"namespace": scene.namespace}
            answer = client.post("/api/v1/uploads", params=there, content=body, headers=kind)
            return None if answer.status_code == 404 else answer

        sent = scene.system.recorder.until(taken, SECONDS, lambda: "the gateway has not heard of the namespace")
        assert sent.status_code == 201, sent.text
        assert sent.json()["sha256"] == hashlib.sha256(body).hexdigest()
        source = {"namespace": scene.namespace, "artifact_key": sent.json()["artifact_key"]}
        made = [
            client.post("/api/v1/validations", json=source | {"name": "v"}),
            client.post("/api/v1/exports", json=source | {"name": "e", "format": "pdf"}),
        ]
        assert [m.status_code for m in made] == [202, 202], made[0].text
        measured = scene.until_ended("v", "QualityValidation", SECONDS)
        assert (measured["phase"], len(measured["quality"]["scores"])) == ("Succeeded", 3)
        exported = scene.until_ended("e", "CourseExport", SECONDS)["artifact"]

        path = f"/api/v1/tasks/{made[1].json()['task_id']}"
        scene.system.recorder.until(
            lambda: client.get(path).json()["phase"] == "Succeeded",
            SECONDS,
            lambda: "the gateway has not heard of the end",
        )
        file = client.get(f"{path}/artifact")
        assert (file.headers["content-disposition"], file.content[:4]) == ('attachment; filename="e.pdf"', b"%PDF")
        assert hashlib.sha256(file.content).hexdigest() == exported["sha256"]
        log = client.get(f"{path}/log")
        assert (log.status_code, log.headers["x-pod"].startswith("e-")) == (200, True), log.text
        assert json.loads(log.text.splitlines()[0])
        assert "Warm air" not in log.text, "a log has no content"


def test_the_gateway_asks_the_operator_where_waiting_work_stands_also_for_a_teachers_plugin(scene: Scene) -> None:
    queue = f"{scene.namespace}-queue"[-52:].strip("-")
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 0})
    for index, name in enumerate(("first", "second"), start=1):
        scene.create("ChapterGeneration", name, chapter(queueName=queue, index=index))
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "QueuePaused")
    found = scene.system.recorder.now("ChapterGeneration", scene.namespace, "second")
    assert found
    path = f"/api/v1/tasks/{found['metadata']['uid']}/position"
    with gateway(scene) as client, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene.system.recorder.until(
            lambda: client.get(path).json().get("ahead") == 1,
            SECONDS,
            lambda: f"the gateway says {client.get(path).text}",
        )
        teacher = {"KUBECONFIG": str(scene.system.log_in("teacher", scene.namespace, folder))}
        alone = coursegen(scene, folder, "why", "chaptergen/second", **teacher)
        assert alone.rstrip().endswith("raise spec.capacity to go on."), alone
        helped = teacher | {"COURSEGEN_GATEWAY_URL": str(client.base_url)}
        words = "raise spec.capacity to go on. 1 goes before it."
        until_it_says(words, scene, folder, "why", "chaptergen/second", **helped)
    scene.kubectl("delete", "generationqueue", queue)


def test_the_graphs_come_from_the_prometheus_that_scrapes_operator_and_gateway(scene: Scene) -> None:
    """Through the network policies, which let it reach both, and the gateway it."""
    account = f"--serviceaccount={scene.namespace}:teacher"
    name = f"{scene.namespace}-sees-queues"
    scene.kubectl("create", "clusterrolebinding", name, "--clusterrole=coursegen-queue-viewer", account)
    try:
        with gateway(scene) as client:

            def shown() -> bool:
                answer = client.get("/api/v1/graphs").json()
                points = [p for g in answer["graphs"] for s in g["series"] for p in s["points"]]
                return answer["available"] is True and any(value is not None for _, value in points)

            scene.system.recorder.until(shown, SECONDS, lambda: f"the gateway says {client.get('/api/v1/graphs').text}")
    finally:
        scene.kubectl("delete", "clusterrolebinding", name)
