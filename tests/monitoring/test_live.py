"""A real Prometheus scrapes a real operator on a real API server: every panel has data, and all who look agree."""

import json
import math
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from coursegen_api import names
from coursegen_api.base import FailureClass, Usage
from coursegen_api.task import TASK_RESULT, Progress, TaskInput, TaskKind, TaskResult, exit_code
from coursegen_gateway import graphs
from localcluster.prometheus import Prometheus

from .. import docs
from ..agreement import reading
from ..agreement.figures import Source
from ..cluster.operator.conftest import control_plane
from ..cluster.operator.gateway.place import Place, apply_rights, apply_workloads, start_redis
from ..cluster.operator.gateway.place import Server as Program
from ..cluster.operator.kubelet import RUNS, End, Kubelet, well
from ..e2e.scene import COURSE, Scene, chapter, course
from ..e2e.system import apply_queue
from ..ports import free_port
from .conftest import ROOT
from .server import Server, Target, scraping
from .test_dashboards import BOARDS, QUERIES

pytestmark = pytest.mark.cluster

CHAPTERS = 6
WRITTEN = CHAPTERS + 2 + 3
"""With those of the two courses: one whose chapters are given, and one that begins with an outline."""
HAPPENED = {"course": 2, "outline": 1, "chapter": WRITTEN, "validation": 1, "export": 1, "cleanup": 1}
COURSES = {
    "course": course(chapters=2, providerName="p"),
    "whole": COURSE | {"exports": [{"format": "json"}], "providerName": "p"},
}
REFUSED = TaskResult(failure_class=FailureClass.INVALID_INPUT, message="no objective is one")
BUDGET = {"tokens": 1_000_000, "costMicroUSD": 10_000_000}


def end(task: TaskInput) -> End:
    """End as a worker does that asks a model.

    One chapter fails at first, one for good, one goes on, and the artifact of one is there already.
    """
    if task.name == "ch-runs":
        return RUNS
    if task.name == "ch-fails":
        return End(exit_code(FailureClass.INVALID_INPUT), REFUSED.to_json())
    if task.work.kind is not TaskKind.CHAPTER:
        return well(task)
    if (task.name, task.attempt) == ("ch-0", 1):
        said = TaskResult(failure_class=FailureClass.BAD_OUTPUT, message="no chapter came")
        return End(exit_code(FailureClass.BAD_OUTPUT), said.to_json())
    paid = Usage(prompt_tokens=1000, completion_tokens=3000, cost_micro_usd=20_000)
    usage = Usage(cached=True) if task.name == "ch-1" else paid
    result = TASK_RESULT.validate_json(well(task).message).model_copy(update={"usage": usage})
    return End(0, result.to_json(), "Completed")


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Start a redis-server on loopback."""
    server = start_redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


def report(port: int, scene: Scene, name: str) -> None:
    """Append a progress message about a chapter, as its worker does, and two of no use."""
    objects = {o["metadata"]["name"]: o for o in scene.system.recorder.all("ChapterGeneration", scene.namespace)}
    namespace = scene.system.request("GET", f"/api/v1/namespaces/{scene.namespace}")["metadata"]["uid"]
    uid = objects[name]["metadata"]["uid"]
    stream, client = names.progress_stream(namespace), redis.Redis(port=port)
    seconds, micros = client.time()
    now = seconds + micros / 1e6
    said = Progress(uid=uid, revision=0, attempt=1, pod_uid="p", percentage=50, stage="writing", time=now)
    client.xadd(stream, said.fields())
    client.xadd(stream, said.model_copy(update={"uid": "of-nobody"}).fields())
    client.xadd(stream, {"uid": uid})


@pytest.fixture(scope="module")
def place(redis_server: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Give a cluster, and a gateway that asks the Prometheus of `run` for its graphs."""
    folder = tmp_path_factory.mktemp("live")
    with control_plane(folder) as system:
        apply_rights(system)
        found = Place(system, folder, redis_server, None, {"COURSEGEN_STORE_URL": ""})
        try:
            yield found
        finally:
            for gateway in found.gateways.values():
                gateway.stop()


@pytest.fixture(scope="module")
def run(programs: Prometheus, place: Place) -> Iterator[tuple[Server, Scene]]:
    """Have chapters and a course generated under the eyes of Prometheus, to the end."""
    system, port = place.system, free_port()
    operator = system.operator("metrics", [], redis_url=f"redis://127.0.0.1:{place.redis.port}/0")
    scene = Scene(system, "metrics", [operator])
    system.create_tenant(scene.namespace, {})
    gateway = place.gateway(prometheus_url=f"http://127.0.0.1:{port}")
    system.kubectl.output("create", "clusterrole", "metrics", "--verb=get", "--non-resource-url=/metrics")
    scraper = place.token(scene.namespace, "prometheus", cluster_role="metrics")
    targets = (
        Target("coursegen-operator", int(operator.environment["COURSEGEN_HTTP_PORT"])),
        Target("coursegen-gateway", gateway.port, scraper),
    )
    with scraping(programs, port, targets, place.folder) as server:
        server.until("coursegen_leader", 1)
        server.until("coursegen_gateway_redis_connected", 1)
        work(scene, server, place.redis.port)
        yield server, scene


def work(scene: Scene, server: Server, redis_port: int) -> None:
    """Bring about something of everything that a panel shows."""
    with Kubelet(scene, end):
        scene.create("ModelProvider", "p", {"writer": "template", "budget": BUDGET})
        scene.create("ChapterGeneration", "ch-suspended", chapter(suspend=True))
        for i in range(CHAPTERS):
            scene.create("ChapterGeneration", f"ch-{i}", chapter(providerName="p"))
        apply_queue(scene.system, "narrow", {"capacity": 1, "timeoutSeconds": 3600})  # its chapter goes on to the end
        scene.create("ChapterGeneration", "ch-runs", chapter(queueName="narrow"))
        scene.until_pod_runs("ch-runs")
        scene.create("ChapterGeneration", "ch-waits", chapter(queueName="narrow"))
        scene.create("ChapterGeneration", "ch-fails", chapter())
        scene.create("ArtifactCleanup", "artifacts", {})
        for name, spec in COURSES.items():
            scene.create("CourseGeneration", name, spec)
        for name in COURSES:
            scene.until_ended(name)
        scene.until_ended("artifacts", "ArtifactCleanup")
        for name in ("ch-fails", *(f"ch-{i}" for i in range(CHAPTERS))):
            scene.until_ended(name, "ChapterGeneration")
        report(redis_port, scene, "ch-0")
    server.until("coursegen_progress_messages_total{fate='taken'}", 1)
    server.until("coursegen_progress_messages_total{fate='unreadable'}", 1)
    server.until("coursegen_tasks_finished_total{kind='chapter',result='Succeeded'}", WRITTEN)
    server.until("coursegen_tasks_finished_total{kind='course',result='Succeeded'}", len(COURSES))
    server.until("coursegen_workqueue_depth", 0)


def as_shown(query: str) -> str:
    """Give a query with its variables as Grafana fills them in."""
    for variable, value in {"$__rate_interval": "15s", "$__range": "10m", "$job": ".+", "$instance": ".+"}.items():
        query = query.replace(variable, value)
    assert "$" not in query
    return query


@pytest.mark.parametrize("query", [q for _, _, q in QUERIES], ids=[f"{n}/{i}" for i, (n, _, _) in enumerate(QUERIES)])
def test_every_query_of_every_panel_has_data(run: tuple[Server, Scene], query: str) -> None:
    series = run[0].over_time(as_shown(query))
    values = [float(value) for one in series for _, value in one["values"]]
    assert any(math.isfinite(value) for value in values), series


@pytest.mark.parametrize("query", graphs.QUERIES, ids=[q.name for q in graphs.QUERIES])
def test_every_graph_of_the_page_has_data(run: tuple[Server, Scene], query: graphs.Query) -> None:
    series = run[0].over_time(query.promql.replace("$range", "15s"))
    assert any(math.isfinite(float(value)) for one in series for _, value in one["values"]), series
    assert all(query.label in one["metric"] for one in series) or len(series) == 1, "lines have names"


def test_the_variables_of_a_board_offer_operators_and_gateways(run: tuple[Server, Scene]) -> None:
    for board in BOARDS.values():
        offered = {}
        for variable in board["templating"]["list"][1:]:
            [(selector, label)] = re.findall(r"label_values\((.*), (\w+)\)", variable["query"])
            series = run[0].ask("series", **{"match[]": as_shown(selector)})
            offered[label] = {s[label] for s in series}
        assert offered["job"] == {"coursegen-operator", "coursegen-gateway"}
        assert len(offered["instance"]) == 2


def test_what_prometheus_knows_is_what_the_objects_say(run: tuple[Server, Scene]) -> None:
    server, scene = run
    statuses = [scene.status("ChapterGeneration", n) for n in scene.names("ChapterGeneration")]
    tokens = sum(s["usage"].get(f"{d}Tokens", 0) for s in statuses if "usage" in s for d in ("prompt", "completion"))
    micro_usd = sum(s["usage"].get("costMicroUSD", 0) for s in statuses if "usage" in s)
    agreed: dict[str, float] = {
        "coursegen_objects{kind='chapter',phase='Succeeded'}": [s["phase"] for s in statuses].count("Succeeded"),
        "coursegen_held{kind='chapter',reason='Suspended'}": 1,
        "sum(coursegen_attempts_total{kind='chapter'})": sum(len(s.get("attempts", ())) for s in statuses),
        "sum(coursegen_retries_total{kind='chapter'})": sum(s["retryCount"] for s in statuses),
        "coursegen_cache_hits_total{kind='chapter'}": 1,
        "sum(coursegen_tokens_total{provider='p',model='template'})": tokens,
        "round(1e6 * coursegen_cost_usd_total{provider='p'})": micro_usd,
        "coursegen_slots_in_use{queue='chapter-generation'}": 0,
        "coursegen_admission_wait_seconds_count{kind='chapter',queue='chapter-generation'}": WRITTEN + 2,
        "coursegen_execution_seconds_count{kind='chapter'}": WRITTEN,
        "coursegen_course_duration_seconds_count": len(COURSES),
        "coursegen_progress_messages_total{fate='late'}": 1,
        "coursegen_progress_messages_total{fate='unreadable'}": 1,
    }
    assert tokens == (WRITTEN - 1) * 4000
    assert {query: server.value(query) for query in agreed} == agreed


def test_kubernetes_plugin_api_page_prometheus_and_panels_say_the_same(
    run: tuple[Server, Scene], place: Place, tmp_path: Path
) -> None:
    (server, scene), gateway = run, place.gateway()
    token = place.token(scene.namespace, "author", role="coursegen-author", cluster_role="coursegen-queue-viewer")

    def listing(plural: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = scene.system.api.get(f"/apis/{names.API_VERSION}/{plural}")["items"]
        return items

    with place.client(token) as client, reading.signed_in(gateway.url, token) as page:
        plugin = reading.plugin(scene.system.kubectl.kubeconfig, tmp_path)
        places = reading.Places(listing, plugin, client, page, server, server.url)
        readings, differences = reading.settled(places, 240)
    assert differences == []
    truth = {figure.name: value for figure, value in readings[Source.OBJECTS].items()}
    happened = {f"{kind}s, succeeded": n for kind, n in HAPPENED.items()}
    happened |= {"chapters, failed": 1, "chapters, retries": 1, "Jobs at work": 1, "tasks that wait for a slot": 1}
    assert truth | happened | {"suspended": 1} == truth, "there was something to agree on"
    shown = {name: len(of_place) for name, of_place in readings.items()}
    assert min(shown.values()) >= 10, shown


def test_every_rule_can_be_evaluated_and_an_operator_that_is_well_fires_nothing(run: tuple[Server, Scene]) -> None:
    groups: list[dict[str, Any]] = run[0].ask("rules")["groups"]
    found = [r for g in groups for r in g["rules"]]
    assert {r["health"] for r in found if r["lastEvaluation"] > "0002"} <= {"ok"}
    assert {r["name"]: r["state"] for r in found if r["type"] == "alerting" and r["state"] == "firing"} == {}
    assert "coursegen:success:ratio_rate1h" in {r["name"] for r in found}


def test_the_component_renders_beside_the_base(run: tuple[Server, Scene], tmp_path: Path) -> None:
    deploy = os.path.relpath(ROOT / "deploy", tmp_path)
    kustomization = {"resources": [f"{deploy}/base"], "components": [f"{deploy}/components/monitoring"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    program = str(run[1].system.kubectl.program)
    rendered = subprocess.run([program, "kustomize", str(tmp_path)], capture_output=True, text=True, check=False)
    assert rendered.returncode == 0, rendered.stderr
    made = {(d["kind"], d["metadata"]["name"]): d for d in yaml.safe_load_all(rendered.stdout)}
    [chosen] = made["ServiceMonitor", "coursegen-operator"]["spec"]["selector"]["matchExpressions"]
    service = made["Service", "coursegen-operator"]
    assert service["metadata"]["labels"][chosen["key"]] in chosen["values"]
    assert made["PrometheusRule", "coursegen"]["metadata"]["namespace"] == service["metadata"]["namespace"]
    boards = made["ConfigMap", "coursegen-dashboards"]
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert {json.loads(text)["uid"] + ".json" for text in boards["data"].values()} == set(boards["data"])
    assert len(json.dumps(boards)) < 900_000, "a ConfigMap holds 1 MiB"


RUNBOOKS = [page for page in docs.PAGES if page.parent.name == "runbooks"]
_STAND_INS = {
    " courses ": " metrics ",
    "QUEUE": "export",
    "chaptergen NAME": "chaptergen ch-fails",
    "modelprov NAME": "modelprov p",
    "pod NAME": "pod POD",
}
"""What the commands of runbooks leave open, and what stands for it here; POD is one of a chapter that goes on."""
_ABSENT = {"kubectl -n coursegen-system top pods": "Metrics API not available"}
"""What this control plane has not: a node, whose kubelet measures Pods."""


@pytest.fixture(scope="module")
def person(run: tuple[Server, Scene], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the environment of somebody at a terminal, where the system's workloads are, without their Pods."""
    access = run[1].system.kubectl
    folder = tmp_path_factory.mktemp("person")
    apply_workloads(run[1].system, folder)
    (folder / "kubectl").symlink_to(access.program)
    return {"PATH": f"{folder}:{os.environ['PATH']}", "KUBECONFIG": str(access.kubeconfig), "HOME": str(folder)}


@pytest.mark.parametrize("page", RUNBOOKS, ids=[p.stem for p in RUNBOOKS])
def test_what_a_runbook_has_people_type_works(run: tuple[Server, Scene], person: dict[str, str], page: Path) -> None:
    server, scene = run
    assert docs.commands(page), "a runbook says how to look"
    pod = scene.until_pod_runs("ch-runs")["metadata"]["name"]
    for command in docs.commands(page, docs.Where.RUNBOOK):
        typed = command.line
        for placeholder, value in _STAND_INS.items():
            typed = typed.replace(placeholder, value)
        argv = ["bash", "-o", "pipefail", "-c", typed.replace("POD", pod)]
        said = subprocess.run(argv, env=person, capture_output=True, text=True, timeout=120, check=False)
        found_nothing = said.returncode == 1 and "| grep" in typed and not said.stderr
        answered = said.returncode == 0 or found_nothing or said.stdout == "no\n"  # `auth can-i`, with exit code 1
        absent = [words for start, words in _ABSENT.items() if typed.startswith(start)]
        assert answered or any(words in said.stderr for words in absent), f"{typed}: {said.stderr}"
    for query in re.findall(r"`([^`]*\bcoursegen[_:][^`]*)`", page.read_text()):
        server.ask("query", query=query)
