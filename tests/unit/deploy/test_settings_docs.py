"""Every setting is in the docs with the default that its program has; the manifests change what is theirs to know."""

import re
from pathlib import Path

import pytest
import yaml

from coursegen_gateway import settings as gateway
from coursegen_operator import environ
from coursegen_operator import settings as operator
from demo import overlay

ROOT = Path(__file__).parents[3]
BASE, COMPONENTS = ROOT / "deploy" / "base" / "operator", ROOT / "deploy" / "components"
PAGES: dict[str, tuple[type[environ.Settings], str]] = {
    "deploy.md": (operator.Settings, "## Settings of the operator"),
    "http-api.md": (gateway.Settings, "## Settings"),
}
SAID = {
    "validation_image": "the worker's",
    "namespaces": "all",
    "queues_file": "the API",
    "lease_name": operator.LEASE_NAME,
    "lease_namespace": "the Pod's",
    "http_host": "all",
    "memory_limit_bytes": "not known",
}
"""How the docs say defaults that are empty, or no words."""


def documented(page: str) -> dict[str, str]:
    """Give the settings of a page's table, each with its default; what explains a default follows `:`, `;` or `(`."""
    text = (ROOT / "docs" / page).read_text().split(PAGES[page][1] + "\n")[1].split("\n## ")[0]
    head, _, *rows = [line.split("|")[1:-1] for line in text.splitlines() if line.startswith("|")]
    found: dict[str, str] = {}
    for row in rows:
        cells = dict(zip([h.strip() for h in head], [c.strip() for c in row], strict=True))
        names = re.findall(r"`COURSEGEN_(\w+)`", cells["Variable"])
        defaults = [d.strip() for d in re.split("[:;]", re.sub(r" \(.*?\)", "", cells["Default"]))[0].split(",")]
        assert names
        assert len(defaults) in (1, len(names)), row
        found |= dict(zip(names, defaults * (len(names) if len(defaults) == 1 else 1), strict=True))
    return found


def said(kind: type[environ.Settings], name: str) -> str:
    """Say the default of a field as the docs do."""
    default = kind.model_fields[name].get_default()
    if name in SAID or kind.model_fields[name].is_required() or default in ("", (), environ.NOTHING):
        return SAID.get(name, "none")
    return str(default).lower() if isinstance(default, bool) else str(default)


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_is_in_the_docs_with_its_default(page: str) -> None:
    kind, _ = PAGES[page]
    assert documented(page) == {name.upper(): said(kind, name) for name in kind.model_fields}


@pytest.mark.parametrize(
    ("kind", "file", "changed"),
    [
        (operator.Settings, BASE / "settings.env", {"worker_image", "validation_image"}),
        (gateway.Settings, COMPONENTS / "gateway" / "settings.env", {"operator_url"}),
    ],
)
def test_the_manifests_set_what_is_the_default_anyway_but_for_what_is_theirs_to_know(
    kind: type[environ.Settings], file: Path, changed: set[str]
) -> None:
    given = overlay.read_env(file)
    loaded = environ.load(kind, given)
    named = {name for name in kind.model_fields if environ.variable(name) in given}
    assert {n for n in named if getattr(loaded, n) != kind.model_fields[n].get_default()} == changed


@pytest.mark.parametrize("environment", environ.Environment)
def test_replicas_elect_a_leader_whatever_the_environment(environment: str) -> None:
    """Two that both lead would make every Job twice; development turns the election off for a single process alone."""
    [deployment] = yaml.safe_load_all((BASE / "deployment.yaml").read_text())
    assert deployment["spec"]["replicas"] > 1
    given = overlay.read_env(BASE / "settings.env") | {"COURSEGEN_ENVIRONMENT": environment}
    assert operator.load(given).leader_election


def test_what_an_environment_changes_is_what_the_docs_say() -> None:
    [row] = [line for line in (ROOT / "docs/deploy.md").read_text().splitlines() if "COURSEGEN_ENVIRONMENT" in line]
    kept = [operator.ENVIRONMENTS[environ.Environment(e)]["keep_jobs_seconds"] for e in ("testing", "development")]
    assert "production, testing or development; the last two make `LEADER_ELECTION=false`" in row
    assert f"`KEEP_JOBS_SECONDS` {kept[0]} and {kept[1]}" in row
    assert set(operator.ENVIRONMENTS[environ.Environment.PRODUCTION]) == set()
    assert {name for changed in operator.ENVIRONMENTS.values() for name in changed} == {
        "leader_election", "keep_jobs_seconds",
    }  # fmt: skip
