"""`performance` and `test-queue`: which target they go by, what they say of it, and their exit codes."""

from dataclasses import replace
from datetime import timedelta

import pytest
import typer

from coursegen import fleet, kinds, performance
from coursegen.cli import figures, targets
from coursegen.cli.app import Output
from coursegen.cli.trial import Verdict
from coursegen.performance import Report, Row, Target

from . import apiserver
from .apiserver import Answer, Json, listed
from .things import NOW, at, attempt, chapter, seen

DEPLOYMENT = "/apis/apps/v1/namespaces/coursegen-system/deployments/coursegen-operator"
CONFIG = "/api/v1/namespaces/coursegen-system/configmaps/settings-abc"
TARGET = "COURSEGEN_SUCCESS_RATE_TARGET_PERCENT"
NOTHING = performance.report([], NOW, timedelta(hours=1))


def deployment(**container: object) -> Json:
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


NAMED: Json = {"envFrom": [{"configMapRef": {"name": "settings-abc"}}]}


@pytest.mark.parametrize(
    ("paths", "wanted", "target"),
    [
        ({}, None, Target(95, "the default")),
        ({DEPLOYMENT: 403}, None, Target(95, "the default")),
        ({DEPLOYMENT: deployment(**NAMED)}, None, Target(95, "the default")),
        ({DEPLOYMENT: deployment(**NAMED), CONFIG: {"data": {}}}, None, Target(95, "the default")),
        (
            {DEPLOYMENT: deployment(**NAMED), CONFIG: {"data": {TARGET: "99"}}},
            None,
            Target(99, "the operator's setting"),
        ),
        (
            {
                DEPLOYMENT: deployment(**NAMED, env=[{"name": TARGET, "value": "90"}]),
                CONFIG: {"data": {TARGET: "99"}},
            },
            None,
            Target(90, "the operator's setting"),
        ),
        ({DEPLOYMENT: deployment(env=[{"name": TARGET, "valueFrom": {}}])}, None, Target(95, "the default")),
        ({DEPLOYMENT: deployment(env=[{"name": TARGET, "value": "90"}])}, 50, Target(50, "as asked for")),
    ],
)
def test_the_target_is_what_is_asked_for_else_the_operators(
    paths: dict[str, Answer], wanted: float | None, target: Target
) -> None:
    with apiserver.served(paths) as client:
        assert targets.judged(apiserver.scope_of(client), NOTHING, "", wanted).target == target


def test_the_target_of_a_namespace_is_that_of_its_own_operator() -> None:
    shard = deployment(env=[{"name": TARGET, "value": "90"}])
    labelled = {"metadata": {"labels": {"coursegen.dev/shard": "b"}}}
    with apiserver.served({f"{DEPLOYMENT}-b": shard, "/api/v1/namespaces/x": labelled}) as client:
        assert client.run(fleet.success_target("x")) == 90
        assert client.run(fleet.success_target("")) is None


def test_what_prometheus_says_of_the_target_stands() -> None:
    by_prometheus = replace(NOTHING, target=Target(99, "the operator's setting, by Prometheus"))
    with apiserver.served({DEPLOYMENT: deployment(env=[{"name": TARGET, "value": "90"}])}) as client:
        scope = apiserver.scope_of(client)
        assert targets.judged(scope, by_prometheus, "").target.percent == 99
        assert targets.judged(scope, by_prometheus, "", 50).target.percent == 50


def ended(name: str, seconds: float, *, well: bool = True) -> Json:
    """Give a chapter that ended some seconds ago."""
    last = attempt(
        admissionTime=at(-seconds - 30), completionTime=at(-seconds), outcome="Succeeded" if well else "Failed"
    )
    return chapter(name, **seen(phase="Succeeded" if well else "Failed", attempts=[last])).stored()


def counted(*chapters: Json) -> dict[str, Answer]:
    there = {kinds.path(k, "courses"): listed() for k in kinds.COUNTED}
    return there | {kinds.path(kinds.ChapterGeneration, "courses"): listed(*chapters)}


MINUTE = 60.0


@pytest.mark.parametrize(("minutes", "succeeded"), [(1, 0), (20, 1), (60, 2), (600, 3)])
def test_only_what_ended_in_the_last_minutes_is_counted(minutes: int, succeeded: int) -> None:
    paths = counted(*(ended(f"c-{i}", m * MINUTE) for i, m in enumerate((10, 50, 400))))
    with apiserver.served(paths) as client:
        scope = apiserver.scope_of(client, namespace="courses")
        report, _ = figures.read(scope, minutes, None, NOW)
    assert report.total.succeeded == succeeded
    assert report.total.an_hour == pytest.approx(60 * succeeded / minutes)


@pytest.mark.parametrize(
    ("failed", "target", "code", "says"),
    [
        (0, None, None, "95 % of tasks succeed: met (the default)"),
        (1, None, 1, "95 % of tasks succeed: missed (the default)"),
        (1, 75.0, None, "75 % of tasks succeed: met (as asked for)"),
        (1, 75.5, 1, "75.5 % of tasks succeed: missed (as asked for)"),
        (None, None, None, "95 % of tasks succeed: unknown, nothing ended (the default)"),
    ],
)
def test_performance_below_the_target_exits_with_1(
    failed: int | None, target: float | None, code: int | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chapters = [] if failed is None else [ended(f"c-{i}", 5, well=i >= failed) for i in range(4)]
    since_then = 10_000_000  # minutes: the command looks back from today
    with apiserver.served(counted(*chapters)) as client:
        scope = apiserver.scope_of(client, namespace="courses")
        if code is None:
            figures.performance(scope, since_then, None, target)
        else:
            with pytest.raises(typer.Exit) as left:
                figures.performance(scope, since_then, None, target)
            assert left.value.exit_code == code
    assert f"Target     {says}\n" in capsys.readouterr().out


def test_machines_are_told_the_target_and_its_source(capsys: pytest.CaptureFixture[str]) -> None:
    with apiserver.served(counted(ended("c", 5))) as client:
        scope = apiserver.scope_of(client, namespace="courses", output=Output.JSON)
        figures.performance(scope, 10_000_000, None, 97)
    assert '"targetPercent": 97,\n  "targetSource": "as asked for",\n  "meetsTarget": true' in capsys.readouterr().out


def row(kind: str, succeeded: int = 0, failed: int = 0, p95: float | None = None) -> Row:
    return Row(kind, succeeded, failed, 0.0, None, p95, None, 0)


def verdict(succeeded: int, failed: int, finished: int = 2, p95: float | None = 20.0, trouble: str = "") -> Verdict:
    rows = [row("course", finished), row("chapter", succeeded, failed, p95)]
    return Verdict(Report(NOW, rows, row("all tasks", succeeded, failed)), 2, finished, 30.0, trouble)


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        (verdict(20, 0), []),
        (verdict(19, 1, trouble="Timeout: Slow"), []),
        (verdict(18, 2), ["90.0 % of tasks succeeded; the target is 95 %"]),
        (
            verdict(18, 2, trouble="Timeout: Slow"),
            ["90.0 % of tasks succeeded; the target is 95 %", "a chapter failed: Timeout: Slow"],
        ),
        (verdict(20, 0, finished=1), ["1 of 2 courses did not end in time"]),
        (
            verdict(0, 0, finished=0, p95=None),
            ["2 of 2 courses did not end in time", "nothing ended; the target is 95 %"],
        ),
        (verdict(20, 0, p95=120.0), []),
        (verdict(20, 0, p95=121.0), ["the slowest 5 % of chapters took 121 s or more; the limit is 120 s"]),
    ],
)
def test_a_load_is_passed_if_all_ended_the_target_is_met_and_chapters_are_quick(
    found: Verdict, faults: list[str]
) -> None:
    assert found.faults() == faults


def test_a_load_is_judged_by_the_target_that_it_was_given() -> None:
    lenient = verdict(18, 2)
    assert replace(lenient, report=replace(lenient.report, target=Target(90, "as asked for"))).faults() == []
