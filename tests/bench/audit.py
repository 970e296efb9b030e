"""Counts requests in the API server's audit log."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

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


def count(log: Path, since: int) -> Counts:
    """Count what was logged since a position."""
    counts = Counts()
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if b"coursegen-operator" in line or b"kopf" in line:
                _add(counts, line)
    return counts


def writes(log: Path, since: int, but: str) -> Counter[str]:
    """Count our own client's writes since a position, but for those about objects whose name begins so."""
    found: Counter[str] = Counter()
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if USER_AGENT.encode() not in line or b'"ResponseComplete"' not in line:
                continue
            entry = json.loads(line)
            about = entry.get("objectRef") or {}
            if entry["verb"] in ("get", "list", "watch") or about.get("name", "").startswith(but):
                continue
            what = "/".join(p for p in (f"{entry['verb']} {about.get('resource')}", about.get("subresource")) if p)
            code = entry.get("responseStatus", {}).get("code", 0)
            found[what if code < 400 else f"{what} ({code})"] += 1
    return found


def _add(counts: Counts, line: bytes) -> None:
    try:
        entry = json.loads(line)
    except ValueError:  # the last line may be half written
        return
    agent, about = entry.get("userAgent", ""), entry.get("objectRef") or {}
    if entry["stage"] != "ResponseComplete" or about.get("resource") == "leases":
        return
    what = "/".join(p for p in (about.get("resource", entry["requestURI"]), about.get("subresource")) if p)
    if agent == USER_AGENT and entry["verb"] != "watch":
        counts.own[f"{entry['verb']} {what}"] += 1
        code = entry.get("responseStatus", {}).get("code", 0)
        if code >= 400:
            counts.refused[str(code)] += 1
    elif agent.startswith(_KOPF):
        counts.kopf[f"{entry['verb']} {what}"] += 1
