"""The commands that the docs have people type, and where each of them is tried.

A command stands in a `console` block, after `$ `; a script of several lines in an `sh` block. What is tried nowhere is
listed here, each with its reason, and tests/unit/test_docs.py sees to it that nothing else is left out.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "runbooks").glob("*.md")),
)
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Where(StrEnum):
    """Where a command is tried."""

    CONTROL_PLANE = "tests/cluster/operator/test_docs.py"
    PAGE_OF_ITS_OWN = "tests/cluster/client/test_cli_page.py"
    RUNBOOK = "tests/monitoring/test_live.py"
    MAKEFILE = "tests/unit/test_docs.py"
    PODS = "tests/e2e/test_docs.py"
    AGREEMENT = "make agreement"
    NOWHERE = "nowhere"


NOWHERE = {
    r"^pip install": "downloads from a package registry; every test runs in an environment of the same packages",
    r"^kubectl apply -k deploy/overlays/production": "names images that are yours, and kinds of the Prometheus "
    "operator: tests/cluster/test_manifests.py has a real API server try what it renders",
}
"""What is tried nowhere as it stands, and why."""

SCRIPTS = {
    "operations.md": "tests/cluster/operator/test_backup.py runs the backup and its restore, word for word",
    "http-api.md": f"{Where.PODS} makes both requests, word for word",
    "deploy.md": "needs a cluster and a registry of yours: tests/existing has one of each, and does a part of it",
    "scale.md": "names an image of yours: tests/cluster/test_manifests.py has a real API server try what it renders, "
    "tests/cluster/operator/test_shards.py labels namespaces",
}
"""Pages with scripts in `sh` blocks, which are taken as a whole: where they are tried, or why they are not."""

_ELSEWHERE = (
    (Where.MAKEFILE, r"^make |^(\.venv/bin/)?python -m tests\."),
    (Where.PODS, r"^kubectl .*(\blogs\b|port-forward)|^curl |^TOKEN="),
)
_PAGES = {"cli.md": Where.PAGE_OF_ITS_OWN, "agreement.md": Where.AGREEMENT}


@dataclass(frozen=True)
class Command:
    """A line that people type."""

    page: Path
    line: str

    @property
    def reason(self) -> str | None:
        """Say why it is tried nowhere, if it is not."""
        return next((why for pattern, why in NOWHERE.items() if re.search(pattern, self.line)), None)

    @property
    def where(self) -> Where:
        """Say where it is tried."""
        if self.page.parent.name == "runbooks":
            return Where.RUNBOOK
        if self.reason:
            return Where.NOWHERE
        if self.page.name in _PAGES:
            return _PAGES[self.page.name]
        return next((w for w, pattern in _ELSEWHERE if re.search(pattern, self.line)), Where.CONTROL_PLANE)


def blocks(page: Path, language: str) -> list[str]:
    """Give the code blocks of a page in a language."""
    return [text for found, text in _BLOCK.findall(page.read_text()) if found == language]


def commands(page: Path, where: Where | None = None) -> list[Command]:
    """Give the commands of a page, or those of them that are tried in one place."""
    lines = re.findall(r"^ *\$ (.*)$", "\n".join(blocks(page, "console")), re.MULTILINE)
    found = [Command(page, line.replace("deploy/demo/kubectl", "kubectl")) for line in lines]
    return [c for c in found if where in (None, c.where)]
