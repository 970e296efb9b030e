"""One gateway for all tests of this folder; each test has a namespace of its own, and people in it."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from ....e2e.scene import Scene
from ....e2e.system import System
from ....programs import chromium
from .browsing import MILLISECONDS, signed_in
from .place import Place, apply_rights, start_redis, start_s3


@pytest.fixture(scope="session")
def place(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give a running gateway."""
    folder = tmp_path_factory.mktemp("gateway")
    apply_rights(system)
    redis = start_redis(folder)
    s3, environment = start_s3(folder)
    place = Place(system, folder, redis, s3, environment)
    try:
        place.gateway()
        yield place
        for name, server in place.gateways.items():
            assert "Traceback" not in server.log.read_text(), f"{name}: {server.log.read_text()[-3000:]}"
    finally:
        for server in (*place.gateways.values(), redis, s3):
            server.stop()


@pytest.fixture(scope="module")  # until it ends, an event loop is taken for running, and asyncio tests cannot start
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    expect.set_options(timeout=MILLISECONDS)
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield found
        found.close()


@dataclass
class People:
    """Who calls: an author of the scene's namespace, who may see the queues too; an outsider; and nobody."""

    author_token: str
    outsider_token: str
    author: httpx.Client
    outsider: httpx.Client
    nobody: httpx.Client


@pytest.fixture
def people(place: Place, scene: Scene) -> Iterator[People]:
    """Give people with tokens."""
    yield from _people(place, scene.namespace)


@pytest.fixture
def page(place: Place, browser: Browser, people: People) -> Iterator[Page]:
    """Give a page that the author is signed in to."""
    with signed_in(browser, place.gateways["gateway"].url, people.author_token) as page:
        yield page


@pytest.fixture(scope="session")
def desk(place: Place) -> Iterator[People]:
    """Give people of one namespace for all tests that need no scene of their own."""
    place.system.create_tenant("desk", {})
    yield from _people(place, "desk")


def _people(place: Place, namespace: str) -> Iterator[People]:
    author = place.token(namespace, "author", role="coursegen-author", cluster_role="coursegen-queue-viewer")
    outsider = place.token(namespace, "outsider")
    people = People(author, outsider, place.client(author), place.client(outsider), place.client())
    yield people
    for client in (people.author, people.outsider, people.nobody):
        client.close()
