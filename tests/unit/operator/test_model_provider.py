"""What a ModelProvider says reaches the worker, its key only by reference, and a probe knows that it is one."""

import pytest

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import Writer

from .simulation import Json, Simulation

CHAPTER = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"], "providerName": "p"}
MODEL = {
    "writer": "openai",
    "endpoint": "https://models.example/v1",
    "model": "large",
    "secretName": "key",
    "prices": {"promptMicroUSD": 150_000},
    "taskTokenLimit": 5000,
    "parallelRequests": 3,
}


def refs(job: Json) -> dict[str, Json]:
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return {e["name"]: e["valueFrom"]["secretKeyRef"] for e in env if "secretKeyRef" in e.get("valueFrom", {})}


@pytest.mark.parametrize("writer", ["openai", "anthropic"])
def test_the_worker_is_told_all_but_the_key(writer: str) -> None:
    sim = Simulation()
    sim.apply("ModelProvider", "p", MODEL | {"writer": writer})
    sim.apply("ChapterGeneration", "ch", CHAPTER)
    sim.run(1)
    [job] = sim.jobs()
    task = sim.task(job)
    assert task.writer == Writer.model_validate(
        {
            "type": writer,
            "provider": "p",
            "endpoint": "https://models.example/v1",
            "model": "large",
            "prices": {"promptMicroUSD": 150_000},
            "tokenLimit": 5000,
            "parallelRequests": 3,
        }
    )
    assert not task.probe
    found = refs(job)
    assert found[names.ENV_PROVIDER_KEY] == {"name": "key", "key": "key"}
    assert found[names.ENV_PROVIDER_ENDPOINT] == {"name": "key", "key": "allowedEndpoint"}


def test_the_composer_gets_no_key() -> None:
    sim = Simulation()
    sim.apply("ModelProvider", "p", {"writer": "template", "secretName": "key"})
    sim.apply("ChapterGeneration", "ch", CHAPTER)
    sim.run(1)
    [job] = sim.jobs()
    assert set(refs(job)) == {names.ENV_REDIS_URL, names.ENV_REDIS_CA}


def test_a_probe_is_told_to_try_nothing_again_and_is_the_same_job_after_a_crash() -> None:
    sim = Simulation()
    sim.apply("ModelProvider", "p", MODEL)
    for name in ("a", "b", "c", "d", "e"):
        sim.apply("ChapterGeneration", name, CHAPTER)
    sim.run(1)
    for job in sim.jobs():
        sim.start(job)
        sim.fail(job, FailureClass.PROVIDER_UNAVAILABLE)
    sim.settle()
    sim.apply("ChapterGeneration", "next", CHAPTER)
    sim.run(31)
    [probe] = sim.jobs()
    assert sim.task(probe).probe
    sim.restart()
    sim.run(5)
    assert [j["metadata"]["uid"] for j in sim.jobs()] == [probe["metadata"]["uid"]]
    sim.work([probe])
    sim.run(120)
    assert {sim.task(job).probe for job in sim.jobs()} == {False}
