"""The composer's outline: chapters with titles, objectives, times and contracts."""

from coursegen_api.task import OutlineTask
from coursegen_worker import durations
from coursegen_worker.documents import (
    Contract,
    Generator,
    LearningObjective,
    Outline,
    OutlineChapter,
)
from coursegen_worker.objectives import Parsed, parse
from coursegen_worker.progress import Advance
from coursegen_worker.writers.template import plan, words
from coursegen_worker.writers.template.plan import Use
from coursegen_worker.writers.template.units import Unit, fill, load

_NEIGHBOURS = 3
"""A contract names so many chapters before and after."""
MAX_TITLE = 200


def compose(task: OutlineTask, generator: Generator, advance: Advance) -> Outline:
    """Divide a course into chapters."""
    parsed = [parse(text) for text in task.learning_objectives]
    count = plan.chapter_count(task)
    uses = plan.chapters(task.course, parsed, count)
    titles = _distinct([_title(task, parsed, chapter) for chapter in uses])
    times = _times(task.estimated_duration, count)
    chapters = []
    for number, chapter in enumerate(uses):
        objectives = _objectives(task, parsed, chapter, number + 1)
        chapters.append(
            OutlineChapter(
                index=number + 1,
                title=titles[number],
                objectives=objectives,
                course_objective_ids=list(dict.fromkeys(f"co{u.objective + 1}" for u in chapter)),
                estimated_duration=times[number],
                contract=Contract(
                    teaches=[o.text for o in objectives],
                    assumes=titles[max(0, number - _NEIGHBOURS) : number],
                    must_not_cover=titles[number + 1 : number + 1 + _NEIGHBOURS],
                ),
                plan={
                    "units": [u.wire() for u in chapter],
                    "goals": [parsed[u.objective].text for u in chapter],
                    "count": count,
                },
            )
        )
        advance((number + 1) / count, f"planning chapter {number + 1} of {count}")
    return Outline(
        course_id=task.course_id,
        course=task.course,
        objectives=[
            LearningObjective(id=f"co{n}", text=p.text, bloom_level=p.level) for n, p in enumerate(parsed, start=1)
        ],
        estimated_duration=task.estimated_duration,
        generator=generator,
        chapters=chapters,
    )


def _title(task: OutlineTask, parsed: list[Parsed], uses: list[Use]) -> str:
    """Join the titles of a chapter's units: `Loops` and `Lists` make `Loops and lists`."""
    parts = []
    for use in uses:
        values = words.values(task.course, parsed[use.objective], use.repeat)
        title = fill(load(use.family, use.name).title, values)
        parts.append(title + (f", {values['round']}" if use.repeat else ""))
    later = [p if p[1:2].isupper() else p[:1].lower() + p[1:] for p in parts[1:]]
    joined = [parts[0], *later]
    text = " and ".join(joined) if len(joined) < 3 else f"{', '.join(joined[:-1])} and {joined[-1]}"
    return text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1] + "…"


def _distinct(titles: list[str]) -> list[str]:
    """Number titles that come more than once: objectives may be alike."""
    seen: dict[str, int] = {}
    found = []
    for title in titles:
        seen[title] = seen.get(title, 0) + 1
        suffix = f" ({seen[title]})" if seen[title] > 1 else ""
        found.append(title[: MAX_TITLE - len(suffix)] + suffix)
    return found


def _objectives(task: OutlineTask, parsed: list[Parsed], uses: list[Use], index: int) -> list[LearningObjective]:
    found: list[LearningObjective] = []
    for use in uses:
        unit: Unit = load(use.family, use.name)
        values = words.values(task.course, parsed[use.objective], use.repeat)
        for level, text in unit.objectives:
            objective_id = f"c{index}-o{len(found) + 1}"
            found.append(LearningObjective(id=objective_id, text=fill(text, values), bloom_level=level))
    return found


def _times(total: str | None, count: int) -> list[str | None]:
    """Divide the course's time among its chapters; the shares sum up to it."""
    if total is None:
        return [None] * count
    return [durations.iso(share) for share in durations.split(durations.seconds(total), count)]
