"""Takes in what was read of Pods, and has an object visited only where that is news."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from .plan import running
from .plan.world import Defaults, Key, Reading, ReadPods
from .snapshot import Snapshot
from .workqueue import WorkQueue

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
        if job is None or (known and known.time > reading.time):
            return None
        self.snapshot.readings[job_uid] = reading
        look = running.look_again(job, known, reading, self.defaults)
        if look is None:
            self.queue.add(key)
        return look
