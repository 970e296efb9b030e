"""Every command of the docs is tried somewhere, or has its reason; a command stands where it is looked for."""

import ast
import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from coursegen.cli.commands import app

from ..docs import NOWHERE, PAGES, ROOT, SCRIPTS, Command, Where, blocks, commands

EVERY = [c for page in PAGES for c in commands(page)]
PROGRAMS = r"^(\$ )?(make|kubectl|deploy/demo/kubectl|python|pip|curl|sed) "
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

each_page = pytest.mark.parametrize("page", PAGES, ids=[p.stem for p in PAGES])


def test_what_is_tried_nowhere_is_in_the_docs_and_has_a_reason() -> None:
    left = [c.line for c in EVERY if c.where is Where.NOWHERE]
    assert left
    assert [pattern for pattern in NOWHERE if not any(re.search(pattern, line) for line in left)] == []
    assert all(NOWHERE.values())


def test_what_is_tried_on_a_cluster_is_a_command_of_kubectl() -> None:
    there = [c.line for c in EVERY if c.where is Where.CONTROL_PLANE]
    assert len(there) > 30
    assert [line for line in there if not line.startswith("kubectl ")] == []


@each_page
def test_commands_stand_in_console_blocks_after_a_dollar(page: Path) -> None:
    text = "\n".join(blocks(page, ""))
    assert [line for line in text.splitlines() if re.match(PROGRAMS, line)] == []
    assert bool(blocks(page, "sh")) == (page.name in SCRIPTS), "a script has its place, or its reason"


@each_page
def test_examples_in_yaml_and_python_can_be_read(page: Path) -> None:
    for text in blocks(page, "yaml"):
        list(yaml.safe_load_all(text))
    for text in blocks(page, "python"):
        ast.parse(text)


MADE = [c for c in EVERY if c.where is Where.MAKEFILE]


@pytest.mark.parametrize("command", MADE, ids=[f"{c.page.stem}: {c.line.split('#')[0].strip()}" for c in MADE])
def test_what_is_made_can_be_made_and_options_are_there(command: Command) -> None:
    words = command.line.split("#")[0].split()
    if words[0] == "make":
        assert words[1] in TARGETS
        return
    options = {word for word in words if word.startswith("--")}
    assert options <= set(re.findall(r"--[a-z-]+", told(words[words.index("-m") + 1])))


@functools.cache
def told(module: str) -> str:
    """Give what a module says of its options."""
    path = {**os.environ, "PYTHONPATH": "deploy:deploy/local"}  # as the Makefile has it
    argv = [sys.executable, "-m", module, "--help"]
    said = subprocess.run(argv, cwd=ROOT, env=path, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


LOGS = [c for c in EVERY if c.line.startswith("kubectl ") and " logs " in c.line]


def test_the_log_of_several_pods_is_shown_whole_or_as_far_as_it_says() -> None:
    """kubectl shows ten lines of each Pod that a label selects, and of a Deployment one Pod, unless it is told."""
    assert [c.line for c in LOGS if " -l " in c.line] != []
    assert [c.line for c in LOGS if " -l " in c.line and "--tail=" not in c.line] == []
    assert [c.line for c in LOGS if "| grep" in c.line and re.search(r"--tail=\d", c.line)] == []
    replicas = [c.line for c in LOGS if re.search("deployment/coursegen-(operator|gateway)", c.line)]
    assert replicas != []
    assert [line for line in replicas if "--all-pods" not in line] == []


def test_a_runbook_looks_at_the_pods_of_every_operator() -> None:
    """Several may share a cluster, each with labels of its own: an alert is about any of them."""
    [shard] = yaml.safe_load_all((ROOT / "deploy/overlays/shard/kustomization.yaml").read_text())
    deployment = yaml.safe_load((ROOT / "deploy/base/operator/deployment.yaml").read_text())
    first = deployment["spec"]["template"]["metadata"]["labels"]
    [own] = [part["pairs"] for part in shard["labels"] if part.get("includeSelectors")]
    chosen = {m[1]: m[2] for c in EVERY if c.page.parent.name == "runbooks" for m in [OF_PODS.search(c.line)] if m}
    assert chosen
    assert [key for key, value in chosen.items() for labels in (first, first | own) if labels.get(key) != value] == []


OF_PODS = re.compile(r"-n coursegen-system .*\b(?:logs|pods) -l ([^=\s]+)=(\S*operator\S*)")


def test_every_picture_is_taken_by_a_test_and_shown() -> None:
    sources = "".join(p.read_text() for p in (ROOT / "tests").rglob("*.py"))
    taken = {*re.findall(r'keep\(page, "([a-z-]+)"\)', sources), *re.findall(r'IMAGES / "([a-z-]+)\.png"', sources)}
    shown = {name for page in PAGES for name in re.findall(r"images/([a-z-]+)\.png", page.read_text())}
    there = {p.stem for p in (ROOT / "docs" / "images").iterdir()}
    assert shown == there
    assert there <= taken, "make pictures"


def test_the_docs_show_what_every_command_of_the_plugin_says() -> None:
    page = next(p for p in PAGES if p.name == "cli.md")
    shown = set(re.findall(r"^\$ kubectl coursegen ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert {command.name for command in app.registered_commands} - shown == set(), "make cli-docs"
