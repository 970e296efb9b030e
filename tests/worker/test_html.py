"""The HTML page: judged by the Nu HTML Checker and, in a real Chromium, by axe."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import foreign_courses
import judges
import pytest
from axe_playwright_python.sync_playwright import Axe
from foreign_courses import ARABIC, ENGLISH, JAPANESE
from playwright.sync_api import Browser, sync_playwright
from worker_support import DEMO, as_course, compose, ignore

from coursegen_worker.documents import Course
from coursegen_worker.exporters import html_export, without_assessments
from tests import programs

_MILLISECONDS = 60_000
HOSTILE = ("<script>alert(1)</script> & \"quoted\" 'single' ]]> <!--", "&nbsp; </p> `code", "{title} %s \x07 \ufffe")
LONG = ("A long title " * 800, ENGLISH[1], ENGLISH[2])
SIZES = {"wide": {"width": 1200, "height": 900}, "phone": {"width": 390, "height": 844}}


@cache
def demo() -> Course:
    outline, chapters = compose(DEMO[0], DEMO[1], count=2)
    return as_course(outline, chapters)


def many() -> Course:
    return foreign_courses.course(ENGLISH, JAPANESE, ARABIC, HOSTILE, LONG, title="& < > 🐍")


def written(folder: Path, **courses: Course) -> list[Path]:
    paths = [folder / f"{name}.html" for name in courses]
    for path, course in zip(paths, courses.values(), strict=True):
        path.write_bytes(html_export.export(course, ignore).data)
    return paths


def test_the_checker_finds_neither_error_nor_warning(tmp_path: Path) -> None:
    arabic = without_assessments(foreign_courses.course(ARABIC))
    assert judges.vnu(written(tmp_path, demo=demo(), many=many(), arabic=arabic)) == []


def test_the_checker_finds_what_is_broken(tmp_path: Path) -> None:
    [path] = written(tmp_path, demo=demo())
    path.write_bytes(path.read_bytes().replace(b"</article>", b"</section>", 1))
    assert judges.vnu([path])


def test_a_page_stands_alone_and_runs_nothing() -> None:
    page = html_export.export(many(), ignore).data.decode()
    assert not re.search(r"<(script|link|img|iframe|object|form)\b|\bsrc=|url\(|@import|\son\w+=", page)
    assert set(re.findall(r'href="(.)', page)) == {"#"}


def test_every_answer_is_closed_until_somebody_opens_it() -> None:
    page = html_export.export(demo(), ignore).data.decode()
    outside = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)
    for question in (q for c in demo().chapters for q in c.questions):
        for option in question.options:
            assert html_export.html.inline(option.feedback) in page
            assert html_export.html.inline(option.feedback) not in outside


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    with sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=programs.chromium(), args=["--no-sandbox"], timeout=_MILLISECONDS
        )
        yield found
        found.close()


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_to_mend_and_nothing_is_wider_than_the_window(
    size: str, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_page(viewport=SIZES[size])
    page.set_default_timeout(_MILLISECONDS)
    for path in written(tmp_path, demo=demo(), many=many(), arabic=foreign_courses.course(ARABIC, LONG)):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path.name
    page.close()
