"""Reads the API server's audit log: who asked for what, when, and what it was answered. Nobody's word but its own."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from coursegen_operator.kube import USER_AGENT

Json = dict[str, Any]

WRITES = ("create", "update", "patch", "delete", "deletecollection")


@dataclass(frozen=True)
class Entry:
    """One request."""

    agent: str
    verb: str
    resource: str
    """With its subresource: jobs, chaptergenerations/status."""
    namespace: str
    name: str
    code: int
    received: float
    """When the API server got it, in seconds since the epoch."""
    answered: float
    uri: str
    request: Json
    """Empty unless the audit policy keeps bodies."""
    response: Json

    @property
    def takes_effect(self) -> bool:
        """Tell whether it is a write that was not refused; one that was answered 504 may have taken effect."""
        return self.verb in WRITES and (self.code < 400 or self.code == 504)

    @property
    def by_operator(self) -> bool:
        """Tell whether an operator's own client asked (kopf's requests are reads)."""
        return self.agent.startswith(USER_AGENT)


def position(log: Path) -> int:
    """Give the present end of the log."""
    return log.stat().st_size if log.exists() else 0


def read(log: Path, since: int = 0) -> Iterator[Entry]:
    """Give what was answered since a position of the log, in the order in which it was answered."""
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:  # the last line may be half written
                continue
            if entry["stage"] == "ResponseComplete":
                yield _entry(entry)


def keep(log: Path, since: int, place: Path) -> None:
    """Copy what was logged since a position: the log goes with its control plane."""
    with log.open("rb") as lines, place.open("wb") as copy:
        lines.seek(since)
        shutil.copyfileobj(lines, copy)


def _entry(raw: Json) -> Entry:
    about = raw.get("objectRef") or {}
    response = raw.get("responseObject") or {}
    return Entry(
        agent=raw.get("userAgent", ""),
        verb=raw["verb"],
        resource="/".join(p for p in (about.get("resource", ""), about.get("subresource")) if p),
        namespace=about.get("namespace", ""),
        name=about.get("name", "") or response.get("metadata", {}).get("name", ""),
        code=raw.get("responseStatus", {}).get("code", 0),
        received=datetime.fromisoformat(raw["requestReceivedTimestamp"]).timestamp(),
        answered=datetime.fromisoformat(raw["stageTimestamp"]).timestamp(),
        uri=raw["requestURI"],
        request=raw.get("requestObject") or {},
        response=response,
    )
