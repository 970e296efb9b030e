"""What the operator shows: all of the catalogue and nothing else, from the one who leads, the same after a crash."""

import re
import subprocess
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from coursegen_api.base import FailureClass, Usage
from coursegen_gateway.metrics import Metrics
from coursegen_operator.catalogue import CATALOGUE, MAX_PROVIDERS, OTHER, Source, Type
from coursegen_operator.metrics import Bounded
from coursegen_operator.plan.world import Key, Paid
from coursegen_operator.progress import ProgressReader, Redis
from coursegen_operator.resync import list_all
from coursegen_operator.statemetrics import StateCollector
from localcluster import prometheus
from monitoring import docs

from ..unit.operator.simulation import Simulation
from .conftest import ROOT

COURSE = {
    "title": "Python Programming",
    "learningObjectives": ["Learn Python basics"],
    "chapters": [{"id": f"c{i}", "title": f"Chapter {i}", "learningObjectives": ["x"]} for i in range(4)],
    "quality": {"enabled": False},
    "providerName": "p",
}
CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"], "providerName": "p"}

Samples = dict[tuple[str, ...], float]


class Scene:
    """A simulated operator with its metrics."""

    def __init__(self, leads: bool = True) -> None:
        self.sim, self.leads = Simulation(), leads
        self.sim.apply("ModelProvider", "p", {"writer": "template", "budget": {"tokens": 1000}})
        self.collector = self._register()

    def _register(self) -> StateCollector:
        sim = self.sim
        made = StateCollector(sim.snapshot, sim.scheduler, sim.defaults, sim.metrics.provider, lambda: sim.time)
        made.reader = ProgressReader(Redis("redis://127.0.0.1:1/0"), dict)
        made.reader.configured = True
        made.leads = self.leads
        sim.metrics.registry.register(made)
        return made

    def restart(self) -> None:
        """Crash, start, read everything; visit nothing yet."""
        self.sim.restart()
        self.collector = self._register()

    def text(self) -> str:
        """Give what /metrics shows."""
        return generate_latest(self.sim.metrics.registry).decode()

    def families(self) -> dict[str, Samples]:
        """Give every family with its samples, by the values of their labels; of histograms the counts."""
        found: dict[str, Samples] = {}
        for family in text_string_to_metric_families(self.text()):
            name = family.name + "_total" * (family.type == "counter")
            wanted = f"{name}_count" if family.type == "histogram" else name
            labels = CATALOGUE[name].labels if name in CATALOGUE else ()
            found[name] = {tuple(s.labels[n] for n in labels): s.value for s in family.samples if s.name == wanted}
        return found

    def state(self) -> dict[str, Samples]:
        """Give the families that are counted anew from the objects."""
        return {n: s for n, s in self.families().items() if n in CATALOGUE and CATALOGUE[n].source is Source.STATE}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def queue_of_two(scene: Scene, chapters: int) -> None:
    """Let chapters wait for the two slots of their queue."""
    scene.sim.change_spec("GenerationQueue", "chapter-generation", "", capacity=2)
    scene.sim.watch()
    for i in range(chapters):
        scene.sim.apply("ChapterGeneration", f"ch-{i}", CHAPTER)
        scene.sim.run(1)


def test_everything_in_the_catalogue_is_shown_and_nothing_else(scene: Scene) -> None:
    own = {n for n in scene.families() if not n.startswith(("process_", "python_"))}
    assert own == set(CATALOGUE)


def test_names_types_and_help_pass_promtool(scene: Scene, programs: prometheus.Prometheus) -> None:
    queue_of_two(scene, 5)
    said = subprocess.run([programs.promtool, "check", "metrics"], input=scene.text().encode(), capture_output=True)
    assert (said.returncode, said.stderr, said.stdout) == (0, b"", b"")


HOSTILE = 'x"} 1\ncoursegen_forged_total 1\n# HELP coursegen_forged_total \\" {a="b"} \u2028'
"""Text that tries to end a label's value, a sample and a line."""

LONGEST_MODEL = "0/" + ":@+._-" * 21
"""A label that a person may choose, of all that its rule allows."""


def test_what_people_write_is_in_no_sample_and_forges_none(scene: Scene, programs: prometheus.Prometheus) -> None:
    sim = scene.sim
    before = set(scene.families())
    sim.apply("ModelProvider", "q", {"writer": "openai", "endpoint": "https://m.example/v1", "model": LONGEST_MODEL})
    title = "Loops " + "".join(c for c in HOSTILE if c.isprintable())  # the API server takes no other
    hostile = {"title": title, "learningObjectives": [title], "providerName": "q"}
    sim.apply("ChapterGeneration", "c", hostile | {"courseContext": {"title": title}})
    sim.run(1)
    [job] = sim.jobs()
    sim.start(job)
    usage = Usage(prompt_tokens=3, completion_tokens=1, cost_micro_usd=5)
    sim.succeed(job, sim.result(job).model_copy(update={"usage": usage}))
    sim.run(1)
    sim.metrics.paid(Paid("chapter", "q", HOSTILE, usage))  # if the rule were not there
    said = subprocess.run([programs.promtool, "check", "metrics"], input=scene.text().encode(), capture_output=True)
    assert (said.returncode, said.stderr, said.stdout) == (0, b"", b"")
    shown = scene.families()
    assert set(shown) == before
    assert {key[1] for key in shown["coursegen_tokens_total"]} == {LONGEST_MODEL, HOSTILE}
    assert not [line for line in scene.text().split("\n") if line.startswith("coursegen_forged")]
    assert "Loops" not in scene.text()


def test_what_the_gateway_shows_passes_promtool_and_is_on_its_page(programs: prometheus.Prometheus) -> None:
    metrics = Metrics()
    metrics.answered("GET", "/api/v1/tasks", 200, 0.01)
    metrics.asked_kube("list", 200)
    shown = generate_latest(metrics.registry)
    said = subprocess.run([programs.promtool, "check", "metrics"], input=shown, capture_output=True)
    assert (said.returncode, said.stderr, said.stdout) == (0, b"", b"")
    families = {f.name + "_total" * (f.type == "counter") for f in text_string_to_metric_families(shown.decode())}
    rows = re.findall(
        r"^\| (`coursegen_.+?|`process_.+?) \|", (ROOT / "docs" / "http-api.md").read_text(), re.MULTILINE
    )
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    own = {f for f in families if not f.startswith("process_") or f in named}
    assert {f for f in own if not f.endswith("_created")} == named


@pytest.mark.parametrize("family", CATALOGUE.values(), ids=CATALOGUE)
def test_a_metric_is_described_and_its_labels_have_few_values(family) -> None:
    assert family.meaning.endswith(".")
    assert family.unit
    assert bool(family.buckets) == (family.type is Type.HISTOGRAM)
    assert set(family.labels) <= {
        "kind", "phase", "reason", "result", "failure_class", "queue", "provider", "model", "direction", "payer",
        "state", "fate", "verb", "code", "version", "python", "environment",
    }  # fmt: skip


def test_names_of_providers_beyond_the_limit_are_one() -> None:
    bound = Bounded()
    shown = {bound(f"p-{i}") for i in range(3 * MAX_PROVIDERS)}
    assert len(shown) == MAX_PROVIDERS + 1
    assert OTHER in shown
    assert bound("p-0") == "p-0"


def test_a_standby_shows_no_state_and_keeps_silent_about_work() -> None:
    standby = Scene(leads=False)
    standby.sim.apply("ChapterGeneration", "ch", CHAPTER)
    standby.sim.watch()
    assert standby.state() == {}
    shown = standby.families()
    work = [n for n, f in CATALOGUE.items() if f.source is Source.WORK]
    assert {value for n in work for value in shown[n].values()} <= {0}


def test_capacity_use_and_waiting_are_gauges_of_their_own(scene: Scene) -> None:
    queue_of_two(scene, 5)
    scene.sim.time += 60
    shown = scene.state()
    queue = ("chapter-generation",)
    assert shown["coursegen_slots_capacity"][queue] == 2
    assert shown["coursegen_slots_in_use"][queue] == 2
    assert shown["coursegen_slots_waiting"][queue] == 3
    assert shown["coursegen_oldest_wait_seconds"][queue] == pytest.approx(63, abs=1)
    assert shown["coursegen_held"]["chapter", "QueueFull"] == 3
    assert shown["coursegen_oldest_wait_seconds"]["export",] == 0


def test_courses_that_wait_for_a_slot_are_counted_and_their_wait_is_not_in_a_queue() -> None:
    scene = Scene()
    scene.sim.defaults = type(scene.sim.defaults)(image="worker:test", max_courses=1)
    scene.restart()
    for name in ("a", "b", "c"):
        scene.sim.apply("CourseGeneration", name, COURSE)
    scene.sim.run(5)
    shown = scene.state()
    counts = [shown[f"coursegen_courses_{n}"][()] for n in ("capacity", "active", "waiting")]
    assert counts == [1, 1, 2]
    assert shown["coursegen_held"]["course", "CourseLimit"] == 2


def busy(scene: Scene) -> None:
    """Bring about something of everything: waiting, running, failed, succeeded, and a budget that is used."""
    queue_of_two(scene, 5)
    sim = scene.sim
    sim.apply("CourseGeneration", "course", COURSE)
    first, second = sim.jobs()[:2]
    sim.start(first)
    usage = Usage(prompt_tokens=300, completion_tokens=100, cost_micro_usd=5000)
    sim.succeed(first, sim.result(first).model_copy(update={"usage": usage}))
    sim.start(second)
    sim.fail(second, FailureClass.BAD_OUTPUT)
    sim.run(2)


def test_whoever_becomes_leader_shows_the_same_state_before_its_first_visit(scene: Scene) -> None:
    busy(scene)
    before = scene.state()
    scene.restart()
    assert scene.state() == before
    assert before["coursegen_provider_budget_used_ratio"]["p",] > 0.4
    assert before["coursegen_objects"]["chapter", "Succeeded"] == 1


def test_counted_one_object_at_a_time_or_all_anew_the_tally_is_the_same(scene: Scene) -> None:
    busy(scene)
    before = scene.state()
    scene.sim.snapshot.recount()
    assert scene.state() == before
    for name in scene.sim.names("ChapterGeneration"):
        scene.sim.api.objects.pop(("chaptergenerations", "courses", name))
    scene.sim.resync()
    assert sum(v for (kind, _), v in scene.state()["coursegen_objects"].items() if kind == "chapter") == 0


def test_attempts_retries_ends_tokens_and_waits_are_counted_once_each(scene: Scene) -> None:
    busy(scene)
    scene.sim.run(90)
    for _ in range(20):
        for job in scene.sim.jobs():
            scene.sim.start(job)
            cached = Usage(cached=True)
            scene.sim.succeed(job, scene.sim.result(job).model_copy(update={"usage": cached}))
        scene.sim.run(10)
    shown = scene.families()
    assert shown["coursegen_attempts_failed_total"]["chapter", "BadOutput"] == 1
    assert shown["coursegen_retries_total"]["chapter", "BadOutput"] == 1
    assert shown["coursegen_tasks_finished_total"]["chapter", "Succeeded"] == 9
    assert shown["coursegen_tasks_finished_total"]["course", "Succeeded"] == 1
    assert shown["coursegen_attempts_total"]["chapter",] == 10
    assert shown["coursegen_admission_wait_seconds"]["chapter", "chapter-generation"] == 10
    assert shown["coursegen_execution_seconds"]["chapter",] == 9
    assert shown["coursegen_course_duration_seconds"][()] == 1
    assert shown["coursegen_tokens_total"]["p", "template", "prompt"] == 300
    assert shown["coursegen_tokens_total"]["p", "template", "completion"] == 100
    assert shown["coursegen_cost_usd_total"]["p", "template"] == pytest.approx(0.005)
    assert shown["coursegen_cache_hits_total"]["chapter",] == 8


def test_a_full_list_tells_what_it_knew_better_than_the_watch(scene: Scene) -> None:
    sim = scene.sim
    sim.apply("ChapterGeneration", "ch", CHAPTER)
    sim.run(1)
    kube: Any = sim.api
    news: set[Key] = set()
    sim.loop.run_until_complete(list_all(kube, sim.snapshot, news))
    assert news == set()
    sim.api.objects.pop(("chaptergenerations", "courses", "ch"))
    sim.api.events.clear()
    sim.loop.run_until_complete(list_all(kube, sim.snapshot, news))
    assert {k.name for k in news if k.kind == "ChapterGeneration"} == {"ch"}


def test_the_reference_is_made_from_the_catalogue_and_names_no_metric_that_is_not_there() -> None:
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert docs.filled(text) == text
    named = set(re.findall(r"`(coursegen_[a-z0-9_]+)", text))
    assert named == set(CATALOGUE)
