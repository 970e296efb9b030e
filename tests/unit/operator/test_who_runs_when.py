"""Who runs when, on whole objects: limits, deadlines, and stopped queues, in simulated time."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from coursegen_api.base import FailureClass
from coursegen_operator.plan import clock
from coursegen_operator.plan.world import Defaults

from .simulation import Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}


def course(chapters: int, **more: Any) -> dict[str, Any]:
    given = [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(1, chapters + 1)]
    return {"title": "T", "learningObjectives": ["x"], "chapters": given, "quality": {"enabled": False}} | more


def owners(sim: Simulation) -> list[str]:
    return [j["metadata"]["ownerReferences"][0]["name"] for j in sim.jobs()]


def by_course(sim: Simulation) -> list[dict[str, Any]]:
    """Give the Jobs course by course, which is not how they begin where there are slots for all."""
    return sorted(sim.jobs(), key=lambda job: job["metadata"]["ownerReferences"][0]["name"])


def set_queue(sim: Simulation, name: str = "chapter-generation", **spec: Any) -> None:
    sim.change_spec("GenerationQueue", name, namespace="", **spec)


@pytest.fixture
def sim() -> Simulation:
    return Simulation()


# ---- limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lower", "higher", "words"),
    [
        ({"capacity": 2}, {"capacity": 5}, "its capacity of 2"),
        ({"namespaceCapacity": 2}, {"namespaceCapacity": 5}, "as it may have there (2)"),
        (
            {"tenants": [{"namespace": "courses", "capacity": 2}]},
            {"tenants": [{"namespace": "courses", "capacity": 5}]},
            "as it may have there (2)",
        ),
    ],
    ids=["queue", "each namespace", "one tenant"],
)
def test_a_limit_that_is_lowered_drains_and_one_that_is_raised_fills_at_once(
    sim: Simulation, lower: dict, higher: dict, words: str
) -> None:
    sim.apply("CourseGeneration", "c", course(8))
    set_queue(sim, capacity=4)
    sim.run(1)
    assert len(sim.jobs()) == 4
    set_queue(sim, **({"capacity": 50} | lower))
    sim.run(1)
    assert len(sim.jobs()) == 4  # what runs goes on
    assert words in sim.status("ChapterGeneration", "c-chapter-08")["holdMessage"]
    sim.work(sim.jobs()[:2])
    assert len(sim.jobs()) == 2
    set_queue(sim, **({"capacity": 50} | higher))
    sim.settle()
    assert len(sim.jobs()) == 5


def test_a_provider_that_is_lowered_drains_and_raised_fills_at_once(sim: Simulation) -> None:
    sim.apply("ModelProvider", "p", {"concurrency": 3})
    sim.apply("CourseGeneration", "c", course(6, providerName="p"))
    sim.run(1)
    assert len(sim.jobs()) == 3
    sim.change_spec("ModelProvider", "p", concurrency=1)
    sim.work(sim.jobs()[:1])
    assert len(sim.jobs()) == 2
    held = sim.status("ChapterGeneration", "c-chapter-06")
    assert (held["holdReason"], "concurrency of 1" in held["holdMessage"]) == ("ProviderBusy", True)
    sim.change_spec("ModelProvider", "p", concurrency=5)
    sim.settle()
    assert len(sim.jobs()) == 5


def test_jobs_in_all_and_courses_are_limits_of_the_operator() -> None:
    sim = Simulation(Defaults(image="worker:test", max_jobs=3, max_courses=2))
    for name in "abc":
        sim.apply("CourseGeneration", name, course(2))
    sim.run(1)
    assert Counter(n[0] for n in owners(sim)) == {"a": 2, "b": 1}
    assert "limit of 3 Jobs over all queues" in sim.status("ChapterGeneration", "b-chapter-02")["holdMessage"]
    assert sim.status("CourseGeneration", "c")["holdReason"] == "CourseLimit"
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_limits_of_the_operator_that_are_lowered_drain_and_raised_ones_fill(sim: Simulation) -> None:
    for name in "abcd":
        sim.apply("CourseGeneration", name, course(2))
    sim.run(1)
    assert (len(sim.jobs()), sim.snapshot.load.courses) == (8, 4)
    sim.defaults = Defaults(image="worker:test", max_jobs=3, max_courses=2)
    sim.restart()
    sim.apply("CourseGeneration", "e", course(2))
    sim.run(1)
    assert (len(sim.jobs()), sim.snapshot.load.courses) == (8, 4)  # what runs goes on
    sim.work(by_course(sim)[:5])
    assert sim.status("CourseGeneration", "e")["holdReason"] == "CourseLimit"
    sim.work(by_course(sim)[:1])
    assert (len(sim.jobs()), sim.snapshot.load.courses) == (3, 2)  # the last of d, and the first of e
    sim.defaults = Defaults(image="worker:test", max_jobs=50, max_courses=50)
    sim.restart()
    sim.apply("CourseGeneration", "f", course(9))
    sim.run(1)
    assert (len(sim.jobs()), sim.snapshot.load.courses) == (13, 3)


def test_bounds_of_an_elastic_queue_that_are_lowered_drain_and_raised_ones_fill(sim: Simulation) -> None:
    elastic = {"minCapacity": 4, "maxCapacity": 6}
    set_queue(sim, capacity=9, elasticity=elastic)
    sim.apply("CourseGeneration", "c", course(20))
    sim.run(1)
    assert len(sim.jobs()) == 6
    set_queue(sim, elasticity={"minCapacity": 1, "maxCapacity": 2})
    sim.settle()
    sim.stand()
    sim.work(sim.jobs()[:3])
    assert len(sim.jobs()) == 3
    set_queue(sim, elasticity={"minCapacity": 5, "maxCapacity": 6})
    sim.settle()
    sim.stand()
    sim.run(1)
    assert len(sim.jobs()) == 5
    set_queue(sim, capacity=0)
    sim.work(sim.jobs())
    assert sim.jobs() == []
    assert sim.status("ChapterGeneration", "c-chapter-20")["holdReason"] == "QueuePaused"


def test_what_waits_costs_no_write_while_it_waits(sim: Simulation) -> None:
    set_queue(sim, capacity=0)
    sim.apply("CourseGeneration", "c", course(9))
    sim.run(20)
    before = sim.api.writes.copy()
    sim.run(900)
    assert sim.api.writes == before


# ---- the order --------------------------------------------------------------------------------------------


def test_the_course_with_least_slack_goes_first_and_its_deadline_can_be_changed(sim: Simulation) -> None:
    set_queue(sim, capacity=1)
    soon, later = clock.stamp(sim.time + 3600), clock.stamp(sim.time + 7200)
    sim.apply("CourseGeneration", "early", course(2))
    sim.run(1)
    sim.apply("CourseGeneration", "later", course(2, deadlineTime=later))
    sim.apply("CourseGeneration", "soon", course(2, deadlineTime=soon))
    sim.run(1)
    began = []
    while jobs := sim.jobs():
        began += [n.split("-")[0] for n in owners(sim)]
        if len(began) == 3:
            sim.change_spec("CourseGeneration", "early", deadlineTime=soon)
            sim.run(1)
        sim.work(jobs)
    assert began == ["early", "soon", "soon", "early", "later", "later"]


def test_work_that_stands_alone_has_a_deadline_of_its_own(sim: Simulation) -> None:
    set_queue(sim, capacity=0)
    sim.apply("ChapterGeneration", "first", CHAPTER)
    sim.apply("ChapterGeneration", "urgent", CHAPTER | {"deadlineTime": clock.stamp(sim.time + 600)})
    sim.run(1)
    set_queue(sim, capacity=1)
    sim.run(1)
    assert owners(sim) == ["urgent"]


def test_waiting_work_that_is_given_another_queue_runs_in_that(sim: Simulation) -> None:
    set_queue(sim, capacity=0)
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(10)
    sim.change_spec("ChapterGeneration", "c", queueName="default")
    sim.run(1)
    [job] = sim.jobs()
    assert job["metadata"]["labels"]["coursegen.dev/queue"] == "default"
    status = sim.status("ChapterGeneration", "c")
    assert (status["queueName"], sim.scheduler.book.counts(), sim.snapshot.load.by_queue.get("default")) == (
        "default", {}, 1,
    )  # fmt: skip


@pytest.mark.parametrize(
    "change", [{"priority": 9}, {"ageingSeconds": 60}], ids=["a larger priority", "a shorter patience"]
)
def test_an_order_that_an_admin_changes_holds_for_what_waits_already(change: dict[str, Any]) -> None:
    sim = Simulation(Defaults(image="worker:test", max_jobs=1))
    sim.apply("ChapterGeneration", "running", CHAPTER)
    sim.run(1)
    sim.apply("ChapterGeneration", "lesser", CHAPTER | {"queueName": "default"})
    sim.apply("ChapterGeneration", "urgent", CHAPTER)
    sim.run(60)
    set_queue(sim, "default", **change)
    sim.run(1)
    sim.work(sim.jobs())
    assert owners(sim) == ["lesser"]


def test_namespaces_share_a_queue_and_the_load_is_recounted(sim: Simulation) -> None:
    set_queue(sim, capacity=4, tenants=[{"namespace": "other", "weight": 3}])
    for i in range(9):
        sim.apply("ChapterGeneration", f"x{i}", CHAPTER)
    sim.run(1)
    for i in range(9):
        sim.apply("ChapterGeneration", f"y{i}", CHAPTER, namespace="other")
    sim.run(1)
    sim.restart()
    for _ in range(4):
        sim.work(sim.jobs()[:1])
    assert Counter(j["metadata"]["namespace"] for j in sim.jobs()) == {"other": 3, "courses": 1}


def test_since_when_work_waits_outlives_a_restart_and_ends_with_the_wait(sim: Simulation) -> None:
    set_queue(sim, capacity=1)
    began = clock.stamp(sim.time)
    for name in "ab":
        sim.apply("ChapterGeneration", name, CHAPTER)
    sim.run(100)
    assert "queuedTime" not in sim.status("ChapterGeneration", "a")
    assert sim.status("ChapterGeneration", "b")["queuedTime"] == began
    sim.restart()
    sim.run(100)
    sim.change_spec("ChapterGeneration", "b", suspend=True)
    sim.run(1)
    assert "queuedTime" not in sim.status("ChapterGeneration", "b")
    sim.change_spec("ChapterGeneration", "b", suspend=False)
    sim.run(1)
    again = sim.status("ChapterGeneration", "b")["queuedTime"]
    assert again > began
    sim.work(sim.jobs())
    status = sim.status("ChapterGeneration", "b")
    assert ("queuedTime" in status, status["attempts"][0]["queuedTime"]) == (False, again)


def test_what_has_aged_goes_before_more_urgent_queues_also_after_a_restart() -> None:
    sim = Simulation(Defaults(image="worker:test", max_jobs=1))
    set_queue(sim, "default", ageingSeconds=600)
    sim.apply("ChapterGeneration", "running", CHAPTER)
    sim.run(1)
    sim.apply("ChapterGeneration", "lesser", CHAPTER | {"queueName": "default"})
    sim.run(1)
    for i in range(3):
        sim.apply("ChapterGeneration", f"urgent{i}", CHAPTER)
    sim.run(1)
    sim.work(sim.jobs())
    assert owners(sim) == ["urgent0"]
    sim.restart()
    sim.run(600)
    sim.work(sim.jobs())
    assert owners(sim) == ["lesser"]


# ---- stopped queues ---------------------------------------------------------------------------------------


def outcomes(status: dict[str, Any]) -> list[str]:
    return [a.get("failureClass") or a.get("outcome", "open") for a in status.get("attempts", ())]


@pytest.mark.parametrize("policy", ["Hold", "HoldAndDrain"])
def test_a_stopped_queue_starts_nothing_and_goes_on_when_it_is_not_stopped(sim: Simulation, policy: str) -> None:
    set_queue(sim, stopPolicy=policy)
    sim.apply("CourseGeneration", "c", course(3, exports=[{"format": "pdf"}]))
    sim.apply("ChapterGeneration", "elsewhere", CHAPTER | {"queueName": "default"})
    sim.run(100)
    assert owners(sim) == ["elsewhere"]
    held = sim.status("ChapterGeneration", "c-chapter-01")
    assert (held["holdReason"], f"spec.stopPolicy {policy}" in held["holdMessage"]) == ("QueuePaused", True)
    assert sim.status("CourseGeneration", "c")["holdReason"] == "QueuePaused"
    set_queue(sim, stopPolicy="None")
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_hold_lets_running_work_end(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", course(2))
    sim.run(1)
    set_queue(sim, stopPolicy="Hold")
    sim.run(1)
    assert len(sim.jobs()) == 2
    sim.work(sim.jobs())
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_hold_and_drain_stops_running_work_free_of_retry(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", course(3))
    sim.run(1)
    done, *others = sim.jobs()
    for job in others:
        sim.start(job)
    sim.work([done])
    for _ in range(25):
        set_queue(sim, stopPolicy="HoldAndDrain")
        sim.run(1)
        assert (sim.jobs(), sim.snapshot.load.jobs) == ([], 0)
        set_queue(sim, stopPolicy="None")
        sim.run(1)
        assert len(sim.jobs()) == 2
    status = sim.status("ChapterGeneration", "c-chapter-02")
    assert (status["withdrawnAttempts"], status["retryCount"], "errorDetails" in status) == (25, 0, False)
    assert outcomes(status) == ["Withdrawn"] * 9 + ["open"]
    assert outcomes(sim.status("ChapterGeneration", "c-chapter-01")) == ["Succeeded"]
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"
    assert max(sim.api.jobs_created.values()) == 1


def test_what_has_ended_and_was_not_read_when_its_queue_was_drained_keeps_its_result(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(1)
    sim.succeed(sim.jobs()[0])
    set_queue(sim, stopPolicy="HoldAndDrain")
    sim.run(1)
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], outcomes(status)) == ("Succeeded", ["Succeeded"])


def test_an_outline_is_drained_like_any_work(sim: Simulation) -> None:
    sim.apply("CourseGeneration", "c", {"title": "T", "learningObjectives": ["x"], "chapterCount": 1})
    sim.run(1)
    set_queue(sim, "course-generation", stopPolicy="HoldAndDrain")
    sim.run(1)
    assert (sim.jobs(), sim.status("CourseGeneration", "c")["holdReason"]) == ([], "QueuePaused")
    set_queue(sim, "course-generation", stopPolicy="None")
    sim.work()
    assert sim.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_failures_that_count_are_twenty_in_all_however_often_work_was_stopped(sim: Simulation) -> None:
    set_queue(sim, maxRetries=10)
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(1)
    made = 0
    while jobs := sim.jobs():
        if made < 5:
            set_queue(sim, stopPolicy="HoldAndDrain")
            sim.run(1)
            set_queue(sim, stopPolicy="None")
            sim.run(1)
            jobs = sim.jobs()
        sim.fail(jobs[0], FailureClass.RATE_LIMITED, retry_after_seconds=1)
        made += 1
        sim.run(5)
    assert (made, sim.status("ChapterGeneration", "c")["phase"]) == (20, "Failed")


# ---- quotas -----------------------------------------------------------------------------------------------

REFUSED = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'


class Quota:
    """The namespace's quota of Pods: a Job beyond it gets none."""

    def __init__(self, sim: Simulation, pods: int) -> None:
        self.sim, self.pods = sim, pods

    def let(self, seconds: float) -> None:
        """Let time pass; Jobs get their Pods, or Kubernetes says why not."""
        for _ in range(int(seconds)):
            self.sim.run(1)
            jobs = self.sim.jobs()
            used = sum(1 for j in jobs if j["metadata"]["name"] in self.sim.api.pods)
            for job in jobs:
                name = job["metadata"]["name"]
                if name in self.sim.api.pods:
                    continue
                if used < self.pods:
                    used += 1
                    self.sim.start(job)
                else:
                    self.sim.api.warnings[name] = f"FailedCreate: Error creating: {REFUSED}"


def test_a_job_that_a_quota_gives_no_pod_is_removed_and_tried_again_later_each_time(sim: Simulation) -> None:
    sim.apply("ChapterGeneration", "c", CHAPTER)
    quota = Quota(sim, 0)
    quota.let(10)
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], status["holdReason"]) == ("Held", "QuotaExceeded")
    assert f"{REFUSED}. It is tried again at {status['nextRetryTime']}" in status["holdMessage"]
    assert (sim.jobs(), sim.snapshot.load.jobs) == ([], 0)
    quota.let(4 * 3600)
    status = sim.status("ChapterGeneration", "c")
    assert status["withdrawnAttempts"] > 20
    assert set(outcomes(status)) <= {"Withdrawn", "open"}
    begun = [clock.parse(a["admissionTime"]) for a in status["attempts"]]
    assert all(280 < later - one < 400 for one, later in pairwise(begun))
    quota.pods = 1
    quota.let(400)
    sim.work()
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)
    assert max(sim.api.jobs_created.values()) == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('jobs.batch "x" is forbidden: exceeded quota: small, requested: count/jobs.batch=1', "QuotaExceeded"),
        ('admission webhook "policy" denied the request: no Job in this namespace', "Misconfigured"),
    ],
)
def test_what_refuses_jobs_frees_the_slot_as_well(sim: Simulation, said: str, reason: str) -> None:
    sim.api.refusals["jobs"] = said
    set_queue(sim, capacity=1)
    sim.apply("ChapterGeneration", "c", CHAPTER)
    sim.run(10)
    status = sim.status("ChapterGeneration", "c")
    assert (status["holdReason"], sim.snapshot.load.jobs) == (reason, 0)
    assert said in status["holdMessage"]
    sim.run(3600)
    status = sim.status("ChapterGeneration", "c")
    assert (status["holdReason"], status["withdrawnAttempts"] > 5) == (reason, True)
    sim.api.refusals.clear()
    sim.run(400)
    sim.work()
    status = sim.status("ChapterGeneration", "c")
    assert (status["phase"], status["retryCount"]) == ("Succeeded", 0)


FORBIDDEN = 'admission webhook "policy" denied the request: no Job in this namespace'


def test_a_policy_that_refuses_a_whole_namespace_is_tried_a_few_at_a_time(sim: Simulation) -> None:
    sim.api.refusals["jobs"] = FORBIDDEN
    for index in range(30):
        sim.apply("ChapterGeneration", f"c-{index}", CHAPTER)
    sim.run(10)
    slots, holds = set(), set()
    for _ in range(400):
        sim.run(1)
        slots.add(sim.snapshot.load.jobs)
        holds |= {sim.status("ChapterGeneration", f"c-{n}").get("holdReason") for n in range(30)}
    assert max(slots) <= 2
    assert holds <= {"Misconfigured", None}, "for as long as one is tried it waits for nothing"
    sim.api.refusals.clear()
    for _ in range(10):
        sim.run(60)
        sim.work()
    assert {sim.status("ChapterGeneration", f"c-{n}")["phase"] for n in range(30)} == {"Succeeded"}


def test_a_few_that_a_policy_refuses_for_themselves_keep_nobody(sim: Simulation) -> None:
    sim.api.refusals["jobs"] = FORBIDDEN
    for index in range(5):
        sim.apply("ChapterGeneration", f"bad-{index}", CHAPTER)
    sim.run(2)
    sim.api.refusals.clear()
    for index in range(20):
        sim.apply("ChapterGeneration", f"good-{index}", CHAPTER)
    sim.run(2)
    assert len(sim.jobs()) == 20


def test_other_namespaces_have_the_slots_that_a_quota_refuses(sim: Simulation) -> None:
    set_queue(sim, capacity=2)
    quota = Quota(sim, 0)
    for i in range(2):
        sim.apply("ChapterGeneration", f"x{i}", CHAPTER)
    quota.let(3)
    for i in range(4):
        sim.apply("ChapterGeneration", f"y{i}", CHAPTER, namespace="other")
    quota.let(6)
    assert {j["metadata"]["namespace"] for j in sim.jobs()} == {"other"}


def test_a_quota_refuses_nobody_for_work_that_is_suspended(sim: Simulation) -> None:
    quota = Quota(sim, 0)
    sim.apply("ChapterGeneration", "kept", CHAPTER)
    quota.let(10)
    sim.change_spec("ChapterGeneration", "kept", suspend=True)
    quota.let(1000)
    quota.pods = 100
    for i in range(10):
        sim.apply("ChapterGeneration", f"x{i}", CHAPTER)
    sim.run(1)
    assert len(sim.jobs()) == 10


def test_a_full_quota_is_tried_by_few_jobs_and_filled_again_when_it_has_room(sim: Simulation) -> None:
    quota = Quota(sim, 10)
    set_queue(sim, timeoutSeconds=3600)
    sim.apply("CourseGeneration", "c", course(40))
    quota.let(60)
    assert sum(1 for j in sim.jobs() if j["status"].get("ready")) == 10
    before = sum(sim.api.jobs_created.values())
    quota.let(120)
    tried = sum(sim.api.jobs_created.values()) - before
    assert tried <= 2 * 120 / 5
    held = [sim.status("ChapterGeneration", n) for n in sim.names("ChapterGeneration")]
    assert {s.get("holdReason") for s in held if not s["attempts"][-1].get("startTime")} <= {"QuotaExceeded", None}
    quota.pods = 100
    quota.let(370)
    assert sum(1 for j in sim.jobs() if j["status"].get("ready")) == 40
