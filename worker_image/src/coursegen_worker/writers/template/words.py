"""The words of a course that fill a study unit's places, and the words of its field."""

from dataclasses import dataclass

from coursegen_api.task import CourseContext
from coursegen_worker.objectives import Parsed, key_words
from coursegen_worker.writers.template.units import Values, catalogue

_ROUNDS = (
    "the first time through", "with a new example", "with less help", "with the clock running",
    "mixed with older work", "for another reader", "on a real task", "from memory", "as the one who teaches",
)  # fmt: skip
ROUNDS = len(_ROUNDS)


@dataclass(frozen=True)
class Field:
    """How a field of knowledge works: where its facts come from, and what one makes in it."""

    source: str
    case: str
    product: str
    partner: str


def field_of(course: CourseContext) -> Field:
    """Give the field that the course's domain or title names, or one that fits all."""
    text = f"{course.subject_domain or ''} {course.title}".lower()
    fields = catalogue()["fields"]
    for field in fields:
        if any(cue in text for cue in field["cues"]):
            return _field(field)
    return _field(catalogue()["any_field"])


def values(course: CourseContext, objective: Parsed, repeat: int = 0) -> Values:
    """Give what the places of a study unit mean for one objective.

    Args:
        repeat: how many times the same unit has been there before for this objective.
    """
    field = field_of(course)
    words = objective.words or key_words(course.title) or ("topic",)
    return {
        "course": course.title,
        "goal": objective.text,
        "topic": objective.topic,
        "word1": words[0],
        "word2": words[1 % len(words)],
        "word3": words[2 % len(words)],
        "round": _ROUNDS[repeat % ROUNDS],
        "source": field.source,
        "case": field.case,
        "product": field.product,
        "partner": field.partner,
    }


def _field(raw: dict[str, str]) -> Field:
    return Field(raw["source"], raw["case"], raw["product"], raw["partner"])
