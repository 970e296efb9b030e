"""ISO 8601 durations as the contract allows them: weeks, or days, hours, minutes and seconds."""

import re

_DURATION = re.compile(r"P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)")
_SECONDS = (604_800, 86_400, 3_600, 60, 1)


def seconds(text: str) -> int:
    """Give the duration in seconds; raises ValueError for text that is no duration."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not an ISO 8601 duration such as PT2H")
    return sum(int(amount or 0) * unit for amount, unit in zip(match.groups(), _SECONDS, strict=True))


def iso(total: int) -> str:
    """Give seconds as hours, minutes and seconds: 7200 is PT2H."""
    hours, rest = divmod(total, 3600)
    minutes, secs = divmod(rest, 60)
    text = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M"), (secs, "S")) if n)
    return f"PT{text or '0S'}"


def words(text: str) -> str:
    """Give the duration for people: PT2H30M is `2 hours 30 minutes`."""
    hours, rest = divmod(seconds(text), 3600)
    minutes = round(rest / 60)
    named = [(hours, "hour"), (minutes, "minute")]
    return " ".join(f"{n} {unit}{'s' if n != 1 else ''}" for n, unit in named if n) or "0 minutes"


def split(total: int, parts: int) -> list[int]:
    """Divide seconds into `parts` nearly equal shares that sum up to the total.

    Shares are whole quarters of an hour where the total allows it, else whole minutes, else seconds.
    """
    unit = next(u for u in (900, 60, 1) if u == 1 or (total % u == 0 and total // u >= parts))
    share, left = divmod(total // unit, parts)
    return [(share + (i < left)) * unit for i in range(parts)]
