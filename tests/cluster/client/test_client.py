"""The Python client on a real API server: the six calls, the verbs, what is refused, and a watch that breaks."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from coursegen import AsyncClient, Client, InputError, NotFoundError, RefusedError, UnreachableError
from coursegen.access import Access
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.queue import GenerationQueue
from coursegen_api.task import QualityBar

from ...e2e.scene import Scene, chapter, course
from ..operator.kubelet import Kubelet

SPEC = {"courseId": "course-7", "title": "Python", "learningObjectives": ["Write a program"], "chapterCount": 3}


@pytest.fixture
def client(scene: Scene) -> Iterator[Client]:
    with Client(kubeconfig=str(scene.system.kubectl.kubeconfig), namespace=scene.namespace) as client:
        yield client


def test_the_six_calls_of_the_replaced_queue(client: Client, kubelet: Kubelet, scene: Scene) -> None:
    made = client.start_course_generation(SPEC)
    assert made.metadata.name == "course-7"
    done = client.wait("course-7", timeout_seconds=120)
    assert (done.status.phase, client.get_task_status(made.metadata.uid)) == ("Succeeded", done)
    assert [c.metadata.name for c in client.children(done) if isinstance(c, ChapterGeneration)] == [
        f"course-7-chapter-0{i}" for i in (1, 2, 3)
    ]
    alone = client.start_chapter_generation(chapter(), name="loops")
    assert alone.spec.title == "Loops"
    checked = client.start_quality_validation(
        "own", content="# Loops\n\nA loop runs again.", bar=QualityBar(check_bias=False)
    )
    exported = client.start_course_export("plain", "pdf", course_name="course-7", include_assessments=False)
    for name in ("chaptergen/loops", "own", "plain"):
        assert client.wait(name, timeout_seconds=60).status.phase == "Succeeded"
    assert (checked.spec.check_bias, exported.spec.include_assessments) == (False, False)
    config = client.read(f"/api/v1/namespaces/{scene.namespace}/configmaps/{checked.spec.config_map_name}")
    assert config["metadata"]["ownerReferences"][0]["uid"] == checked.metadata.uid, "it goes with the validation"

    words = ("Content too advanced for beginners", "simplification")
    wished = client.start_chapter_regeneration("loops", words[0], focus_area=words[1])
    again = client.start_chapter_regeneration("loops", words[0], focus_area=words[1])
    one_wish = wished.spec.regeneration == again.spec.regeneration
    assert one_wish or again.status.revision == 1
    last = 1 if one_wish else 2
    scene.until("ChapterGeneration", "loops", lambda s: s.get("revision") == last and s["phase"] == "Succeeded", 60)


def test_verbs_are_acted_on(client: Client, kubelet: Kubelet, scene: Scene) -> None:
    kubelet.decide = lambda task: None
    client.start_course_generation(course(1), name="c")
    client.start_chapter_generation(chapter(suspend=True), name="waits")
    scene.until("ChapterGeneration", "waits", lambda s: s.get("holdReason") == "Suspended", 60)
    client.resume("waits")
    scene.until_job("waits")
    client.cancel("waits")
    assert client.wait("waits", timeout_seconds=60).status.phase == "Cancelled"
    client.suspend("c")
    scene.until("CourseGeneration", "c", lambda s: s.get("observedGeneration") == 2, 60)
    client.resume("c")
    client.stop("c")
    assert client.wait("c", timeout_seconds=60).status.phase in ("Failed", "Cancelled"), "nothing was there to deliver"
    client.delete(client.get(CourseGeneration, "c"))
    scene.until_gone("CourseGeneration", seconds=60)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda c: c.get_task_status("nobody"), NotFoundError, "is called nobody"),
        (lambda c: c.get_task_status("pod/nobody"), InputError, "'pod' in 'pod/nobody' is no kind of work"),
        (lambda c: c.start_course_generation({"title": "x", "colour": "red"}, name="x"), InputError, "colour"),
        (lambda c: c.start_course_generation({"title": "x", "learningObjectives": ["y"]}), InputError, "courseId"),
        (lambda c: c.start_chapter_generation({"title": "x"}, name="x"), RefusedError, "courseName"),
        (lambda c: c.start_quality_validation("v"), InputError, "exactly one source"),
        (lambda c: c.start_quality_validation("v", content=" "), InputError, "The content is empty"),
        (
            lambda c: c.start_quality_validation("v", content="x" * 921_601),
            InputError,
            "921601 bytes; it can have 921600",
        ),
        (lambda c: c.start_course_export("e", "docx", course_name="c"), InputError, "format"),
        (
            lambda c: c.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}),
            InputError,
            "none of ours",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(client: Client, ask, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ask(client)


def test_a_taken_name_and_a_name_of_two_kinds_are_said(client: Client) -> None:
    client.start_course_generation(course(1, suspend=True), name="twice")
    with pytest.raises(RefusedError, match="already exists"):
        client.start_course_generation(course(1), name="twice")
    client.start_chapter_generation(chapter(suspend=True), name="twice")
    with pytest.raises(InputError, match="say coursegen/twice or chaptergen/twice"):
        client.get_task_status("twice")
    assert isinstance(client.get_task_status("chaptergen/twice"), ChapterGeneration)


def test_a_watch_tells_what_is_there_then_each_change(client: Client) -> None:
    client.start_chapter_generation(chapter(suspend=True), name="first")
    changes = client.watch(ChapterGeneration)
    seen = next(changes)
    assert (seen.type, seen.object.metadata.name) == ("ADDED", "first")
    client.start_chapter_generation(chapter(suspend=True), name="second")
    while seen.object.metadata.name != "second":
        seen = next(changes)
    client.delete(client.get(ChapterGeneration, "first"))
    while seen.type != "DELETED":
        seen = next(changes)
    assert seen.object.metadata.name == "first"


async def test_the_async_client_does_the_same(scene: Scene, kubelet: Kubelet) -> None:
    config = str(scene.system.kubectl.kubeconfig)
    async with AsyncClient(kubeconfig=config, namespace=scene.namespace) as client:
        await client.start_chapter_generation(chapter(), name="loops")
        async for change in client.watch(ChapterGeneration, "loops"):
            if change.object.status.phase == "Succeeded":
                break
        assert (await client.wait("loops", timeout_seconds=60)).status.phase == "Succeeded"
        assert [q.spec.priority for q in await client.list(GenerationQueue) if q.metadata.name == "export"] == [4]
        with pytest.raises(NotFoundError):
            await client.cancel("nobody")


def test_the_name_that_a_kubeconfig_gives_is_what_the_servers_certificate_has_to_have(
    scene: Scene, tmp_path: Path
) -> None:
    """As behind a tunnel, whose address no certificate names (tls-server-name)."""
    known = yaml.safe_load(scene.system.kubectl.kubeconfig.read_text())
    for name, answers in (("kubernetes.default.svc", True), ("elsewhere.example.com", False)):
        known["clusters"][0]["cluster"]["tls-server-name"] = name
        (tmp_path / "kubeconfig").write_text(yaml.safe_dump(known))
        with Client(kubeconfig=str(tmp_path / "kubeconfig"), namespace=scene.namespace) as client:
            if answers:
                assert client.read("/version")["major"] == "1"
                continue
            with pytest.raises(UnreachableError, match="certificate"):
                client.read("/version")


def test_nobody_who_answers_is_said_and_not_waited_for() -> None:
    nowhere = Access("http://127.0.0.1:9", "default", False, dict)
    with contextlib.closing(Client(access=nowhere)) as client, pytest.raises(UnreachableError, match="does not answer"):
        client.list(CourseGeneration)
