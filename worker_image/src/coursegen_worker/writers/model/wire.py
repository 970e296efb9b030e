"""What is said to a provider and heard from it, apart from HTTP: one dialect for OpenAI's way, one for Anthropic's.

Written here and not taken from the providers' libraries: those take three to six times as long to import, which every
Job pays, sleep through a Retry-After of 90 s, and hide which part of a request a server refused.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

TOOL = "answer"
"""Name of the one tool that a model is given to answer with."""

_OLD_LIMIT, _NEW_LIMIT = "max_tokens", "max_completion_tokens"
_IN_WORDS = "Answer with one JSON object and nothing else. It must match this JSON Schema:\n"


class Rung(StrEnum):
    """How a model is held to a form, the surest way first."""

    NATIVE = "native"
    """The server allows nothing but what the schema does."""
    TOOL = "tool"
    """The model is made to call a tool whose argument is the answer."""
    PROMPTED = "prompted"
    """The schema stands in the prompt, and the answer is hoped to keep to it."""


class UnreadableError(Exception):
    """The body is not an answer of this dialect."""


@dataclass(frozen=True)
class Message:
    """One request: the rules and the task, the data, and the form of the answer."""

    system: str
    user: str
    name: str
    """Of the form, for the server."""
    schema: dict[str, Any]
    most_tokens: int

    def in_words(self) -> str:
        """Give the system prompt with the form of the answer in it."""
        return f"{self.system}\n\n{_IN_WORDS}{json.dumps(self.schema)}"


@dataclass(frozen=True)
class Reply:
    """An answer, and what it cost by the provider's own figures."""

    text: str
    refusal: str = ""
    cut: bool = False
    """It ended at the limit of tokens."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt's tokens, those that the provider had in its cache."""


class Dialect(Protocol):
    """How one family of providers is spoken to."""

    rungs: tuple[Rung, ...]
    path: str
    """Under the endpoint."""

    def headers(self, key: str) -> dict[str, str]:
        """Give the headers that carry the key; none without one."""

    def body(self, model: str, message: Message, rung: Rung) -> dict[str, Any]:
        """Give the request."""

    def instead(self, body: dict[str, Any], said: str) -> dict[str, Any] | None:
        """Give the request as the server wants it by what it says of this one; None if it says no such thing."""

    def read(self, body: Any) -> Reply:
        """Read the answer; raises UnreadableError."""


class OpenAI:
    """Chat completions, as OpenAI, Azure, vLLM, Ollama, llama.cpp and many others speak them."""

    rungs: tuple[Rung, ...] = (Rung.NATIVE, Rung.TOOL, Rung.PROMPTED)
    path = "/chat/completions"

    def __init__(self, endpoint: str) -> None:
        host = endpoint.partition("://")[2].partition("/")[0].partition(":")[0]
        own = host.endswith((".openai.com", ".azure.com"))
        # OpenAI's newer models refuse max_tokens; of the compatible servers some know nothing else.
        self._limit = _NEW_LIMIT if own else _OLD_LIMIT

    def headers(self, key: str) -> dict[str, str]:
        """Give the key as a bearer token."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(self, model: str, message: Message, rung: Rung) -> dict[str, Any]:
        """Give a request without sampling parameters: some models refuse those, and all have defaults."""
        system = message.in_words() if rung is Rung.PROMPTED else message.system
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "system", "content": system}, {"role": "user", "content": message.user}],
            self._limit: message.most_tokens,
        }
        if rung is Rung.NATIVE:
            form = {"name": message.name, "schema": message.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        elif rung is Rung.TOOL:
            tool = {"name": TOOL, "description": f"Gives the {message.name}.", "parameters": message.schema}
            body["tools"] = [{"type": "function", "function": tool}]
            body["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
        return body

    def instead(self, body: dict[str, Any], said: str) -> dict[str, Any] | None:
        """Give the limit its newer name, here and from now on: a gateway may have OpenAI's models behind it."""
        if _OLD_LIMIT not in body or _NEW_LIMIT not in said:
            return None
        self._limit = _NEW_LIMIT
        return {_NEW_LIMIT if name == _OLD_LIMIT else name: value for name, value in body.items()}

    def read(self, body: Any) -> Reply:
        """Read the first choice; a tool's argument goes before text."""
        try:
            choice = body["choices"][0]
            message = choice["message"]
            calls = message.get("tool_calls") or []
            text = calls[0]["function"]["arguments"] if calls else _joined(message.get("content"))
            usage = body.get("usage") or {}
            end = choice.get("finish_reason")
            if end == "error":  # OpenRouter says 200 where the server behind it fails
                raise UnreadableError("an error in place of an answer")
            refusal = message.get("refusal") or ("the provider's content filter" if end == "content_filter" else "")
            return Reply(
                text if isinstance(text, str) else json.dumps(text),
                str(refusal),
                end == "length",
                _count(usage.get("prompt_tokens")),
                _count(usage.get("completion_tokens")),
                _count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")),
            )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise UnreadableError("no chat completion") from error


class Anthropic:
    """Anthropic's messages."""

    rungs: tuple[Rung, ...] = (Rung.TOOL, Rung.PROMPTED)
    path = "/v1/messages"

    def headers(self, key: str) -> dict[str, str]:
        """Give the version of the protocol, and the key."""
        return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})

    def body(self, model: str, message: Message, rung: Rung) -> dict[str, Any]:
        """Give a request."""
        body: dict[str, Any] = {
            "model": model,
            "system": message.in_words() if rung is Rung.PROMPTED else message.system,
            "messages": [{"role": "user", "content": message.user}],
            "max_tokens": message.most_tokens,
        }
        if rung is Rung.TOOL:
            body["tools"] = [
                {"name": TOOL, "description": f"Gives the {message.name}.", "input_schema": message.schema}
            ]
            body["tool_choice"] = {"type": "tool", "name": TOOL}
        return body

    def instead(self, body: dict[str, Any], said: str) -> None:
        """There is one way to ask."""

    def read(self, body: Any) -> Reply:
        """Read the blocks of an answer; a tool's input goes before text."""
        try:
            blocks = body["content"]
            calls = [b["input"] for b in blocks if b["type"] == "tool_use"]
            text = json.dumps(calls[0]) if calls else "".join(b["text"] for b in blocks if b["type"] == "text")
            usage = body.get("usage") or {}
            read = _count(usage.get("cache_read_input_tokens"))
            written = _count(usage.get("cache_creation_input_tokens"))
            return Reply(
                text,
                "the model's own refusal" if body.get("stop_reason") == "refusal" else "",
                body.get("stop_reason") == "max_tokens",
                _count(usage.get("input_tokens")) + read + written,
                _count(usage.get("output_tokens")),
                read,
            )
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise UnreadableError("no message") from error


def _joined(content: object) -> str:
    """Give the text of a message whose content may come in parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if part.get("type") == "text")
    return str(content or "")


def _count(value: object) -> int:
    """Give a number of tokens; 0 for what is none: a server's mistake must not lose the answer."""
    return min(value, 10**9) if isinstance(value, int) and value > 0 else 0
