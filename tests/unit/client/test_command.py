"""The command line itself: options, completion, exit codes, and how soon it is there."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from coursegen import kinds, redact
from coursegen.cli import downloads
from coursegen.cli.app import Output, Scope, _merged
from coursegen.cli.commands import app
from coursegen_api.chapter import ChapterGeneration

from .apiserver import listed, served
from .things import artifact, chapter, export, seen

HEAVY = ("httpx", "kubernetes", "kopf", "aiohttp", "pydantic", "rich", "yaml", "obstore", "redis")


COMMAND = [sys.executable, "-c", "from coursegen.cli import main; main()"]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    argv = [*COMMAND, *arguments]
    known = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"} | environment
    return subprocess.run(argv, capture_output=True, text=True, env=known, check=False, timeout=60)


def test_help_imports_nothing_that_is_heavy() -> None:
    code = (
        "import sys\nfrom coursegen.cli.commands import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sorted(m for m in sys.modules if '.' not in m))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    loaded = said.rpartition("LOADED")[2].split()
    assert "typer" in loaded
    assert [m for m in HEAVY if m in loaded] == []


def test_help_says_in_a_line_what_each_verb_does_and_cuts_nothing_off() -> None:
    [verbs] = re.findall(r"^Commands:\n(.*?)\n\n", run("--help").stdout, re.MULTILINE | re.DOTALL)
    lines = verbs.splitlines()
    assert len(lines) == len(app.registered_commands)
    assert [line for line in lines if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--help",), 0, "test-queue"),
        (("status", "--help"), 0, "--all-namespaces"),
        (("no-such-verb",), 2, "No such command"),
        (("status", "-o", "xml"), 2, "Invalid value for '--output' / '-o': 'xml' is not one of 'text',"),
        (("-o", "xml", "status"), 2, "Invalid value for '--output' / '-o': 'xml' is not one of 'text',"),
        (("why",), 2, "NAME"),
        (("completion", "tcsh"), 2, "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (("completion", "bash", "-o", "json"), 2, "`completion` has no output json: it has text."),
        (("logs", "x", "-o", "name"), 2, "`logs` has no output name: it has text."),
        (("support-bundle", "-o", "yaml"), 2, "`support-bundle` has no output yaml: it has text."),
        (("retry", "x", "-o", "wide"), 2, "`retry` has no output wide: it has text, json, yaml, name."),
        (("-A", "plan", "x.yaml"), 2, "`plan` has no -A (--all-namespaces)"),
        (("submit", "x.yaml", "-A"), 2, "`submit` has no -A (--all-namespaces)"),
        (("doctor", "--all-namespaces"), 2, "`doctor` has no -A (--all-namespaces)"),
        (("test-queue", "-A"), 2, "`test-queue` has no -A (--all-namespaces)"),
        (("completion", "bash", "-A"), 2, "`completion` has no -A (--all-namespaces)"),
        (("completion", "bash"), 0, "complete -F _coursegen coursegen"),
        (("status", "--kubeconfig", "/nonexistent"), 5, "No way to a cluster"),
        (("why", "x", "-o", "wide", "--kubeconfig", "/nonexistent"), 2, "`why` has no output wide: it has text, json"),
        (("purge", "--kubeconfig", "/nonexistent"), 2, "Say what to purge: --failed."),
    ],
)
def test_an_exit_code_says_what_kind_of_trouble_it_is(arguments: tuple[str, ...], code: int, words: str) -> None:
    done = run(*arguments)
    assert (done.returncode, words in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_options_may_come_before_the_verb_and_those_after_it_win() -> None:
    before = Scope(namespace="a", output=Output.JSON)
    assert _merged(before, {"namespace": None, "output": Output.TEXT}) == before
    assert _merged(before, {"namespace": "b", "output": Output.TEXT}).namespace == "b"


@pytest.mark.parametrize(
    ("obj", "file"),
    [
        (export(form="pdf", **seen(artifact=artifact(media="application/pdf"))), "python-pdf.pdf"),
        (export(form="scorm", **seen(artifact=artifact(media="application/zip"))), "python-pdf.scorm.zip"),
        (export(form="qti", **seen(artifact=artifact(media="application/zip"))), "python-pdf.qti.zip"),
        (chapter(**seen(artifact=artifact())), "loops.json"),
    ],
)
def test_a_downloaded_file_is_named_after_its_object(obj: object, file: str) -> None:
    assert [name for name, _ in downloads.files(obj)] == [file]  # type: ignore[arg-type]


def test_hidden_values_keep_their_shape() -> None:
    assert redact.hidden({"a": ["xy", 3]}) == {"a": ["<redacted, 2 characters>", 3]}


def test_who_stops_reading_is_no_trouble() -> None:
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [*COMMAND, "completion", "bash"], stdout=writes, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
@pytest.mark.parametrize(
    ("output", "title"),
    [
        ("wide", lambda said: said.split()[-3:]),
        ("json", lambda said: json.loads(said)[0]["spec"]["title"].split()),
        ("yaml", lambda said: yaml.safe_load(said)[0]["spec"]["title"].split()),
    ],
)
def test_a_title_need_not_fit_into_the_encoding_of_who_reads(
    tmp_path: Path, encoding: str, output: str, title: Callable[[str], list[str]]
) -> None:
    words = ["Żółte", "循环", "📚"]
    work = {kinds.path(kind, "courses"): listed() for kind in kinds.WORK}
    work[kinds.path(ChapterGeneration, "courses")] = listed(chapter(spec={"title": " ".join(words)}, **seen()))
    with served(work) as client:
        named = {
            "clusters": [{"name": "c", "cluster": {"server": client.access.server}}], "users": [],
            "contexts": [{"name": "c", "context": {"cluster": "c", "namespace": "courses"}}], "current-context": "c",
        }  # fmt: skip
        file = tmp_path / "kubeconfig"
        file.write_text(json.dumps(named))
        argv = [*COMMAND, "active", "-n", "courses", "-o", output, "--kubeconfig", str(file)]
        known = {"PATH": "/usr/bin:/bin", "PYTHONIOENCODING": encoding}
        done = subprocess.run(argv, capture_output=True, env=known, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    held = words if output != "wide" else [w.encode(encoding, "replace").decode(encoding) for w in words]
    assert title(done.stdout.decode(encoding)) == held
