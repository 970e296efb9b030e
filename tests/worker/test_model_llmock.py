"""The wire before a judge that is not ours: llmock speaks each provider's protocol, and says who mishandles a fault."""

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from llmock.pytest_plugin import LLMock
from model_support import CHAPTER, KEY
from worker_support import Worker

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.writers.model import client, shapes
from coursegen_worker.writers.model.asking import Question
from coursegen_worker.writers.model.client import Client
from coursegen_worker.writers.model.wire import Anthropic, Dialect, Message, OpenAI, Reply, Rung

QUIZ = Question("questions", shapes.Quiz, "Write questions.", {"course": {"title": "Loops"}}, 500, lambda _: [])
WAYS = [(name, rung) for name, kind in (("openai", OpenAI), ("anthropic", Anthropic)) for rung in kind.rungs]


def dialect(provider: str, llmock: LLMock) -> tuple[Dialect, str]:
    if provider == "anthropic":
        return Anthropic(), llmock.base_url("anthropic")
    return OpenAI(llmock.base_url("openai")), llmock.base_url("openai")


def send(provider: str, llmock: LLMock, rung: Rung, message: Message | None = None) -> Reply:
    async def run() -> Reply:
        spoken, endpoint = dialect(provider, llmock)
        async with Client(spoken, "llmock", endpoint, "gpt-4o-mini", KEY, time.monotonic() + 30) as found:
            return await found.send(message or QUIZ.message(500), rung)

    made: Coroutine[Any, Any, Reply] = run()
    return asyncio.run(made)


@pytest.mark.parametrize(("provider", "rung"), WAYS)
def test_each_way_of_asking_is_understood(llmock: LLMock, provider: str, rung: Rung) -> None:
    reply = send(provider, llmock, rung)
    if rung is not Rung.PROMPTED:  # llmock heeds forms, not words
        shapes.Quiz.model_validate_json(reply.text)
    assert reply.text
    assert reply.prompt_tokens
    assert reply.completion_tokens
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_a_rate_limit_is_waited_for_as_long_as_it_says(llmock: LLMock, provider: str) -> None:
    llmock.rate_limit(retry_after=1.0)
    assert send(provider, llmock, Rung.TOOL).text
    assert len(llmock.requests) == 2
    llmock.assert_resilient(strict=True)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (401, FailureClass.REJECTED),
        (404, FailureClass.REJECTED),
        (500, FailureClass.PROVIDER_UNAVAILABLE),
        (503, FailureClass.PROVIDER_UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_an_outage_has_its_class(
    llmock: LLMock, monkeypatch: pytest.MonkeyPatch, provider: str, status: int, failure: FailureClass
) -> None:
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.0)
    llmock.outage(status=status)
    with pytest.raises(TaskFailedError) as failed:
        send(provider, llmock, Rung.TOOL)
    assert failed.value.failure is failure
    assert len(llmock.requests) == 1


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
def test_what_keeps_to_a_form_and_says_nothing_is_no_chapter(
    llmock: LLMock, worker: Worker, store_folder: Path, provider: str
) -> None:
    """The whole worker: llmock fills each form as the schema has it, with words that teach nobody anything."""
    endpoint = llmock.base_url(provider)
    worker.environment |= {names.ENV_PROVIDER_KEY: KEY, names.ENV_PROVIDER_ENDPOINT: endpoint}
    writer = {"type": provider, "provider": "llmock", "endpoint": endpoint, "model": "gpt-4o-mini"}
    ended = worker.run(CHAPTER, writer=writer)
    assert (ended.code, ended.result.failure_class) == (23, FailureClass.BAD_OUTPUT)
    assert ended.result.usage is not None
    assert ended.result.usage.completion_tokens
    assert not list(store_folder.glob("*/chapter/*"))
    llmock.assert_resilient()
