"""What limits work, while things go wrong: circuits, budgets, quotas, and what is taken away in the middle.

Each plan brings a load of its own, and says what that has to come to.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from coursegen_api import names
from coursegen_api.base import FailureClass, Usage
from coursegen_api.task import TASK_RESULT, TaskInput, TaskResult, exit_code

from ..cluster.operator.kubelet import End, well
from . import load
from .fault import Act, Ask, Fault, every, kopf, patches, writes
from .run import LONG_QUIET_SECONDS, QUIET_SECONDS, Plan, Scene

Json = dict[str, Any]
Trouble = Callable[[Scene], Awaitable[None]]

PRICE = 100
"""Tokens that each attempt of the load with a budget costs, whatever comes of it."""

_FAILING = "fails-once"
_BREAKER = {"minimumAttempts": 3, "windowSeconds": 60, "openSeconds": 1, "maxOpenSeconds": 2}

_PATIENCE_SECONDS = 300.0
"""Killed again and again on a busy machine, an operator takes its time until money is used up."""

QUEUE = f"/apis/{names.API_VERSION}/generationqueues/{names.QUEUE_CHAPTER}"


# ---- how Pods end -----------------------------------------------------------------------------------------


def _failed(failure: FailureClass, **more: Any) -> End:
    return End(exit_code(failure), TaskResult(failure_class=failure, message="said so", **more).to_json())


def _own_fault(task: TaskInput) -> bool:
    return task.name == _FAILING and task.attempt == 1


def _up(task: TaskInput) -> End:
    return _failed(FailureClass.BAD_OUTPUT) if _own_fault(task) else well(task)


def _down(task: TaskInput) -> End:
    """End as a worker does whose provider answers 500 to one, and 429 to another."""
    if _own_fault(task):
        return _up(task)
    if task.name.endswith(("1", "3")):
        return _failed(FailureClass.RATE_LIMITED, retry_after_seconds=1)
    return _failed(FailureClass.PROVIDER_UNAVAILABLE)


def _without_store(task: TaskInput) -> End:
    return _up(task) if _own_fault(task) else _failed(FailureClass.STORAGE_UNAVAILABLE)


def _at_a_price(task: TaskInput) -> End:
    paid = Usage(prompt_tokens=PRICE // 4, completion_tokens=PRICE - PRICE // 4)
    if _own_fault(task):
        return _failed(FailureClass.BAD_OUTPUT, usage=paid)
    said = TASK_RESULT.validate_json(well(task).message)
    return End(0, said.model_copy(update={"usage": paid}).to_json(), "Completed")


# ---- people -----------------------------------------------------------------------------------------------


async def _create(scene: Scene, kind: str, name: str, spec: Json) -> None:
    manifest = {"apiVersion": names.API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    await scene.ground.ask("POST", load.path(scene.namespace, f"{kind.lower()}s"), manifest)


async def _chapters(scene: Scene, *wanted: str) -> None:
    for name in wanted:
        spec = {"title": "Loops", "learningObjectives": ["Write a for loop"], "courseContext": {"title": "Python"}}
        await _create(scene, "ChapterGeneration", name, spec | {"providerName": "p"})


async def _change(scene: Scene, plural: str, name: str, change: Json) -> None:
    await scene.ground.client.patch(load.path(scene.namespace, plural, name), change)


async def until_held(scene: Scene, reason: str, number: int = 1) -> None:
    """Wait until so many chapters are held for a reason."""
    await _until_so(scene, "holdReason", reason, number)


async def _until_so(scene: Scene, field: str, value: str, number: int) -> None:
    async def found() -> bool:
        chapters = (await scene.ground.ask("GET", load.path(scene.namespace, "chaptergenerations")))["items"]
        return sum(c.get("status", {}).get(field) == value for c in chapters) >= number

    await scene.until(found)


async def _until_opened(scene: Scene, path: str, times: int) -> None:
    """Wait until a circuit has opened so many times in a row."""

    async def opened() -> bool:
        circuit = (await scene.ground.ask("GET", path)).get("status", {}).get("circuitBreaker") or {}
        return int(circuit.get("openings", 0)) >= times

    await scene.until(opened)


async def _until_there(scene: Scene, path: str) -> None:
    async def there() -> bool:
        return await scene.ground.client.get(path) is not None

    await scene.until(there)


def _ends(retries: int = 0) -> Callable[[Json], Iterator[str]]:
    """Give the judge of an end: all have succeeded, and only what failed by its own fault has counted that, once."""

    def judge(came_to: Json) -> Iterator[str]:
        for name, end in came_to.items():
            counted = retries if name == f"chaptergenerations/{_FAILING}" else 0
            if (end["phase"], end["retries"]) != ("Succeeded", counted):
                yield f"{name} is {end['phase']} with {end['retries']} retries, not Succeeded with {counted}"
        if not came_to:
            yield "there was no work"

    return judge


# ---- the loads --------------------------------------------------------------------------------------------


async def _outage(scene: Scene) -> None:
    """A provider fails for a while: its circuit opens, a probe fails and opens it anew, and then it is back."""
    scene.ground.kubelet.decide = _down
    await _create(scene, "ModelProvider", "p", {"writer": "template", "circuitBreaker": _BREAKER})
    await _chapters(scene, _FAILING, *(f"part-{n}" for n in range(6)))
    await _until_opened(scene, load.path(scene.namespace, "modelproviders", "p"), 2)
    scene.ground.kubelet.decide = _up
    scene.calm()


async def _queue_fails(scene: Scene) -> None:
    """The store fails for all that one queue runs: its circuit opens, a probe fails, and then the store is back."""
    scene.ground.kubelet.decide = _without_store
    shipped = (await scene.ground.ask("GET", QUEUE))["spec"]
    await scene.ground.client.patch(QUEUE, {"spec": {"circuitBreaker": _BREAKER}})
    try:
        await _create(scene, "ModelProvider", "p", {"writer": "template"})
        await _chapters(scene, _FAILING, *(f"part-{n}" for n in range(6)))
        await _until_opened(scene, QUEUE, 2)
        scene.ground.kubelet.decide = _up
        await _until_so(scene, "phase", "Succeeded", 7)
    finally:
        await _restore(scene, shipped)
    scene.calm()


async def _budget(scene: Scene) -> None:
    """The money of a provider and that of a course are used up, and raised by people."""
    scene.ground.kubelet.decide = _at_a_price
    budget = {"tokens": 3 * PRICE, "reserveTokens": PRICE}
    await _create(scene, "ModelProvider", "p", {"writer": "template", "budget": budget})
    course = load.LOAD["b"][1] | {"providerName": "p", "budget": {"tokens": PRICE}}
    await _create(scene, "CourseGeneration", "poor", course)
    await scene.until_written("POST jobs poor-chapter")
    await _chapters(scene, _FAILING, *(f"part-{n}" for n in range(3)))
    await until_held(scene, "BudgetExceeded", 4)
    await _change(scene, "coursegenerations", "poor", {"spec": {"budget": {"tokens": 9 * PRICE}}})
    await _change(scene, "modelproviders", "p", {"spec": {"budget": {"tokens": 99 * PRICE}}})
    scene.calm()


async def poor_chapters(scene: Scene) -> None:
    """Create three chapters of a provider whose budget pays for one."""
    budget = {"tokens": PRICE, "reserveTokens": PRICE}
    await _create(scene, "ModelProvider", "p", {"writer": "template", "budget": budget})
    await _chapters(scene, *(f"part-{n}" for n in range(3)))


def _quota(counted: str) -> Trouble:
    """Give the trouble of a quota that refuses everything of a kind, until people raise it."""

    async def trouble(scene: Scene) -> None:
        where = f"/api/v1/namespaces/{scene.namespace}/resourcequotas"
        quota = {"metadata": {"name": "narrow"}, "spec": {"hard": {counted: "0"}}}
        await scene.ground.ask("POST", where, quota)

        async def heeded() -> bool:
            found = await scene.ground.ask("GET", f"{where}/narrow")
            return counted in found.get("status", {}).get("hard", {})

        await scene.until(heeded)
        await _create(scene, "ModelProvider", "p", {"writer": "template"})
        await _chapters(scene, *(f"part-{n}" for n in range(3)))
        await until_held(scene, "QuotaExceeded")
        await scene.ground.client.patch(f"{where}/narrow", {"spec": {"hard": {counted: "50"}}})
        scene.calm()

    return trouble


async def _taken_away(scene: Scene) -> None:
    """A queue, a provider and a chapter are deleted in the middle; queue and provider come back later."""
    ask, shipped = scene.ground.ask, (await scene.ground.ask("GET", QUEUE))["spec"]
    chapter = load.path(scene.namespace, "chaptergenerations", "data-chapter-03")
    try:
        await scene.ground.client.patch(QUEUE, {"spec": {"capacity": 1}})
        await _create(scene, "ModelProvider", "p", {"writer": "template"})
        await _create(scene, "CourseGeneration", "data", load.LOAD["b"][1] | {"providerName": "p"})
        await scene.until_written("POST jobs data-chapter")
        await _until_there(scene, chapter)
        for gone in (QUEUE, load.path(scene.namespace, "modelproviders", "p"), chapter):
            await ask("DELETE", gone)
        await until_held(scene, "Misconfigured")
    finally:
        await _restore(scene, shipped)
    await _create(scene, "ModelProvider", "p", {"writer": "template"})
    scene.calm()


async def _restore(scene: Scene, shipped: Json) -> None:
    """Bring the queue of chapters back, as the next run expects it."""
    breaker = {"circuitBreaker": shipped.get("circuitBreaker")}
    await scene.ground.client.apply(QUEUE, {
        "apiVersion": names.API_VERSION, "kind": "GenerationQueue", "metadata": {"name": names.QUEUE_CHAPTER},
        "spec": shipped,
    })  # fmt: skip
    await scene.ground.client.patch(QUEUE, {"spec": breaker})


# ---- the plans --------------------------------------------------------------------------------------------

LOADS: dict[str, tuple[Trouble, int]] = {
    "an outage": (_outage, 1),
    "a queue's store fails": (_queue_fails, 1),
    "a budget is used up": (_budget, 1),
    "a quota refuses Pods": (_quota("pods"), 0),
    "a quota refuses Jobs": (_quota("count/jobs.batch"), 0),
    "queue, provider and chapter are deleted": (_taken_away, 0),
}
"""By what happens: who brings it about, and how often what fails by its own fault does."""


def _of_gates(ask: Ask) -> bool:
    return ask.write and ask.resource == "modelproviders/status"


NOTHING = "nothing else"
AT_ITS_STANDING = "killed when it is written how the provider stands"

_HARMS: dict[str, Callable[[], list[Fault]]] = {
    NOTHING: list,
    "killed before every fifth write is sent": lambda: [Fault(Act.KILL_BEFORE, every(5, writes), 4)],
    "killed when every fifth write is committed": lambda: [Fault(Act.KILL_AFTER, every(5, writes), 4)],
    "every third answer to a write is lost": lambda: [Fault(Act.LOSE, every(3, writes), 10)],
    "every third status write is answered 409": lambda: [Fault(Act.ANSWER, every(3, patches), 10, 409)],
}

_HARMS_OF_GATES: dict[str, Callable[[], list[Fault]]] = {
    AT_ITS_STANDING: lambda: [Fault(Act.KILL_AFTER, _of_gates, 3)],
    "killed before it is written how the provider stands": lambda: [Fault(Act.KILL_BEFORE, _of_gates, 3)],
    "half of the answers are lost to how the provider stands": lambda: [Fault(Act.LOSE, every(2, _of_gates), 6)],
    "no event of the provider comes": lambda: [Fault(Act.DROP, kopf("modelproviders"), 999)],
    "the watch of providers freezes for good": lambda: [Fault(Act.FREEZE, kopf("modelproviders"))],
}


def plan(what: str, harm: str) -> Plan:
    """Give the plan in which a load is met by a harm."""
    trouble, retries = LOADS[what]
    faults = (_HARMS | _HARMS_OF_GATES)[harm]
    return Plan(
        f"{what}: {harm}",
        faults,
        trouble,
        parts=(),
        brings_load=True,
        comes_to=_ends(retries),
        must_meet=faults is not list,
        patience=_PATIENCE_SECONDS,
        quiet=QUIET_SECONDS if faults is not list else LONG_QUIET_SECONDS,
    )


def plans() -> list[Plan]:
    """Give every load with every harm."""
    crossed = [plan(what, harm) for what in LOADS for harm in _HARMS]
    gates = [plan(what, harm) for what in ("an outage", "a budget is used up") for harm in _HARMS_OF_GATES]
    return [*crossed, *gates]
