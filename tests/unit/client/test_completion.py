"""Shell completion: at each place of a line what belongs there is offered, and nothing else."""

import os
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config

from coursegen import kinds
from coursegen.cli import completion
from coursegen.cli.commands import app
from coursegen_api.base import ExportFormat

from . import apiserver
from .apiserver import listed
from .things import chapter, course

VERBS = {c.name or "" for c in app.registered_commands}
NONE, FILES, FOLDERS = ":4", ":0", ":16"

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "SERVER"}}]
users: [{name: u, user: {}}]
contexts:
- {name: one, context: {cluster: c, user: u, namespace: courses}}
- {name: two, context: {cluster: c, user: u, namespace: physics}}
"""
WORK = {kinds.path(k, n): listed() for k in kinds.WORK for n in ("courses", "physics")}
WORK |= {kinds.path(k): listed() for k in kinds.WORK}
WORK |= {
    kinds.path(kinds.ChapterGeneration, "courses"): listed(chapter("loops"), chapter("lists")),
    kinds.path(kinds.CourseGeneration, "physics"): listed(course("optics")),
    kinds.path(kinds.CourseGeneration): listed(course("optics"), course("waves")),
    "/api/v1/namespaces": listed({"metadata": {"name": "courses"}}, {"metadata": {"name": "physics"}}),
}


@pytest.fixture(scope="module")
def server() -> Any:
    """Give an API server with work in two namespaces."""
    with apiserver.served(WORK) as client:
        yield client.access.server


def shell_has(monkeypatch: pytest.MonkeyPatch, kubeconfig: str) -> None:
    """Name the kubeconfig of the shell; the library looks at the environment once, as it is imported."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", kubeconfig)


@pytest.fixture
def kubeconfig(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a kubeconfig of two contexts, which is that of the shell."""
    (tmp_path / "config").write_text(KUBECONFIG.replace("SERVER", server))
    shell_has(monkeypatch, str(tmp_path / "config"))
    return tmp_path / "config"


def offered(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[set[str], str]:
    assert completion.answer(words) == 0
    *said, directive = capsys.readouterr().out.splitlines()
    return set(said), directive


@pytest.mark.parametrize(
    ("words", "expected", "directive"),
    [
        ("", VERBS, NONE),
        ("sta", {"status"}, NONE),
        ("-n courses sub", {"submit"}, NONE),
        ("-ncourses sub", {"submit"}, NONE),
        ("--namespace=courses sub", {"submit"}, NONE),
        ("--namespace = courses sub", {"submit"}, NONE),  # as bash gives it
        ("-A sub", {"submit"}, NONE),
        ("--system-namespace ops sub", {"submit"}, NONE),
        # names
        ("why ", {"chaptergen/loops", "chaptergen/lists"}, NONE),
        ("why chaptergen/lo", {"chaptergen/loops"}, NONE),
        ("why -n physics ", {"coursegen/optics"}, NONE),
        ("-n physics why ", {"coursegen/optics"}, NONE),
        ("why --context two ", {"coursegen/optics"}, NONE),
        ("why -A ", {"coursegen/optics", "coursegen/waves"}, NONE),
        ("why loops ", set(), NONE),
        ("retry chaptergen/loops ", {"chaptergen/lists"}, NONE),
        ("regenerate --feedback shorter ", {"chaptergen/loops", "chaptergen/lists"}, NONE),
        ("validate ", {"chaptergen/loops", "chaptergen/lists"}, FILES),
        ("validate my", set(), FILES),
        ("export my", set(), FILES),
        ("why -n nowhere ", set(), NONE),
        # files and folders
        ("submit ", set(), FILES),
        ("plan ", set(), FILES),
        ("submit a.yaml ", set(), NONE),
        ("support-bundle --file ", set(), FILES),
        ("status --kubeconfig ", set(), FILES),
        ("download loops -d ", set(), FOLDERS),
        ("download loops --directory=", set(), FOLDERS),
        # values
        ("-n ", {"courses", "physics"}, NONE),
        ("why -n ", {"courses", "physics"}, NONE),
        ("why -n ph", {"physics"}, NONE),
        ("why x --namespace=ph", {"physics"}, NONE),
        ("why x --namespace = ph", {"physics"}, NONE),
        ("why x --namespace =", {"courses", "physics"}, NONE),
        ("status --system-namespace ", {"courses", "physics"}, NONE),
        ("why x --context ", {"one", "two"}, NONE),
        ("--context ", {"one", "two"}, NONE),
        ("regenerate x --feedback ", set(), NONE),
        ("regenerate x --focus-area ", set(), NONE),
        ("performance --since ", set(), NONE),
        ("performance --prometheus ", set(), NONE),
        ("export x --format ", {f.value for f in ExportFormat}, NONE),
        ("export x --format=e", {"epub"}, NONE),
        ("completion ", {"bash", "zsh", "fish"}, NONE),
        ("completion bash ", set(), NONE),
        ("status ", set(), NONE),
        # outputs that the verb has
        ("-o ", {"wide", "json", "yaml", "name", "text"}, NONE),
        ("status -o ", {"wide", "json", "yaml"}, NONE),
        ("retry x -o ", {"json", "yaml", "name"}, NONE),
        ("logs x -o ", set(), NONE),
        # options that the verb has
        ("status --na", {"--namespace"}, NONE),
        ("status --all", {"--all-namespaces"}, NONE),
        ("plan --all", set(), NONE),
        ("export --no", {"--no-assessments"}, NONE),
        ("no-such-verb ", set(), NONE),
    ],
)
def test_what_belongs_there_is_offered(
    words: str, expected: set[str], directive: str, kubeconfig: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert offered(capsys, *words.split(" ")) == (expected, directive)


def test_each_option_and_argument_has_a_kind_of_value() -> None:
    """So that a new one is offered what belongs there, and not the names of tasks."""
    kinds_of = {
        f"{verb} {p.opts[0]}": p.metavar
        for verb, known in completion.commands().items()
        for p in known
        if not getattr(p, "is_flag", False)
    }
    assert len(kinds_of) > 100
    assert {place: kind for place, kind in kinds_of.items() if kind not in completion.VALUES} == {}
    assert set(completion.VALUES) == set(kinds_of.values())


def test_without_a_cluster_nothing_is_offered_and_nothing_said(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shell_has(monkeypatch, os.devnull)
    for words in (("why", ""), ("-n", ""), ("--context", "")):
        assert completion.answer(words) == 0
    assert capfd.readouterr() == (f"{NONE}\n" * 3, "")
