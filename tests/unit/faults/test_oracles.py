"""Each judge of the fault harness accepts what is right and refuses what is wrong."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from coursegen_api import names

from ...faults import limit_oracles, oracles
from ...faults.auditlog import Entry
from ...faults.history import Handover, History

Json = dict[str, Any]
Judge = Callable[[History], Iterator[str]]


def entry(verb: str, resource: str, name: str, at: float, response: Json, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "agent": "coursegen-operator/one",
        "namespace": "n",
        "code": 200,
        "answered": at + 0.1,
        "uri": "",
        "request": {},
    }
    return Entry(verb=verb, resource=resource, name=name, received=at, response=response, **fields | changes)


def job(at: float, name: str = "j1", attempt: int = 1, uid: str = "u") -> Entry:
    labels = {
        names.LABEL_OBJECT_UID: uid, names.LABEL_REVISION: "0", names.LABEL_ATTEMPT: str(attempt),
        names.LABEL_QUEUE: names.QUEUE_CHAPTER, names.LABEL_COURSE_UID: "cu",
    }  # fmt: skip
    return entry("create", "jobs", name, at, {"metadata": {"name": name, "labels": labels}}, code=201)


def ended(at: float, name: str = "j1", how: str = "Complete") -> Entry:
    done = {"conditions": [{"type": how, "status": "True"}]}
    return entry("update", "jobs/status", name, at, {"status": done}, agent="kube-controller-manager")


def status(at: float, attempts: list[Json] | None = None, uid: str = "u", **fields: Any) -> Entry:
    body = {
        "metadata": {"uid": uid, "resourceVersion": str(int(at * 10))},
        "status": {"attempts": attempts or []} | fields,
    }
    return entry("patch", "chaptergenerations/status", "c", at, body)


def unanswered(write: Entry) -> Entry:
    """Make a write one that was answered 500, and may have been taken in."""
    return replace(write, code=500, request=write.response, response={})


def refused(write: Entry) -> Entry:
    return replace(unanswered(write), code=409)


def removed(at: float, name: str = "j1") -> Entry:
    return entry("delete", "jobs", name, at, {})


def removed_all(at: float) -> Entry:
    uri = f"/apis/batch/v1/namespaces/n/jobs?labelSelector={names.LABEL_COURSE_UID}%3Dcu"
    return entry("deletecollection", "jobs", "", at, {"items": [{}]}, uri=uri)


def lease(at: float, holder: str) -> Entry:
    body = {"metadata": {"resourceVersion": str(int(at * 10))}, "spec": {"holderIdentity": holder}}
    return entry("update", "leases", "l", at, body)


def asked(at: float, word: str = "now", uid: str = "u") -> Entry:
    request = {"metadata": {"annotations": {names.ANNOTATION_RETRY: word}}}
    body = {"metadata": {"uid": uid}}
    return entry("patch", "chaptergenerations", "c", at, body, agent="kubectl", request=request)


def wished(at: float, uid: str = "u") -> Entry:
    request = {"spec": {"regeneration": {"requestId": "plainer"}}}
    return entry("patch", "chaptergenerations", "c", at, {"metadata": {"uid": uid}}, agent="kubectl", request=request)


def asking(at: float, name: str = "j1", attempt: int = 1) -> Entry:
    """Give a Job that asks provider p."""
    made = job(at, name, attempt)
    env = [{"name": names.ENV_TASK, "value": json.dumps({"writer": {"provider": "p"}})}]
    made.response["spec"] = {"template": {"spec": {"containers": [{"env": env}]}}}
    return made


def provider(at: float, tokens: int = 200, **status: Any) -> Entry:
    """Give how provider p stands: of its work each costs 100 tokens."""
    body = {"spec": {"budget": {"tokens": tokens, "reserveTokens": 100}}, "status": status}
    return entry("patch", "modelproviders/status", "p", at, body)


def queue(at: float, state: str) -> Entry:
    body = {"spec": {"priority": 8}, "status": {"circuitBreaker": {"state": state}}}
    return entry("patch", "generationqueues/status", names.QUEUE_CHAPTER, at, body)


def circuit(at: float, state: str) -> Entry:
    return provider(at, circuitBreaker={"state": state})


def used(at: float, tokens: int, until: str) -> Entry:
    return provider(at, usage={"tokens": tokens, "period": "2", "settledTime": until})


def failures(times: int) -> list[Entry]:
    """Give so many Jobs of one revision that failed."""
    numbers = range(1, times + 1)
    jobs = [job(n, f"j{n}", n) for n in numbers]
    return jobs + [ended(n + 0.5, f"j{n}", "Failed") for n in numbers]


def written_by(who: str, at: float) -> Entry:
    return entry("patch", "chaptergenerations/status", "c", at, {}, agent=f"coursegen-operator/{who}")


KILLED = Handover("killed", leader="one", time=10.0, seconds=5.0)

OPEN: Json = {"number": 1, "jobName": "j1"}
DONE: Json = OPEN | {"completionTime": "then", "outcome": "Succeeded"}
TAKEN_BACK: Json = OPEN | {"completionTime": "then", "outcome": "Withdrawn"}
PROBE: Json = OPEN | {"probe": True}
PROBED: Json = PROBE | {"completionTime": "2", "outcome": "Succeeded"}
PROBED_IN_VAIN: Json = PROBED | {"outcome": "Failed"}
OTHER_PROBE: Json = {"number": 2, "jobName": "j2", "probe": True}
SECOND: Json = {"number": 2, "jobName": "j2"}

RIGHT: dict[Judge, list[list[Entry]]] = {
    oracles.one_job_an_attempt: [[job(1), job(2, "j2", 2)]],
    oracles.intent_first: [[status(1, [OPEN]), job(2)], [unanswered(status(1, [OPEN])), job(2)]],
    oracles.outcome_before_removal: [
        [job(1), status(2, [DONE]), removed(3)],
        [job(1), status(2, [DONE]), removed_all(3), job(4, "j2", 2)],
        [job(1), unanswered(status(2, [DONE])), removed(3)],
    ],
    oracles.retries_are_bounded: [[status(1, retryCount=3)], failures(4)],
    oracles.capacity_holds: [
        [job(1), ended(2), job(3, "j2")],
        [job(1), unanswered(ended(2)), job(3, "j2")],
        [job(1), removed(2), job(3, "j2")],
    ],
    oracles.success_is_final: [
        [job(1), status(2, [DONE])],
        [status(2, [DONE], uid="other"), job(3)],
        [job(1), ended(2, how="Failed"), job(3, "j2", 2)],
        [job(1), ended(2), status(3, [TAKEN_BACK]), job(4, "j2", 2)],
    ],
    oracles.revisions_are_asked_for: [
        [status(1, revision=0)],
        [asked(1), status(2, revision=1), wished(3), status(4, revision=2)],
    ],
    oracles.nothing_goes_back: [
        [status(1, progressPercentage=10), status(2, progressPercentage=20)],
        [status(1, [OPEN], progressPercentage=50), status(2, [DONE, SECOND], progressPercentage=0)],
    ],
    oracles.only_the_leader_writes: [[lease(1, "one"), job(2)], [job(2)]],
    limit_oracles.only_probes_while_open: [
        [status(1, [OPEN]), circuit(2, "Open"), asking(3)],
        [circuit(1, "Open"), status(2, [PROBE]), asking(2.5)],
        [circuit(1, "Open"), circuit(2, "Closed"), status(3, [OPEN]), asking(4)],
        [
            circuit(1, "Open"),
            status(2, [PROBE]),
            asking(2.5),
            status(3, [PROBED]),
            status(4, [PROBED, SECOND]),
            asking(5, "j2", 2),
        ],
        [
            circuit(1, "Open"),
            status(2, [PROBE]),
            asking(2.5),
            status(3, [PROBED_IN_VAIN]),
            status(4, [PROBED_IN_VAIN, OTHER_PROBE]),
            asking(5, "j2", 2),
        ],
        [circuit(1, "Open"), status(2, [OPEN]), job(3)],
        [queue(1, "Open"), status(2, [PROBE]), job(2.5)],
    ],
    limit_oracles.budgets_hold: [
        [provider(1), asking(2), asking(3, "j2", 2)],
        [provider(1, 100), asking(2), provider(3), asking(4, "j2", 2)],
        [provider(1, 100), asking(2), job(3, "j2", 2)],
    ],
    limit_oracles.paid_once: [
        [provider(1), asking(1), ended(2), status(2, [DONE | {"completionTime": "2"}]), used(3, 100, "2")],
        [provider(1), asking(1), ended(2), status(2, [DONE | {"completionTime": "2"}]), used(3, 0, "1")],
        [provider(1), asking(1), ended(2), status(2, [DONE | {"completionTime": "1"}]), used(3, 0, "2")],
    ],
    oracles.another_takes_over: [[written_by("two", 11)], [written_by("one", 10.1), written_by("two", 14.8)]],
}
WRONG: dict[Judge, list[list[Entry]]] = {
    oracles.one_job_an_attempt: [[job(1), job(2, "j1b")], [job(1), job(2, "j1", 2)]],
    oracles.intent_first: [
        [job(1), status(2, [OPEN])],
        [status(1, [SECOND]), job(2)],
        [refused(status(1, [OPEN])), job(2)],
    ],
    oracles.outcome_before_removal: [
        [job(1), status(2, [OPEN]), removed(3), status(4, [DONE])],
        [job(1), status(2, [OPEN]), removed_all(3), status(4, [DONE])],
    ],
    oracles.retries_are_bounded: [[status(1, retryCount=4)], failures(5)],
    oracles.capacity_holds: [[job(1), job(1.5, "j2"), ended(2), ended(2, "j2")]],
    oracles.success_is_final: [
        [job(1), status(2, [DONE]), job(3, "j2", 2)],
        [job(1), ended(2), job(3, "j2", 2)],
    ],
    oracles.revisions_are_asked_for: [
        [status(1, revision=1)],
        [asked(1), asked(2), status(3, revision=2)],
        [asked(1, uid="other"), status(2, revision=1)],
    ],
    oracles.nothing_goes_back: [
        [status(1, progressPercentage=20), status(2, progressPercentage=10)],
        [status(1, observedGeneration=2), status(2, observedGeneration=1)],
    ],
    oracles.only_the_leader_writes: [
        [lease(1, "one"), lease(2, "two"), job(3)],
        [lease(1, "one"), lease(2, ""), job(3)],
    ],
    limit_oracles.only_probes_while_open: [
        [circuit(1, "Open"), status(2, [OPEN]), asking(3)],
        [queue(1, "Open"), status(2, [OPEN]), job(3)],
        [circuit(1, "Open"), circuit(2, "HalfOpen"), status(3, [OPEN]), asking(4), circuit(5, "Closed")],
        [circuit(1, "Open"), status(2, [PROBE]), asking(2.5), status(3, [PROBE, OTHER_PROBE]), asking(4, "j2", 2)],
    ],
    limit_oracles.budgets_hold: [
        [provider(1, 100), asking(2), asking(3, "j2", 2)],
        [provider(1, 100), asking(2), asking(3, "j2", 2), provider(4)],
    ],
    limit_oracles.paid_once: [
        [provider(1), asking(1), ended(2), status(2, [DONE | {"completionTime": "2"}]), used(3, 200, "2")],
        [provider(1), asking(1), ended(2), status(2, [DONE | {"completionTime": "2"}]), used(3, 0, "2")],
    ],
    oracles.another_takes_over: [[], [written_by("one", 11)], [written_by("two", 9)], [written_by("two", 15.1)]],
}


def cases(table: dict[Judge, list[list[Entry]]]) -> list[Any]:
    return [pytest.param(j, e, id=f"{j.__name__}-{n}") for j, found in table.items() for n, e in enumerate(found)]


def handovers(judge: Judge) -> list[Handover]:
    return [KILLED] if judge is oracles.another_takes_over else []


def test_every_judge_is_tried_both_ways() -> None:
    assert set(RIGHT) == set(WRONG) == set(oracles.ALL)


@pytest.mark.parametrize(("judge", "entries"), cases(RIGHT))
def test_what_is_right_is_accepted(judge: Judge, entries: list[Entry]) -> None:
    assert list(judge(History(entries, {names.QUEUE_CHAPTER: 1}, handovers(judge)))) == []


@pytest.mark.parametrize(("judge", "entries"), cases(WRONG))
def test_what_is_wrong_is_refused(judge: Judge, entries: list[Entry]) -> None:
    assert list(judge(History(entries, {names.QUEUE_CHAPTER: 1}, handovers(judge))))


def test_at_the_end_a_write_is_refused_and_a_removal_of_nothing_is_not() -> None:
    nothing = entry("deletecollection", "jobs", "", 2, {"items": []})
    assert list(oracles.quiet_at_the_end(History([nothing, status(0.5)], {}), 1)) == []
    assert list(oracles.quiet_at_the_end(History([status(2)], {}), 1))


def test_at_the_end_each_queue_may_tell_its_standing_once_more() -> None:
    def told(at: float, queue: str) -> Entry:
        return entry("patch", "generationqueues/status", queue, at, {})

    assert list(oracles.quiet_at_the_end(History([told(2, "export"), told(2, "default")], {}), 1)) == []
    assert len(list(oracles.quiet_at_the_end(History([told(2, "export"), told(7, "export")], {}), 1))) == 1
