"""Single sentences put into plainer words; what is done with them, and whether they are plainer, others decide."""

from collections.abc import Sequence

from coursegen_worker.documents import Chapter
from coursegen_worker.writers.model import prompts, shapes
from coursegen_worker.writers.model.asking import Asker, Question, together
from coursegen_worker.writers.model.chapter import facts_of_course
from coursegen_worker.writers.model.shapes import Plainer

_GROUP = 8
"""Sentences of one request: few, so that thirty are ready in seconds."""


async def write(sentences: Sequence[str], chapter: Chapter, asker: Asker) -> list[str | None]:
    """Give each sentence in plainer words, in their order, or None for one that stays as it is."""
    groups = [sentences[n : n + _GROUP] for n in range(0, len(sentences), _GROUP)]
    answers: list[Plainer] = await together(*(asker.ask(_question(group, chapter)) for group in groups))
    found: list[str | None] = []
    for group, answer in zip(groups, answers, strict=True):
        texts = {entry.number: entry.text for entry in answer.sentences}
        found += [texts.get(n) or None for n in range(1, len(group) + 1)]
    return found


def _question(sentences: Sequence[str], chapter: Chapter) -> Question[Plainer]:
    words = sum(map(shapes.length, sentences))
    return Question(
        "sentences in plainer words",
        Plainer,
        prompts.PLAINER,
        {
            "course": facts_of_course(chapter.course, chapter.brief),
            "chapter": {"title": chapter.title, "learner": prompts.LEVELS[chapter.complexity_level]},
            "sentences": {str(n): text for n, text in enumerate(sentences, start=1)},
        },
        300 + 6 * words,
        lambda answer: _flaws(answer, len(sentences)),
    )


def _flaws(answer: Plainer, count: int) -> list[str]:
    numbers = [entry.number for entry in answer.sentences]
    wrong = len(set(numbers)) < len(numbers) or not set(numbers) <= set(range(1, count + 1))
    return [f"Each number stands once, and is one from 1 to {count}."] if wrong else []
