"""The buttons of the page, pressed in Debian's Chromium: what it does to the objects, and what one sees of it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from coursegen_api.task import ChapterTask, TaskInput

from ....e2e.scene import Scene, chapter, course
from ....e2e.system import BACKOFF_SECONDS
from ..kubelet import RUNS, End, Kubelet, well
from ..queues import QUEUES, change
from .browsing import keep, serious, signed_in
from .conftest import People
from .logs import LogNode
from .place import Place
from .test_api import uid

BAD_OUTPUT = End(23, '{"v":1,"class":"BadOutput","message":"Section 2 has no text."}')
INVALID = End(10, '{"v":1,"class":"InvalidInput","message":"The objectives contradict each other."}')
LOG = (
    '{"time": "2026-01-01T09:00:00Z", "event": "task-started", "kind": "chapter", "revision": 0, "attempt": 2}',
    '{"time": "2026-01-01T09:00:09Z", "event": "answer-refused", "about": "section 2", "why": "It has no text."}',
    '{"time": "2026-01-01T09:00:12Z", "event": "provider-tried-again", "failure": "RateLimited", "wait": 4.5}',
)


@pytest.fixture
def queue(scene: Scene) -> Iterator[str]:
    """Give a queue of the test's own."""
    with made(scene, f"{scene.namespace}-queue") as name:
        yield name


@contextmanager
def made(scene: Scene, queue: str) -> Iterator[str]:
    """Have a queue during the block, whose retries come at once."""
    workers = {"priorityClassName": "coursegen-chapter-generation"}
    spec = {"priority": 7, "capacity": 4, "backoffSeconds": BACKOFF_SECONDS, "workers": workers}
    scene.create("GenerationQueue", queue, spec)
    yield queue
    scene.kubectl("delete", "generationqueue", queue)


def stop_policy(scene: Scene, queue: str) -> str:
    """Give what the API server has of a queue."""
    return str(scene.system.api.get(f"{QUEUES}/{queue}")["spec"]["stopPolicy"])


def is_suspended(scene: Scene) -> bool:
    """Tell whether the chapter's spec says so."""
    found = scene.system.recorder.now("ChapterGeneration", scene.namespace, "a")
    return bool(found and found["spec"].get("suspend"))


def cells(page: Page, row: str, *columns: str) -> dict[str, str]:
    """Give what some columns of a row say."""
    found = page.get_by_role("row", name=re.compile(row))
    return {c: found.locator(f'td[data-label="{c}"]').inner_text() for c in columns}


# ---- one task ---------------------------------------------------------------------------------------------


def test_a_chapters_attempts_are_listed_and_the_log_of_the_last_is_read(
    scene: Scene, kubelet: Kubelet, page: Page
) -> None:
    kubelet.decide = lambda task: BAD_OUTPUT if task.attempt == 1 else RUNS
    scene.create("ChapterGeneration", "a", chapter("Loops and lists"))
    scene.until("ChapterGeneration", "a", lambda s: len(s.get("attempts", ())) == 2 and s["phase"] == "Running")
    first, second = (a["jobName"] for a in scene.status("ChapterGeneration", "a")["attempts"])
    [pod] = [p["metadata"]["name"] for p in scene.pods() if p["metadata"]["name"].startswith(second)]
    page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'a')}")
    rows = page.get_by_role("table", name="Attempts of this revision").locator("tbody tr")
    expect(rows).to_have_count(2)
    for row, words in ((0, ("2", "Running", second)), (1, ("1", "BadOutput", first, "Section 2 has no text."))):
        for word in words:
            expect(rows.nth(row)).to_contain_text(word)
    expect(rows.nth(0).locator('td[data-label="Took"]')).to_have_text("")
    expect(rows.nth(1).locator('td[data-label="Took"]')).to_have_text(re.compile(r"^[\d.]+ (s|min)( \d+ s)?$"))

    log = page.get_by_role("region", name="Log of the last attempt")
    page.get_by_role("button", name="Read the last lines").click()
    expect(page.get_by_role("status")).to_contain_text("may not have started yet")
    expect(log).to_have_count(0)
    with LogNode(scene.system) as node:
        node.take(scene, pod)
        page.get_by_role("button", name="Read the last lines").click()
        expect(log).to_have_text("It has said nothing.")
        node.say(scene, pod, *LOG)
        page.get_by_role("button", name="Read again").click()
        expect(log).to_have_text("".join(f"{line}\n" for line in LOG))
        assert serious(page) == []
        expect(page.get_by_role("status")).to_be_empty()
        keep(page, "attempts")
        node.say(scene, pod, *(f"<b>line {number}</b>" for number in range(600)))
        page.get_by_role("button", name="Read again").click()
        expect(log).to_contain_text("<b>line 599</b>")
        expect(log).not_to_contain_text("task-started")


def test_suspend_and_resume_write_the_spec_and_delete_removes_the_object(scene: Scene, page: Page) -> None:
    scene.create("ChapterGeneration", "a", chapter("To be held", queueName="nowhere"))
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Held")
    page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'a')}")
    state = page.get_by_label("State", exact=True)
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("status")).to_contain_text("Asked: suspend To be held")
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Suspended")
    assert is_suspended(scene)
    expect(state.get_by_text("Suspended").first).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Held")
    assert not is_suspended(scene)
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    scene.until_ended("a", "ChapterGeneration")
    page.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog", name="Delete “To be held”?")
    dialog.get_by_role("button", name="Back").click()
    assert scene.names("ChapterGeneration") == ["a"]
    page.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("status")).to_contain_text("Deleted")
    expect(page.get_by_role("heading", level=1)).to_have_text("Courses")
    scene.until_gone("ChapterGeneration")


def test_what_was_typed_stays_until_it_is_taken(scene: Scene, page: Page) -> None:
    scene.create("ChapterGeneration", "a", chapter("To be held", queueName="nowhere"))
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Held")
    page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'a')}")
    problem = json.dumps({"title": "Bad Gateway", "status": 502, "detail": "The API server does not answer."})
    page.route("**/regenerate", lambda route: route.fulfill(status=502, body=problem), times=1)
    page.get_by_role("button", name="Regenerate…").click()
    page.get_by_label("What to change").fill("Content too advanced for beginners")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Regenerate").click()
    expect(dialog.get_by_role("alert")).to_have_text("The API server does not answer.")
    expect(page.get_by_label("What to change")).to_have_value("Content too advanced for beginners")
    assert serious(page) == []
    dialog.get_by_role("button", name="Regenerate").click()
    expect(page.get_by_role("status")).to_contain_text("Asked: it is written anew")
    expect(dialog).to_have_count(0)


def test_download_saves_the_file_of_the_store_under_its_name(
    place: Place, scene: Scene, kubelet: Kubelet, page: Page, tmp_path: Path
) -> None:
    scene.create("ChapterGeneration", "a", chapter("Loops and lists"))
    key = scene.until_ended("a", "ChapterGeneration")["artifact"]["key"]
    page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'a')}")
    button = page.get_by_role("button", name="Download")
    button.click()
    expect(page.get_by_role("status")).to_contain_text("not in the object store")
    file = place.folder / "s3" / "courses" / key
    file.parent.mkdir(parents=True)
    file.write_bytes(b'{"title": "Loops and lists"}\n' * 10_000)
    with page.expect_download() as saving:
        button.click()
    saved = tmp_path / "saved"
    saving.value.save_as(saved)
    assert (saving.value.suggested_filename, saved.read_bytes()) == ("a.json", file.read_bytes())


# ---- lists ------------------------------------------------------------------------------------------------


def test_older_and_newer_turn_the_pages_of_a_list_and_the_address_keeps_the_place(scene: Scene, page: Page) -> None:
    all_names = [f"c-{number:02d}" for number in range(60)]
    for name in all_names:
        scene.create("ChapterGeneration", name, chapter(f"Chapter {name}", suspend=True))
    page.goto(f"/?view=chapters&namespace={scene.namespace}&sort=name")
    rows, foot = page.locator("tbody tr"), page.locator(".foot")
    expect(foot).to_contain_text("1–50 of 60")
    expect(rows).to_have_count(50)
    expect(page.get_by_role("link", name="Newer")).to_have_count(0)
    page.get_by_role("link", name="Older").click()
    expect(foot).to_contain_text("51–60 of 60")
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    assert [cell.inner_text() for cell in rows.locator("td.title a").all()] == [f"Chapter {n}" for n in all_names[50:]]
    page.reload()
    expect(foot).to_contain_text("51–60 of 60")
    page.get_by_role("link", name="Newer").click()
    expect(foot).to_contain_text("1–50 of 60")
    expect(rows.first).to_contain_text("Chapter c-00")


def test_who_is_further_back_than_anything_is_left_is_led_to_the_last_page(scene: Scene, page: Page) -> None:
    for number in range(3):
        scene.create("ChapterGeneration", f"c-{number}", chapter(f"Chapter {number}", suspend=True))
    page.goto(f"/?view=chapters&namespace={scene.namespace}&offset=5000")
    expect(page.get_by_text("Nothing is left so far back.")).to_be_visible()
    expect(page.locator(".foot")).to_contain_text("None of 3")
    page.get_by_role("link", name="Newer").click()
    expect(page.locator(".foot")).to_contain_text("1–3 of 3")


def test_who_may_see_nothing_is_not_told_that_there_is_nothing(
    place: Place, scene: Scene, browser: Browser, people: People
) -> None:
    scene.create("ChapterGeneration", "a", chapter(suspend=True))
    with signed_in(browser, place.gateways["gateway"].url, people.outsider_token) as page:
        for view in ("courses", "workers"):
            page.goto(f"/?view={view}")
            expect(page.get_by_text("that you may see")).to_be_visible()


def test_what_held_a_task_is_gone_from_its_row_as_soon_as_it_runs(
    scene: Scene, kubelet: Kubelet, page: Page, queue: str
) -> None:
    kubelet.decide = lambda task: RUNS
    change(scene, queue, capacity=0)
    scene.create("ChapterGeneration", "a", chapter("Loops", queueName=queue))
    scene.until("ChapterGeneration", "a", lambda s: s.get("holdReason") == "QueuePaused")
    page.goto(f"/?view=chapters&namespace={scene.namespace}")
    state = page.get_by_role("row", name=re.compile("Loops")).locator('td[data-label="State"]')
    expect(state).to_contain_text("QueuePaused")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.route("**/api/v1/chapters*", lambda route: route.abort())  # what it shows from now on is the socket's
    change(scene, queue, capacity=1)
    expect(state).to_have_text(re.compile(r"^\s*Running\s*$"))


def test_the_tab_of_what_waits_says_why_and_when_it_is_tried_again(
    scene: Scene, kubelet: Kubelet, page: Page, queue: str
) -> None:
    kubelet.decide = lambda task: BAD_OUTPUT if isinstance(task.work, ChapterTask) and task.work.index == 1 else RUNS
    change(scene, queue, capacity=1, backoffSeconds=[600])
    scene.create("ChapterGeneration", "again", chapter("Again", queueName=queue))
    scene.until("ChapterGeneration", "again", lambda s: s.get("holdReason") == "RetryBackoff")
    for index, name in enumerate(("works", "waits"), start=2):
        scene.create("ChapterGeneration", name, chapter(name.title(), queueName=queue, index=index))
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") or s.get("phase") == "Running")
    page.goto(f"/?view=chapters&namespace={scene.namespace}&state=waiting")
    expect(page.locator("tbody tr")).to_have_count(2)
    for title, words in (
        ("Again", r"RetryBackoff, again in \d+ min( \d+ s)?"),
        ("Waits", r"QueueFull for \d+ (s|min)( \d+ s)?"),
    ):
        state = page.get_by_role("row", name=re.compile(title)).locator('td[data-label="State"]')
        expect(state).to_have_text(re.compile(rf"^\s*Held\s*{words}\s*$"))
    page.get_by_role("link", name="Again").click()
    expect(page.get_by_label("State", exact=True).get_by_text("Next retry")).to_be_visible()


def test_workers_are_the_pods_and_what_each_is_on(scene: Scene, kubelet: Kubelet, page: Page, queue: str) -> None:
    kubelet.decide = lambda task: BAD_OUTPUT if task.attempt == 1 else RUNS
    scene.create("ChapterGeneration", "a", chapter("Loops and lists", queueName=queue))
    scene.until("ChapterGeneration", "a", lambda s: len(s.get("attempts", ())) == 2 and s["phase"] == "Running")
    job = scene.status("ChapterGeneration", "a")["attempts"][-1]["jobName"]
    [pod] = [p["metadata"]["name"] for p in scene.pods() if p["metadata"]["name"].startswith(job)]
    with LogNode(scene.system) as node:
        node.take(scene, pod)
        page.goto(f"/?view=workers&namespace={scene.namespace}")
        row = page.get_by_role("row", name=re.compile(pod))
        expect(row.locator('td[data-label="Node"]')).to_have_text(node.name)
        assert cells(page, pod, "Kind", "State", "Queue", "Attempt") == {
            "Kind": "chapter", "State": "Running", "Queue": queue, "Attempt": "2",
        }  # fmt: skip
        row.get_by_role("link", name="Loops and lists").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Loops and lists")


# ---- queues -----------------------------------------------------------------------------------------------


def test_queues_say_how_many_succeeded_failed_and_were_tried_again_or_that_nothing_is_known(
    scene: Scene, kubelet: Kubelet, page: Page
) -> None:
    def decide(task: TaskInput) -> End | None:
        assert isinstance(task.work, ChapterTask)
        if task.work.index > 4:
            return RUNS
        bad = {1: INVALID, 2: BAD_OUTPUT, 3: BAD_OUTPUT}.get(task.work.index) if task.attempt == 1 else None
        return bad or well(task)

    whole = {name: value for name, value in course(1, exports=[{"format": "pdf"}]).items() if name != "chapters"}
    scene.create("CourseGeneration", "python", whole | {"quality": {"enabled": True}})
    scene.until_ended("python")
    kubelet.decide = decide
    with made(scene, "drafts") as queue:
        page.goto("/?view=queues")
        row = page.get_by_role("row", name=re.compile(queue))
        figures = ("Succeeded", "Failed", "Retried", "Success", "Wait p95", "Run p95")
        expect(row).to_be_visible()
        assert cells(page, queue, *figures) == dict.fromkeys(figures, "–")
        for index in range(1, 5):
            scene.create("ChapterGeneration", f"c-{index}", chapter(f"Chapter {index}", queueName=queue, index=index))
            scene.until_ended(f"c-{index}", "ChapterGeneration")
        for column, figure in (("Succeeded", "3"), ("Failed", "1"), ("Retried", "2"), ("Success", "75 %")):
            expect(row.locator(f'td[data-label="{column}"]')).to_have_text(figure)
        change(scene, queue, capacity=2)
        for index in range(5, 9):
            scene.create("ChapterGeneration", f"c-{index}", chapter(f"Chapter {index}", queueName=queue, index=index))
        expect(row.locator('td[data-label="Waiting"]')).to_have_text("2")
        expect(row.locator('td[data-label="In use"]')).to_contain_text("2 / 2")
        assert serious(page) == []
        page.emulate_media(color_scheme="dark")
        keep(page, "queues-dark")


def test_stop_and_let_go_on_write_a_queues_policy_if_one_may(
    place: Place, scene: Scene, browser: Browser, people: People, page: Page, queue: str
) -> None:
    page.goto("/?view=queues")
    row = page.get_by_role("row", name=re.compile(queue))
    row.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status")).to_contain_text("You may not")
    assert stop_policy(scene, queue) == "None"
    admin = place.token(scene.namespace, "admin", cluster_role="coursegen-queue-editor")
    with signed_in(browser, place.gateways["gateway"].url, admin) as page:
        page.get_by_role("link", name="Queues").click()
        row = page.get_by_role("row", name=re.compile(queue))
        row.get_by_role("button", name="Stop").click()
        expect(row).to_contain_text("Stopped")
        assert stop_policy(scene, queue) == "Hold"
        assert serious(page) == []
        row.get_by_role("button", name="Let go on").click()
        expect(row).to_contain_text("Working")
        assert stop_policy(scene, queue) == "None"


# ---- the frame --------------------------------------------------------------------------------------------


def test_the_theme_button_goes_from_the_systems_colours_to_light_to_dark_and_is_kept(page: Page) -> None:
    page.emulate_media(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(background)
    assert dark != light
    page.emulate_media(color_scheme="dark")
    for said, seen in (("Light", light), ("Dark", dark), ("As the system has it", dark)):
        page.get_by_role("button", name="Theme").click()
        expect(page.get_by_role("status")).to_have_text(said)
        assert page.evaluate(background) == seen
        page.reload()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        assert page.evaluate(background) == seen, "it is kept"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == light, "the system's again"
