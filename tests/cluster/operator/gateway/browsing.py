"""What tests of the page share: a person signed in, in a real browser, and what must hold of whatever they see."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from .... import programs

MILLISECONDS = 60_000
SIZES: dict[str, Any] = {"wide": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
SCHEMES: tuple[Any, ...] = ("dark", "light")
_END = "Math.ceil(document.getElementById('content').lastElementChild.getBoundingClientRect().bottom) + 24"
_TOO_WIDE = """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => `${e.tagName}.${e.className}`)"""


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """Give an empty page of a new browser; nothing in it may break the content policy or throw."""
    context = browser.new_context(base_url=address, viewport=SIZES["wide"], reduced_motion="reduce")
    context.set_default_timeout(MILLISECONDS)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
    yield page
    context.close()
    assert wrong == []


@contextmanager
def signed_in(browser: Browser, address: str, token: str) -> Iterator[Page]:
    """Give a page that somebody is signed in to."""
    with opened(browser, address) as page:
        page.goto("/")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Live", exact=True).wait_for()
        yield page


def keep(page: Page, name: str) -> None:
    """Keep a picture for the documentation, if one is wanted (`make pictures`)."""
    if folder := os.environ.get("PICTURES"):
        path = Path(folder) / f"{name}.png"
        size = page.viewport_size or SIZES["wide"]
        shown = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], page.evaluate(_END))}
        page.screenshot(path=path, clip=shown)
        subprocess.run([programs.pngquant(), "--force", "--strip", "--speed=1", f"--output={path}", path], check=True)


def too_wide(page: Page) -> list[str]:
    """Name what makes the page wider than the screen."""
    found: list[str] = page.evaluate(_TOO_WIDE)
    return found


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """Name what axe finds that keeps somebody from reading the page."""
    found = [v for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    return [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found]
