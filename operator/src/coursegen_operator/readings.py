"""Takes in what was read of Pods, and has an object visited only where that is news."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from .plan import running
from .plan.world import Defaults, Key, Reading, ReadPods
from .snapshot import Snapshot
from .workqueue import WorkQueue

_LATE_SECONDS = 60.0
"""An answer that was asked for longer before another is not late: the clock has been set back meanwhile."""

_AGAIN_SECONDS = 2.0
"""After a read that failed, its object asks again."""


@dataclass(frozen=True, slots=True)
class Readings:
    """Where the reader of Pods delivers."""

    snapshot: Snapshot
    queue: WorkQueue
    defaults: Defaults
    clock: Callable[[], float] = time.time

    def take(self, key: Key, job_uid: str, reading: Reading | None) -> ReadPods | None:
        """Keep a reading; give the next look where a visit would do nothing but ask for it.

        Arguments:
            key: the object that asked; it is visited otherwise, as long as the Job is its own.
            reading: None where the read failed.
        """
        if reading is None:
            self.queue.add_at(key, self.clock() + _AGAIN_SECONDS)
            return None
        obj = self.snapshot.objects.get(key)
        jobs = self.snapshot.jobs_of.get(obj.metadata.uid, {}) if obj else {}
        job = next((j for j in jobs.values() if j.uid == job_uid), None)
        known = self.snapshot.readings.get(job_uid)
        if job is None or (known and _is_overtaken(reading, known)):
            return None
        self.snapshot.readings[job_uid] = reading
        look = running.look_again(job, known, reading, self.defaults)
        if look is None:
            self.queue.add(key)
        return look


def _is_overtaken(reading: Reading, known: Reading) -> bool:
    """Tell whether an answer comes after that to a later question; the end of a Job is news whatever the clock says."""
    if reading.final != known.final:
        return known.final
    return 0 < known.time - reading.time < _LATE_SECONDS
