"""The page's graphs in a real Chromium: what a real Prometheus knows, drawn and in figures, or why there is nothing."""

import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, expect

from localcluster import Reporter, prometheus

from ....monitoring.server import remembering
from .browsing import SIZES, keep, serious, signed_in, too_wide
from .conftest import People
from .place import Place

_SECONDS, _AHEAD_SECONDS = 70 * 60, 30 * 60
"""What Prometheus knows goes on after now: its figures are the same however long the page takes to ask."""
_STEP = 15

# Of each series: how much it grows in an hour.
COUNTERS = {
    'coursegen_tasks_finished_total{kind="chapter",result="Succeeded"}': 114.0,
    'coursegen_tasks_finished_total{kind="chapter",result="Failed"}': 6.0,
    'coursegen_tasks_finished_total{kind="chapter",result="Cancelled"}': 0.0,
    'coursegen_tasks_finished_total{kind="course",result="Succeeded"}': 12.0,
    'coursegen_execution_seconds_bucket{kind="chapter",le="30.0"}': 0.0,
    'coursegen_execution_seconds_bucket{kind="chapter",le="60.0"}': 90.0,
    'coursegen_execution_seconds_bucket{kind="chapter",le="120.0"}': 100.0,
    'coursegen_execution_seconds_bucket{kind="chapter",le="+Inf"}': 100.0,
    'coursegen_admission_wait_seconds_bucket{kind="chapter",queue="chapter-generation",le="1.0"}': 50.0,
    'coursegen_admission_wait_seconds_bucket{kind="chapter",queue="chapter-generation",le="5.0"}': 100.0,
    'coursegen_admission_wait_seconds_bucket{kind="chapter",queue="chapter-generation",le="+Inf"}': 100.0,
}
GAUGES = {
    'coursegen_slots_in_use{queue="chapter-generation"}': 7.0,
    'coursegen_slots_in_use{queue="export"}': 1.0,
}
# What the page must say of that: 114 of 120 chapters are 95 %; the 95th percentile lies halfway from 60 to 120 s.
FIGURES = (
    "Finished an hour, per hour: chapter 114, course 12",
    "Success rate of tasks, %: Success rate of tasks 95",
    "Execution time, 95th percentile, s: chapter 90",
    "Wait for a slot, 95th percentile, s: chapter 4.6",
    "Slots in use, jobs: chapter-generation 7, export 1",
)
MISSING = "Waiting for a slot"


def past(now: float) -> Iterator[str]:
    """Write what was in the last hour: busier and quieter, and in its last quarter as the tables have it."""
    grown = dict.fromkeys(COUNTERS, 0.0)
    for at in range(int(now) - _SECONDS, int(now) + _AHEAD_SECONDS, _STEP):
        pace = 1.0 if now - at < 900 else 1 + 0.5 * math.sin((now - at - 900) / 400)
        for series, hourly in COUNTERS.items():
            grown[series] += pace * hourly * _STEP / 3600
            yield f"{series} {grown[series]:.6f} {at}"
        for series, value in GAUGES.items():
            yield f"{series} {round(value * pace)} {at}"


def test_graphs_draw_what_prometheus_knows_and_say_so_if_it_is_gone(
    place: Place, browser: Browser, people: People, tmp_path: Path
) -> None:
    programs = prometheus.ensure(Reporter(sys.stderr))
    with remembering(programs, "\n".join(past(time.time())), tmp_path) as (server, process):
        gateway = place.gateway("graphs", prometheus_url=f"http://127.0.0.1:{server.port}")
        with signed_in(browser, f"http://127.0.0.1:{gateway.port}", people.author_token) as page:
            page.get_by_role("link", name="Graphs").click()
            for figure in FIGURES:
                expect(page.get_by_role("img", name=figure, exact=True)).to_be_visible()
            empty = page.locator("section", has=page.get_by_role("heading", name=re.compile(MISSING)))
            expect(empty).to_contain_text("Nothing was measured in this time.")
            lines = page.locator("svg.chart path")
            expect(lines).to_have_count(7)
            for line in lines.all():
                drawn = line.get_attribute("d") or ""
                assert (drawn.count("L") > 100, "NaN" in drawn) == (True, False)
            for scheme in ("dark", "light"):
                page.emulate_media(color_scheme=scheme)
                assert serious(page) == [], scheme
            keep(page, "graphs")
            page.set_viewport_size(SIZES["phone"])
            assert too_wide(page) == []
            page.get_by_role("link", name="7d").click()
            expect(page).to_have_url(re.compile("range=7d"))
            expect(page.get_by_role("img", name=re.compile("^Finished an hour"))).to_be_visible()
            process.terminate()
            process.wait()
            page.get_by_role("link", name="6h").click()
            expect(page.get_by_text("Prometheus does not answer")).to_be_visible()


def test_without_a_prometheus_the_page_says_what_is_missing(place: Place, browser: Browser, people: People) -> None:
    address = f"http://127.0.0.1:{place.gateways['gateway'].port}"
    with signed_in(browser, address, people.author_token) as page:
        page.get_by_role("link", name="Graphs").click()
        expect(page.get_by_text("No Prometheus is set (COURSEGEN_PROMETHEUS_URL)")).to_be_visible()
