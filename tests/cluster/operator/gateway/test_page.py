"""The page in Debian's Chromium, on the real gateway: what a person sees and does, on any screen and with any eyes.

`PICTURES=docs/images` keeps what the page looks like, for the documentation.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from coursegen_api.task import ChapterTask, TaskInput

from ....e2e.scene import Scene, chapter, condition, course
from ....programs import chromium
from ..kubelet import RUNS, End, Kubelet, well
from .conftest import People
from .place import Place
from .test_api import uid

TITLES = (
    "Values and variables", "Text and choices", "Loops and lists", "Dictionaries", "Functions", "Files", "Modules",
    "Tests", "Planning an application", "Sharing an application",
)  # fmt: skip
SIZES = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
_MILLISECONDS = 20_000
_TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => `${e.tagName}.${e.className}`)"""
"""What makes the page wider than the screen."""
VIEWS = ("courses", "chapters", "history", "queues", "workers", "graphs")


@pytest.fixture(scope="module")  # until it ends, an event loop is taken for running, and asyncio tests cannot start
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    expect.set_options(timeout=_MILLISECONDS)
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(place: Place, browser: Browser, people: People) -> Iterator[Page]:
    """Give a page that the author is signed in to; nothing in it may break the content policy or throw."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{place.gateways['gateway'].port}", viewport=SIZES["wide"], reduced_motion="reduce"
    )
    context.set_default_timeout(_MILLISECONDS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    sign_in(page, people.author_token)
    yield page
    context.close()
    assert wrong == []


def sign_in(page: Page, token: str) -> None:
    page.goto("/")
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Live", exact=True).wait_for()


def keep(page: Page, name: str) -> None:
    """Keep a picture for the documentation, if one is wanted."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=False)


def busy(scene: Scene, kubelet: Kubelet) -> None:
    """Have a course in the middle of its work: chapters written, at work, waiting to be tried again, and failed."""

    def decide(task: TaskInput) -> End | None:
        if not isinstance(task.work, ChapterTask) or task.work.index <= 5:
            return well(task)
        if task.work.index == 9:
            return End(10, '{"v":1,"class":"InvalidInput","message":"The objectives contradict each other."}')
        return RUNS

    kubelet.decide = decide
    parts = [
        {"id": f"chapter-{n}", "title": title, "learningObjectives": [f"Use {title.lower()}"]}
        for n, title in enumerate(TITLES, 1)
    ]
    scene.create("CourseGeneration", "biology-101", course(2, title="Cell Biology", exports=[{"format": "pdf"}]))
    # The chapter that fails must not end the course.
    spec: dict[str, Any] = {
        "courseId": "course-123",
        "chapters": parts,
        "exports": [{"format": "pdf"}, {"format": "scorm"}],
    }
    spec |= {"failurePolicy": "ExportPartial"}
    scene.create("CourseGeneration", "course-123", course() | spec)
    scene.create("ChapterGeneration", "loops", chapter("Loops, once more", suspend=True))
    scene.until_ended("biology-101")
    scene.until("CourseGeneration", "course-123", lambda s: s.get("chapters", {}).get("succeeded") == 5)
    scene.until_ended("course-123-chapter-09", "ChapterGeneration")
    for number in ("06", "07", "08", "10"):
        scene.until("ChapterGeneration", f"course-123-chapter-{number}", lambda s: s.get("phase") == "Running")


def test_a_person_follows_a_course_and_steers_it(
    place: Place, scene: Scene, kubelet: Kubelet, people: People, page: Page
) -> None:
    busy(scene, kubelet)
    row = page.get_by_role("row", name=re.compile("Python Programming"))
    expect(row).to_contain_text("5 / 10")
    keep(page, "courses")
    row.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Python Programming")
    # The percentages come from Redis, through the socket, without a reload.
    for number, percentage in (("06", 35), ("07", 62), ("08", 81), ("10", 12)):
        place.report(scene, "ChapterGeneration", f"course-123-chapter-{number}", percentage, "Writing sections")
    loops = page.get_by_role("row", name=re.compile("Files"))
    expect(loops.get_by_role("progressbar")).to_have_attribute("value", "35")
    expect(loops).to_contain_text("35 %")
    expect(page.get_by_role("row", name=re.compile("Sharing an application"))).to_contain_text("12 %")
    keep(page, "course")
    page.emulate_media(color_scheme="dark")
    keep(page, "course-dark")

    page.get_by_role("link", name="Planning an application").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Planning an application")
    expect(page.get_by_text("The objectives contradict each other.").first).to_be_visible()
    page.emulate_media(color_scheme="light")
    keep(page, "chapter")
    kubelet.decide = lambda task: RUNS
    page.get_by_role("button", name="Retry").click()
    scene.until("ChapterGeneration", "course-123-chapter-09", lambda s: s.get("revision") == 1)
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    scene.until("ChapterGeneration", "course-123-chapter-09", lambda s: condition(s, "Finished")[1] == "Cancelled")
    expect(page.get_by_label("State").get_by_text("Cancelled")).to_be_visible()

    page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'course-123-chapter-01')}")
    page.get_by_role("button", name="Regenerate…").click()
    page.get_by_label("What to change").fill("Content too advanced for beginners")
    page.get_by_label("What it is about").fill("simplification")
    page.keyboard.press("Enter")
    scene.until("ChapterGeneration", "course-123-chapter-01", lambda s: s.get("revision") == 1)


def test_filters_are_in_the_address_and_a_title_is_text(scene: Scene, page: Page) -> None:
    title = "<img src=x onerror=alert(1)> & co"
    scene.create("ChapterGeneration", "a", chapter(title, suspend=True))
    scene.create("ChapterGeneration", "b", chapter("Other", suspend=True))
    page.goto(f"/?view=chapters&namespace={scene.namespace}")
    expect(page.get_by_role("link", name=title)).to_be_visible()
    page.get_by_label("Search").fill("-title:other")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Other")).to_have_count(0)
    expect(page).to_have_url(re.compile("q=-title"))
    page.reload()
    expect(page.get_by_role("link", name=title)).to_be_visible()
    expect(page.get_by_role("link", name="Other")).to_have_count(0)
    page.get_by_label("Search").fill('"')
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("quotation mark is not closed")
    page.go_back()
    expect(page.get_by_role("link", name=title)).to_be_visible()


def test_every_view_can_be_read_by_all_and_fits_a_phone(
    place: Place, scene: Scene, kubelet: Kubelet, people: People, page: Page
) -> None:
    busy(scene, kubelet)
    addresses = [f"/?view={view}&namespace={scene.namespace}" for view in VIEWS]
    addresses += [f"/?task={uid(scene, 'CourseGeneration', 'course-123')}"]
    addresses += [f"/?task={uid(scene, 'ChapterGeneration', 'course-123-chapter-09')}"]
    for size in SIZES:
        page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
        for number, address in enumerate(addresses):
            page.goto(address)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            for scheme in ("light", "dark") if size == "wide" else ("light",):
                page.emulate_media(color_scheme=scheme)
                found = Axe().run(page).response["violations"]
                serious = [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found if _is_serious(v)]
                assert serious == [], f"{address} in {scheme}"
            keep(page, f"{size}-{number}")
            assert page.evaluate(_TOO_WIDE) == [], f"{address} on a {size} screen"


def _is_serious(violation: Any) -> bool:
    return violation["impact"] in ("serious", "critical")


def test_a_wrong_token_is_refused_in_words(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The bearer token is not valid")
