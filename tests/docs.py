"""The commands that the docs have people type, and where each of them is tried.

A command stands in a `console` block, after `$ `; a script of several lines in an `sh` block; a short one within a
sentence, or in a column of a table that is headed by its program. What is tried nowhere is listed here, each with its
reason, and tests/unit/test_docs.py sees to it that nothing else is left out.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

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
    PARSER = "its own parser, in the tests of the docs"
    NOWHERE = "nowhere"


NOWHERE = {
    r"^docker build": "needs Docker; the same Dockerfile and argument are built by buildah for tests/e2e",
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
    (Where.MAKEFILE, r"^make |^([A-Z_]+=\S+ )*(py-spy record .* -- )?(\.venv/bin/)?python -m |^sed "),
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
            return Where.PODS if " logs " in self.line else Where.RUNBOOK
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


# ---- within sentences and tables -------------------------------------------------------------------------------

_PROGRAM = re.compile(
    r"([A-Z_]+=\S+ )*(kubectl|make|(\.venv/bin/)?python3? -m|pip|uv|py-spy|sed|awk|jq|curl|git|docker|kind|helm"
    r"|kustomize|flux|argocd|redis-cli) "
)
_PLUGIN = "kubectl coursegen"
_HEADS = ("kubectl", _PLUGIN)
"""Columns of tables whose cells leave their program out."""
_FIELD = re.compile(r"(spec|status|metadata)\.|coursegen\.dev/|[a-z]+[A-Z]\w*$|feedback$")
"""What else stands in these columns: fields and annotations."""

NAMED = (
    "kubectl apply --prune",
    "kubectl apply -k",
    "kubectl create token",
    "kubectl create token --duration",
    "kubectl delete pod",
    "kubectl diff",
    "kubectl drain",
    "kubectl get",
    "kubectl get -w",
    "kubectl -n courses get chaptergen -w",
    "kubectl port-forward",
    "kubectl wait",
    "kubectl wait --for=condition=Succeeded",
)
"""What a sentence names, and leaves open on what, or what goes on for ever: there is such a verb, with such options."""


def inline(page: Path, where: Where | None = None) -> list[Command]:
    """Give the commands within the sentences and tables of a page, or those that are tried in one place.

    One that also stands in a block is tried there.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(page.read_text())
    lines = dict.fromkeys(line.replace("deploy/demo/kubectl", "kubectl") for line in _spans(tokens))
    found = [Command(page, line) for line in lines if _PROGRAM.match(line) and line not in {*_typed(), _PLUGIN}]
    return [c for c in found if where in (None, _where_within(c))]


def _where_within(command: Command) -> Where:
    if command.line.startswith(f"{_PLUGIN} ") or command.line in NAMED:
        return Where.PARSER
    if command.reason:
        return Where.NOWHERE
    return Where.MAKEFILE if re.search(_ELSEWHERE[0][1], command.line) else Where.CONTROL_PLANE


@functools.cache
def _typed() -> set[str]:
    return {c.line.partition(" #")[0].strip() for page in PAGES for c in commands(page)}


def _spans(tokens: list[Token]) -> Iterator[str]:
    """Give the code within sentences, with its program where a table's column has that in its head."""
    heads: list[str] = []
    column, cell = 0, ""
    for token in tokens:
        match token.type:
            case "table_open":
                heads = []
            case "tr_open":
                column = 0
            case "th_open" | "td_open":
                cell = token.type
            case "th_close" | "td_close":
                column, cell = column + 1, ""
            case "inline" if cell == "th_open":
                heads.append(token.content)
        program = heads[column] + " " if cell == "td_open" and heads[column] in _HEADS else ""
        for text in (c.content for c in token.children or () if c.type == "code_inline"):
            yield text if _FIELD.match(text) or _PROGRAM.match(text) else program + text
