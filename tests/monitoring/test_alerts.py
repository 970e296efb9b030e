"""Every alert fires when it should and is silent when it should not, as promtool judges; and each has its runbook."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from coursegen_operator.catalogue import CATALOGUE
from localcluster import prometheus
from monitoring import rules

from .conftest import COMPONENT, MONITORING, ROOT

GROUPS, ALERTS = rules.groups(), rules.alerts()
RECORDED = {r["record"]: r["expr"] for g in GROUPS for r in g["rules"] if "record" in r}
HOURS = 7 * 60
"""How many minutes the series of a case go on."""

Series = dict[str, str]


@dataclass(frozen=True)
class Case:
    """Series that make an alert fire after so many minutes, and the same that do not, by whatever keeps it silent."""

    alert: str
    minutes: int
    fires: Series
    silent: Series


def flat(value: float) -> str:
    """Give a series that stays what it is."""
    return f"{value}x{HOURS}"


def grows(a_minute: float) -> str:
    """Give a counter that grows."""
    return f"0+{a_minute}x{HOURS}"


def ended(succeeded: float, failed: float) -> Series:
    """Give counters of tasks that end, so many a minute."""
    result = 'coursegen_tasks_finished_total{kind="chapter",result="%s"}'
    return {
        result % "Succeeded": grows(succeeded),
        result % "Failed": grows(failed),
        result % "Cancelled": grows(50),
        "coursegen_success_target_ratio": flat(0.95),
    }


def chapters(fast: float, slow: float, timeouts: float = 0) -> Series:
    """Give counters of chapters that are written, so many a minute."""
    bucket = 'coursegen_execution_seconds_bucket{kind="chapter",le="%s"}'
    failed = 'coursegen_attempts_failed_total{kind="chapter",failure_class="Timeout"}'
    return {
        bucket % "120.0": grows(fast),
        bucket % "+Inf": grows(fast + slow),
        'coursegen_execution_seconds_count{kind="chapter"}': grows(fast + slow),
        failed: grows(timeouts),
    }


def slots(in_use: float, capacity: float, waiting: float, shard: str = "") -> Series:
    """Give the gauges of a queue."""
    labels = '{queue="export"' + (f',shard="{shard}"' if shard else "") + "}"
    return {
        f"coursegen_slots_in_use{labels}": flat(in_use),
        f"coursegen_slots_capacity{labels}": flat(capacity),
        f"coursegen_slots_waiting{labels}": flat(waiting),
    }


def retries(a_minute: float, attempts: float) -> Series:
    """Give counters of attempts and retries."""
    return {
        'coursegen_retries_total{kind="chapter",failure_class="BadOutput"}': grows(a_minute),
        'coursegen_attempts_total{kind="chapter"}': grows(attempts),
    }


def memory(taken: float, limit: float) -> Series:
    """Give what a process takes, and may take."""
    labels = '{job="coursegen-operator",instance="a"}'
    return {f"process_resident_memory_bytes{labels}": flat(taken), f"coursegen_memory_limit_bytes{labels}": flat(limit)}


def one(series: str, fires: str, silent: str) -> tuple[Series, Series]:
    """Give both sides of an alert on one series."""
    return {series: fires}, {series: silent}


CIRCUIT = 'coursegen_circuit_breaker_state{queue="export"}'
PROVIDER = 'coursegen_provider_circuit_breaker_state{provider="p"}'
FAILURES = 'coursegen_visit_failures_total{kind="course"}'
HELD = 'coursegen_held{kind="chapter",reason="%s"}'
LEADS, STANDS_BY = 'coursegen_leader{instance="a"}', 'coursegen_leader{instance="b"}'
OF_SHARD = 'coursegen_leader{instance="c",shard="b"}'
GONE = f"1x10 _x{HOURS}"
"""A series that ends after ten minutes, as of a Pod that is there no more."""

ROOM = slots(9, 50, 0)
REDIS, REDIS_OF_SHARD = {"coursegen_redis_up": flat(1)}, 'coursegen_redis_up{shard="b"}'

CASES = [
    Case("CoursegenNoLeader", 3, {LEADS: flat(0), STANDS_BY: flat(0)}, {LEADS: flat(1), STANDS_BY: flat(0)}),
    Case("CoursegenNoLeader", 3, {}, {LEADS: flat(1)}),
    Case("CoursegenNoLeader", 3, {LEADS: flat(1), OF_SHARD: flat(0)}, {LEADS: flat(1), OF_SHARD: flat(1)}),
    Case("CoursegenNoLeader", 3, {}, {OF_SHARD: flat(1)}),
    # All Pods of one operator are gone, or are replaced by others.
    Case("CoursegenNoLeader", 20, {LEADS: flat(1), OF_SHARD: GONE}, {LEADS: flat(1), OF_SHARD: flat(1)}),
    Case("CoursegenNoLeader", 20, {LEADS: GONE, OF_SHARD: flat(1)}, {LEADS: GONE, STANDS_BY: flat(1)}),
    Case("CoursegenNoLeader", 20, {OF_SHARD: GONE}, {OF_SHARD: flat(1)}),
    Case("CoursegenSeveralLeaders", 4, {LEADS: flat(1), STANDS_BY: flat(1)}, {LEADS: flat(1), OF_SHARD: flat(1)}),
    Case("CoursegenSeveralLeaders", 4, {LEADS: flat(1), STANDS_BY: flat(1)}, {LEADS: flat(1), STANDS_BY: flat(0)}),
    Case(
        "CoursegenWatchStale",
        20,
        *one('coursegen_last_list_timestamp_seconds{instance="a"}', flat(0), f"0+60x{HOURS}"),
    ),
    Case("CoursegenEventLoopLate", 5, *one('coursegen_loop_lag_seconds{instance="a"}', flat(3), flat(0.2))),
    Case("CoursegenMemoryNearlyUsed", 10, memory(900, 1000), memory(700, 1000)),
    Case("CoursegenMemoryNearlyUsed", 10, memory(900, 1000), memory(900, 0)),  # nobody knows the limit
    # One object that fails for ever does so once a minute. The API server's bad minute fails many, and is over.
    Case("CoursegenVisitsFail", 16, *one(FAILURES, grows(30), f"0x12 300x{HOURS}")),
    Case("CoursegenVisitsFail", 20, *one(FAILURES, grows(1), grows(0.5))),
    Case("CoursegenSuccessRateLow", 70, ended(9, 1), ended(97, 3)),
    Case("CoursegenSuccessRateLow", 70, ended(9, 1), ended(0.05, 0.05)),  # too few to conclude anything
    Case("CoursegenChaptersSlowFast", 70, chapters(6, 4), chapters(8, 2)),
    Case("CoursegenChaptersSlowFast", 70, chapters(6, 0, timeouts=4), chapters(0, 0)),
    Case("CoursegenChaptersSlow", 400, chapters(90, 10), chapters(96, 4)),
    Case("CoursegenNoCapacityLeft", 20, slots(50, 50, 3), slots(50, 50, 0)),
    Case("CoursegenNoCapacityLeft", 20, slots(50, 50, 3), slots(49, 50, 3)),
    # Each operator has a capacity of its own: room that another has is of no use to what waits here.
    Case("CoursegenNoCapacityLeft", 20, ROOM | slots(50, 50, 3, "b"), ROOM | slots(50, 50, 0, "b")),
    Case("CoursegenNoCapacityLeft", 20, slots(50, 50, 3), slots(50, 50, 0) | slots(9, 50, 3, "b")),
    # A queue that is paused (capacity 0) has none that could be in use; what waits there too long is told otherwise.
    Case("CoursegenNoCapacityLeft", 20, slots(50, 50, 3), slots(0, 0, 3)),
    Case("CoursegenOldestWait", 10, *one('coursegen_oldest_wait_seconds{queue="export"}', flat(2000), flat(1700))),
    Case("CoursegenQueueCircuitOpen", 10, {CIRCUIT: flat(2)}, {CIRCUIT: flat(0)}),
    # Half-open for a moment every other minute is open all the same; once for a minute is none of our concern.
    Case("CoursegenQueueCircuitOpen", 20, {CIRCUIT: "2 0 1 0 " * 50}, {CIRCUIT: f"0x12 2 0x{HOURS}"}),
    Case("CoursegenProviderCircuitOpen", 10, {PROVIDER: flat(1)}, {PROVIDER: flat(0)}),
    Case("CoursegenRetryStorm", 30, retries(6, 10), retries(4, 10)),
    Case("CoursegenRetryStorm", 30, retries(6, 10), retries(0.6, 1)),  # so few may fail for any reason
    Case(
        "CoursegenPodsDoNotStart",
        30,
        *one('coursegen_attempts_failed_total{kind="export",failure_class="PodNotStarted"}', grows(1), grows(0.1)),
    ),
    Case("CoursegenMisconfigured", 15, {HELD % "Misconfigured": flat(2)}, {HELD % "QueueFull": flat(2)}),
    Case("CoursegenRedisGone", 10, {"coursegen_redis_up": flat(0)}, {"coursegen_redis_up": flat(1)}),
    Case("CoursegenRedisGone", 10, REDIS | {REDIS_OF_SHARD: flat(0)}, REDIS | {REDIS_OF_SHARD: flat(1)}),
    Case("CoursegenRedisGone", 10, {"coursegen_redis_up": flat(0)}, {}),  # none is set: none can be gone
    Case("CoursegenBudgetUsedUp", 15, {HELD % "BudgetExceeded": flat(1)}, {HELD % "BudgetExceeded": flat(0)}),
    Case(
        "CoursegenBudgetNearlyUsed",
        15,
        *one('coursegen_provider_budget_used_ratio{provider="p"}', flat(0.95), flat(0.85)),
    ),
]  # fmt: skip


def judged(case: Case, series: Series, firing: int) -> dict[str, object]:
    """Give one test in promtool's form: how many alerts of the name fire at its time."""
    query = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) or vector(0)'
    expected = {"expr": query, "eval_time": f"{case.minutes}m", "exp_samples": [{"value": firing}]}
    given = [{"series": name, "values": values} for name, values in series.items()]
    return {"interval": "1m", "input_series": given, "promql_expr_test": [expected]}


def promtool(programs: prometheus.Prometheus, folder: Path, tests: list[dict[str, object]]) -> None:
    """Have promtool judge; AssertionError with its words."""
    file = folder / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(rules.SOURCE)], "tests": tests}))
    said = subprocess.run([programs.promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_every_alert_fires_and_is_silent(programs: prometheus.Prometheus, tmp_path: Path) -> None:
    both = [judged(c, series, firing) for c in CASES for series, firing in ((c.fires, 1), (c.silent, 0))]
    promtool(programs, tmp_path, both)


def test_no_alert_fires_before_its_time(programs: prometheus.Prometheus, tmp_path: Path) -> None:
    at_once = [Case(c.alert, 0, c.fires, c.silent) for c in CASES]
    promtool(programs, tmp_path, [judged(c, c.fires, 0) for c in at_once])


def test_an_operator_that_is_well_fires_nothing(programs: prometheus.Prometheus, tmp_path: Path) -> None:
    well: Series = ended(97, 1) | chapters(97, 3) | slots(40, 50, 0) | retries(1, 98)
    well |= {LEADS: flat(1), "coursegen_redis_up": flat(1), CIRCUIT: flat(0), PROVIDER: flat(0)}
    none = {"expr": "count(ALERTS) or vector(0)", "eval_time": "390m", "exp_samples": [{"value": 0}]}
    given = [{"series": name, "values": values} for name, values in well.items()]
    promtool(programs, tmp_path, [{"interval": "1m", "input_series": given, "promql_expr_test": [none]}])


def test_recording_rules_give_success_duration_and_use(programs: prometheus.Prometheus, tmp_path: Path) -> None:
    given = ended(9, 1) | chapters(90, 10) | slots(35, 50, 0) | slots(15, 50, 0, "b")  # half of both operators' slots
    given |= {'coursegen_execution_seconds_sum{kind="chapter"}': grows(6000)}
    wanted = {
        "coursegen:success:ratio_rate1h": 0.9,
        'coursegen:throughput:increase1h{kind="chapter"}': 540,
        'coursegen:execution_seconds:mean1h{kind="chapter"}': 60,
        'coursegen:slots:utilisation{queue="export"}': 0.5,
        "round(100 * coursegen:chapter_slow:ratio_rate1h)": 10,
    }
    tests = [
        {"expr": f"scalar({expr})", "eval_time": "90m", "exp_samples": [{"value": value}]}
        for expr, value in wanted.items()
    ]
    series = [{"series": name, "values": values} for name, values in given.items()]
    promtool(programs, tmp_path, [{"interval": "1m", "input_series": series, "promql_expr_test": tests}])


def test_what_an_alert_says_names_the_thing_and_its_figure(programs: prometheus.Prometheus, tmp_path: Path) -> None:
    name = "CoursegenBudgetNearlyUsed"
    alert = {
        "exp_labels": {"severity": "warning", "provider": "p"},
        "exp_annotations": {
            "summary": "A provider's budget is nearly used up.",
            "description": "95% of the budget of provider p are used or reserved in this period.",
            "runbook_url": f"docs/runbooks/{name}.md",
        },
    }
    series = [{"series": 'coursegen_provider_budget_used_ratio{provider="p"}', "values": flat(0.95)}]
    expected = {"eval_time": "15m", "alertname": name, "exp_alerts": [alert]}
    promtool(programs, tmp_path, [{"interval": "1m", "input_series": series, "alert_rule_test": [expected]}])


def test_every_alert_has_both_cases() -> None:
    assert {c.alert for c in CASES} == set(ALERTS)


@pytest.mark.parametrize(("name", "alert"), ALERTS.items(), ids=ALERTS)
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(name: str, alert: dict) -> None:
    assert re.fullmatch(r"Coursegen[A-Z][A-Za-z]+", name)
    assert alert["labels"]["severity"] in ("critical", "warning")
    told = alert["annotations"]
    assert told["summary"].endswith(".")
    assert "{{" not in told["summary"]
    assert told["description"].endswith(".")
    page = ROOT / told["runbook_url"]
    assert page == ROOT / "docs" / "runbooks" / f"{name}.md"
    text = page.read_text()
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [f"# {name}", "## What it means", "## Look", "## Do"]
    assert told["summary"] in text


def test_every_runbook_belongs_to_an_alert() -> None:
    assert {p.stem for p in (ROOT / "docs" / "runbooks").glob("Coursegen*.md")} == set(ALERTS)


def expressions() -> Iterator[str]:
    yield from (r["expr"] for g in GROUPS for r in g["rules"])


def test_the_documentation_names_no_record_that_is_not_made() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    named = set(re.findall(r"`(coursegen:[a-z0-9_:]+)", text))
    assert named
    assert named <= set(RECORDED)


def test_rules_ask_for_nothing_that_nobody_shows() -> None:
    asked = {m for e in expressions() for m in re.findall(r"\bcoursegen_[a-z0-9_]+", e)}
    shown = {n + suffix for n in CATALOGUE for suffix in ("", "_bucket", "_sum", "_count")}
    assert asked <= shown
    assert {m for e in expressions() for m in re.findall(r"\bcoursegen:[a-z0-9_:]+", e)} <= set(RECORDED)


def test_the_scrape_configuration_is_accepted(programs: prometheus.Prometheus, tmp_path: Path) -> None:
    """Debian's promtool knows no Kubernetes discovery: that part is judged by its keys alone."""
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    for job in config["scrape_configs"]:
        assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["coursegen-system"]}}]
        if "authorization" in job:  # promtool looks whether the file is there
            assert job["authorization"]["credentials_file"].endswith("/serviceaccount/token")
            job["authorization"] = {"credentials_file": str(rules.SOURCE)}
    config["rule_files"] = [str(rules.SOURCE)]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(config))
    said = subprocess.run([programs.promtool, "check", "config", file], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_operators_pods_are_what_is_scraped() -> None:
    base = ROOT / "deploy" / "base" / "operator"
    pod = yaml.safe_load((base / "deployment.yaml").read_text())["spec"]["template"]
    keep = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"][0]["relabel_configs"][0]
    port = next(p["name"] for p in pod["spec"]["containers"][0]["ports"] if p["containerPort"] == 8080)
    shown = f"{pod['metadata']['labels']['app.kubernetes.io/name']};{port}"
    assert re.fullmatch(keep["regex"], shown)
    monitor = yaml.safe_load((COMPONENT / "servicemonitor.yaml").read_text())["spec"]
    service = yaml.safe_load((base / "service.yaml").read_text())["spec"]
    [chosen] = monitor["selector"]["matchExpressions"]
    assert service["selector"][chosen["key"]] in chosen["values"]
    assert [e["port"] for e in monitor["endpoints"]] == [p["name"] for p in service["ports"]]


def test_the_gateways_pods_are_scraped_with_a_token() -> None:
    gateway = ROOT / "deploy" / "components" / "gateway" / "gateway.yaml"
    made = {m["kind"]: m for m in yaml.safe_load_all(gateway.read_text())}
    pod, service = made["Deployment"]["spec"]["template"], made["Service"]
    job = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"][1]
    [port] = pod["spec"]["containers"][0]["ports"]
    assert job["relabel_configs"][0]["regex"] == f"{pod['metadata']['labels']['app.kubernetes.io/name']};{port['name']}"
    found = {m["kind"]: m for m in yaml.safe_load_all((COMPONENT / "gateway.yaml").read_text())}
    monitor = found["ServiceMonitor"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    [endpoint] = monitor["endpoints"]
    assert endpoint["port"] in [p["name"] for p in service["spec"]["ports"]]
    secret, account = found["Secret"], found["ServiceAccount"]["metadata"]["name"]
    assert endpoint["authorization"]["credentials"] == {"name": secret["metadata"]["name"], "key": "token"}
    assert secret["metadata"]["annotations"] == {"kubernetes.io/service-account.name": account}
    assert found["ClusterRole"]["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    assert found["ClusterRoleBinding"]["subjects"][0]["name"] == account


@pytest.mark.parametrize(
    ("policy", "reached"),
    [("components/prometheus", ("operator", "gateway")), ("components/gateway", ("operator",))],
)
def test_a_network_policy_lets_through_to_the_pods_that_are_asked(policy: str, reached: tuple[str, ...]) -> None:
    deploy = ROOT / "deploy"
    files = {"operator": "base/operator/deployment.yaml", "gateway": "components/gateway/gateway.yaml"}
    spec = yaml.safe_load((deploy / policy / "networkpolicy.yaml").read_text())["spec"]
    peers = [
        (peer["podSelector"]["matchLabels"], rule["ports"]) for rule in spec["egress"] for peer in rule.get("to", ())
    ]
    for name in reached:
        [made, *_] = yaml.safe_load_all((deploy / files[name]).read_text())
        pod = made["spec"]["template"]
        [port] = pod["spec"]["containers"][0]["ports"]
        labels = pod["metadata"]["labels"]
        open_ = {p["port"] for wanted, ports in peers if wanted.items() <= labels.items() for p in ports}
        assert open_ & {port["name"], port["containerPort"]}, name


def test_the_prometheus_rule_is_the_plain_file() -> None:
    manifest = yaml.safe_load((COMPONENT / "prometheusrule.yaml").read_text())
    assert manifest["spec"]["groups"] == GROUPS
    assert manifest["spec"] == yaml.safe_load(rules.SOURCE.read_text())
