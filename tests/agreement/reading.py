"""Reads all places until they agree or the time is over: a status is written every five seconds, a scrape is due."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Page, sync_playwright

from ..programs import chromium
from . import objects, sources
from .figures import Readings, Source, differences

_BETWEEN_SECONDS = 1.0
_MILLISECONDS = 60_000


@dataclass(frozen=True)
class Places:
    """Where figures can be read."""

    listing: objects.Listing
    plugin: sources.Plugin
    client: httpx.Client
    """Of the gateway, for who may see queues and the namespace's work."""
    page: Page
    """Signed in as the same person."""
    prometheus: sources.Prometheus
    prometheus_url: str

    def read(self) -> Readings:
        """Read every place once."""
        moment = sources.Moment(self.prometheus)
        return {
            Source.OBJECTS: objects.read(self.listing),
            Source.PLUGIN: sources.performance(self.plugin) | sources.status(self.plugin),
            Source.PLUGIN_PROMETHEUS: sources.performance(self.plugin, "--prometheus", self.prometheus_url),
            Source.HTTP: sources.http(self.client),
            Source.PAGE: sources.page(self.page),
            Source.GRAPHS: sources.page_graphs(moment),
            Source.RULES: sources.recorded(moment),
            Source.PANELS: sources.panels(moment),
        }


def settled(places: Places, seconds: float) -> tuple[Readings, list[str]]:
    """Give what all places say, and where they differ for longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        readings = places.read()
        wrong = differences(readings)
        if not wrong or time.monotonic() > deadline:
            return readings, wrong
        time.sleep(_BETWEEN_SECONDS)


def plugin(kubeconfig: Path, home: Path) -> sources.Plugin:
    """Give what runs the plugin, as it is installed beside this Python, against a cluster."""
    environment = {"PATH": os.environ["PATH"], "KUBECONFIG": str(kubeconfig), "HOME": str(home)}

    def run(*arguments: str) -> str:
        argv = [str(Path(sys.executable).parent / "kubectl-coursegen"), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=120, check=False)
        assert done.returncode in (0, 1), f"{arguments}: {done.stderr}"  # 1: the target is missed
        return done.stdout

    return run


@contextmanager
def signed_in(address: str, token: str) -> Iterator[Page]:
    """Open the page in Debian's Chromium, signed in."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"], timeout=_MILLISECONDS)
        context = browser.new_context(
            base_url=address, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
        )
        context.set_default_timeout(_MILLISECONDS)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Live", exact=True).wait_for()
        yield page
        browser.close()
