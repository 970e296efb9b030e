"""What goes over the wire to each family of servers, and what comes back, as values."""

import json

import pytest
from model_support import KEY

from coursegen_worker.writers.model import client
from coursegen_worker.writers.model.wire import Anthropic, Message, OpenAI, Rung, UnreadableError

MESSAGE = Message("rules", '{"course": {}}', "lesson", {"type": "object"}, 500)


@pytest.mark.parametrize(
    ("endpoint", "limit"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://my.openai.azure.com/openai/v1", "max_completion_tokens"),
        ("http://vllm.models.svc:8000/v1", "max_tokens"),
        ("https://api.openai.com.example.org/v1", "max_tokens"),
    ],
)
def test_each_server_gets_the_limit_that_it_knows(endpoint: str, limit: str) -> None:
    body = OpenAI(endpoint).body("m", MESSAGE, Rung.NATIVE)
    assert {k for k in body if "tokens" in k} == {limit}


def test_anthropics_messages_are_spoken_too() -> None:
    dialect = Anthropic()
    body = dialect.body("claude", MESSAGE, Rung.TOOL)
    assert body["tool_choice"] == {"type": "tool", "name": body["tools"][0]["name"]}
    assert dialect.headers(KEY)["x-api-key"] == KEY
    used = {"type": "tool_use", "id": "t", "name": "answer", "input": {"text": "x"}}
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 2, "output_tokens": 7}
    reply = dialect.read({"content": [{"type": "text", "text": "Here:"}, used], "usage": usage})
    assert (json.loads(reply.text), reply.prompt_tokens, reply.cached_tokens) == ({"text": "x"}, 17, 5)
    assert dialect.read({"content": [], "stop_reason": "refusal"}).refusal
    assert dialect.read({"content": [], "stop_reason": "max_tokens"}).cut


@pytest.mark.parametrize("body", [None, [], {}, {"choices": None}, {"choices": [1]}, {"content": [1]}, "x"])
def test_what_is_no_answer_is_told_from_one(body: object) -> None:
    for dialect in (OpenAI("https://x"), Anthropic()):
        with pytest.raises(UnreadableError):
            dialect.read(body)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "90"}, 90),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 50),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "9" * 40}, 10**9),
        ({}, None),
    ],
)
def test_the_time_that_a_provider_asks_for_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    assert client.retry_after(headers, now=50.0) == seconds
