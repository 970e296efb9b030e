"""cmi5 packages: launched in a real browser by a platform that holds them to the rules, left, resumed and finished."""

import json
import zipfile
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import cmi5_platform
import foreign_courses
import judges
import pytest
from cmi5_platform import PUBLISHED, WHOLE, Launch, Platform, Unit, is_defined
from foreign_courses import SPOKEN
from lxml import etree
from playwright.sync_api import Browser, Page, expect, sync_playwright
from worker_support import DEMO, as_course, compose, ignore

from coursegen_api.base import Cmi5Options, Packaging
from coursegen_worker import words
from coursegen_worker.documents import Course
from coursegen_worker.exporters import cmi5, without_assessments
from tests import programs

_MILLISECONDS = 60_000
_ANSWER = """([right, only]) => {
  const data = JSON.parse(document.getElementById("course-data").textContent);
  for (const number of only ?? Object.keys(data.questions)) {
    const form = document.querySelector(`[data-question="${number}"]`);
    const { answer } = data.questions[number];
    form.querySelectorAll("input")[right ? answer : answer ? 0 : 1].click();
    form.querySelector("button").click();
  }
}"""


@cache
def two_chapters() -> Course:
    outline, chapters = compose(DEMO[0], DEMO[1], count=2)
    return as_course(outline, chapters)


def files_of(course: Course, packaging: Packaging = Packaging.SINGLE) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(cmi5.export(course, Cmi5Options(packaging=packaging), ignore).data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# ---- the zip --------------------------------------------------------------------------------------------------


def test_the_structure_is_at_the_root_and_names_what_is_there() -> None:
    files = files_of(two_chapters())
    assert next(iter(files)) == cmi5.STRUCTURE
    root = etree.fromstring(files[cmi5.STRUCTURE])
    [unit] = root.findall("{*}au")
    assert unit.findtext("{*}url") in files
    assert (unit.get("moveOn"), unit.get("masteryScore")) == ("CompletedAndPassed", "0.7")
    there = {o.get("id") for o in root.findall("{*}objectives/{*}objective")}
    assert {o.get("idref") for o in unit.findall("{*}objectives/{*}objective")} == there
    assert len(there) == len(two_chapters().objectives)
    without = etree.fromstring(files_of(without_assessments(two_chapters()))[cmi5.STRUCTURE]).find("{*}au")
    assert (without.get("moveOn"), without.get("masteryScore")) == ("Completed", None)


def test_each_chapter_is_a_unit_with_a_page_an_id_and_objectives_of_its_own() -> None:
    course = two_chapters()
    unassessed = course.chapters[1].model_copy(update={"questions": []})
    files = files_of(course.model_copy(update={"chapters": [course.chapters[0], unassessed]}), Packaging.PER_CHAPTER)
    root = etree.fromstring(files[cmi5.STRUCTURE])
    first, second = root.findall("{*}au")
    assert [u.get("id") for u in (first, second)] == [f"{PUBLISHED}/chapters/1", f"{PUBLISHED}/chapters/2"]
    assert [u.findtext("{*}url") for u in (first, second)] == ["chapter-001.html", "chapter-002.html"]
    assert {"chapter-001.html", "chapter-002.html"} < set(files)
    assert (first.get("moveOn"), first.get("masteryScore")) == ("CompletedAndPassed", "0.7")
    assert (second.get("moveOn"), second.get("masteryScore")) == ("Completed", None)
    texts = {o.get("id"): o.findtext("{*}title/{*}langstring") for o in root.findall("{*}objectives/{*}objective")}
    for unit, chapter in zip((first, second), course.chapters, strict=True):
        named = [texts[reference.get("idref")] for reference in unit.findall("{*}objectives/{*}objective")]
        assert named == [objective.text for objective in chapter.objectives]


# ---- in a browser, under a platform ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    expect.set_options(timeout=_MILLISECONDS)
    with sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=programs.chromium(), args=["--no-sandbox"], timeout=_MILLISECONDS
        )
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a page in which nothing may throw."""
    context = browser.new_context()
    context.set_default_timeout(_MILLISECONDS)
    page = context.new_page()
    thrown: list[str] = []
    page.on("pageerror", lambda error: thrown.append(str(error)))
    yield page
    context.close()
    assert thrown == []


class Learner:
    """Takes a course in a browser, one session after the other."""

    def __init__(self, page: Page, course: Course, folder: Path, packaging: Packaging = Packaging.SINGLE) -> None:
        for name, data in files_of(course, packaging).items():
            (folder / name).write_bytes(data)
        self.platform = Platform(folder)
        self.page = page

    def enter(
        self, mode: str = "Normal", mastery: float | None = 0.7, return_url: str | None = None, unit: Unit = WHOLE
    ) -> None:
        """Open the course, or one unit of it, and wait until it has found its place."""
        self.page.goto(self.platform.launch(mode, mastery, return_url, unit))
        self.page.locator("main:not([inert])").wait_for()

    def read_all(self) -> None:
        for link in self.page.locator("nav a").all():
            link.click()

    def answer(self, right: bool, *only: str) -> None:
        self.page.evaluate(_ANSWER, [right, list(only) or None])

    def leave(self) -> Launch:
        """Go somewhere else; what the unit has to say arrives by itself."""
        self.page.goto("about:blank")
        return self.platform.until_ended()

    @property
    def said(self) -> list[str]:
        """What cmi5 defines, in all sessions, without begin and end."""
        ends = ("initialized", "terminated")
        statements = [s for launch in self.platform.launches for s in launch.statements if is_defined(s)]
        return [verb for s in statements if (verb := cmi5_platform.verb(s)) not in ends]


@pytest.fixture
def learner(page: Page, tmp_path: Path) -> Iterator[Learner]:
    """Give a learner of a course with two chapters; every statement must have kept to the rules."""
    made = Learner(page, two_chapters(), tmp_path)
    yield made
    made.platform.shutdown()
    made.platform.server_close()
    assert made.platform.refused == []
    for launch in made.platform.launches:
        assert launch.verbs[:1] in ([], ["initialized"])


def test_a_course_is_left_in_the_middle_resumed_finished_and_read_again(learner: Learner) -> None:
    count = sum(len(c.questions) for c in two_chapters().chapters)
    learner.enter()
    learner.read_all()
    learner.answer(True, "1.1")
    learner.answer(False, "1.2")
    left = learner.leave()
    assert left.verbs[0] == "initialized"
    assert left.verbs.count("answered") == 2
    assert learner.said == []
    told = {
        s["object"]["definition"]["name"]["en"]: s["result"] for s in left.statements if "definition" in s["object"]
    }
    assert (told["Question 1.1"]["success"], told["Question 1.2"]["success"]) == (True, False)

    learner.enter()
    expect(learner.page.locator("article:not([hidden])")).to_have_id("chapter-2")
    assert learner.page.locator("input:checked").count() == 2
    learner.answer(True)
    finished = learner.leave()
    assert learner.said == ["completed", "passed"]
    passed = next(s for s in finished.statements if cmi5_platform.verb(s) == "passed")
    assert passed["result"]["score"] == {"scaled": 1, "raw": 100, "min": 0, "max": 100}

    learner.enter()
    expect(learner.page.locator("input:checked")).to_have_count(count)
    again = learner.leave()
    assert again.verbs == ["initialized", "terminated"]
    statements = [s for launch in learner.platform.launches for s in launch.statements]
    assert judges.xapi(statements) == []
    assert judges.xapi([statements[0] | {"timestamp": "today"}]) != []
    assert len({s["id"] for s in statements}) == len(statements)


def test_wrong_answers_fail_at_the_end_and_better_ones_pass(learner: Learner) -> None:
    learner.enter()
    learner.read_all()
    learner.answer(False)
    learner.leave()
    assert learner.said == ["completed", "failed"]
    learner.enter()
    learner.leave()
    assert learner.said == ["completed", "failed"]
    learner.enter()
    learner.answer(True)
    learner.leave()
    assert learner.said == ["completed", "failed", "passed"]


def test_who_does_better_in_the_same_session_has_not_failed(learner: Learner) -> None:
    learner.enter()
    learner.read_all()
    learner.answer(False)
    learner.answer(True)
    learner.answer(False)
    learner.leave()
    assert learner.said == ["completed", "passed"]


def test_the_platform_may_set_another_mastery(learner: Learner) -> None:
    learner.enter(mastery=0.1)
    learner.read_all()
    learner.answer(False)
    learner.answer(True, "1.1", "1.2", "2.1", "2.2")
    learner.leave()
    assert learner.said == ["completed", "passed"]


def test_looking_around_is_not_judged(learner: Learner) -> None:
    learner.enter("Browse")
    learner.read_all()
    learner.answer(True)
    assert learner.leave().verbs == ["initialized", "terminated"]
    assert learner.platform.documents == {}


def test_a_course_without_questions_is_completed_by_reading(page: Page, tmp_path: Path) -> None:
    learner = Learner(page, without_assessments(two_chapters()), tmp_path)
    learner.enter(mastery=None)
    learner.read_all()
    learner.leave()
    assert learner.said == ["completed"]
    assert learner.platform.refused == []


def test_a_chapter_that_is_a_unit_is_completed_and_passed_by_itself(page: Page, tmp_path: Path) -> None:
    learner = Learner(page, two_chapters(), tmp_path, Packaging.PER_CHAPTER)
    first, second = (Unit(f"chapters/{n}", f"chapter-{n:03}.html") for n in (1, 2))
    learner.enter(unit=first)
    learner.answer(True)
    learner.leave()
    learner.enter(unit=second)
    assert learner.page.locator("input:checked").count() == 0
    learner.answer(False)
    learner.leave()
    learner.enter(unit=first)
    expect(learner.page.locator("input:checked")).to_have_count(len(two_chapters().chapters[0].questions))
    assert learner.leave().verbs == ["initialized", "terminated"]
    assert learner.said == ["completed", "passed", "completed", "failed"]
    assert learner.platform.refused == []


def test_a_german_course_speaks_german_about_its_platform(page: Page, tmp_path: Path) -> None:
    course = foreign_courses.course(SPOKEN["de"])
    learner, said = Learner(page, course, tmp_path), words.of("de")
    learner.enter(return_url=f"{learner.platform.address}/courses")
    expect(page.locator("button.leave")).to_have_text(said("leave"))
    learner.platform.away = True
    learner.read_all()
    learner.answer(True)
    expect(page.locator("p.platform[lang=de]")).to_have_text(said("no_answer"))
    learner.platform.away = False
    page.locator("nav a").first.click()
    learner.platform.until(lambda last: "answered" in last.verbs)
    asked = next(s for s in learner.platform.launches[0].statements if cmi5_platform.verb(s) == "answered")
    assert asked["object"]["definition"]["name"] == {"de": "Frage 1.1"}
    page.reload()
    expect(page.locator("p.platform")).to_have_text(said("not_recorded"))


def test_what_a_platform_did_not_take_is_sent_again(learner: Learner) -> None:
    learner.enter()
    learner.platform.until(lambda last: "initialized" in last.verbs)
    learner.platform.away = True
    learner.read_all()
    learner.answer(True)
    expect(learner.page.locator(".platform")).to_contain_text("does not answer")
    learner.platform.away = False
    learner.page.locator("nav a").first.click()
    learner.platform.until(lambda last: "passed" in last.verbs)
    expect(learner.page.locator(".platform")).to_be_empty()
    ended = learner.leave()
    count = sum(len(c.questions) for c in two_chapters().chapters)
    assert ended.verbs.count("answered") == count
    assert json.loads(learner.platform.documents["unit", "coursegen.progress"])["passed"] is True


def test_what_is_on_its_way_when_the_page_is_closed_is_told_before_the_end(learner: Learner) -> None:
    learner.enter()
    learner.read_all()
    learner.platform.until(lambda last: "progressed" in last.verbs)
    learner.platform.late = True
    learner.answer(True)
    assert learner.leave().verbs[-3:] == ["completed", "passed", "terminated"]


def test_what_is_on_its_way_is_told_before_the_end_also_where_not_all_answers_can_be(learner: Learner) -> None:
    """Browsers keep 64 KiB alive: of many answers some give way, and never the one that would come after the end."""
    learner.enter()
    learner.read_all()
    learner.platform.until(lambda last: "progressed" in last.verbs)
    learner.platform.late = True
    for turn in range(6):
        learner.answer(turn % 2 == 1)
    verbs = learner.leave().verbs
    assert learner.said == ["completed", "passed"]
    assert 0 < verbs.count("answered") < 6 * sum(len(c.questions) for c in two_chapters().chapters)


def test_a_page_that_is_loaded_again_says_that_nothing_is_recorded_any_more(learner: Learner) -> None:
    learner.enter()
    learner.page.reload()
    learner.platform.until_ended()
    expect(learner.page.locator(".platform")).to_contain_text("Nothing is recorded")
    learner.read_all()
    expect(learner.page.locator("article:not([hidden])")).to_have_id("chapter-2")


def test_leaving_by_the_button_goes_back_to_the_platform(learner: Learner) -> None:
    learner.enter(return_url=f"{learner.platform.address}/courses")
    learner.page.get_by_role("button", name="Leave the course").click()
    learner.page.wait_for_url("**/courses")
    assert learner.platform.until_ended().verbs[-1] == "terminated"


def test_without_a_platform_the_course_can_be_read(learner: Learner) -> None:
    learner.page.goto(f"{learner.platform.address}/unit/index.html")
    learner.read_all()
    learner.answer(True)
    expect(learner.page.locator(".score")).to_contain_text("100 % right")
    assert learner.platform.asked == []
