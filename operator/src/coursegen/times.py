"""Times as Kubernetes writes them, and as people read them."""

import math
from datetime import UTC, datetime


def parse(text: str) -> datetime:
    """Read a time of the API."""
    return datetime.fromisoformat(text).astimezone(UTC)


def seconds_since(text: str | None, now: datetime) -> float | None:
    """Give the seconds from a time to another, at least 0; None for no time."""
    return max(0.0, (now - parse(text)).total_seconds()) if text else None


def span(seconds: float | None) -> str:
    """Write a duration in at most two units, as kubectl writes an age."""
    if seconds is None:
        return "unknown"
    whole = round(seconds)
    if whole < 120:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest}s" if minutes < 10 and rest else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{hours // 24}d"


def about(seconds: float) -> str:
    """Write a duration that is a guess: no finer than it is worth."""
    steps = ((60, 5), (120, 10), (600, 30), (3600, 60), (math.inf, 300))
    step = next(fine for until, fine in steps if seconds < until)
    return span(max(step, round(seconds / step) * step))


def age(text: str | None, now: datetime) -> str:
    """Write how long ago a time was."""
    return span(seconds_since(text, now))
