"""The circuits of one shard's providers and queues, asked of the planner as the operator asks it."""

from dataclasses import dataclass, field, replace

from coursegen_api.circuit import CircuitBreaker, CircuitState, QueueCircuitBreaker
from coursegen_operator.plan import breaker, outage, recent
from coursegen_operator.plan.breaker import Circuit, Ended
from coursegen_operator.plan.probing import Ready
from coursegen_operator.plan.step import Hold
from coursegen_operator.plan.world import Key

from .work import Piece, ended

_KEPT = 2 * breaker.WINDOW_ATTEMPTS
_OF_QUEUES = QueueCircuitBreaker()


@dataclass(slots=True)
class Circuits:
    """What ended of late, and what follows from it."""

    policy: CircuitBreaker
    """Of every provider."""
    known: dict[Key, Circuit] = field(default_factory=dict)
    """Those that have ever opened."""
    probed: dict[Key, int] = field(default_factory=dict)
    """How many probes run."""
    openings: int = 0
    _lines: dict[Key, list[Ended]] = field(default_factory=dict)

    def note(self, piece: Piece, now: float) -> list[Key]:
        """Take in an attempt that has ended; give the circuits that have changed by it."""
        changed = []
        if piece.probe:
            self.recalled(piece)
        for key in piece.circuits():
            if piece.failure is not None and piece.failure not in recent.AGAINST[key.kind]:
                continue
            line = self._lines.setdefault(key, [])
            line.append(ended(piece, now))
            if len(line) > 2 * _KEPT:
                del line[:-_KEPT]
            # A success changes nothing but what it probed.
            if (piece.failure or piece.probe) and self._judge(key, line, now):
                changed.append(key)
        return changed

    def begun(self, piece: Piece) -> None:
        """Note that a probe runs."""
        for key in piece.circuits():
            self.probed[key] = self.probed.get(key, 0) + 1

    def recalled(self, piece: Piece) -> None:
        """Note that a probe has ended, or was taken back."""
        for key in piece.circuits():
            if self.probed.get(key):
                self.probed[key] -= 1

    def are_closed(self, piece: Piece) -> bool:
        """Tell whether a task may begin that is no probe."""
        return all(key not in self.known or self.known[key].is_closed for key in piece.circuits())

    def shut(self, now: float) -> dict[Key, Hold]:
        """Give what work is held with where a circuit is not closed."""
        for key, circuit in self.known.items():
            if circuit.state is CircuitState.OPEN and circuit.next_probe <= now:
                self.known[key] = replace(circuit, state=CircuitState.HALF_OPEN)
        return outage.shut(self.known)

    def ready(self) -> Ready:
        """Say which may be probed."""
        half = frozenset(k for k, c in self.known.items() if c.state is CircuitState.HALF_OPEN)
        return Ready(half, frozenset(k for k in half if self.probed.get(k)))

    def take_over(self, others: "Circuits", namespace: str) -> None:
        """Read what status says of the providers of a namespace that was another shard's."""
        self.known |= {key: others.known.pop(key) for key in list(others.known) if key.namespace == namespace}
        self.probed |= {key: others.probed.pop(key) for key in list(others.probed) if key.namespace == namespace}
        self._lines |= {key: others._lines.pop(key) for key in list(others._lines) if key.namespace == namespace}

    def _judge(self, key: Key, line: list[Ended], now: float) -> bool:
        before = self.known.get(key, breaker.CLOSED)
        policy = self.policy if key.kind == "ModelProvider" else _OF_QUEUES
        after = breaker.now(policy, breaker.written(before), line[-_KEPT:], now)
        if after.is_closed and not after.opened:
            return False
        self.known[key] = after
        self.openings += before.is_closed and not after.is_closed
        return (before.state, before.next_probe) != (after.state, after.next_probe)
