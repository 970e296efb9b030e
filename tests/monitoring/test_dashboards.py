"""The dashboards keep the rules of Grafana's dashboard-linter, and ask for nothing that the operator does not show."""

import json
import re
from typing import Any

import pytest
import yaml

from coursegen_gateway.metrics import Metrics
from coursegen_operator.catalogue import CATALOGUE
from monitoring import dashboards
from monitoring.dashboards.board import Unit

from .conftest import COMPONENT

BOARDS: dict[str, dict[str, Any]] = {name: json.loads(text) for name, text in dashboards.files().items()}
PANELS = [(name, p) for name, board in BOARDS.items() for p in board["panels"] if p["type"] != "row"]
QUERIES = [(f"{name}/{p['title']}", p, t["expr"]) for name, p in PANELS for t in p["targets"]]
GATEWAY = {f"{f.name}_total" if f.type == "counter" else f.name: f.type for f in Metrics().registry.collect()}
HISTOGRAMS = {n for n, f in CATALOGUE.items() if f.buckets} | {n for n, t in GATEWAY.items() if t == "histogram"}
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}

each_panel = pytest.mark.parametrize(("board", "panel"), PANELS, ids=[f"{n}/{p['title']}" for n, p in PANELS])
each_query = pytest.mark.parametrize(
    ("panel", "query"), [(p, q) for _, p, q in QUERIES], ids=[n for n, _, _ in QUERIES]
)
each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


@each_board
def test_a_board_has_the_variables_that_people_expect(board: dict[str, Any]) -> None:
    variables = {v["name"]: v for v in board["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    assert variables["datasource"]["label"] == "Data Source"
    for name in ("job", "instance"):
        found = variables[name]
        assert (found["multi"], found["includeAll"], found["allValue"]) == (True, True, ".+")
        assert found["datasource"]["uid"] == "${datasource}"
        assert found["refresh"] == 2, "anew when the time range changes"


@each_board
def test_a_board_is_read_only_and_its_panels_have_numbers_of_their_own(board: dict[str, Any]) -> None:
    assert board["editable"] is False
    assert board["description"]
    numbers = [p["id"] for p in board["panels"]]
    assert sorted(set(numbers)) == sorted(numbers)


@each_board
def test_panels_lie_side_by_side_and_fill_their_rows(board: dict[str, Any]) -> None:
    taken: dict[int, int] = {}
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken[place["y"]] = taken.get(place["y"], 0) + place["w"]
    assert set(taken.values()) == {24}


@each_panel
def test_a_panel_has_title_description_unit_data_and_the_variable_source(board: str, panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in set(Unit)
    assert panel["targets"]
    sources = [panel["datasource"], *(t["datasource"] for t in panel["targets"])]
    assert {s["uid"] for s in sources} == {"${datasource}"}
    assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"])


@each_query
def test_a_query_selects_by_job_and_instance_wherever_it_names_a_metric(panel: dict[str, Any], query: str) -> None:
    named = re.findall(r"\b(?:coursegen|process)_\w+(\{[^}]*\})?", query)
    assert named
    for selector in named:
        assert 'job=~"$job"' in selector
        assert 'instance=~"$instance"' in selector


@each_query
def test_a_query_rates_counters_over_the_interval_that_grafana_gives(panel: dict[str, Any], query: str) -> None:
    assert set(re.findall(r"rate\([^[]*\[([^]]*)\]", query)) <= {"$__rate_interval"}
    assert set(re.findall(r"increase\([^[]*\[([^]]*)\]", query)) <= {"$__rate_interval", "$__range"}
    for metric in set(re.findall(r"\b\w+_total\b|\b\w+_(?:bucket|count|sum)\b(?=\{)", query)):
        assert re.search(rf"(?:rate|increase)\({metric}\{{", query), f"{metric} is a counter"
    if "sum" not in query and "max" not in query:
        assert "count by" in query


@each_query
def test_a_query_asks_for_nothing_that_nobody_shows(panel: dict[str, Any], query: str) -> None:
    shown = {*CATALOGUE, *GATEWAY, *(f"{n}_{s}" for n in HISTOGRAMS for s in ("bucket", "sum", "count"))}
    assert set(re.findall(r"\b(?:coursegen|process)_\w+", query)) <= shown | PROCESS


def test_every_metric_is_on_a_board() -> None:
    """But for the gateway's version, changes of circuits, which Events tell, and two counts for alerts of your own."""
    asked = " ".join(q for _, _, q in QUERIES)
    left = {n for n in (*CATALOGUE, *GATEWAY) if n not in asked and not n.startswith("process_")}
    assert left == {
        "coursegen_gateway_build_info",
        "coursegen_circuit_breaker_changes_total",
        "coursegen_provider_circuit_breakers",
        "coursegen_unreadable_objects",
    }


def test_the_component_ships_every_board() -> None:
    kustomization = yaml.safe_load((COMPONENT / "kustomization.yaml").read_text())
    [maps] = kustomization["configMapGenerator"]
    assert sorted(maps["files"]) == sorted(f"dashboards/{name}" for name in BOARDS)
    assert {p.name: p.read_text() for p in (COMPONENT / "dashboards").iterdir()} == dashboards.files()
