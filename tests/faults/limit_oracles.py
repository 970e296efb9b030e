"""Judges of what limits work: circuits and budgets. Like the others, they read the log alone."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from coursegen_api import names

from .auditlog import Entry
from .history import History, Json, attempts_of, label_of

_OPEN = ("Open", "HalfOpen")

_FOREVER = float("inf")


@dataclass(frozen=True)
class _Attempt:
    """An attempt, by the status writes that first said so."""

    name: str
    begun: float
    """When its intent came in."""
    ended: float = _FOREVER
    """When its outcome came in."""
    completed: str = ""
    """The time of its end that status gives."""
    probe: bool = False
    succeeded: bool = False


def only_probes_while_open(history: History) -> Iterator[str]:
    """Once status says that a circuit is open, nothing begins that goes through it but one probe at a time.

    In the operator's favour: what is on its way when the circuit opens may begin, and so may all when a probe succeeds.
    """
    for gate, states, jobs in _gates(history):
        attempts = _attempts(history, jobs)
        for begin, end in _open_times(states, attempts):
            begun = [a for a in attempts if begin < a.begun < end]
            for attempt in begun:
                if not attempt.probe:
                    yield f"{attempt.name} began while the circuit of {gate} was open, and was no probe"
            probes = sorted((a for a in begun if a.probe), key=lambda a: a.begun)
            for one, other in itertools.pairwise(probes):
                if other.begun < one.ended:
                    yield f"{one.name} and {other.name} probed {gate} at a time"


def budgets_hold(history: History) -> Iterator[str]:
    """No more Jobs are created than a budget pays for: of a provider whose work each costs what it reserves."""
    for provider, states in _providers(history).items():
        jobs = sorted(_jobs(history, provider), key=lambda j: j.answered)
        for number, job in enumerate(jobs, start=1):
            allowed = [_budget(s) for s in states if s.received <= job.received]
            if any(allowed) and number * _price(states[0]) > max(allowed):
                yield f"{job.name} is Job {number} of {provider}, whose budget of {max(allowed)} tokens it is beyond"


def paid_once(history: History) -> Iterator[str]:
    """What a provider says was used is what the attempts cost that had ended by the time that it gives, each once."""
    ends = history.ends()
    for provider, states in _providers(history).items():
        attempts = _attempts(history, _jobs(history, provider))
        completed = [a.completed for a in attempts if a.completed and a.name in ends]
        for state in states:
            usage = state.response.get("status", {}).get("usage")
            if not usage or not _price(state):
                continue
            counted = [at for at in completed if at.startswith(usage["period"]) and at <= usage["settledTime"]]
            paid = _price(state) * len(counted)
            if usage["tokens"] != paid:
                yield f"{provider} says {usage['tokens']} tokens up to {usage['settledTime']}; its attempts cost {paid}"


ALL: tuple[Callable[[History], Iterator[str]], ...] = (only_probes_while_open, budgets_hold, paid_once)


def _gates(history: History) -> Iterator[tuple[str, list[Entry], list[Entry]]]:
    """Give the providers and queues: the name of each, every write of it, and the Jobs that go through it."""
    for name, states in _providers(history).items():
        yield f"provider {name}", states, _jobs(history, name)
    for name, states in _written(history, "generationqueues").items():
        yield f"queue {name}", states, [job for job in history.jobs() if label_of(job, names.LABEL_QUEUE) == name]


def _providers(history: History) -> dict[str, list[Entry]]:
    return _written(history, "modelproviders")


def _written(history: History, plural: str) -> dict[str, list[Entry]]:
    """Give what became of each object of a kind, by its name: every write of it, in order."""
    found: dict[str, list[Entry]] = {}
    for e in history.entries:
        if e.resource in (plural, f"{plural}/status") and e.code < 300 and e.response.get("spec"):
            found.setdefault(e.name, []).append(e)
    return {name: sorted(entries, key=lambda e: e.answered) for name, entries in found.items()}


def _budget(state: Entry) -> int:
    return int((state.response["spec"].get("budget") or {}).get("tokens", 0))


def _price(state: Entry) -> int:
    return int((state.response["spec"].get("budget") or {}).get("reserveTokens", 0))


def _jobs(history: History, provider: str) -> list[Entry]:
    return [job for job in history.jobs() if _provider_of(job.response) == provider]


def _provider_of(job: Json) -> str | None:
    pod = job.get("spec", {}).get("template", {}).get("spec", {})
    env = [e for container in pod.get("containers", ()) for e in container["env"] if e["name"] == names.ENV_TASK]
    return json.loads(env[0]["value"])["writer"].get("provider") if env else None


def _attempts(history: History, created: list[Entry]) -> list[_Attempt]:
    """Give the attempts of some Jobs."""
    jobs = {job.name for job in created}
    found: dict[str, _Attempt] = {}
    for entries in history.statuses().values():
        for e in entries:
            for said in attempts_of(e):
                name = said["jobName"]
                known = found.get(name)
                if name not in jobs or (known and known.completed):
                    continue
                done = said.get("completionTime", "")
                found[name] = _Attempt(
                    name,
                    known.begun if known else e.received,
                    e.received if done else _FOREVER,
                    done,
                    bool(said.get("probe")),
                    said.get("outcome") == "Succeeded",
                )
    return list(found.values())


def _open_times(states: list[Entry], attempts: list[_Attempt]) -> Iterator[tuple[float, float]]:
    """Give from when to when a circuit was open: until status says otherwise, or a probe's success does."""
    begin: float | None = None
    for state in states:
        circuit = state.response.get("status", {}).get("circuitBreaker") or {}
        is_open = circuit.get("state") in _OPEN
        if is_open and begin is None:
            begin = state.answered
        if not is_open and begin is not None:
            yield begin, _until(begin, state.received, attempts)
            begin = None
    if begin is not None:
        yield begin, _until(begin, _FOREVER, attempts)


def _until(begin: float, end: float, attempts: list[_Attempt]) -> float:
    return min((a.ended for a in attempts if a.probe and a.succeeded and a.ended > begin), default=end)
