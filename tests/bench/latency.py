"""How long a step takes the operator, from the API server's audit log: one clock, and the server's own word."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from coursegen_operator.kube import USER_AGENT

from . import sample

Json = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """Seconds."""

    median: float
    p99: float
    worst: float

    @staticmethod
    def of(seconds: Sequence[float]) -> "Spread":
        """Give the spread of some durations, of which there is at least one."""
        ordered = sorted(seconds)
        return Spread(ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1])


@dataclass(frozen=True)
class Latencies:
    """Of every course and every chapter of a run."""

    applied_to_first_job: Spread
    ended_to_status: Spread
    """From the Job controller's last word about a Job to the chapter's status that has its outcome."""


def read(log: Path, since: int, namespace: str) -> Latencies:
    """Read what was logged about a namespace since a position."""
    applied: dict[str, float] = {}
    first_job: dict[str, float] = {}
    job_ended: dict[str, float] = {}
    told: dict[str, float] = {}
    for entry in _answered(log, since, namespace):
        about, agent = entry["objectRef"], entry["userAgent"]
        what = "/".join(p for p in (about["resource"], about.get("subresource")) if p)
        name, asked = about.get("name", ""), _time(entry["requestReceivedTimestamp"])
        answered = _time(entry["stageTimestamp"])
        match (entry["verb"], what):
            case ("create", "coursegenerations"):
                applied[name] = answered
            case ("create", "jobs") if agent == USER_AGENT:
                first_job.setdefault(_object(name)[: len(sample.course_name(1))], asked)
            case ("update", "jobs/status"):
                job_ended[_object(name)] = answered
            case ("patch", "chaptergenerations/status") if agent == USER_AGENT:
                told[name] = answered
    return Latencies(
        Spread.of([first_job[course] - at for course, at in applied.items() if course in first_job]),
        Spread.of([told[chapter] - at for chapter, at in job_ended.items() if chapter in told]),
    )


def _answered(log: Path, since: int, namespace: str) -> Iterator[Json]:
    mark = f'"namespace":"{namespace}"'.encode()
    with log.open("rb") as lines:
        lines.seek(since)
        for line in lines:
            if mark not in line or b'"ResponseComplete"' not in line:
                continue
            entry: Json = json.loads(line)
            if entry.get("responseStatus", {}).get("code", 500) < 300:
                yield entry


def _object(job: str) -> str:
    """Give the name of the object whose attempt a Job is (coursegen_api.names.job_name)."""
    return job.rsplit("-", 3)[0]


def _time(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
