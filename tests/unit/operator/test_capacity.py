"""Capacity that moves by itself: the state machine as a table, then a queue on nodes that come and go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursegen_api.queue import Elasticity
from coursegen_operator.plan.capacity import CALM_SECONDS, GROW_SECONDS, SETTLE_SECONDS, Capacity, Seen, start, step

from .simulation import Json, Simulation

BOUNDS = Elasticity(min_capacity=2, max_capacity=40, headroom=1)
NOW = 1000.0


@pytest.mark.parametrize(
    ("before", "seen", "waiting", "after"),
    [
        (8, Seen(8), 5, Capacity(10, NOW + GROW_SECONDS)),
        (8, Seen(8), 0, Capacity(8)),
        (8, Seen(7), 5, Capacity(8)),
        (8, Seen(8, late=1), 5, Capacity(8)),
        (8, Seen(8, unschedulable=1), 5, Capacity(8, NOW + CALM_SECONDS)),
        (8, Seen(8, unschedulable=3), 5, Capacity(8, NOW + CALM_SECONDS)),
        (8, Seen(8, unschedulable=3, stuck=2), 5, Capacity(6, NOW + SETTLE_SECONDS)),
        (8, Seen(8, unschedulable=8, stuck=8), 5, Capacity(2, NOW + SETTLE_SECONDS)),
        (39, Seen(39), 5, Capacity(40, NOW + GROW_SECONDS)),
        (99, Seen(9), 5, Capacity(40)),
        (0, Seen(0), 0, Capacity(2)),
    ],
    ids=[
        "grows while Pods start promptly",
        "not without demand",
        "not before it is full",
        "not while Pods are slow to start",
        "headroom stays pending",
        "more may be pending for a moment",
        "shrinks to what fits, and headroom",
        "never below the least",
        "nor above the most",
        "bounds that were lowered hold",
        "bounds that were raised hold",
    ],
)
def test_the_capacity_follows_what_nodes_take(before: int, seen: Seen, waiting: int, after: Capacity) -> None:
    assert step(BOUNDS, Capacity(before), seen, waiting, NOW) == after


def test_it_grows_step_by_step_and_not_at_once_after_it_shrank() -> None:
    shrunk = step(BOUNDS, Capacity(8), Seen(8, unschedulable=3, stuck=3), 5, NOW)
    assert step(BOUNDS, shrunk, Seen(6), 5, NOW + SETTLE_SECONDS - 1) == shrunk
    assert step(BOUNDS, shrunk, Seen(6), 5, NOW + SETTLE_SECONDS).jobs == 7


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50), st.integers(0, 9), st.integers(0, 9))
def test_it_stays_within_its_bounds(before: int, active: int, stuck: int, late: int, waiting: int) -> None:
    stuck = min(stuck, active)
    after = step(BOUNDS, Capacity(before), Seen(active, stuck, stuck, late), waiting, NOW)
    assert BOUNDS.min_capacity <= after.jobs <= BOUNDS.max_capacity


def test_it_starts_where_it_was() -> None:
    assert [start(BOUNDS, jobs).jobs for jobs in (0, 8, 99)] == [2, 8, 40]


class Nodes:
    """Nodes with room for so many Pods: what does not fit is unschedulable, and every Pod ends after a minute."""

    def __init__(self, sim: Simulation, room: int) -> None:
        self.sim, self.room, self.begun = sim, room, {}

    def let(self, seconds: int) -> None:
        """Let time pass."""
        for second in range(seconds):
            self.sim.run(1)
            for name in [n for n, begun in self.begun.items() if self.sim.time >= begun + 60]:
                del self.begun[name]
                self.sim.succeed(self.sim.api.objects["jobs", "courses", name])
            self.sim.run(0)
            for job in self.sim.jobs():
                self._place(job)
            if second % 5 == 0:
                self.sim.stand()

    def _place(self, job: Json) -> None:
        name = job["metadata"]["name"]
        if name not in self.begun and len(self.begun) < self.room:
            self.begun[name] = self.sim.time
            self.sim.start(job)
        elif name not in self.begun:
            told = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: Insufficient cpu"}
            self.sim.pod(job, conditions=[told])

    @property
    def capacity(self) -> int:
        return self.sim.api.objects["generationqueues", "", "chapter-generation"]["status"]["capacity"]

    @property
    def pending(self) -> int:
        return len(self.sim.jobs()) - len(self.begun)


def test_a_queue_grows_with_the_nodes_and_shrinks_when_they_go() -> None:
    sim = Simulation()
    elastic = {"minCapacity": 1, "maxCapacity": 30, "headroom": 2}
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=2, elasticity=elastic)
    for n in range(5):
        spec = {"title": "T", "learningObjectives": ["x"], "quality": {"enabled": False}}
        chapters = [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(60)]
        sim.apply("CourseGeneration", f"c{n}", spec | {"chapters": chapters})
    nodes = Nodes(sim, 10)
    nodes.let(150)
    assert (nodes.capacity, nodes.pending) == (12, 2)  # what fits, and the headroom that an autoscaler sees
    nodes.room = 20
    nodes.let(150)
    assert (nodes.capacity, nodes.pending) == (22, 2)
    nodes.room = 100
    nodes.let(150)
    assert (nodes.capacity, nodes.pending) == (30, 0)
    sim.restart()
    nodes.let(5)
    assert nodes.capacity == 30
    nodes.room = 5
    nodes.let(250)
    assert 5 < nodes.capacity <= 8
    chapters = [sim.status("ChapterGeneration", n) for n in sim.names("ChapterGeneration")]
    assert {s["retryCount"] for s in chapters} == {0}


def test_a_pod_that_no_node_takes_costs_an_elastic_queue_no_retry() -> None:
    sim = Simulation()
    sim.change_spec("GenerationQueue", "chapter-generation", namespace="", elasticity={"maxCapacity": 30})
    chapter = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
    sim.apply("ChapterGeneration", "c", chapter)
    nodes = Nodes(sim, 0)
    nodes.let(1000)
    status = sim.status("ChapterGeneration", "c")
    assert (status["retryCount"], {a.get("outcome") for a in status["attempts"]}) == (0, {"Withdrawn", None})
    nodes.room = 1
    nodes.let(100)
    assert sim.status("ChapterGeneration", "c")["phase"] == "Succeeded"


def test_bounds_that_were_lowered_hold_at_once_also_for_a_queue_of_the_same_name() -> None:
    def queue(most: int) -> Json:
        spec = {"priority": 8, "capacity": most, "elasticity": {"minCapacity": 1, "maxCapacity": most}}
        return {"metadata": {"name": "big"}, "spec": spec}

    sim = Simulation()
    sim.api.add("generationqueues", "", queue(40))
    sim.run(1)
    sim.stand()
    sim.api.edit("generationqueues", "", "big", lambda b: b["spec"].update(queue(9)["spec"]))
    sim.run(1)
    assert sim.scheduler.limits().queues["big"].capacity == 9
    sim.api.remove("generationqueues", "", "big")
    sim.run(1)
    sim.api.add("generationqueues", "", queue(3))
    sim.run(1)
    assert sim.scheduler.limits().queues["big"].capacity == 3
