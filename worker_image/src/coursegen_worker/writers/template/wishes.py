"""What a regeneration asks for, read from its focus area, its feedback and the report's findings."""

import re
from enum import StrEnum

from coursegen_worker.writers import Wish


class Focus(StrEnum):
    """What the composer can change about a chapter."""

    SIMPLER = "simpler"
    EXAMPLES = "examples"
    PRACTICE = "practice"
    QUESTIONS = "questions"
    DEPTH = "depth"
    COVERAGE = "coverage"


_CUES = {
    Focus.SIMPLER: r"simpl(?:e|er|est|y|if\w+|icity)|easier|plain(?:er|ly)?|readab\w+|jargon|confus\w+|"
    r"clarity|clarify|clearer|"
    r"too (?:advanced|hard|difficult|complex|complicated|long|dense|fast|technical)|"
    r"hard to (?:read|follow|understand)|for beginners|shorter sentences",
    Focus.EXAMPLES: r"examples?|illustrat\w+|concrete|real world|case stud(?:y|ies)|demonstrat\w+",
    Focus.PRACTICE: r"exercises?|practi[cs]\w+|hands on|activit(?:y|ies)|tasks?",
    Focus.QUESTIONS: r"questions?|quiz\w*|assess\w*|test(?:s|ing)?",
    Focus.DEPTH: r"deeper|depth|harder|more (?:detail\w*|advanced|difficult)|challeng\w+",
    Focus.COVERAGE: r"objectives?|(?:mis)?align\w*|coverage|missing",
}
_TOO_EASY = re.compile(
    r"\btoo (?:easy|basic|simple|simplistic|shallow|superficial)\b(?: for [^.,;:!?]*)?", re.IGNORECASE
)
"""Asks for more depth, whomever it is too easy for: beginners, plain people."""


def read(wish: Wish) -> list[Focus]:
    """Give what to change, in the order of work.

    The focus area decides where it is known, else the feedback's words; findings always count. A wish that
    says nothing that the composer knows gets another example and more practice.
    """
    asked = _cues(wish.focus_area or "") or _cues(wish.feedback or "")
    if any(flaw.measure == "readability" for flaw in wish.findings):
        asked.append(Focus.SIMPLER)
    if any(flaw.measure == "alignment" for flaw in wish.findings):
        asked.append(Focus.COVERAGE)
    if Focus.SIMPLER in asked:  # “too advanced” asks for less depth, not for more
        asked = [focus for focus in asked if focus is not Focus.DEPTH]
    chosen = asked or [Focus.EXAMPLES, Focus.PRACTICE]
    order = [Focus.DEPTH, Focus.COVERAGE, Focus.EXAMPLES, Focus.PRACTICE, Focus.QUESTIONS, Focus.SIMPLER]
    return [focus for focus in order if focus in chosen]


def _cues(text: str) -> list[Focus]:
    spaced = text.replace("-", " ")
    shallow = _TOO_EASY.search(spaced) is not None
    heard = {focus: _hears(cue, spaced) for focus, cue in _CUES.items()}
    heard[Focus.SIMPLER] = _hears(_CUES[Focus.SIMPLER], _TOO_EASY.sub(" ", spaced))
    heard[Focus.DEPTH] = heard[Focus.DEPTH] or shallow
    return [focus for focus in _CUES if heard[focus]]


def _hears(cue: str, text: str) -> bool:
    """Tell whether a cue stands in the text as a word of its own: `explain` asks for nothing plain."""
    return re.search(rf"\b(?:{cue})\b", text, re.IGNORECASE) is not None
