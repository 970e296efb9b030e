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
    Focus.SIMPLER: r"simpl|easier|plain|readab|too (?:advanced|hard|difficult|complex|long|dense|fast|technical)|"
    r"jargon|confus|hard to (?:read|follow|understand)|for beginners|shorter sentences|clar(?:ity|ify|er)",
    Focus.EXAMPLES: r"example|illustrat|concrete|real[- ]world|case stud|demonstrat",
    Focus.PRACTICE: r"exercise|practi[cs]e|hands[- ]on|activit|task",
    Focus.QUESTIONS: r"question|quiz|assess|test",
    Focus.DEPTH: r"deeper|depth|more (?:detail|advanced)|too (?:easy|basic|simple|shallow)|challeng",
    Focus.COVERAGE: r"objective|align|coverage|missing",
}


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
    return [focus for focus, cue in _CUES.items() if re.search(cue, text.replace("-", " "), re.IGNORECASE)]
