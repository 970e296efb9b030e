"""A course that a person stopped: nothing more is written, and what has succeeded is delivered."""

from collections.abc import Sequence

from coursegen_api.base import Outcome
from coursegen_api.chapter import ChapterGeneration

from . import requests, rollup
from .coursestep import CourseStep

STOPPED = "Stopped"
"""Why such a course ended."""


def gathered(step: CourseStep, planned: Sequence[str]) -> bool:
    """Wait for the chapters that still end, then leave out what is not there; True if there is something to deliver.

    It also waits until each has heard that nothing more is to come of what the course was asked for before.
    """
    found = [c for c in step.view.children if isinstance(c, ChapterGeneration) and c.metadata.name in planned]
    step.change(chapters=rollup.counts(found, step.course, len(planned)))
    if any(requests.unfinished(c, step.course) for c in found):
        step.running = True
        return False
    done = {c.spec.index for c in found if requests.has_content(c, step.course)}
    if not done:
        step.end(Outcome.CANCELLED, STOPPED, "Stopped on request before a chapter had succeeded.")
        return False
    step.change(missing_chapters=[i for i in range(1, len(planned) + 1) if i not in done])
    return True
