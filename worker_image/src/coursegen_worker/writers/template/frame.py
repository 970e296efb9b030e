"""What stands around the units of a chapter: its introduction and its recap, by place and level."""

from coursegen_api.base import ProficiencyLevel
from coursegen_worker import durations
from coursegen_worker.documents import Block, ListBlock, Paragraph, Section
from coursegen_worker.writers import ChapterBrief
from coursegen_worker.writers.template.part import Part
from coursegen_worker.writers.template.units import text_blocks

_GOALS = (
    "At the end you can do this:",
    "These are your goals for this chapter:",
    "When you are done, you can:",
    "This is what you will take with you:",
    "Your goals here are:",
)
_LEVEL = {
    ProficiencyLevel.BEGINNER: (
        "You need no more than what came before.",
        "Take it one small step at a time.",
        "Read a bit, then try it.",
        "No step here is long.",
        "Go at your own pace.",
    ),
    ProficiencyLevel.INTERMEDIATE: (
        "You know the ground. Here you go one step more.",
        "Skim what you know, and slow down where it is new.",
        "Try each task first, then read on.",
    ),
    ProficiencyLevel.ADVANCED: (
        "Try the tasks first. Read the text where you got stuck.",
        "Look for the edge: where does the rule stop to hold?",
        "Test each claim on a case of your own.",
    ),
}
_RECAP = ("What to keep", "In short", "The main points again", "Take this with you", "To sum up")
_NEXT = (
    "Close the page. Say the points from memory. Then look again.",
    "Tell a friend these points in your own words.",
    "Which point is the least clear? Go back to it now.",
    "Write the points on a card. Read it again in two days.",
    "Pick one point. Give a new example for it.",
)


def introduction(brief: ChapterBrief, parts: list[Part]) -> Section:
    """Open the chapter: why it is there, what it builds on, what it is for."""
    turn = brief.index - 1
    first = parts[0]
    found: list[Block] = text_blocks(first.unit.opening, first.values)
    found.append(Paragraph(text=_place(brief)))
    found.append(Paragraph(text=_GOALS[turn % len(_GOALS)]))
    found.append(ListBlock(items=[objective.text for objective in brief.objectives]))
    levels = _LEVEL[brief.level]
    time = f" Plan about {durations.words(brief.estimated_duration)} for it." if brief.estimated_duration else ""
    found.append(Paragraph(text=levels[turn % len(levels)] + time))
    return Section(id="introduction", kind="introduction", title="Where this chapter takes you", blocks=found)


def recap(brief: ChapterBrief, points: list[str]) -> Section:
    """Close the chapter: its points, and one thing to do with them."""
    turn = brief.index - 1
    blocks: list[Block] = [ListBlock(items=points), Paragraph(text=_NEXT[turn % len(_NEXT)])]
    return Section(id="recap", kind="recap", title=_RECAP[turn % len(_RECAP)], blocks=blocks)


def _place(brief: ChapterBrief) -> str:
    """Say where the chapter stands in its course."""
    before, after = brief.contract.assumes, brief.contract.must_not_cover
    if brief.plan.get("count") == 1 or not (before or after):
        return f"This chapter is part of the course “{brief.course.title}”."
    if not before:
        return f"This is the first chapter of “{brief.course.title}”. Next comes “{after[0]}”."
    if not after:
        return f"This is the last chapter of “{brief.course.title}”. It builds on “{before[-1]}”."
    return f"The chapter before was “{before[-1]}”. You will use it here. Next comes “{after[0]}”."
