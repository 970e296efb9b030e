"""Every command of the docs is tried somewhere, or has its reason; a command stands where it is looked for."""

import ast
import functools
import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from markdown_it import MarkdownIt
from typer.core import TyperGroup

from coursegen.cli.commands import app
from coursegen_api import names

from ..docs import NAMED, NOWHERE, PAGES, ROOT, SCRIPTS, Command, Where, blocks, commands, inline

EVERY = [c for page in PAGES for c in commands(page)]
WITHIN = [c for page in PAGES for c in inline(page)]
PROGRAMS = r"^(\$ )?(make|kubectl|deploy/demo/kubectl|python|pip|curl|sed) "
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

each_page = pytest.mark.parametrize("page", PAGES, ids=[p.stem for p in PAGES])


def test_what_is_tried_nowhere_is_in_the_docs_and_has_a_reason() -> None:
    left = [c.line for c in EVERY if c.where is Where.NOWHERE]
    left += [c.line for page in PAGES for c in inline(page, Where.NOWHERE)]
    assert left
    assert [pattern for pattern in NOWHERE if not any(re.search(pattern, line) for line in left)] == []
    assert all(NOWHERE.values())


def test_what_is_tried_on_a_cluster_is_a_command_of_kubectl() -> None:
    there = [c.line for c in EVERY if c.where is Where.CONTROL_PLANE]
    assert len(there) > 30
    there += [c.line for page in PAGES for c in inline(page, Where.CONTROL_PLANE)]
    assert len(there) > 50
    assert [line for line in there if not line.startswith("kubectl ")] == []


def test_what_is_no_more_than_named_is_in_the_docs() -> None:
    assert set(NAMED) <= {c.line for c in WITHIN}


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


def titles(found: list[Command]) -> list[str]:
    return [f"{c.page.stem}: {c.line.partition(' #')[0].strip()}" for c in found]


MADE = [c for c in EVERY if c.where is Where.MAKEFILE] + [c for page in PAGES for c in inline(page, Where.MAKEFILE)]
SAID = [c for c in WITHIN if c.line.startswith("kubectl coursegen ")]


@pytest.mark.parametrize("command", MADE, ids=titles(MADE))
def test_what_is_run_in_a_checkout_is_understood_there(command: Command) -> None:
    words = shlex.split(command.line, comments=True)
    settings = dict(word.split("=", 1) for word in itertools.takewhile(SETS.match, words))
    words = words[len(settings) :]
    if words[0] == "py-spy":
        words = words[words.index("--") + 1 :]
    match words[0]:
        case "make":
            assert words[1] in TARGETS
            values = dict(word.split("=", 1) for word in words[2:])
            assert values.keys() <= VARIABLES
            if "FAULTS" in values:
                assert parsed("tests.faults", tuple(shlex.split(values["FAULTS"])), ()) == ""
        case "sed":
            said = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
            assert said.stdout != (ROOT / words[-1]).read_text(), "it changes something"
        case _:
            assert words[:2] in ([".venv/bin/python", "-m"], ["python", "-m"])
            assert parsed(words[2], tuple(words[3:]), tuple(settings.items())) == ""


SETS = re.compile("[A-Z_]+=")
VARIABLES = {"IMAGE_REGISTRY", *re.findall(r"\$\(([A-Z]+)\)", (ROOT / "Makefile").read_text())}
PARSES = """
import argparse, runpy, sys

parse = argparse.ArgumentParser.parse_args

def parse_and_end(*arguments, **named):
    parse(*arguments, **named)
    sys.exit()

argparse.ArgumentParser.parse_args = parse_and_end
sys.argv[1:] = sys.argv[2:]
runpy.run_module(MODULE, run_name="__main__", alter_sys=True)
"""
"""Runs a module until it has understood what it was given, or says what it does not."""


@functools.cache
def parsed(module: str, arguments: tuple[str, ...], settings: tuple[tuple[str, str], ...]) -> str:
    """Have a module read its arguments, and the operator its settings; gives what is wrong with them."""
    environment = {**os.environ, "PYTHONPATH": "deploy:deploy/local", "KUBECONFIG": "/nowhere"} | dict(settings)
    script = PARSES.replace("MODULE", repr(module))
    argv = [sys.executable, "-c", script, module, *arguments]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    if module == "coursegen_operator":  # has no arguments: it has read its settings when it looks for a cluster
        return "" if "the kubeconfig /nowhere cannot be read" in done.stderr else done.stderr
    return done.stderr if done.returncode else ""


def test_a_module_that_is_given_too_little_or_too_much_is_noticed() -> None:
    assert "expected one argument" in parsed("tests.bench", ("--profile",), ())
    assert "unrecognized arguments: --loud" in parsed("tests.sim", ("--loud",), ())
    assert "COURSEGEN_WORKER_IMAGE is not set" in parsed("coursegen_operator", (), ())


@pytest.mark.parametrize("command", SAID, ids=titles(SAID))
def test_what_is_said_within_a_sentence_is_understood_by_its_parser(command: Command) -> None:
    assert misunderstood(shlex.split(command.line)[2:]) == ""


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ("perge --failed", "No such command 'perge'"),
        ("purge --fialed", "No such option: --fialed"),
        ("get-task", ""),
        ("get-task course-123 --watch --again", "No such option: --again"),
        ("export FILE --format rtf", "Invalid value for '--format'"),
    ],
)
def test_a_command_that_the_plugin_does_not_know_is_noticed(words: str, wrong: str) -> None:
    assert wrong in misunderstood(words.split())
    assert bool(wrong) == bool(misunderstood(words.split()))


def misunderstood(words: list[str]) -> str:
    """Give what the plugin has against what it is given; a verb alone is no more than named."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    context = group.make_context("coursegen", list(words))
    try:
        name, command, rest = group.resolve_command(context, list(words))
        if command and rest:
            command.make_context(name, list(rest), parent=context)
    except USAGE as error:
        return str(error.format_message())
    return ""


USAGE = typer.BadParameter.__mro__[1]
"""What typer raises for whatever it does not understand; it gives that no public name."""


def test_every_name_of_an_annotation_is_one_that_is_heard() -> None:
    known = {v for v in vars(names).values() if isinstance(v, str)}
    said = {word for page in PAGES for word in re.findall(r"coursegen\.dev/\w+RequestedAt", page.read_text())}
    assert len(said) >= 3
    assert said <= known


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


LINKED = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "deploy" / "local" / "README.md"]
MARKDOWN = MarkdownIt("commonmark").enable("table")


@functools.cache
def anchors(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub and the site make them."""
    tokens = MARKDOWN.parse(page.read_text())
    heads = [text for mark, text in itertools.pairwise(tokens) if mark.type == "heading_open"]
    titles = ("".join(c.content for c in h.children or () if c.type in ("text", "code_inline")) for h in heads)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead(page: Path) -> list[str]:
    """Give the links and pictures of a page that lead nowhere in this repository."""
    parts = [c for token in MARKDOWN.parse(page.read_text()) for c in token.children or ()]
    found = [str(c.attrGet("href") or c.attrGet("src")) for c in parts if c.type in ("link_open", "image")]
    return [link for link in found if not re.match(r"[a-z]+:", link) and not leads_somewhere(page, link)]


def leads_somewhere(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    return target.exists() and (not anchor or anchor in anchors(target))


@pytest.mark.parametrize("page", LINKED, ids=[p.stem for p in LINKED])
def test_no_link_is_dead(page: Path) -> None:
    assert dead(page) == []


def test_a_dead_link_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    links = "[a](#one-and-two) [b](page.md) [c](#three) [d](gone.md) ![e](gone.png) [f](https://example.com)"
    page.write_text(f"# `One` and two\n\n{links}\n")
    assert dead(page) == ["#three", "gone.md", "gone.png"]
