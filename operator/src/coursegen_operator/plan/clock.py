"""Times as the API has them (RFC 3339 in UTC) and as the planner reckons with them (seconds since the epoch).

A visit asks for the same few times again and again, so the last ones are remembered.
"""

import functools
import hashlib
from datetime import UTC, datetime


@functools.lru_cache(maxsize=64)
def stamp(seconds: float) -> str:
    """Write a time with milliseconds, always rounded down, so that stamp(parse(x)) == x."""
    moment = datetime.fromtimestamp(int(seconds * 1000 + 1e-6) / 1000, UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> float:
    """Read a time; ValueError if it is none."""
    return datetime.fromisoformat(text).timestamp()


def has_passed(since: str | None, seconds: float, now: float) -> bool:
    """Tell whether so long has passed since a time, if there is one; what lies ahead was written before a step back."""
    return since is None or not 0 <= now - parse(since) < seconds


def jitter(uid: str, revision: int, attempt: int) -> float:
    """Give a share from 0 to 0.2 that depends on nothing but the attempt's identity.

    A restart neither moves nor doubles a retry, and tasks that failed together do not come back together.
    """
    digest = hashlib.sha256(f"{uid}/{revision}/{attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 0xFFFFFFFF * 0.2
