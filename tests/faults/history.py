"""What happened in one run, as the API server's audit log has it, and what can be read from that."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from coursegen_api import names

from .auditlog import Entry

Json = dict[str, Any]


@dataclass(frozen=True)
class Handover:
    """What was done to a leader, and by when another has to have done work."""

    what: str
    leader: str
    """Its identity."""
    time: float
    """Seconds since the epoch."""
    seconds: float


class JobEnd(Enum):
    """How a Job ended, in the Job controller's words."""

    COMPLETE = "Complete"
    FAILED = "Failed"


@dataclass(frozen=True)
class History:
    """What happened in one run, in the order in which it was committed, as far as versions tell."""

    entries: Sequence[Entry]
    capacity: Mapping[str, int]
    """Of queues, by name; one that is not named is wide enough."""
    handovers: Sequence[Handover] = ()

    def jobs(self) -> list[Entry]:
        """Give the Jobs that an operator created."""
        return [
            e for e in self.entries if e.by_operator and e.resource == "jobs" and e.verb == "create" and e.code == 201
        ]

    def statuses(self) -> dict[str, list[Entry]]:
        """Give the status writes of operators, by the UID of the object, in the order of their versions."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for e in self.entries:
            if e.by_operator and e.resource.endswith("/status") and e.code == 200 and e.response.get("metadata"):
                found[e.response["metadata"]["uid"]].append(e)
        return {uid: sorted(entries, key=version_of) for uid, entries in found.items()}

    def told(self, uid: str, until: float) -> Iterator[Json]:
        """Give the attempts that status had by a time, or may have had: a 500 does not say what came of a write."""
        for e in self.entries:
            if not (e.by_operator and e.resource.endswith("/status") and e.answered <= until):
                continue
            body = e.response if e.code == 200 else e.request if e.code >= 500 else {}
            if body.get("metadata", {}).get("uid") == uid:
                yield from _attempts_in(body)

    def ends(self) -> dict[str, tuple[JobEnd, float]]:
        """Give how Jobs ended, by name, and when that was first written."""
        found: dict[str, tuple[JobEnd, float]] = {}
        for e in self.entries:
            if e.resource == "jobs/status" and e.code < 300 and (how := end_of(e.response)) and e.name not in found:
                found[e.name] = (how, e.answered)
        return found


def version_of(entry: Entry) -> int:
    """Give the resourceVersion that a write made."""
    return int(entry.response.get("metadata", {}).get("resourceVersion") or 0)


def label_of(job: Entry, label: str) -> str:
    """Read a label of a Job as it was created."""
    return str(job.response.get("metadata", {}).get("labels", {}).get(label, ""))


def attempt_of(job: Entry) -> tuple[str, str, str]:
    """Say which attempt a Job is: object, revision, number."""
    return (
        label_of(job, names.LABEL_OBJECT_UID),
        label_of(job, names.LABEL_REVISION),
        label_of(job, names.LABEL_ATTEMPT),
    )


def attempts_of(entry: Entry) -> list[Json]:
    """Give the attempts that a status write has, those of an outline included."""
    return _attempts_in(entry.response)


def _attempts_in(body: Json) -> list[Json]:
    status = body.get("status", {})
    return [*(status.get("attempts") or ()), *((status.get("outline") or {}).get("attempts") or ())]


def end_of(job: Json) -> JobEnd | None:
    """Say how a Job has ended; None while it has not."""
    for c in job.get("status", {}).get("conditions") or ():
        if c["type"] in ("Complete", "Failed") and c["status"] == "True":
            return JobEnd(c["type"])
    return None
