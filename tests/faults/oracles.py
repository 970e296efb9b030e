"""Judges: pure functions from the audit log to what is wrong. They know nothing of what the operator says of itself."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

from coursegen_api import names

from . import limit_oracles
from .history import History, JobEnd, Json, attempt_of, attempts_of, end_of, label_of, version_of

MAX_RETRIES = 3

_GATES = ("generationqueues/status", "modelproviders/status")


def one_job_an_attempt(history: History) -> Iterator[str]:
    """An object, revision and attempt has one Job, and no name is used twice."""
    jobs = history.jobs()
    for attempt, times in Counter(attempt_of(j) for j in jobs).items():
        if times > 1:
            yield f"{times} Jobs for revision {attempt[1]}, attempt {attempt[2]} of {attempt[0]}"
    for name, times in Counter(j.name for j in jobs).items():
        if times > 1:
            yield f"the name {name} was used {times} times"


def intent_first(history: History) -> Iterator[str]:
    """An attempt is in status before its Job is created."""
    for job in history.jobs():
        told = history.told(label_of(job, names.LABEL_OBJECT_UID), job.received)
        if not any(a["jobName"] == job.name for a in told):
            yield f"Job {job.name} was created before its attempt was in status"


def outcome_before_removal(history: History) -> Iterator[str]:
    """A Job is removed when the outcome of its attempt is in status, and not before."""
    jobs = history.jobs()
    for removal in history.entries:
        if not (removal.by_operator and removal.resource == "jobs" and removal.code == 200):
            continue
        if removal.verb == "delete":
            removed = [j for j in jobs if j.name == removal.name]
        elif removal.verb == "deletecollection":
            course = parse_qs(urlsplit(removal.uri).query)["labelSelector"][0].partition("=")[2]
            removed = [
                j for j in jobs if label_of(j, names.LABEL_COURSE_UID) == course and j.answered < removal.received
            ]
        else:
            continue
        for job in removed:
            told = history.told(label_of(job, names.LABEL_OBJECT_UID), removal.received)
            if not any(a["jobName"] == job.name and a.get("completionTime") for a in told):
                yield f"Job {job.name} was removed before its outcome was in status"


def retries_are_bounded(history: History) -> Iterator[str]:
    """No object counts more retries than its queue allows, and no more of its Jobs fail in a revision."""
    for entries in history.statuses().values():
        most = max(e.response.get("status", {}).get("retryCount", 0) for e in entries)
        if entries[0].resource != "coursegenerations/status" and most > MAX_RETRIES:
            yield f"{entries[0].name} has {most} retries"
    ends = history.ends()
    failed = Counter(attempt_of(j)[:2] for j in history.jobs() if ends.get(j.name, (None,))[0] is JobEnd.FAILED)
    for (uid, revision), times in failed.items():
        if times > MAX_RETRIES + 1:
            yield f"{times} Jobs failed for revision {revision} of {uid}"


def capacity_holds(history: History) -> Iterator[str]:
    """At every moment a queue has no more active Jobs than its capacity.

    A Job counts from when its creation was answered until its end, or its removal, was asked for: never too many.
    """
    ends: dict[str, float] = {}
    for e in history.entries:
        said = e.response if e.code < 300 else e.request if e.code >= 500 else {}  # after a 500 it may have ended
        if e.resource == "jobs/status" and end_of(said):
            ends[e.name] = min(e.received, ends.get(e.name, e.received))
        if e.resource == "jobs" and e.verb == "delete" and e.code < 300:
            ends[e.name] = min(e.received, ends.get(e.name, e.received))
    changes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for job in history.jobs():
        queue = label_of(job, names.LABEL_QUEUE)
        changes[queue] += [(job.answered, +1), (max(job.answered, ends.get(job.name, float("inf"))), -1)]
    for queue, moments in changes.items():
        active = most = 0
        for _, change in sorted(moments):
            active += change
            most = max(most, active)
        if most > history.capacity.get(queue, 10**9):
            yield f"queue {queue} of capacity {history.capacity[queue]} had {most} active Jobs"


def success_is_final(history: History) -> Iterator[str]:
    """What has succeeded is not run again in the same revision: by its status, or by its Job."""
    succeeded: dict[tuple[str, str], float] = {}

    def note(place: tuple[str, str], when: float) -> None:
        succeeded[place] = min(when, succeeded.get(place, when))

    jobs, withdrawn = history.jobs(), set()
    for uid, entries in history.statuses().items():
        for e in entries:
            revision = str(e.response.get("status", {}).get("revision", 0))
            for attempt in attempts_of(e):
                if attempt.get("outcome") == "Succeeded":
                    note((uid, revision), e.answered)
                if attempt.get("outcome") == "Withdrawn":
                    withdrawn.add(attempt["jobName"])
    ends = history.ends()
    for job in jobs:  # what a Job made that was taken back is not looked at
        if job.name in ends and ends[job.name][0] is JobEnd.COMPLETE and job.name not in withdrawn:
            note(attempt_of(job)[:2], ends[job.name][1])
    for job in jobs:
        if job.received > succeeded.get(attempt_of(job)[:2], float("inf")):
            yield f"Job {job.name} was created after its object had succeeded"


def revisions_are_asked_for(history: History) -> Iterator[str]:
    """A revision begins because a person asked for it, once for each time."""
    asked: dict[str, set[str]] = defaultdict(set)
    for e in history.entries:
        if e.by_operator or e.verb != "patch" or e.code != 200 or not e.response.get("metadata"):
            continue
        wish = (e.request.get("spec") or {}).get("regeneration") or {}
        words = (_annotations(e.request).get(names.ANNOTATION_RETRY), wish.get("requestId"))
        asked[e.response["metadata"]["uid"]].update(w for w in words if w)
    for uid, entries in history.statuses().items():
        most = max(e.response.get("status", {}).get("revision", 0) for e in entries)
        if most > len(asked[uid]):
            yield f"{entries[0].name} came to revision {most}, and was asked for {len(asked[uid])} times"


def nothing_goes_back(history: History) -> Iterator[str]:
    """observedGeneration never falls, nor does progress within an attempt (of a course: within a revision)."""
    for entries in history.statuses().values():
        before: dict[str, tuple[Any, int]] = {}
        for e in entries:
            status = e.response.get("status", {})
            within = {
                "observedGeneration": None,
                "progressPercentage": (status.get("revision", 0), len(status.get("attempts") or ())),
            }
            for name, scope in within.items():
                value = status.get(name) or 0
                if name in before and before[name][0] == scope and value < before[name][1]:
                    yield f"{name} of {e.resource} {e.name} went from {before[name][1]} to {value}"
                before[name] = (scope, value)


def only_the_leader_writes(history: History) -> Iterator[str]:
    """Since another took the Lease, a former leader's writes are not taken in."""
    leases = [e for e in history.entries if e.resource == "leases" and e.verb in ("create", "update") and e.code < 300]
    leases.sort(key=version_of)
    for write in history.entries:
        if not leases or not write.by_operator or write.resource == "leases" or not write.takes_effect:
            continue
        holders = [e.response["spec"].get("holderIdentity", "") for e in leases if e.answered < write.received]
        if holders and not write.agent.endswith(holders[-1] or "nobody"):
            yield f"{write.verb} {write.resource} {write.name} by {write.agent}, when {holders[-1] or 'nobody'} led"


def another_takes_over(history: History) -> Iterator[str]:
    """Work is done by another replica soon after a leader was killed, or told to stop."""
    for handover in history.handovers:
        others = (
            e.answered
            for e in history.entries
            if e.by_operator and e.takes_effect and e.resource != "leases" and not e.agent.endswith(handover.leader)
        )
        took = min((t for t in others if t > handover.time), default=float("inf")) - handover.time
        if took > handover.seconds:
            yield f"{handover.what}, and another wrote after {took:.1f} s, not within {handover.seconds:.0f} s"


def quiet_at_the_end(history: History, since: float) -> Iterator[str]:
    """Once everything has ended nothing is written, but how a queue or provider stands, told every 5 s, once more."""
    told: set[str] = set()
    for e in history.entries:
        nothing = e.verb == "deletecollection" and not e.response.get("items")  # asked again, and there was none
        if e.by_operator and e.received > since and e.takes_effect and e.resource != "leases" and not nothing:
            if e.resource in _GATES and e.name not in told:
                told.add(e.name)
                continue
            yield f"{e.verb} {e.resource} {e.name} when there was nothing to do"


ALL: tuple[Callable[[History], Iterator[str]], ...] = (
    one_job_an_attempt,
    intent_first,
    outcome_before_removal,
    retries_are_bounded,
    capacity_holds,
    success_is_final,
    revisions_are_asked_for,
    nothing_goes_back,
    only_the_leader_writes,
    another_takes_over,
    *limit_oracles.ALL,
)

AT_THE_END = ("same_end", "settles", "no_orphans", "waits_as_told", quiet_at_the_end.__name__)
"""The judges that are no function of the log alone: run.py has them."""

JUDGES = (*(oracle.__name__ for oracle in ALL), *AT_THE_END)


def judge(history: History) -> list[str]:
    """Give everything that is wrong, each with the judge's name."""
    return [f"{oracle.__name__}: {said}" for oracle in ALL for said in oracle(history)]


def _annotations(body: Json) -> Json:
    return (body.get("metadata") or {}).get("annotations") or {}
