"""The circuit of each provider and queue as it is now, from their status and from the attempts that have ended."""

from collections.abc import Callable
from dataclasses import dataclass, field

from .plan import breaker
from .plan.breaker import Circuit
from .plan.world import Gate, Key
from .snapshot import Snapshot


@dataclass(slots=True)
class Breakers:
    """Asks the pure `plan.breaker`; keeps of its answers only that a circuit is closed, until something changes."""

    snapshot: Snapshot
    clock: Callable[[], float]
    _closed: dict[Key, tuple[Gate, int, Circuit]] = field(default_factory=dict)
    """By circuit: the object and the version of its line that the answer was made from."""

    def now(self, key: Key) -> Circuit:
        """Give one circuit; one of a provider or queue that is not there is closed."""
        obj, recent = self.snapshot.gate(key), self.snapshot.books.recent
        if obj is None:
            return breaker.CLOSED
        version = recent.version.get(key, 0)
        known = self._closed.get(key)
        if known and known[0] is obj and known[1] == version:
            return known[2]
        circuit = breaker.now(
            obj.spec.circuit_breaker, obj.status.circuit_breaker, recent.lines.get(key, ()), self.clock()
        )
        if circuit.is_closed:
            self._closed[key] = (obj, version, circuit)
        else:
            self._closed.pop(key, None)
        return circuit

    def all(self) -> dict[Key, Circuit]:
        """Give every circuit of which something is known; the others are closed and have always been."""
        return {key: self.now(key) for key in self.snapshot.books.recent.failing.keys() | self.snapshot.books.tripped}
