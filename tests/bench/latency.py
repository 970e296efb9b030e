"""How long a step takes the operator, from the API server's audit log: one clock, and the server's own word."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from coursegen_operator.kube import USER_AGENT

from . import audit, sample


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
    for entry in audit.entries(log, since, f'"namespace":"{namespace}"'):
        ours = entry.agent == USER_AGENT
        match (entry.verb, entry.what):
            case _ if entry.code >= 300:
                continue
            case ("create", "coursegenerations"):
                applied[entry.name] = entry.answered
            case ("create", "jobs") if ours:
                first_job.setdefault(_object(entry.name)[: len(sample.course_name(1))], entry.asked)
            case ("update", "jobs/status"):
                job_ended[_object(entry.name)] = entry.answered
            case ("patch", "chaptergenerations/status") if ours:
                told[entry.name] = entry.answered
    return Latencies(
        Spread.of([first_job[course] - at for course, at in applied.items() if course in first_job]),
        Spread.of([told[chapter] - at for chapter, at in job_ended.items() if chapter in told]),
    )


def _object(job: str) -> str:
    """Give the name of the object whose attempt a Job is (coursegen_api.names.job_name)."""
    return job.rsplit("-", 3)[0]
