"""The words of a course that fill a study unit's places, and the words of its field."""

from dataclasses import dataclass

from coursegen_api.task import CourseContext
from coursegen_worker.objectives import Parsed, key_words
from coursegen_worker.writers.template.units import Values, calls, catalogue

_ROUNDS = (
    "the first time through", "with a new example", "with less help", "with the clock running",
    "mixed with older work", "for another reader", "on a real task", "from memory", "as the one who teaches",
)  # fmt: skip
ROUNDS = len(_ROUNDS)
_FURTHER = ("purpose", "result")
"""Key words of any course, for one that has fewer than its units speak of."""


@dataclass(frozen=True)
class Field:
    """How a field of knowledge works: where its facts come from, and what one makes in it."""

    source: str
    case: str
    product: str
    partner: str


def field_of(course: CourseContext) -> Field:
    """Give the field that the course's domain or title names, or one that fits all."""
    text = f"{course.subject_domain or ''} {course.title}"
    return _field(next((f for f in catalogue()["fields"] if calls(text, f["cues"])), catalogue()["any_field"]))


def values(course: CourseContext, objective: Parsed, repeat: int = 0) -> Values:
    """Give what the places of a study unit mean for one objective.

    Args:
        repeat: how many times the same unit has been there before for this objective.
    """
    field = field_of(course)
    found = " ".join([*objective.words, course.title, course.subject_domain or ""])
    words = (*(key_words(found) or ("topic",)), *_FURTHER)
    return {
        "course": course.title,
        "goal": objective.text,
        "topic": objective.topic,
        "word1": words[0],
        "word2": words[1],
        "word3": words[2],
        "round": _ROUNDS[repeat % ROUNDS],
        "source": field.source,
        "case": field.case,
        "product": field.product,
        "partner": field.partner,
    }


def _field(raw: dict[str, str]) -> Field:
    return Field(raw["source"], raw["case"], raw["product"], raw["partner"])
