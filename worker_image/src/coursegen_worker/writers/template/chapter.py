"""The composer's chapter: units put in order, framed for their place in the course."""

import hashlib
from dataclasses import asdict, replace

from coursegen_api.base import ProficiencyLevel
from coursegen_api.task import CourseContext
from coursegen_worker.documents import (
    Chapter,
    Generator,
    LearningObjective,
    Option,
    Question,
    Section,
    SectionKind,
)
from coursegen_worker.objectives import parse
from coursegen_worker.progress import Advance
from coursegen_worker.quality.stem import content_stems
from coursegen_worker.writers import ChapterBrief
from coursegen_worker.writers.template import frame, plan, words
from coursegen_worker.writers.template.part import Part, PartSource
from coursegen_worker.writers.template.units import Exercise, Passage, Quiz, Unit, fill, load, text_blocks

AGAIN = """
You know this way of work from an earlier chapter. Here you use it {round}. This time it is about {topic}.

So there is not much to read. Look at what you wrote the last time, and ask what you would do in another way now.
There is one short example. Then it is your turn.
"""
IN_SHORT = """
Here are the steps once more. As you read them, think of {topic}. At each step ask: what does it mean for “{word1}”?

{steps}

Then ask the same for “{word2}”. Write down one line for each step that is new to you in questions about {topic}.
"""


def compose(brief: ChapterBrief, generator: Generator, advance: Advance) -> Chapter:
    """Write one chapter; the same brief gives the same chapter."""
    parts = parts_of(brief)
    sections = [frame.introduction(brief, parts)]
    for number, part in enumerate(parts):
        own = _sections(part, brief.level)
        if number:  # the first part's opening stands in the introduction
            opening = text_blocks(part.unit.opening, part.values)
            own[0] = own[0].model_copy(update={"blocks": [*opening, *own[0].blocks]})
        sections.extend(own)
        advance((number + 1) / (len(parts) + 1), f"writing part {number + 1} of {len(parts)}")
    sections.append(frame.recap(brief, [fill(line, p.values) for p in parts for line in p.unit.recap]))
    questions = [question(part, n, quiz) for part in parts for n, quiz in enumerate(part.unit.questions, start=1)]
    advance(1.0, "writing questions")
    return brief.chapter(generator, sections, questions, plan={"parts": [_remember(part) for part in parts]})


def parts_of(brief: ChapterBrief) -> list[Part]:
    """Choose the units: those that the outline planned, or those that the given objectives call for."""
    if units := brief.plan.get("units"):
        return _planned(brief, units)
    return _given(brief)


def parts_of_chapter(chapter: Chapter) -> list[Part]:
    """Give the parts that a chapter of this writer was built from; none for a chapter by another."""
    return [
        _part(p["name"], PartSource(**p["source"]), p["objectiveIds"], chapter.course)
        for p in chapter.plan.get("parts", [])
    ]


def _remember(part: Part) -> dict[str, object]:
    source = asdict(part.source) if part.source else {}
    return {"name": part.name, "source": source, "objectiveIds": part.objective_ids}


def _part(name: str, source: PartSource, objective_ids: list[str], course: CourseContext) -> Part:
    unit = load(source.family, source.unit)
    values = words.values(course, parse(source.goal), source.repeat)
    return Part(name, again(unit) if source.repeat else unit, objective_ids, values, source)


def _planned(brief: ChapterBrief, units: list[list[object]]) -> list[Part]:
    ids = iter(o.id for o in brief.objectives)
    found: list[Part] = []
    for (family, name, _, repeat), goal in zip(units, brief.plan["goals"], strict=True):
        source = PartSource(str(family), str(name), goal, int(str(repeat)))
        label = f"{name}-{len(found) + 1}" if any(p.name == name for p in found) else str(name)
        own = [next(ids) for _ in load(source.family, source.unit).objectives]
        found.append(_part(label, source, own, brief.course))
    return found


def again(unit: Unit) -> Unit:
    """Make a practice round of a unit that the course has had before: new example, new exercise, no new ideas."""
    steps = "\n".join(f"- {line}" for line in unit.recap)
    return replace(
        unit,
        opening=AGAIN,
        ideas=[Passage("The way of work, in short", IN_SHORT.replace("{steps}", steps))],
        example=unit.extra[0] if unit.extra else unit.example,
        exercise=unit.practice[0] if unit.practice else unit.exercise,
        misconception=None,
        recap=unit.recap[-1:],
        extra=[unit.example],
        practice=[unit.exercise],
    )


def _given(brief: ChapterBrief) -> list[Part]:
    """Use topic units that the chapter's words call for, and a study unit for each objective that is left."""
    texts = [brief.title, *(o.text for o in brief.objectives)]
    topics = list(dict.fromkeys(t for text in texts for t in plan.topics_for(brief.course, text)))[: plan.MAX_UNITS]
    family = plan.family_for(brief.course, " ".join(texts)) or ""
    found = []
    for name in topics:
        ids = [_nearest(text, brief.objectives) for _, text in load(family, name).objectives]
        found.append(_part(name, PartSource(family, name, brief.objectives[0].text), ids, brief.course))
    for number, objective in enumerate(brief.objectives):
        if any(_asks_about(part, objective) for part in found[: len(topics)]):
            continue
        # Neighbours of one verb must not read alike: the unit follows from the chapter's place as well.
        names = plan.study_units(parse(objective.text))
        name = names[((brief.index - 1) * len(brief.objectives) + number) % len(names)]
        source = PartSource("study", name, objective.text)
        found.append(_part(f"{name}-{objective.id}", source, [objective.id], brief.course))
    return found


def _asks_about(part: Part, objective: LearningObjective) -> bool:
    """Tell whether a question of the part is for the objective and shares a word with it."""
    own = set(content_stems(objective.text))
    return any(
        part.objective(quiz.objective) == objective.id
        and own & set(content_stems(" ".join([quiz.stem, quiz.right[0], *(text for text, _ in quiz.wrong)])))
        for quiz in part.unit.questions
    )


def _nearest(text: str, objectives: list[LearningObjective]) -> str:
    """Give the id of the objective that shares most words with the text; the first of equals."""
    own = set(content_stems(text))
    return max(objectives, key=lambda o: len(own & set(content_stems(o.text)))).id


def _sections(part: Part, level: ProficiencyLevel) -> list[Section]:
    """Give a part's sections: ideas, example, exercise, misconception."""
    unit = part.unit
    found = [passage(part, "concept", f"idea-{n}", idea) for n, idea in enumerate(unit.ideas, start=1)]
    if unit.deeper and level is not ProficiencyLevel.BEGINNER:
        found.append(passage(part, "concept", "deeper", unit.deeper))
    found.append(passage(part, "example", "example", unit.example))
    found.append(exercise(part, "exercise", unit.exercise))
    if level is ProficiencyLevel.ADVANCED:
        found.extend(exercise(part, f"exercise-{n}", e) for n, e in enumerate(unit.practice, start=2))
    if unit.misconception:
        found.append(passage(part, "misconception", "misconception", unit.misconception))
    return found


def passage(part: Part, kind: SectionKind, suffix: str, source: Passage) -> Section:
    """Make a section of a passage."""
    return Section(
        id=f"{part.name}-{suffix}",
        kind=kind,
        title=fill(source.title, part.values),
        objective_ids=[part.objective(source.objective)],
        blocks=source.blocks(part.values),
    )


def exercise(part: Part, suffix: str, source: Exercise) -> Section:
    """Make a section of an exercise, with its model solution."""
    return Section(
        id=f"{part.name}-{suffix}",
        kind="exercise",
        title=fill(source.title, part.values),
        objective_ids=[part.objective(source.objective)],
        blocks=text_blocks(source.text, part.values),
        solution=text_blocks(source.solution, part.values),
    )


def question(part: Part, number: int, quiz: Quiz) -> Question:
    """Make a question; the right answer's place follows from the words, so it is stable and varied."""
    question_id = f"{part.name}-q{number}"
    seed = f"{question_id} {quiz.stem} {sorted(part.values.items())}".encode()
    answer = hashlib.sha256(seed).digest()[0] % (len(quiz.wrong) + 1)
    options = [Option(text=fill(t, part.values), feedback=fill(f, part.values)) for t, f in quiz.wrong]
    right, praise = quiz.right
    options.insert(answer, Option(text=fill(right, part.values), feedback=fill(praise, part.values)))
    return Question(
        id=question_id,
        objective_id=part.objective(quiz.objective),
        stem=fill(quiz.stem, part.values),
        options=options,
        answer=answer,
    )
