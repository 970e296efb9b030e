"""One thing that `doctor` looked at: how it stands, and how to mend it."""

from collections.abc import Iterable
from dataclasses import dataclass

_WORST_FIRST = ("failed", "warning", "unknown", "ok")


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: str
    """ok, warning, failed or unknown."""
    says: str
    mend: str = ""


def joined(name: str, well: str, troubles: Iterable[Check]) -> Check:
    """Make one of what is wrong with several things, the worst first; or say that all is well."""
    found = sorted(troubles, key=lambda c: _WORST_FIRST.index(c.state))
    if not found:
        return Check(name, "ok", well)
    mends = dict.fromkeys(c.mend for c in found if c.mend)
    return Check(name, found[0].state, "; ".join(c.says for c in found), "; and: ".join(mends))
