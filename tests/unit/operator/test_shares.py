"""Several operators write one status of a queue: each its share, and the sums; none takes another's away."""

import copy

import pytest

from coursegen_api.queue import GenerationQueue
from coursegen_operator.shares import MAIN, Shares, total
from coursegen_operator.statuspatch import difference, merged

Json = dict[str, object]

META = {"name": "q", "uid": "u", "resourceVersion": "1", "generation": 1}


class Cluster:
    """A queue as the API server keeps it, and operators that read and write it."""

    def __init__(self, *shards: str) -> None:
        self.queue: Json = {"metadata": META, "spec": {"priority": 8}, "status": {}}
        self.operators = {shard: Shares(shard) for shard in shards}

    def sees(self, shard: str) -> Json:
        return self.operators[shard].read(copy.deepcopy(self.queue))["status"]

    def writes(self, shard: str, **status: object) -> None:
        """Have an operator bring its own status to this, as `standing` does: by the difference."""
        patch = difference(self.sees(shard), status)
        body = self.operators[shard].write("q", {"metadata": META, "status": patch})
        self.queue["status"] = merged(self.queue["status"], body["status"])
        GenerationQueue.model_validate(self.queue)


def test_an_operator_that_is_alone_writes_as_ever() -> None:
    cluster = Cluster("")
    cluster.writes("", active=3, pending=2)
    assert cluster.queue["status"] == {"active": 3, "pending": 2}


def test_each_sees_what_it_wrote_itself_and_people_see_the_sum() -> None:
    cluster = Cluster("a", "b")
    cluster.writes("a", active=3, pending=2, capacity=8)
    cluster.writes("b", active=1, pending=0, capacity=8)
    cluster.writes("a", active=4, pending=2, capacity=8)
    assert cluster.sees("a") == {"active": 4, "pending": 2, "capacity": 8}
    assert cluster.sees("b") == {"active": 1, "pending": 0, "capacity": 8}
    shown = cluster.queue["status"]
    assert (shown["active"], shown["pending"], shown["capacity"], sorted(shown["shards"])) == (5, 2, 16, ["a", "b"])


def test_who_joins_an_operator_without_a_name_leaves_it_what_it_wrote() -> None:
    cluster = Cluster("", "b")
    circuit = {"state": "Open", "openings": 1}
    cluster.writes("", active=3, circuitBreaker=circuit)
    cluster.writes("b", active=1)
    assert cluster.sees("") == {"active": 3, "circuitBreaker": circuit}
    assert sorted(cluster.queue["status"]["shards"]) == ["b", MAIN]
    cluster.writes("", active=2)
    assert (cluster.queue["status"]["active"], cluster.sees("b")) == (3, {"active": 1})
    assert "circuitBreaker" not in cluster.queue["status"]


def test_what_an_operator_takes_back_is_gone_from_its_share_and_from_the_sum() -> None:
    cluster = Cluster("a", "b")
    cluster.writes("a", active=1, oldestPendingTime="2026-01-01T00:00:00Z")
    cluster.writes("b", active=1)
    cluster.writes("a", active=1)
    assert "oldestPendingTime" not in cluster.sees("a")
    assert "oldestPendingTime" not in cluster.queue["status"]


def test_the_sums_are_a_function_of_the_shares_so_that_nobody_writes_over_anothers() -> None:
    cluster = Cluster("a", "b")
    cluster.writes("a", active=1)
    cluster.writes("b", active=2)
    before = copy.deepcopy(cluster.queue)
    cluster.writes("a", active=1)
    assert cluster.queue == before


CIRCUITS = [
    (["Closed", "Open", "HalfOpen"], "Open"),
    (["Closed", "HalfOpen"], "HalfOpen"),
    (["Closed", "Closed"], "Closed"),
]


@pytest.mark.parametrize(("states", "shown"), CIRCUITS)
def test_of_circuits_the_worst_is_shown(states: list[str], shown: str) -> None:
    shares = {str(i): {"circuitBreaker": {"state": s}} for i, s in enumerate(states)}
    assert total(shares)["circuitBreaker"]["state"] == shown


def test_of_times_the_longest_is_shown_and_the_success_rate_is_that_of_all() -> None:
    hours = [
        {"succeeded": 9, "failed": 1, "retried": 2, "successRatePercent": 90, "waitP95Seconds": 5},
        {"succeeded": 0, "failed": 10, "retried": 3, "successRatePercent": 0, "waitP95Seconds": 50, "runP50Seconds": 7},
    ]
    shown = total({str(i): {"lastHour": h} for i, h in enumerate(hours)})["lastHour"]
    assert shown == {
        "succeeded": 9, "failed": 11, "retried": 5, "successRatePercent": 45, "waitP95Seconds": 50, "runP50Seconds": 7,
    }  # fmt: skip


def test_ready_says_in_use_if_any_share_is() -> None:
    ready = {"type": "Ready", "status": "True", "reason": "Idle", "message": "", "lastTransitionTime": "t"}
    shares = {"a": {"active": 0, "conditions": [ready]}, "b": {"active": 2, "conditions": [ready]}}
    assert total(shares)["conditions"] == [ready | {"reason": "InUse"}]
