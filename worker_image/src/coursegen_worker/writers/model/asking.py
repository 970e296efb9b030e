"""Questions to a model: asked in a form, checked, asked again with what was wrong, and kept as soon as they are right.

A right answer lies in the store before the task goes on. So an attempt that fails, or is stopped, leaves all that it
has paid for to the next.
"""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from coursegen_api.base import FailureClass
from coursegen_api.task import Writer as WriterChoice
from coursegen_worker import log
from coursegen_worker.artifacts import commit_document, find_document
from coursegen_worker.documents import Document
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.store import content_key
from coursegen_worker.words import ENGLISH
from coursegen_worker.writers import Desk
from coursegen_worker.writers.model import prompts, shapes
from coursegen_worker.writers.model.client import Client, NotUnderstoodError
from coursegen_worker.writers.model.ladder import Ladder
from coursegen_worker.writers.model.wire import Message, Reply, Rung

ASKS = 3
"""A question is asked so often: once, and at most twice more with what was wrong."""

_PASSING = (FailureClass.RATE_LIMITED, FailureClass.PROVIDER_UNAVAILABLE)
"""What one request may meet while the provider answers another."""

_ESCAPE = re.compile(r'\\(["\\/bfnrt]|u[0-9a-fA-F]{4})?')
"""A backslash in JSON. One that begins no escape can only mean itself: models write `\\d` and C:\\Users so."""

_THOUGHT = "</think>"
"""Ends a model's thoughts, which some servers leave before the answer; not all leave the tag that begins them."""

A = TypeVar("A", bound=BaseModel)


class Part(Document):
    """One right answer, as the model gave it."""

    kind: Literal["part"] = "part"
    shape: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Question(Generic[A]):
    """What is asked. `task` is ours; `data` has customers' words in it, which are never an instruction."""

    about: str
    """For people: `lesson 2`."""
    shape: type[A]
    task: str
    data: dict[str, Any]
    most_tokens: int
    flaws: Callable[[A], list[str]]
    """What is wrong with an answer of the right form, as sentences for the model."""
    request: str = ""
    """Id of the wish that it is asked for: a part of the key alone, so that the same words are asked anew."""

    @property
    def language(self) -> str:
        """What the answer has to be written in, without region: the course's, as the model is told."""
        return str(self.data.get("course", {}).get("language", ENGLISH)).partition("-")[0]

    def message(self, most_tokens: int, wrong: str = "") -> Message:
        """Give the request; `wrong` says why the answer before was refused."""
        data = self.data | ({"lastAnswerRefusedBecause": wrong} if wrong else {})
        user = json.dumps(data, ensure_ascii=False)
        return Message(f"{prompts.RULES}\n\n{self.task}", user, self.shape.__name__.lower(), self.schema(), most_tokens)

    def schema(self) -> dict[str, Any]:
        """Give the form in the dialect that strict servers take: every field required, no other, no bounds."""
        form: dict[str, Any] = _strict(self.shape.model_json_schema())
        return form


class Asker:
    """Asks the questions of one task, some at a time."""

    def __init__(self, choice: WriterChoice, desk: Desk, client: Client, ladder: Ladder, identity: dict[str, Any]):
        self._choice = choice
        self._desk = desk
        self._client = client
        self._ladder = ladder
        self._identity = identity
        self._room = asyncio.Semaphore(choice.parallel_requests)
        self.asked = 0
        """Requests that were made; none means that nothing was paid."""
        self._over: TaskFailedError | None = None
        """Why no further question is begun: the provider or the store has failed for one, and the attempt with it."""

    async def ask(self, question: Question[A]) -> A:
        """Give a right answer, from the store where it is there; raises TaskFailedError."""
        message = question.message(question.most_tokens)
        identity = {"writer": self._identity, "system": message.system, "data": question.data}
        identity |= {"schema": message.schema, "request": question.request}
        key = content_key(self._desk.store.namespace_uid, "part", "json", identity)
        found = await asyncio.to_thread(find_document, self._desk.store, key, Part)
        if found and (kept := _kept(question, found[1])):
            return kept
        async with self._room:
            return await self._ask_and_keep(question, key)

    async def _ask_and_keep(self, question: Question[A], key: str) -> A:
        """Ask, and store the answer before another question is begun: what cannot be kept is not to be paid for."""
        if self._over:
            raise self._over
        try:
            answer = await self._ask(question)
            part = Part(shape=question.shape.__name__, content=answer.model_dump(mode="json"))
            _, stored = await asyncio.to_thread(commit_document, self._desk.store, key, part)
        except TaskFailedError as error:
            if error.failure in (*_PASSING, FailureClass.STORAGE_UNAVAILABLE):
                self._over = error
            raise
        return _kept(question, stored) or answer

    async def _ask(self, question: Question[A]) -> A:
        wrong, asks, rung, most = "", 0, self._ladder.rung, question.most_tokens
        taken = most
        while asks < ASKS:
            try:
                reply = await self._send(question, rung, most, wrong)
            except NotUnderstoodError as error:
                if most > taken:  # more room than the model has; what it took before says nothing of the form
                    most = taken
                    continue
                lower = self._ladder.below(rung)
                if lower is None:
                    raise self._client.rejected(f"takes none of our requests: it {error}") from error
                rung = lower
                continue  # nothing was paid: this was no ask
            asks, taken = asks + 1, most
            most = most * 2 if reply.cut else most  # models that think spend tokens before the first word
            answer, wrong = _read(question, reply)
            if answer is not None:
                await asyncio.to_thread(self._ladder.prove, rung)
                flaws = [*question.flaws(answer), *shapes.foreign(answer, question.language)]
                if not flaws:
                    return answer
                wrong = " ".join(flaws[:5])
            log.event("answer-refused", about=question.about, ask=asks, rung=rung.value, why=wrong)
            if answer is None and reply.text.strip():  # a refusal, or thoughts without end, say nothing of the rung
                rung = self._ladder.after_failure(rung)
        raise TaskFailedError(
            FailureClass.BAD_OUTPUT,
            f"model {self._choice.model} gave no usable {question.about} in {ASKS} asks; the last was refused: {wrong}",
        )

    async def _send(self, question: Question[A], rung: Rung, most: int, wrong: str) -> Reply:
        meter, limit = self._desk.meter, self._choice.token_limit
        if meter.tokens >= limit:
            raise TaskFailedError(
                FailureClass.REJECTED,
                f"the attempt has used {meter.tokens} tokens, over the {limit} of ModelProvider "
                f"{self._choice.provider}: raise its spec.taskTokenLimit, or ask for less",
            )
        self.asked += 1
        reply = await self._client.send(question.message(min(most, limit - meter.tokens), wrong), rung)
        meter.add(reply.prompt_tokens, reply.completion_tokens, self._choice.prices, reply.cached_tokens)
        return reply


def _kept(question: Question[A], part: Part) -> A | None:
    """Read an answer from the store; None if it is not what is asked now."""
    try:
        return question.shape.model_validate(part.content)
    except ValidationError:
        return None


def _read(question: Question[A], reply: Reply) -> tuple[A | None, str]:
    """Give the answer, or why there is none."""
    if reply.refusal:
        return None, f"The model refused to answer: {reply.refusal[:200]}"
    if reply.cut:
        return None, "The answer was cut off at the limit of its length. Write less."
    try:
        return question.shape.model_validate(_object(reply.text)), ""
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[:3]
        return None, " ".join(f"{'.'.join(map(str, e['loc'])) or 'The answer'}: {e['msg']}." for e in found)
    except json.JSONDecodeError as error:
        return None, f"The answer is not one JSON object: {error}."
    except (ValueError, RecursionError):
        return None, "The answer is not one JSON object."


def _object(text: str) -> Any:
    """Find the JSON object in an answer: behind thoughts, inside a fence, among words.

    A course about models may speak of the tag that ends thoughts, so the object may have it in its texts.
    """
    if text.lstrip().startswith("<think>"):
        text = text.partition(_THOUGHT)[2]
    behind = text.rpartition(_THOUGHT)[2]
    try:
        return _braced(text if "}" in behind else behind)  # an object that ends before the tag is a thought
    except ValueError:
        if "{" not in behind:
            raise
        return _braced(behind)


def _braced(text: str) -> Any:
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise ValueError("no object")
    text = text[start : end + 1]
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError:
        return json.loads(_ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", text), strict=False)


def _strict(schema: Any) -> Any:
    """Leave of a schema what every strict server knows."""
    if isinstance(schema, list):
        return [_strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {k: _strict(v) for k, v in schema.items() if k not in ("title", "default", "minItems", "maxItems")}
    if "properties" in schema:  # a field may be called `title`
        kept["properties"] = {name: _strict(field) for name, field in schema["properties"].items()}
        kept |= {"required": list(schema["properties"]), "additionalProperties": False}
    return kept


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Do all at once and give all results; raises the first failure, one of the provider before one of an answer.

    A bad answer lets the rest go on, so that the next attempt has less to pay for. A failure of the provider lets that
    end for which a request is under way: it is paid for, heard or not. All other failures would meet the rest as well:
    they end it at once.
    """
    tasks = [asyncio.create_task(one) for one in work]
    failed: list[BaseException] = []
    pending = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            new = [error for task in done if (error := task.exception())]
            failed += new
            if any(not _lets_others_end(error) for error in new):
                break
    finally:
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
    if failed:
        raise min(failed, key=_rank)
    return [task.result() for task in tasks]


def _lets_others_end(error: BaseException) -> bool:
    return isinstance(error, TaskFailedError) and error.failure in (FailureClass.BAD_OUTPUT, *_PASSING)


def _rank(error: BaseException) -> int:
    """Say which of several failures the attempt ends with: what cannot pass, the provider's, the time, an answer's."""
    known = error.failure if isinstance(error, TaskFailedError) else None
    order = (*_PASSING, FailureClass.TIMEOUT, FailureClass.BAD_OUTPUT)
    return order.index(known) + 1 if known in order else 0
