"""The one Event that tells people of an end.

It is planned again for a while after the end, so that a crash between the status write and the Event
loses nothing: the Event's name is a function of its identity, and a second one of that name is refused.
"""

from coursegen_api.base import Outcome

from . import clock
from .world import PostEvent

_SECONDS = 120.0


def is_due(completion_time: str | None, now: float) -> bool:
    """Tell whether an end is so fresh that its Event may not have been posted."""
    return completion_time is not None and abs(now - clock.parse(completion_time)) < _SECONDS


def event(label: str, ended: Outcome, reason: str, message: str) -> PostEvent:
    """Give the Event of an end; `label` is the kind of task, or course."""
    kind = label.capitalize()
    if ended is Outcome.FAILED:
        return PostEvent("Warning", f"{kind}Failed", f"{reason}: {message}")
    said = message or f"The {label} is in the store."
    return PostEvent("Normal", f"{kind}{ended.value}", said)
