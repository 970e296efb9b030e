"""The page behind a proxy that logs people in: it has no token, and comes in by tickets."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, WebSocket, expect

from ....e2e.scene import Scene, chapter
from ..kubelet import RUNS, Kubelet
from .browsing import opened
from .conftest import People
from .login import LoginProxy
from .place import Place
from .test_api import uid


def test_behind_a_proxy_that_adds_the_token_the_page_is_live_by_a_ticket_for_each_socket(
    place: Place, scene: Scene, kubelet: Kubelet, browser: Browser, people: People
) -> None:
    kubelet.decide = lambda task: RUNS
    scene.create("ChapterGeneration", "a", chapter("Loops and lists"))
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Running")
    with LoginProxy(place.gateways["gateway"].port, people.author_token) as proxy:
        with opened(browser, proxy.address) as page:
            sockets: list[WebSocket] = []
            page.on("websocket", lambda socket: sockets.append(socket))
            page.goto(f"/?task={uid(scene, 'ChapterGeneration', 'a')}")
            live = page.get_by_text("Live", exact=True)
            expect(live).to_be_visible()
            expect(page.get_by_label("Token")).to_have_count(0)
            expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
            expect(page.locator(".who")).to_have_text(f"{scene.namespace}:author")
            for percentage in (35, 62):
                place.report(scene, "ChapterGeneration", "a", percentage)
                expect(page.get_by_role("progressbar")).to_have_attribute("value", str(percentage))
                with page.expect_websocket():
                    proxy.break_sockets()
                expect(live).to_be_visible()
            page.get_by_role("button", name="Cancel…").click()
            page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
            scene.until_ended("a", "ChapterGeneration")
            tickets = [parse_qs(urlsplit(socket.url).query)["ticket"][0] for socket in sockets]
        heads = "".join(proxy.heads).lower()
    # At least one a break: where one breaks by itself, the page opens another.
    assert len(tickets) == len(set(tickets)) >= 3, "each socket had a ticket of its own"
    assert not re.search(r"\r\nauthorization:|bearer", heads), "the browser has no token to send"
