"""What the composer can add to a chapter of its own: further examples, exercises, questions, depth.

Each addition comes from the units that the chapter was built from, stands behind what it belongs to, and has an
id of its own; what is in the chapter already is not added again.
"""

import hashlib

from coursegen_worker.documents import Chapter, LearningObjective, Option, Question, Section
from coursegen_worker.objectives import Parsed
from coursegen_worker.writers.template import plan, words
from coursegen_worker.writers.template.chapter import exercise, parts_of_chapter, passage, question
from coursegen_worker.writers.template.part import Part
from coursegen_worker.writers.template.units import Unit, catalogue, load

_WRONG_OPTIONS = 3


def examples(chapter: Chapter) -> tuple[Chapter, list[str]]:
    """Add the easy examples of each part; give their titles."""
    new = [
        (part, passage(part, "example", f"extra-{n}", extra))
        for part in parts_of_chapter(chapter)
        for n, extra in enumerate(part.unit.extra, start=1)
    ]
    return _insert(chapter, new, "example")


def practice(chapter: Chapter) -> tuple[Chapter, list[str]]:
    """Add the further exercises of each part; give their titles."""
    new = [
        (part, exercise(part, f"exercise-{n}", source))
        for part in parts_of_chapter(chapter)
        for n, source in enumerate(part.unit.practice, start=2)
    ]
    return _insert(chapter, new, "exercise")


def deeper(chapter: Chapter) -> tuple[Chapter, list[str]]:
    """Add what goes deeper in each part; give the titles."""
    new = [
        (part, passage(part, "concept", "deeper", part.unit.deeper))
        for part in parts_of_chapter(chapter)
        if part.unit.deeper
    ]
    return _insert(chapter, new, "idea")


def questions(chapter: Chapter) -> tuple[Chapter, list[str]]:
    """Add one question a part: which of four true points is about this part's subject?"""
    there = {q.id for q in chapter.questions}
    new = [_which_point(part) for part in parts_of_chapter(chapter)]
    new = [q for q in new if q.id not in there]
    return chapter.model_copy(update={"questions": [*chapter.questions, *new]}), [q.stem for q in new]


def study(chapter: Chapter, objective: LearningObjective, parsed: Parsed) -> tuple[Chapter, list[str]]:
    """Add an idea, an exercise and a question of a study unit that the chapter does not have yet."""
    own = next((p for p in parts_of_chapter(chapter) if objective.id in p.objective_ids), None)
    used = {p.unit.name for p in parts_of_chapter(chapter)}
    names = [n for n in plan.study_units(parsed) if n not in used]
    there = {s.id for s in chapter.sections}
    names = [n for n in names if f"{n}-{objective.id}-idea-1" not in there]
    if not names:
        return chapter, []
    values = own.values if own else words.values(chapter.course, parsed)
    part = Part(f"{names[0]}-{objective.id}", load("study", names[0]), [objective.id], values)
    new = [passage(part, "concept", "idea-1", part.unit.ideas[0]), exercise(part, "exercise", part.unit.exercise)]
    recap_at = next((i for i, s in enumerate(chapter.sections) if s.kind == "recap"), len(chapter.sections))
    sections = [*chapter.sections[:recap_at], *new, *chapter.sections[recap_at:]]
    asked = [*chapter.questions, question(part, 1, part.unit.questions[0])]
    return chapter.model_copy(update={"sections": sections, "questions": asked}), [s.title for s in new]


def _insert(chapter: Chapter, new: list[tuple[Part, Section]], behind: str) -> tuple[Chapter, list[str]]:
    """Put each new section behind its part's last section of a sort, or before the recap."""
    sections = list(chapter.sections)
    titles: list[str] = []
    for part, section in new:
        if any(s.id == section.id or s.title == section.title for s in sections):
            continue
        places = [i for i, s in enumerate(sections) if s.id.startswith(f"{part.name}-{behind}")]
        sections.insert(places[-1] + 1 if places else len(sections) - 1, section)
        titles.append(section.title)
    return chapter.model_copy(update={"sections": sections}), titles


def _which_point(part: Part) -> Question:
    """Ask which point is about the part's subject; the wrong ones are true points about other subjects."""
    own = load(part.source.family, part.source.unit) if part.source else part.unit
    others = [u for u in _neighbours(part) if u.name != own.name][:_WRONG_OPTIONS]
    options = [Option(text=_plain_point(u), feedback=f"This is true, but it is about {u.about}.") for u in others]
    question_id = f"{part.name}-q-point"
    answer = hashlib.sha256(f"{question_id} {own.recap[0]}".encode()).digest()[0] % (len(options) + 1)
    options.insert(answer, Option(text=_plain_point(own), feedback="Yes. It is one of the main points here."))
    return Question(
        id=question_id,
        objective_id=part.objective(1),
        stem=f"Which of these points is about {own.about}?",
        options=options,
        answer=answer,
    )


def _plain_point(unit: Unit) -> str:
    """Give the first point of a recap; first points need no words of the course."""
    return unit.recap[0]


def _neighbours(part: Part) -> list[Unit]:
    subject = next((s for s in catalogue()["subjects"] if _belongs(part.unit, s)), None)
    if subject:
        return [load(subject["family"], n) for track in subject["tracks"] for n in track["units"]]
    return [load("study", n) for n in catalogue()["sequences"]["understand"]]


def _belongs(unit: Unit, subject: dict[str, list[dict[str, list[str]]]]) -> bool:
    return any(unit.name in track["units"] for track in subject["tracks"])
