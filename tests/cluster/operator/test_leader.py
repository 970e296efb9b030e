"""Two replicas on a real API server: one leads, whatever happens to it; what was written is read from the audit log."""

import itertools
import re
import signal
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from coursegen_operator.catalogue import CATALOGUE, Source

from ...e2e.scene import COURSE, Scene, chapter
from ...e2e.system import Operator, System
from ...faults import auditlog
from .conftest import control_plane
from .kubelet import Kubelet, well

LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/coursegen-operator-leader"
SECONDS = 120
"""For what a process does in a second, or in a lease's time, on a machine that nobody else uses."""

TAKEOVER_LOOKS = 20
"""At the lease, once a second: 20 s are promised after a SIGKILL, and the duration of a lease is 15 s. A machine that
stalls lengthens a second, and adds no look."""

KINDS = ("ChapterGeneration", "QualityValidation", "CourseExport")


@dataclass
class Pair:
    """The two replicas, and who of them leads."""

    system: System
    operators: list[Operator]

    def identity(self, operator: Operator) -> str:
        """Give the name that a process goes by in the Lease and in the audit log: the last it has logged."""
        return re.findall(r"candidate (\S+) for lease", operator.log.read_text())[-1]

    def leader(self) -> Operator | None:
        """Give the process that the Lease names; None if it is nobody's, or that of one that is gone."""
        holder = (self.system.api.get(LEASE) or {}).get("spec", {}).get("holderIdentity")
        return next((o for o in self.operators if holder and holder in o.log.read_text()[-100_000:]), None)

    def until_leads(self, operator: Operator) -> None:
        """Wait until a process says in /metrics that it leads."""
        _until(lambda: _leads(operator), SECONDS)

    def looks(self, standby: Operator, since: float) -> int:
        """Give how often a process looked at the Lease after a time before it took it."""
        asked = [e for e in self._of_lease(self.identity(standby)) if e.received > since]
        taken = min(e.received for e in asked if e.takes_effect)
        return len([e for e in asked if e.verb == "get" and e.received < taken])

    def released(self, leader: Operator) -> float:
        """Give when a process had let go of its Lease, which was the last that it did."""
        return self._of_lease(self.identity(leader))[-1].answered

    def _of_lease(self, identity: str) -> list[auditlog.Entry]:
        """Give what a process asked of the Lease."""
        log = self.system.cluster.instance.audit_log
        return [e for e in auditlog.read(log) if e.agent.endswith(identity) and e.resource == "leases"]

    def writes(self, identity: str) -> list[auditlog.Entry]:
        """Give what a process wrote, the Lease left out."""
        log = self.system.cluster.instance.audit_log
        ours = (e for e in auditlog.read(log) if e.agent.endswith(identity) and e.verb in auditlog.WRITES)
        return [e for e in ours if e.resource != "leases"]


def _leads(operator: Operator) -> bool:
    return "coursegen_leader 1.0" in _ask(operator, "metrics")


def _ask(operator: Operator, what: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{operator.environment['COURSEGEN_HTTP_PORT']}/{what}") as answer:
            return answer.read().decode()
    except OSError:
        return ""


def _state(operator: Operator) -> list[str]:
    """Give what a process shows of the work, line by line."""
    names = tuple(n for n, f in CATALOGUE.items() if f.source is Source.STATE)
    return [line for line in _ask(operator, "metrics").splitlines() if line.startswith(names)]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with control_plane(tmp_path_factory.mktemp("leader"), audit_log=True) as system:
        yield system


@pytest.fixture
def pair(ground: System, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Start two replicas with the settings that are shipped, and wait until one leads and both are ready."""
    both = [
        ground.operator(f"{request.node.name}-{n}", [], leader_election="true", keep_jobs_seconds="3") for n in (1, 2)
    ]
    pair = Pair(ground, both)
    _until(lambda: [_ask(o, "readyz") for o in both] == ["ok", "ok"] and any(map(_leads, both)), SECONDS)
    yield pair
    for operator in both:
        operator.kill()
    ground.api.request("DELETE", LEASE)


_numbers = itertools.count(1)


@pytest.fixture
def scene(pair: Pair) -> Iterator[Scene]:
    """Give a namespace of its own, whose Pods all end well."""
    scene = Scene(pair.system, f"leader-{next(_numbers)}")
    pair.system.create_tenant(scene.namespace, {})
    with Kubelet(scene, well):
        yield scene
    scene.check()


def _until(holds, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.05)


def _parts(pair: Pair) -> tuple[Operator, Operator]:
    [leader] = [o for o in pair.operators if _leads(o)]
    [standby] = [o for o in pair.operators if o is not leader]
    return leader, standby


def _came_to_its_end(scene: Scene) -> None:
    status = scene.until_ended("c")
    assert (status["phase"], status["retryCount"], status["chapters"]["summary"]) == ("Succeeded", 0, "3/3")
    for kind in KINDS:
        assert [len(scene.status(kind, n)["attempts"]) for n in scene.names(kind)] == [1] * len(scene.names(kind))
    scene.until_gone("Job", "Pod")


def test_killed_it_is_replaced_by_the_standby_which_wrote_nothing_before(pair: Pair, scene: Scene) -> None:
    leader, standby = _parts(pair)
    scene.create("CourseGeneration", "c", COURSE)
    scene.until("ChapterGeneration", "c-chapter-02", lambda s: s.get("attempts"))
    assert pair.writes(pair.identity(standby)) == []
    assert _ask(standby, "readyz") == "ok"
    assert "coursegen_leader 0.0" in _ask(standby, "metrics")
    killed = time.time()
    leader.kill()
    pair.until_leads(standby)
    assert pair.looks(standby, killed) <= TAKEOVER_LOOKS
    _came_to_its_end(scene)


def test_told_to_stop_it_hands_over_at_once(pair: Pair, scene: Scene) -> None:
    leader, standby = _parts(pair)
    scene.create("CourseGeneration", "c", COURSE)
    scene.until("ChapterGeneration", "c-chapter-02", lambda s: s.get("attempts"))
    leader.signal(signal.SIGTERM)
    assert leader.ended(SECONDS) == 0
    assert "released the lease" in leader.log.read_text()
    pair.until_leads(standby)
    assert pair.looks(standby, pair.released(leader)) <= 1
    _came_to_its_end(scene)


def test_whoever_leads_shows_the_same_state_and_a_standby_none(pair: Pair, scene: Scene) -> None:
    leader, standby = _parts(pair)
    scene.create("CourseGeneration", "c", COURSE)
    _came_to_its_end(scene)
    scene.create("ChapterGeneration", "held", chapter(queueName="absent"))
    scene.until("ChapterGeneration", "held", lambda s: s.get("holdReason") == "Misconfigured")
    held = 'coursegen_held{kind="chapter",reason="Misconfigured"} 1.0'
    _until(lambda: held in _state(leader), SECONDS)  # it may be told of its own write after us
    before = _state(leader)
    assert 'coursegen_objects{kind="course",phase="Succeeded"} 0.0' not in before
    assert _state(standby) == []
    leader.signal(signal.SIGTERM)
    pair.until_leads(standby)
    assert _state(standby) == before


def test_a_standby_that_is_told_to_stop_changes_nothing(pair: Pair, scene: Scene) -> None:
    leader, standby = _parts(pair)
    standby.signal(signal.SIGTERM)
    assert standby.ended(SECONDS) == 0
    scene.create("CourseGeneration", "c", COURSE)
    _came_to_its_end(scene)
    assert pair.leader() is leader
    leader.check()


@pytest.mark.parametrize("times", range(2))
def test_paused_past_its_lease_it_changes_nothing_more_and_ends(pair: Pair, scene: Scene, times: int) -> None:
    leader, standby = _parts(pair)
    identity = pair.identity(leader)
    scene.create("CourseGeneration", "c", COURSE)
    name = "c-chapter-02" if times else "c-chapter-01"
    scene.until("ChapterGeneration", name, lambda s: s.get("attempts"))
    paused = time.time()
    leader.signal(signal.SIGSTOP)
    pair.until_leads(standby)
    assert pair.looks(standby, paused) <= TAKEOVER_LOOKS
    scene.create("CourseGeneration", "d", COURSE)  # work that the paused one would do as well
    resumed = time.time()
    leader.signal(signal.SIGCONT)
    assert leader.ended(SECONDS) == 1
    assert "no longer the leader" in leader.log.read_text()
    scene.until_ended("d")
    _came_to_its_end(scene)
    late = [e for e in pair.writes(identity) if e.received >= resumed and e.takes_effect]
    # One request can be caught between its last look at the clock and the system call (docs/architecture.md, "Who
    # leads"): one, since the next is asked for by the same thread, which has looked at the clock by then.
    assert len(late) <= 1, late
