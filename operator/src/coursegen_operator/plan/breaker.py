"""Circuit breakers: one state machine for providers and queues, over the attempts that have ended.

Closed -> Open on a failure rate, or on a 429 that says for how long; then HalfOpen, in which one probe
runs; its success closes the circuit, its failure opens it again, for longer. A circuit follows from the
status that was written last and from the attempts in status since, so that a restart changes nothing,
and work is kept away before the new state has been written.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coursegen_api.base import FailureClass
from coursegen_api.circuit import MAX_OPEN_SECONDS, CircuitBreaker, CircuitState, CircuitStatus

from . import clock

AGAINST_PROVIDER = frozenset(
    {FailureClass.PROVIDER_UNAVAILABLE, FailureClass.RATE_LIMITED, FailureClass.TIMEOUT},
)
"""What speaks against a provider: it did not answer, would not, or took too long."""

AGAINST_QUEUE = frozenset(
    {
        FailureClass.STORAGE_UNAVAILABLE,
        FailureClass.INTERNAL,
        FailureClass.POD_NOT_STARTED,
        FailureClass.OUT_OF_MEMORY,
    }
)
"""What speaks against all that a queue runs: its workers cannot start, cannot go on, or cannot store."""

WINDOW_ATTEMPTS = 100
"""No window holds more."""

_CLOCK_STEP_SECONDS = 60.0
"""A time that lies further ahead was written before the clock was set back."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that has ended and says something about a circuit."""

    time: float
    uid: str
    number: int
    failure: FailureClass | None = None
    """None: it succeeded."""
    retry_after: int | None = None
    probe: bool = False
    counted: bool = False
    """It costs a retry, as its task's status has it now."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit at some time; times in seconds since the epoch, 0 for never."""

    state: CircuitState = CircuitState.CLOSED
    opened: float = 0.0
    closed: float = 0.0
    next_probe: float = 0.0
    refund_from: float = 0.0
    openings: int = 0
    attempts: int = 0
    failures: int = 0
    cause: FailureClass | None = None

    @property
    def is_closed(self) -> bool:
        """Say whether work goes through."""
        return self.state is CircuitState.CLOSED

    @property
    def since(self) -> float:
        """Give the time of the last change between Closed and not Closed, or of the last opening."""
        return self.closed if self.is_closed else self.opened

    def refunds(self, failed: float) -> bool:
        """Tell whether a failure at a time costs no retry: it helped to open the circuit, or found it open."""
        return bool(self.opened) and self.refund_from <= failed and (not self.is_closed or failed <= self.closed)


CLOSED = Circuit()


def now(policy: CircuitBreaker, stored: CircuitStatus | None, ended: Sequence[Ended], time: float) -> Circuit:
    """Give a circuit as it is now.

    Arguments:
        stored: what status says of it.
        ended: the attempts that say something about it, by the time of their end.
    """
    before = read(stored)
    if not policy.enabled:
        return before if before.is_closed else _close(before, before.opened)
    circuit = _after_clock_step(before, time)
    for at, one in enumerate(ended):
        if one.failure is None and circuit.is_closed:
            continue  # nearly all of them: what succeeds changes nothing of a closed circuit
        if circuit.since < one.time <= time + _CLOCK_STEP_SECONDS:
            circuit = _after(policy, circuit, one, ended[max(0, at + 1 - WINDOW_ATTEMPTS) : at + 1])
    if circuit.state is CircuitState.OPEN and circuit.next_probe <= time:
        return replace(circuit, state=CircuitState.HALF_OPEN)
    return circuit


def _after(policy: CircuitBreaker, circuit: Circuit, one: Ended, last: Sequence[Ended]) -> Circuit:
    """Give the circuit after one more attempt, the last of `last`, has ended."""
    if circuit.is_closed:
        return _count(policy, circuit, one, last)
    if one.probe:
        return _open(policy, circuit, one) if one.failure else _close(circuit, one.time)
    if one.failure and one.retry_after:
        return replace(circuit, next_probe=max(circuit.next_probe, one.time + one.retry_after))
    return circuit


def _count(policy: CircuitBreaker, circuit: Circuit, one: Ended, last: Sequence[Ended]) -> Circuit:
    if one.failure is None:
        return circuit
    begin = max(circuit.closed, one.time - policy.window_seconds)
    window = [e for e in last if begin < e.time]
    failed = [e for e in window if e.failure]
    counted = replace(circuit, attempts=len(window), failures=len(failed), cause=one.failure)
    enough = len(window) >= policy.minimum_attempts
    if one.retry_after or (enough and len(failed) * 100 >= policy.failure_rate_percent * len(window)):
        # From the window's begin, not its first failure: one that ended before may reach status after this one.
        return _open(policy, replace(counted, refund_from=begin), one)
    return counted


def _open(policy: CircuitBreaker, circuit: Circuit, one: Ended) -> Circuit:
    """Open the circuit, the first time as long as the provider asks if it does, and longer each time."""
    told = min(one.retry_after or 0, MAX_OPEN_SECONDS)
    own = min(policy.max_open_seconds, policy.open_seconds * 2 ** min(circuit.openings, 20))
    seconds = told if told and not circuit.openings else max(told, own)
    return replace(
        circuit,
        state=CircuitState.OPEN,
        opened=one.time,
        next_probe=one.time + seconds,
        openings=circuit.openings + 1,
        cause=one.failure,
    )


def _close(circuit: Circuit, time: float) -> Circuit:
    """Close the circuit; what the outage cost is still given back."""
    return replace(
        circuit, state=CircuitState.CLOSED, closed=time, next_probe=0.0, openings=0, attempts=0, failures=0, cause=None
    )


def _after_clock_step(circuit: Circuit, time: float) -> Circuit:
    """Forget how long to wait, where the clock was set back since: else the wait could last for days."""
    if circuit.since <= time + _CLOCK_STEP_SECONDS:
        return circuit
    since = time - _CLOCK_STEP_SECONDS
    if circuit.is_closed:
        return replace(circuit, closed=since)
    return replace(circuit, opened=since, next_probe=min(circuit.next_probe, time), refund_from=since)


# ---- as status has it -------------------------------------------------------------------------------


def read(stored: CircuitStatus | None) -> Circuit:
    """Read a circuit from status."""
    if stored is None:
        return CLOSED
    return Circuit(
        stored.state,
        _seconds(stored.opened_time),
        _seconds(stored.closed_time),
        _seconds(stored.next_probe_time),
        _seconds(stored.refund_from_time),
        stored.openings,
        stored.recent_attempts,
        stored.recent_failures,
        stored.failure_class,
    )


def written(circuit: Circuit) -> CircuitStatus | None:
    """Give a circuit as status has it; None for one of which nothing is known."""
    if circuit == CLOSED:
        return None
    return CircuitStatus(
        state=circuit.state,
        opened_time=_stamp(circuit.opened),
        closed_time=_stamp(circuit.closed),
        next_probe_time=_stamp(circuit.next_probe),
        refund_from_time=_stamp(circuit.refund_from),
        openings=circuit.openings,
        recent_attempts=circuit.attempts,
        recent_failures=circuit.failures,
        failure_class=circuit.cause,
    )


def _seconds(text: str | None) -> float:
    return clock.parse(text) if text else 0.0


def _stamp(time: float) -> str | None:
    return clock.stamp(time) if time else None


def words(circuit: Circuit) -> str:
    """Say in a sentence why a circuit is open, and when it is tried again."""
    cause = circuit.cause.value if circuit.cause else "failures"
    return (
        f"{circuit.failures} of the last {circuit.attempts} attempts failed ({cause}). "
        f"Only a probe starts, the next one from {clock.stamp(circuit.next_probe)} on."
    )
