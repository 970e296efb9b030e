"""A chapter by a model: its sections are asked for at once, by the contract alone, and none needs another's words."""

import hashlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from coursegen_api.task import CourseContext
from coursegen_worker import durations, markdown, words
from coursegen_worker.documents import (
    Block,
    Chapter,
    CourseBrief,
    Generator,
    LearningObjective,
    ListBlock,
    Option,
    Paragraph,
    Question,
    Section,
)
from coursegen_worker.progress import Advance
from coursegen_worker.writers import ChapterBrief
from coursegen_worker.writers.model import asking, prompts, shapes
from coursegen_worker.writers.model.asking import Asker, together
from coursegen_worker.writers.model.shapes import Closing, Lesson, Opening, Practice, Quiz

MAX_LESSONS = 6
"""A chapter of more objectives has several in one lesson, so that it is ready in time."""
QUESTIONS_EACH = 2
"""Questions for each objective."""
OPENING_WORDS, LESSON_WORDS = 80, 250
"""What is asked for in an introduction, and in the lesson of one objective where no time is given."""
LEAST_WORDS, MOST_WORDS, WORDS_A_MINUTE = 180, 450, 10
"""Of one objective by its share of the study time, most of which goes into examples, exercise and questions."""
SHARED = 0.4
"""Each further objective of a lesson adds so much of the first one's words."""


async def write(brief: ChapterBrief, asker: Asker, generator: Generator, advance: Advance) -> Chapter:
    """Write the chapter, all its parts at once; they stand in the order in which they are asked for."""
    facts = _facts(brief)
    groups = _groups(brief.objectives)
    work: list[Coroutine[Any, Any, Any]] = [
        _opening(facts, asker),
        *(_lesson(facts, n, group, _words(brief, group), asker) for n, group in enumerate(groups, start=1)),
        _practice(facts, asker),
        _closing(facts, asker),
        *(_quiz(facts, n, group, asker) for n, group in enumerate(groups, start=1)),
    ]
    done = 0

    async def counted(one: Coroutine[Any, Any, Any]) -> Any:
        nonlocal done
        found = await one
        done += 1
        advance(done / len(work), f"writing: {done} of {len(work)} parts")
        return found

    advance(0.0, f"writing {len(work)} parts")
    parts = [part for answer in await together(*(counted(one) for one in work)) for part in answer]
    sections = [part for part in parts if isinstance(part, Section)]
    questions = [part for part in parts if isinstance(part, Question)]
    return brief.chapter(generator, sections, questions, brief=brief.course_brief)


def facts_of_course(course: CourseContext, shared: CourseBrief | None) -> dict[str, Any]:
    """Give what every request of a course begins with, in the same bytes: servers keep such a beginning."""
    facts = {
        "title": course.title,
        "language": course.language,
        "subject": course.subject_domain,
        "level": course.proficiency_level.value,
        "difficultyOf10": course.difficulty_score,
    }
    known = {k: v for k, v in facts.items() if v is not None}
    return known | (shared.wire() if shared else {"learner": prompts.LEVELS[course.proficiency_level]})


def _facts(brief: ChapterBrief) -> dict[str, Any]:
    return {
        "course": facts_of_course(brief.course, brief.course_brief),
        "chapter": {
            "number": brief.index,
            "title": brief.title,
            "level": brief.level.value,
            "learner": prompts.LEVELS[brief.level],
            "objectives": [o.text for o in brief.objectives],
            **brief.contract.wire(),
        },
    }


@dataclass(frozen=True)
class _Group:
    """The objectives of one lesson; `first` is the number of the first, from 1."""

    first: int
    objectives: list[LearningObjective]

    @property
    def ids(self) -> list[str]:
        return [o.id for o in self.objectives]

    @property
    def texts(self) -> dict[str, str]:
        return {str(n): o.text for n, o in enumerate(self.objectives, start=1)}


def _groups(objectives: list[LearningObjective]) -> list[_Group]:
    size = -(-len(objectives) // MAX_LESSONS)
    return [_Group(n + 1, objectives[n : n + size]) for n in range(0, len(objectives), size)]


async def _opening(facts: dict[str, Any], asker: Asker) -> list[Section]:
    answer = await asker.ask(
        asking.Question(
            "introduction",
            Opening,
            prompts.OPENING.format(words=OPENING_WORDS),
            facts,
            900,
            lambda a: shapes.short(text=(a.text, OPENING_WORDS // 2)),
        )
    )
    ours = _ours(facts)
    goals = [Paragraph(text=ours("after_chapter")), ListBlock(items=facts["chapter"]["objectives"])]
    blocks = [*markdown.blocks(answer.text), *goals]
    return [Section(id="introduction", kind="introduction", title=ours("introduction"), blocks=blocks)]


def _ours(facts: dict[str, Any]) -> words.Words:
    return words.of(facts["course"].get("language", words.ENGLISH).partition("-")[0])


def _words(brief: ChapterBrief, group: _Group) -> int:
    """Give the words of a lesson's explanation, in tens."""
    words = LESSON_WORDS
    if brief.estimated_duration:
        minutes = durations.seconds(brief.estimated_duration) / 60 / len(brief.objectives)
        words = min(MOST_WORDS, max(LEAST_WORDS, round(minutes * WORDS_A_MINUTE)))
    return round(words * (1 + SHARED * (len(group.objectives) - 1)) / 10) * 10


async def _lesson(facts: dict[str, Any], number: int, group: _Group, words: int, asker: Asker) -> list[Section]:
    answer = await asker.ask(
        asking.Question(
            f"lesson {number}",
            Lesson,
            prompts.LESSON.format(words=words),
            facts | {"lesson": group.texts},
            1600 + 5 * words,
            lambda a: shapes.of_lesson(a, words),
        )
    )
    steps = _numbered(answer.example_steps)
    example = [*markdown.blocks(answer.example_problem), *steps, *markdown.blocks(answer.example_result)]
    return [
        Section(
            id=f"lesson-{number}",
            kind="concept",
            title=answer.title,
            objective_ids=group.ids,
            blocks=markdown.blocks(answer.explanation),
        ),
        Section(
            id=f"example-{number}",
            kind="example",
            title=answer.example_title,
            objective_ids=group.ids,
            blocks=example,
        ),
    ]


def _numbered(steps: Sequence[str]) -> list[Block]:
    """Give the steps of an example as a list; what cannot stand in one, such as code, behind the words of its step.

    Each step is read by itself: what is wrong in one, such as a fence that nothing closes, harms no other.
    """
    read = [blocks for step in steps if (blocks := markdown.blocks(step))]
    firsts = [_first_words(blocks[0]) for blocks in read]
    if None in firsts:  # it has no words that could bear a number
        return [block for blocks in read for block in blocks]
    found: list[Block] = []
    items: list[str] = []
    for number, (text, blocks) in enumerate(zip(firsts, read, strict=True), start=1):
        items.append(text or "")
        if blocks[1:] or number == len(read):
            start = number + 1 - len(items)
            found += [ListBlock(ordered=True, start=start if start != 1 else None, items=items), *blocks[1:]]
            items = []
    return found


def _first_words(block: Block) -> str | None:
    """Give the words that a step begins with, without a number or mark of its own; None where it begins otherwise."""
    if isinstance(block, Paragraph):
        return block.text
    return block.items[0] if isinstance(block, ListBlock) and len(block.items) == 1 else None


async def _practice(facts: dict[str, Any], asker: Asker) -> list[Section]:
    answer = await asker.ask(asking.Question("exercise", Practice, prompts.PRACTICE, facts, 2400, shapes.of_practice))
    return [
        Section(
            id="misconception",
            kind="misconception",
            title=answer.misconception_title,
            blocks=[*markdown.blocks(answer.belief), *markdown.blocks(answer.correction)],
        ),
        Section(
            id="exercise",
            kind="exercise",
            title=answer.exercise_title,
            blocks=markdown.blocks(answer.exercise),
            solution=markdown.blocks(answer.solution),
        ),
    ]


async def _closing(facts: dict[str, Any], asker: Asker) -> list[Section]:
    answer = await asker.ask(asking.Question("recap", Closing, prompts.CLOSING, facts, 1200, shapes.of_closing))
    blocks = [ListBlock(items=[markdown.plain(p) for p in answer.points]), Paragraph(text=markdown.plain(answer.next))]
    return [Section(id="recap", kind="recap", title=_ours(facts)("keep"), blocks=blocks)]


async def _quiz(facts: dict[str, Any], number: int, group: _Group, asker: Asker) -> list[Question]:
    count = len(group.objectives)
    answer = await asker.ask(
        asking.Question(
            f"questions {number}",
            Quiz,
            prompts.QUIZ.format(count=QUESTIONS_EACH),
            facts | {"quiz": group.texts},
            600 + 700 * QUESTIONS_EACH * count,
            lambda a: shapes.of_quiz(a, count, QUESTIONS_EACH),
        )
    )
    return [_question(item, n, number, group) for n, item in enumerate(answer.questions, start=1)]


def _question(item: Quiz.Item, number: int, lesson: int, group: _Group) -> Question:
    """Put the options into an order that follows from their words: models like to put the right one first."""
    order = sorted(item.options, key=lambda o: hashlib.sha256(f"{item.stem}\n{o.text}".encode()).hexdigest())
    return Question(
        id=f"q{lesson}-{number}",
        objective_id=group.objectives[item.objective - 1].id,
        stem=markdown.plain(item.stem),
        options=[Option(text=o.text, feedback=o.feedback) for o in order],
        answer=order.index(item.options[item.answer]),
    )
