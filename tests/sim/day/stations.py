"""What all work goes through, one after another: a server with so much to give a second, and a bucket that refills.

Both answer when something is through that comes now; so neither needs an event. What comes has to come in order.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Server:
    """Serves in order of arrival, and gives a part of itself to what goes on all the time."""

    rate: float = 1.0
    """Seconds of work that it does in a second: its cores."""
    background: float = 0.0
    """Seconds of work a second that go on all the time."""
    free: float = 0.0
    """When it will have done all that has come."""
    done: float = 0.0
    """Seconds of work in all."""

    def serve(self, now: float, work: float) -> float:
        """Take work of so many seconds; give when it is done."""
        self.done += work
        self.free = max(self.free, now) + work / self.left
        return self.free

    @property
    def left(self) -> float:
        """Give what the background leaves; never nothing, or time would stand still."""
        return max(0.02 * self.rate, self.rate - self.background)

    def late(self, now: float) -> float:
        """Give how long what comes now waits."""
        return max(0.0, self.free - now)


@dataclass(slots=True)
class Bucket:
    """Lets so much through a second, and saves up to so much for later: a client's limit, or a provider's."""

    rate: float
    burst: float
    free: float = 0.0
    """When what has gone through would have, had nothing been saved."""
    done: float = 0.0
    waited: float = 0.0
    """How long the last that was let through had waited here."""

    def wait(self, now: float, amount: float) -> float:
        """Give how long so much would wait."""
        if self.rate == float("inf"):
            return 0.0
        return max(0.0, max(self.free, now) + (amount - self.burst) / self.rate - now)

    def take(self, now: float, amount: float) -> float:
        """Take so much; give when it is through."""
        self.waited = self.wait(now, amount)
        self.done += amount
        if self.rate < float("inf"):
            self.free = max(self.free, now) + amount / self.rate
        return now + self.waited
