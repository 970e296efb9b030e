"""Writes docs/agreement.md from a run; what in it follows from the code alone is checked by a test."""

import datetime
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Page

from coursegen_gateway import graphs

from . import figures, sources
from .figures import Readings, Source

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "agreement.md"
PROSE = Path(__file__).parent / "prose.md"
IMAGES = ROOT / "docs" / "images"


def write(readings: Readings, demo: Sequence[str], performance: str, version: str) -> None:
    """Write the page."""
    parts = {
        "when": f"On {datetime.datetime.now(datetime.UTC):%d %B %Y}, on Kubernetes {version},",
        "demo": "\n".join(demo[next(n for n, line in enumerate(demo) if "kubectl apply -f" in line) :]),
        "table": "\n".join(figures.table(readings)),
        "notes": notes(),
        "places": "\n".join(places()),
        "performance": performance,
    }
    text = PROSE.read_text()
    for name, part in parts.items():
        text = text.replace("{" + name + "}", part)
    PAGE.write_text(text)


def notes() -> str:
    """Say how Grafana was asked without Grafana."""
    queries = list(sources.queries())
    boards = {board for board, _, _ in queries}
    shown = {(board, title) for board, title, _, _, _ in sources.PANELS} | {("queues", "Retries an hour")}
    asked = f"the {len(queries)} queries of all panels of the {len(boards)} dashboards"
    return (
        "Grafana itself was not run: it is no package of the registries that the tests install from. Prometheus was\n"
        f"asked {asked}, with the variables as Grafana\n"
        f"has them in a view of the last hour with one point; {len(shown)} panels show a figure of this "
        "table, and the\n"
        "others answered. The dashboards' JSON is held to the rules of Grafana's dashboard-linter by\n"
        "`tests/monitoring/test_dashboards.py`."
    )


def places() -> Iterator[str]:
    """Give a line for each place: what was asked there."""
    recorded = ", ".join(f"`{name}`" for name in sources.RECORDED)
    panels = "; ".join(f"{board}: {title}" for board, title, _, _, _ in sources.PANELS)
    said = {
        Source.OBJECTS: "the statuses of all objects, reckoned by the test",
        Source.PLUGIN: "`kubectl coursegen performance -o json` and `status -o json`",
        Source.PLUGIN_PROMETHEUS: "`kubectl coursegen performance --prometheus … -o json`",
        Source.HTTP: "`GET /health/tasks`, `/api/v1/queues`, `/api/v1/tasks`",
        Source.PAGE: "All tasks and Queues, read in Chromium",
        Source.GRAPHS: f"the queries of {', '.join(q.title for q in graphs.QUERIES)}, looking back on an hour",
        Source.RULES: recorded,
        Source.PANELS: f"{panels}; queues: Retries an hour",
    }
    return (f"| {source} | {text} |" for source, text in said.items())


def pictures(page: Page) -> None:
    """Keep what the page looks like at the end."""
    page.goto("/?view=history")
    page.locator(".tiles").wait_for()
    page.screenshot(path=IMAGES / "agreement.png")
    page.goto("/?view=graphs")
    page.locator(".graphs").wait_for()
    page.screenshot(path=IMAGES / "agreement-graphs.png")
