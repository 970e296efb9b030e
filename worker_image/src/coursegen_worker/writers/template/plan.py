"""How a course is divided: how many chapters, and which units in each."""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from coursegen_api.task import CourseContext, OutlineTask
from coursegen_worker import durations
from coursegen_worker.objectives import Parsed
from coursegen_worker.writers.template.units import calls, catalogue, load

MAX_CHAPTERS = 100
SECONDS_A_CHAPTER = 2 * 3600
CHAPTERS_AN_OBJECTIVE = 2
"""Where neither a count nor a duration is given."""
MAX_UNITS = 3
"""No chapter has more units than this."""


@dataclass(frozen=True)
class Use:
    """One unit in one chapter, for one objective of the course (counted from 0)."""

    family: str
    name: str
    objective: int
    repeat: int = 0

    def wire(self) -> list[Any]:
        """Give the JSON form that an outline carries to its chapters."""
        return [self.family, self.name, self.objective, self.repeat]


def chapter_count(task: OutlineTask) -> int:
    """Give the wanted count, or one chapter per two hours, but one an objective where there is room."""
    if task.chapter_count:
        return task.chapter_count
    objectives = len(task.learning_objectives)
    if task.estimated_duration is None:
        return min(MAX_CHAPTERS, CHAPTERS_AN_OBJECTIVE * objectives)
    total = durations.seconds(task.estimated_duration)
    return max(1, min(MAX_CHAPTERS, max(round(total / SECONDS_A_CHAPTER), objectives)))


def chapters(course: CourseContext, objectives: list[Parsed], count: int) -> list[list[Use]]:
    """Give the units of each chapter; every objective has a chapter, or a part of one."""
    used: Counter[str] = Counter()
    if count < len(objectives):
        groups = _slices(len(objectives), count)
        return [[_uses(course, objectives[i], i, 1, used)[0][0] for i in range(a, b)] for a, b in groups]
    shares = [b - a for a, b in _slices(count, len(objectives))]
    return [
        chapter
        for number, (objective, share) in enumerate(zip(objectives, shares, strict=True))
        for chapter in _uses(course, objective, number, share, used)
    ]


def topics_for(course: CourseContext, text: str) -> list[str]:
    """Give the topic units that a chapter's title or objective calls for by its words; often none."""
    subject = _subject(course, text)
    if subject is None:
        return []
    found = []
    for track in subject["tracks"]:
        for name in track["units"]:
            if calls(text, load(subject["family"], name).cues):
                found.append(name)
    return found[:MAX_UNITS]


def family_for(course: CourseContext, text: str) -> str | None:
    """Give the family of topic units for the course's subject, if there is one."""
    subject = _subject(course, text)
    return subject["family"] if subject else None


def study_units(objective: Parsed) -> list[str]:
    """Give the study units for an objective's kind of verb, in order."""
    sequences: dict[str, list[str]] = catalogue()["sequences"]
    return sequences[objective.level]


def _uses(course: CourseContext, objective: Parsed, number: int, share: int, used: Counter[str]) -> list[list[Use]]:
    """Give `share` chapters for one objective: topics as far as they reach, then study units.

    A study unit comes back in a course only when the others of its sequence were there as often.
    """
    found = _topic_chapters(course, objective, number, share, used)
    study = study_units(objective)
    for _ in range(share - len(found)):
        name = min(study, key=lambda n: (used[n], study.index(n)))
        found.append([Use("study", name, number, used[name])])
        used[name] += 1
    return found


def _topic_chapters(
    course: CourseContext, objective: Parsed, number: int, share: int, used: Counter[str]
) -> list[list[Use]]:
    """Give the subject's topics that are not in the course yet, at most `MAX_UNITS` a chapter."""
    subject = _subject(course, objective.text)
    track = _track(subject, objective) if subject else None
    if not subject or not track:
        return []
    needed = [n for n in track["order"] if not used[n]][: MAX_UNITS * share]
    names = [n for n in track["units"] if n in needed]
    used.update(names)
    topics = [Use(subject["family"], name, number) for name in names]
    return [topics[a:b] for a, b in _slices(len(topics), min(share, len(topics)))] if topics else []


def _subject(course: CourseContext, text: str) -> dict[str, Any] | None:
    where = f"{course.title} {text}"
    return next((s for s in catalogue()["subjects"] if calls(where, s["cues"])), None)


def _track(subject: dict[str, Any], objective: Parsed) -> dict[str, Any] | None:
    return next((t for t in subject["tracks"] if calls(objective.text, t["cues"])), None)


def _slices(total: int, parts: int) -> list[tuple[int, int]]:
    """Divide a row of `total` things into `parts` neighbouring, nearly equal slices."""
    share, left = divmod(total, parts)
    edges = [0]
    for i in range(parts):
        edges.append(edges[-1] + share + (i < left))
    return list(pairwise(edges))
