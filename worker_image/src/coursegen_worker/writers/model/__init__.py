"""Writers that ask a language model: OpenAI's protocol and everything that speaks it, and Anthropic's.

Light to import: the HTTP client and the event loop come only with the first question.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from coursegen_api import names
from coursegen_api.base import FailureClass, Usage
from coursegen_api.task import OutlineTask
from coursegen_api.task import Writer as WriterChoice
from coursegen_worker.documents import Chapter, Generator, Outline
from coursegen_worker.failures import TaskFailedError, invalid_input
from coursegen_worker.progress import Advance
from coursegen_worker.writers import ChapterBrief, Desk, Wish, Written
from coursegen_worker.writers.model.prompts import VERSION

if TYPE_CHECKING:
    from coursegen_worker.writers.model.asking import Asker

T = TypeVar("T")
COMMIT_SECONDS = 3.0
"""Kept of the deadline for the chapter itself to be stored."""


class ModelWriter:
    """Asks a model for each part of an outline or chapter, all at once, and stores each part as it comes."""

    def __init__(self, choice: WriterChoice, desk: Desk) -> None:
        if not choice.endpoint or not choice.model:
            raise invalid_input(f"work.writer: the writer {choice.type} needs an endpoint and a model")
        self._choice = choice
        self._desk = desk
        self._endpoint = choice.endpoint
        self._model = choice.model
        self._generator = Generator(
            writer=choice.type,
            llm=True,
            version=VERSION,
            model=choice.model,
            note=f"The language model {choice.model} wrote this text. Models make mistakes that read well: "
            "a teacher should check it before learners rely on it.",
        )

    def identity(self) -> dict[str, Any]:
        """Name the endpoint, the model and the version of the prompts; prices and limits decide no word."""
        return {
            "writer": self._choice.type,
            "endpoint": self._endpoint.rstrip("/"),
            "model": self._model,
            "version": VERSION,
        }

    def outline(self, task: OutlineTask, advance: Advance) -> tuple[Outline, Usage]:
        """Divide a course into chapters, with a brief for all and a contract for each."""
        from coursegen_worker.writers.model import outline

        made, asked = self._run(lambda asker: outline.write(task, asker, self._generator, advance))
        return made, self._usage(asked)

    def chapter(self, brief: ChapterBrief, advance: Advance) -> Written:
        """Write one chapter with its questions."""
        from coursegen_worker.writers.model import chapter

        made, asked = self._run(lambda asker: chapter.write(brief, asker, self._generator, advance))
        return Written(made, self._usage(asked))

    def revise(self, previous: Chapter, wish: Wish, advance: Advance) -> Written:
        """Change a chapter as wished, keeping the ids of what stays."""
        from coursegen_worker.writers.model import revise

        (made, changes), asked = self._run(lambda asker: revise.write(previous, wish, asker, self._generator, advance))
        return Written(made, self._usage(asked), changes)

    def plainer(self, sentences: Sequence[str], chapter: Chapter) -> tuple[list[str | None], Usage]:
        """Give each sentence in plainer words, in their order, or None for one that stays as it is.

        A model that cannot, or has no time or tokens left, leaves them all: the chapter is ready without. Usage is all
        that the attempt has cost so far.
        """
        from coursegen_worker.writers.model import plainer

        try:
            found, asked = self._run(lambda asker: plainer.write(sentences, chapter, asker))
        except TaskFailedError as error:
            used_up = self._desk.meter.tokens >= self._choice.token_limit
            if error.failure not in (FailureClass.BAD_OUTPUT, FailureClass.TIMEOUT) and not used_up:
                raise
            found, asked = [None] * len(sentences), 1
        return found, self._usage(asked)

    def _usage(self, asked: int) -> Usage:
        return self._desk.meter.usage() or Usage(cached=not asked)

    def _run(self, work: "Callable[[Asker], Awaitable[T]]") -> tuple[T, int]:
        """Do the work in an event loop of its own; give its result and the number of requests."""
        key = _key(self._choice)
        import asyncio

        from coursegen_worker.writers.model.asking import Asker
        from coursegen_worker.writers.model.client import Client
        from coursegen_worker.writers.model.ladder import Ladder
        from coursegen_worker.writers.model.wire import Anthropic, Dialect, OpenAI

        dialect: Dialect = Anthropic() if self._choice.type == "anthropic" else OpenAI(self._endpoint)
        name = self._choice.provider or self._choice.type
        deadline = self._desk.deadline - COMMIT_SECONDS

        async def run() -> tuple[T, int]:
            patient = not self._desk.probe
            async with Client(dialect, name, self._endpoint, self._model, key, deadline, patient) as client:
                ladder = Ladder(self._desk.store, dialect.rungs, self.identity())
                asker = Asker(self._choice, self._desk, client, ladder, self.identity())
                return await work(asker), asker.asked

        return asyncio.run(run())


def _key(choice: WriterChoice) -> str:
    """Give the provider's key; raises Rejected if it is for another endpoint: then it leaves this process nowhere."""
    key = os.environ.get(names.ENV_PROVIDER_KEY, "").strip()
    if not key:
        return ""
    allowed = os.environ.get(names.ENV_PROVIDER_ENDPOINT, "").strip()
    if allowed.rstrip("/") != (choice.endpoint or "").rstrip("/"):
        raise TaskFailedError(
            FailureClass.REJECTED,
            f"ModelProvider {choice.provider}: the key's Secret allows the endpoint {allowed or 'nothing'}, and "
            f"spec.endpoint is {choice.endpoint}; the key was not sent. Set {names.SECRET_ENDPOINT} of the Secret, or "
            "name another",
        )
    if not key.isascii() or not key.isprintable():
        raise TaskFailedError(
            FailureClass.REJECTED,
            f"ModelProvider {choice.provider}: the key in its Secret has characters that no key has; was it encoded "
            "twice, or copied with a line break?",
        )
    return key
