"""Reads and counts requests in the API server's audit log."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from coursegen_operator.kube import USER_AGENT

_KOPF = "kopf"


@dataclass
class Counts:
    """The operator's requests between two points of the log, each key a verb and a resource."""

    own: Counter[str] = field(default_factory=Counter)
    """By our own client, watches and the Lease left out."""
    kopf: Counter[str] = field(default_factory=Counter)
    """By kopf: its lists, watches and scans."""
    refused: Counter[str] = field(default_factory=Counter)
    """Those of our own that were answered with an error, by status code."""


def position(log: Path) -> int:
    """Give the present end of the log."""
    return log.stat().st_size


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that was answered."""

    verb: str
    what: str
    """Resource and subresource; the path, of a request about neither."""
    name: str
    agent: str
    code: int
    asked: float
    """When it came in, in seconds since the epoch."""
    answered: float


def entries(log: Path, since: int, *marks: str) -> Iterator[Entry]:
    """Give what was logged since a position, of the lines that hold one of the marks."""
    wanted = [mark.encode() for mark in marks]
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if b'"ResponseComplete"' in line and any(mark in line for mark in wanted):
                try:
                    yield _entry(json.loads(line))
                except ValueError:  # the last line may be half written
                    return


def _entry(raw: dict[str, Any]) -> Entry:
    about = raw.get("objectRef") or {}
    return Entry(
        verb=raw["verb"],
        what="/".join(p for p in (about.get("resource", raw["requestURI"]), about.get("subresource")) if p),
        name=about.get("name", ""),
        agent=raw.get("userAgent", ""),
        code=raw.get("responseStatus", {}).get("code", 0),
        asked=datetime.fromisoformat(raw["requestReceivedTimestamp"]).timestamp(),
        answered=datetime.fromisoformat(raw["stageTimestamp"]).timestamp(),
    )


def count(log: Path, since: int) -> Counts:
    """Count what was logged since a position."""
    counts = Counts()
    for entry in entries(log, since, USER_AGENT, _KOPF):
        what = f"{entry.verb} {entry.what}"
        if entry.what == "leases":
            continue
        if entry.agent == USER_AGENT and entry.verb != "watch":
            counts.own[what] += 1
            if entry.code >= 400:
                counts.refused[str(entry.code)] += 1
        elif entry.agent.startswith(_KOPF):
            counts.kopf[what] += 1
    return counts


def writes(log: Path, since: int, but: str) -> Counter[str]:
    """Count our own client's writes since a position, but for those about objects whose name begins so."""
    found: Counter[str] = Counter()
    for entry in entries(log, since, USER_AGENT):
        if entry.verb in ("get", "list", "watch") or entry.name.startswith(but):
            continue
        what = f"{entry.verb} {entry.what}"
        found[what if entry.code < 400 else f"{what} ({entry.code})"] += 1
    return found
