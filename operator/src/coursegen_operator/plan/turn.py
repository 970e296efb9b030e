"""When it is whose turn: slots turn over, and namespaces share them by weight."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rival:
    """Another namespace that waits for slots of the same queue."""

    waiting: int
    weight: float
    """How many slots it is given for each of ours."""
    behind: float = 0.0
    """How many it runs fewer than its share: it is given those first."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How soon work of a namespace gets slots of a queue."""

    free: int = 1000
    """Slots that it is given at once."""
    ahead: int = 0
    """How many of its own namespace wait before it."""
    slots: int = 1
    """How many turn over in the queue."""
    own: int = 1000
    """How many of them its namespace may have."""
    rivals: tuple[Rival, ...] = ()

    def turnovers(self, number: int) -> float:
        """Give how often all slots of the queue turn over until work has its slot, and `number` before it theirs."""
        if number < self.free:
            return 0.0
        mine = self.ahead + number - self.free + 1
        theirs = sum(min(r.waiting, max(0.0, mine * r.weight + r.behind)) for r in self.rivals)
        return max((mine + theirs) / self.slots, mine / self.own)
