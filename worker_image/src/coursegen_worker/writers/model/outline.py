"""A course divided by a model: what all chapters share, the table of contents, then a contract for each chapter."""

from typing import Any

from coursegen_api.task import OutlineTask
from coursegen_worker import durations
from coursegen_worker.documents import (
    Contract,
    CourseBrief,
    Generator,
    LearningObjective,
    Outline,
    OutlineChapter,
    Term,
)
from coursegen_worker.objectives import parse
from coursegen_worker.progress import Advance
from coursegen_worker.writers.model import prompts, shapes
from coursegen_worker.writers.model.asking import Asker, Question, together
from coursegen_worker.writers.model.shapes import Contents, Contracts, SharedBrief
from coursegen_worker.writers.template.plan import chapter_count

_GROUP = 4
"""Chapters whose contracts are asked for at once: few, so that a hundred are ready in time."""
_MAX_TITLE = 200


async def write(task: OutlineTask, asker: Asker, generator: Generator, advance: Advance) -> Outline:
    """Divide the course."""
    count = chapter_count(task)
    facts = _facts(task)
    advance(0.02, "planning the course")
    brief, contents = await _frame(facts, task, count, asker)
    advance(0.4, "planning the chapters")
    entries = await _contracts(facts, brief, contents, asker, advance)
    return Outline(
        course_id=task.course_id,
        course=task.course,
        objectives=_objectives("co", task.learning_objectives),
        estimated_duration=task.estimated_duration,
        generator=generator,
        brief=CourseBrief(
            audience=brief.audience,
            tone=brief.tone,
            running_example=brief.running_example,
            glossary=[Term(term=t.term, definition=t.definition) for t in brief.glossary],
        ),
        chapters=_chapters(contents, entries, _times(task.estimated_duration, count)),
    )


def _chapters(contents: Contents, entries: dict[int, Contracts.Entry], times: list[str | None]) -> list[OutlineChapter]:
    return [
        OutlineChapter(
            index=n,
            title=chapter.title[:_MAX_TITLE],
            objectives=_objectives(f"c{n}-o", entries[n].objectives),
            course_objective_ids=[f"co{i}" for i in sorted(set(chapter.objectives))],
            estimated_duration=times[n - 1],
            contract=Contract(
                teaches=entries[n].teaches, assumes=entries[n].assumes, must_not_cover=entries[n].must_not_cover
            ),
        )
        for n, chapter in enumerate(contents.chapters, start=1)
    ]


def _objectives(prefix: str, texts: list[str]) -> list[LearningObjective]:
    return [
        LearningObjective(id=f"{prefix}{n}", text=text, bloom_level=parse(text).level)
        for n, text in enumerate(texts, start=1)
    ]


def _facts(task: OutlineTask) -> dict[str, Any]:
    course = task.course
    facts = {
        "title": course.title,
        "language": course.language,
        "subject": course.subject_domain,
        "level": course.proficiency_level.value,
        "learner": prompts.LEVELS[course.proficiency_level],
        "difficultyOf10": course.difficulty_score,
        "studyTime": durations.words(task.estimated_duration) if task.estimated_duration else None,
        "objectives": {str(n): text for n, text in enumerate(task.learning_objectives, start=1)},
    }
    return {k: v for k, v in facts.items() if v is not None}


async def _frame(facts: dict[str, Any], task: OutlineTask, count: int, asker: Asker) -> tuple[SharedBrief, Contents]:
    shared = Question("brief of the course", SharedBrief, prompts.BRIEF, {"course": facts}, 1500, _flaws_of_brief)
    total = len(task.learning_objectives)
    contents = Question(
        "table of contents",
        Contents,
        prompts.CONTENTS,
        {"course": facts, "chapterCount": count},
        600 + 60 * count,
        lambda answer: _flaws_of_contents(answer, count, total),
    )
    first, second = await together(asker.ask(shared), asker.ask(contents))
    return first, second


async def _contracts(
    facts: dict[str, Any], brief: SharedBrief, contents: Contents, asker: Asker, advance: Advance
) -> dict[int, Contracts.Entry]:
    titles = {str(n): chapter.title for n, chapter in enumerate(contents.chapters, start=1)}
    known = {"course": facts, "glossary": [t.term for t in brief.glossary], "chapters": titles}
    groups = [list(range(n, min(n + _GROUP, len(titles) + 1))) for n in range(1, len(titles) + 1, _GROUP)]
    done = 0

    async def one(wanted: list[int]) -> Contracts:
        nonlocal done
        answer = await asker.ask(
            Question(
                f"contract of chapters {wanted[0]} to {wanted[-1]}",
                Contracts,
                prompts.CONTRACTS,
                known | {"wanted": wanted},
                400 + 500 * len(wanted),
                lambda answer: _flaws_of_contracts(answer, wanted),
            )
        )
        done += 1
        advance(0.4 + 0.6 * done / len(groups), f"planning chapters: {done} of {len(groups)} groups")
        return answer

    answers = await together(*(one(group) for group in groups))
    return {entry.number: entry for answer in answers for entry in answer.chapters}


def _flaws_of_brief(answer: SharedBrief) -> list[str]:
    texts = {"audience": answer.audience, "tone": answer.tone, "running_example": answer.running_example}
    terms = [t.term.casefold() for t in answer.glossary]
    found = shapes.short(**{name: (text, 5) for name, text in texts.items()})
    found += shapes.many("glossary", len(terms), 3, 30)
    if len(set(terms)) < len(terms) or not all(t.term and t.definition for t in answer.glossary):
        found.append("glossary: each term stands once, and has a definition.")
    return found


def _flaws_of_contents(answer: Contents, count: int, objectives: int) -> list[str]:
    titles = [chapter.title for chapter in answer.chapters]
    found = shapes.many("chapters", len(titles), count, count)
    found += shapes.headless(**{f"chapters{n}Title": title for n, title in enumerate(titles)})
    if len({t.casefold() for t in titles}) < len(titles):
        found.append("Two chapters have the same title.")
    named = {n for chapter in answer.chapters for n in chapter.objectives}
    if missing := sorted(set(range(1, objectives + 1)) - named):
        found.append(f"No chapter works towards objective {', '.join(map(str, missing))}.")
    if wrong := sorted(named - set(range(1, objectives + 1))):
        found.append(f"There is no objective {', '.join(map(str, wrong[:5]))}: they are 1 to {objectives}.")
    return found


def _flaws_of_contracts(answer: Contracts, wanted: list[int]) -> list[str]:
    numbers = [entry.number for entry in answer.chapters]
    found = [] if sorted(numbers) == wanted else [f"Give each of the chapters {wanted} once; there are {numbers[:20]}."]
    for entry in answer.chapters:
        found += shapes.many(f"objectives of chapter {entry.number}", len(entry.objectives), 1, 6)
        if any(shapes.length(text) < 2 or len(text) > shapes.MAX_LINE for text in entry.objectives):
            found.append(f"Chapter {entry.number}: an objective has 2 words or more, and one line.")
        if not entry.teaches:
            found.append(f"Chapter {entry.number} teaches nothing.")
    return found


def _times(total: str | None, count: int) -> list[str | None]:
    """Divide the course's time among its chapters; the shares sum up to it."""
    if total is None:
        return [None] * count
    return [durations.iso(share) for share in durations.split(durations.seconds(total), count)]
