"""The page in Debian's Chromium, on the real gateway: what a person sees and does, on any screen and with any eyes."""

import re
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from coursegen_api.task import ChapterTask, TaskInput

from ....e2e.scene import Scene, chapter, condition, course
from ..kubelet import RUNS, End, Kubelet, well
from .browsing import SCHEMES, SIZES, keep, serious, signed_in, too_wide
from .conftest import People
from .place import Place
from .test_api import uid, until

TITLES = (
    "Values and variables", "Text and choices", "Loops and lists", "Dictionaries", "Functions", "Files", "Modules",
    "Tests", "Planning an application", "Sharing an application",
)  # fmt: skip
_LEFT = """(element, word) => {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT), range = document.createRange();
  while (!texts.nextNode().data.includes(word));
  const { currentNode: node } = texts, at = node.data.indexOf(word);
  range.setStart(node, at);
  range.setEnd(node, at + word.length);
  return range.getBoundingClientRect().left;
}"""
VIEWS = ("courses", "chapters", "history", "queues", "workers", "graphs")


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
    expect(row).to_contain_text(re.compile(r"not known yet|in about \d+ (min|s)|any moment"))  # never a bare time
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


def test_each_of_two_courses_with_one_id_can_be_opened(scene: Scene, page: Page) -> None:
    for name in ("python", "python-v2"):
        scene.create("CourseGeneration", name, course(1, courseId="twice", title=name.title(), suspend=True))
    for name in ("python", "python-v2"):
        page.goto(f"/?task={uid(scene, 'CourseGeneration', name)}")
        expect(page.get_by_role("heading", level=1)).to_have_text(name.title())


def test_a_task_that_waits_says_how_many_go_before_it(scene: Scene, people: People, page: Page) -> None:
    queue = f"{scene.namespace}-narrow"
    scene.create("GenerationQueue", queue, {"priority": 3, "capacity": 0})
    for index, name in enumerate(("first", "second"), start=1):  # by which they stand if they are of the same second
        scene.create("ChapterGeneration", name, chapter(f"The {name}", queueName=queue, index=index))
        scene.until("ChapterGeneration", name, lambda s: s.get("holdReason") == "QueuePaused")
    page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'second')}")
    expect(page.get_by_label("State").get_by_text("Goes after")).to_be_visible()
    expect(page.get_by_label("State")).to_contain_text("1 other")
    assert serious(page) == []
    scene.kubectl("delete", "generationqueue", queue)


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


def test_a_title_is_read_in_its_own_direction(scene: Scene, page: Page) -> None:
    title = "مبادئ البرمجة 101 (Python)"
    scene.create("ChapterGeneration", "a", chapter(title, suspend=True))
    page.goto(f"/?view=chapters&namespace={scene.namespace}")
    link = page.get_by_role("link", name=title)
    assert in_sight(link, "مبادئ") > in_sight(link, "101") > in_sight(link, "Python"), "from right to left"
    link.click()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(title)
    assert in_sight(heading, "مبادئ") > in_sight(heading, "101") > in_sight(heading, "Python")
    page.get_by_role("button", name="Cancel…").click()
    asked = page.get_by_role("heading", name=f"Cancel “{title}”?")
    assert in_sight(asked, "Cancel") < in_sight(asked, "Python") < in_sight(asked, "101") < in_sight(asked, "مبادئ")


def in_sight(place: Locator, word: str) -> float:
    """Give how far from the left a word is."""
    return float(place.evaluate(_LEFT, word))


def test_every_view_can_be_read_by_all_and_fits_a_phone(
    place: Place, scene: Scene, kubelet: Kubelet, people: People, page: Page
) -> None:
    busy(scene, kubelet)
    addresses = [f"/?view={view}&namespace={scene.namespace}" for view in VIEWS]
    addresses += [f"/?task={uid(scene, 'CourseGeneration', 'course-123')}"]
    addresses += [f"/?task={uid(scene, 'ChapterGeneration', 'course-123-chapter-09')}"]
    for size in SIZES:
        page.set_viewport_size(SIZES[size])
        for number, address in enumerate(addresses):
            page.goto(address)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            for scheme in SCHEMES if size == "wide" else SCHEMES[-1:]:
                page.emulate_media(color_scheme=scheme)
                assert serious(page) == [], f"{address} in {scheme}"
            if (size, number) == ("wide", VIEWS.index("queues")):
                keep(page, "queues")
            if (size, number) == ("phone", len(VIEWS)):  # the course
                keep(page, "phone")
            assert too_wide(page) == [], f"{address} on a {size} screen"


def test_a_wrong_token_is_refused_in_words_that_everybody_can_read(page: Page) -> None:
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert unreadable(page) == []
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The bearer token is not valid")
    assert unreadable(page) == []


def test_who_is_signed_out_because_a_token_is_no_longer_valid_is_told_so(
    place: Place, scene: Scene, browser: Browser
) -> None:
    token = place.token(scene.namespace, "leaver", role="coursegen-author")
    with signed_in(browser, place.gateways["gateway"].url, token) as page, place.client(token) as client:
        place.system.api.request("DELETE", f"/api/v1/namespaces/{scene.namespace}/serviceaccounts/leaver")
        until(scene, lambda: client.get("/api/v1/whoami").status_code == 401)
        page.get_by_role("link", name="Chapters").click()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("has expired")


def test_dialogs_and_alerts_can_be_read_by_all_and_fit_a_phone(scene: Scene, kubelet: Kubelet, page: Page) -> None:
    kubelet.decide = lambda task: RUNS
    scene.create("ChapterGeneration", "a", chapter("A" * 60))
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Running")
    running = f"/?task={uid(scene, 'ChapterGeneration', 'a')}"
    for address, button, name in (
        (running, "Cancel…", re.compile("Cancel “A+”")),
        (running, "Regenerate…", re.compile("Make “A+” anew")),
    ):
        page.goto(address)
        page.get_by_role("button", name=button).click()
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        assert unreadable(page) == [], button
    page.set_viewport_size(SIZES["wide"])
    for address, words in (
        ("/?view=chapters&q=%22", "quotation mark is not closed"),
        (f"/?task={scene.namespace}", "or you may not read it"),
    ):
        page.goto(address)
        expect(page.get_by_role("alert")).to_contain_text(words)
        assert unreadable(page) == [], address


def unreadable(page: Page) -> list[object]:
    """Name what keeps somebody from reading what is shown, in either colour or on a phone."""
    found: list[object] = []
    for size in SIZES.values():
        page.set_viewport_size(size)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found += serious(page)
        found += too_wide(page)
    page.set_viewport_size(SIZES["wide"])
    return found


def test_everything_can_be_done_without_a_mouse(scene: Scene, kubelet: Kubelet, page: Page) -> None:
    kubelet.decide = lambda task: RUNS
    scene.create("ChapterGeneration", "a", chapter("By keyboard"))
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Running")
    page.goto(f"/?view=chapters&namespace={scene.namespace}")
    link = page.get_by_role("link", name="By keyboard")
    expect(link).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    until_focused(page, link)
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "one sees where one is"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("By keyboard")

    cancel, dialog = page.get_by_role("button", name="Cancel…"), page.get_by_role("dialog")
    until_focused(page, cancel)
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    for _ in range(5):  # the page behind it cannot be reached
        page.keyboard.press("Tab")
        assert not page.evaluate("document.activeElement.closest('main, header')")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    until_focused(page, dialog.get_by_role("button", name="Back"))
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    until_focused(page, dialog.get_by_role("button", name="Cancel it"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Asked: cancel By keyboard")
    scene.until("ChapterGeneration", "a", lambda s: condition(s, "Finished")[1] == "Cancelled")


def until_focused(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus; AssertionError if it cannot be reached."""
    for _ in range(60):
        if wanted.evaluate("(e) => e === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached by Tab")
