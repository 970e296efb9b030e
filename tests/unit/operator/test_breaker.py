"""The state machine of circuit breakers: rules as tables, and what holds of every history."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursegen_api.base import FailureClass
from coursegen_api.circuit import CircuitBreaker, CircuitState
from coursegen_operator.plan import breaker
from coursegen_operator.plan.breaker import CLOSED, Circuit, Ended

T = 1_800_000_000.0
POLICY = CircuitBreaker(
    failure_rate_percent=50, window_seconds=60, minimum_attempts=4, open_seconds=30, max_open_seconds=100
)
DOWN = FailureClass.PROVIDER_UNAVAILABLE


def ended(text: str, begin: float = T) -> list[Ended]:
    """Read a history: a character a second, F a failure, S a success, P a probe that fails, Q one that succeeds."""
    out = []
    for at, letter in enumerate(text):
        if letter != ".":
            failed = letter in "FP"
            out.append(Ended(begin + at, f"uid{at}", 1, DOWN if failed else None, probe=letter in "PQ", counted=failed))
    return out


def limited(time: float, retry_after: int, probe: bool = False) -> Ended:
    return Ended(time, "limited", 1, FailureClass.RATE_LIMITED, retry_after, probe)


def state(history: list[Ended], time: float, policy: CircuitBreaker = POLICY) -> Circuit:
    return breaker.now(policy, None, history, time)


@pytest.mark.parametrize(
    ("history", "opens"),
    [
        ("", False),
        ("SSSSSSSS", False),
        ("FFF", False),  # below the minimum
        ("FFFF", True),
        ("SSFF", True),  # half of them
        ("SSSFF", False),
        ("SSSFFF", True),
        ("FFFSSSSS", False),  # a success never opens
        ("FFF" + "." * 60 + "F", False),  # the first three are past the window
        ("FFF" + "." * 56 + "F", True),
    ],
)
def test_it_opens_on_the_rate_of_failures_in_the_window_once_there_are_enough(history: str, opens: bool) -> None:
    circuit = state(ended(history), T + len(history))
    assert circuit.is_closed is not opens


def test_as_delivered_a_task_alone_opens_it_before_its_retries_are_spent() -> None:
    """An attempt at a server that is down lasts 20 s, its Pod's start 10 s; the pauses are as long as they get."""
    policy = CircuitBreaker()
    longest = [seconds * 1.2 + 10 + 20 for seconds in (60, 120, 240)]
    ends = [T + sum(longest[:at]) for at in range(4)]
    history = [Ended(time, "outline", number, DOWN, counted=True) for number, time in enumerate(ends, 1)]
    assert state(history[:2], ends[1], policy).is_closed
    assert not state(history[:3], ends[2], policy).is_closed


def test_it_is_half_open_as_soon_as_the_probe_is_due() -> None:
    history = ended("FFFF")
    opened = T + 3
    assert state(history, opened).state is CircuitState.OPEN
    assert state(history, opened + 29.9).state is CircuitState.OPEN
    assert state(history, opened + 30).state is CircuitState.HALF_OPEN
    assert state(history, opened).next_probe == opened + 30


def test_each_probe_that_fails_doubles_the_wait_up_to_the_cap() -> None:
    history, waits = ended("FFFF"), []
    for _ in range(4):
        circuit = state(history, history[-1].time)
        waits.append(circuit.next_probe - circuit.opened)
        history += ended("P", circuit.next_probe + 1)
    assert waits == [30, 60, 100, 100]


def test_a_probe_that_succeeds_closes_it_and_what_was_before_no_longer_counts() -> None:
    history = [*ended("FFFF"), *ended("Q", T + 40)]
    circuit = state(history, T + 41)
    assert (circuit.state, circuit.closed, circuit.openings) == (CircuitState.CLOSED, T + 40, 0)
    assert state([*history, *ended("FFF", T + 42)], T + 50).is_closed
    assert not state([*history, *ended("FFFF", T + 42)], T + 50).is_closed


def test_what_ends_while_it_is_open_without_being_a_probe_changes_nothing() -> None:
    history = ended("FFFF")
    open_ = state(history, T + 10)
    assert state([*history, *ended("SSSF", T + 5)], T + 10) == open_


def test_a_rate_limit_opens_it_at_once_for_as_long_as_the_provider_says() -> None:
    circuit = state([limited(T, 7)], T)
    assert (circuit.state, circuit.next_probe) == (CircuitState.OPEN, T + 7)
    again = state([limited(T, 7), limited(T + 8, 7, probe=True)], T + 8)
    assert again.next_probe == T + 8 + 60, "asked again and again, it waits longer than it is told"
    later = state([limited(T, 7), limited(T + 1, 500)], T + 2)
    assert later.next_probe == T + 501, "the last word about how long"


def test_a_rate_limit_without_a_time_is_a_failure_like_others() -> None:
    one = replace(limited(T, 0), retry_after=None)
    assert state([one], T).is_closed


def test_what_failed_in_the_window_or_while_open_is_refunded_and_nothing_else() -> None:
    history = [*ended("F"), *ended("SFFF", T + 100), *ended("Q", T + 150)]
    open_, closed = state(history[:-1], T + 110), state(history, T + 151)
    times = {T: False, T + 101: True, T + 103: True, T + 120: True, T + 150: True, T + 151: False}
    assert {t: closed.refunds(t) for t in times} == times
    assert open_.refunds(T + 1000)
    assert not CLOSED.refunds(T)


def test_a_breaker_that_is_switched_off_is_closed_at_once() -> None:
    off = POLICY.model_copy(update={"enabled": False})
    history = ended("FFFF")
    assert state(history, T + 9, off).is_closed
    stored = breaker.written(state(history, T + 9))
    assert breaker.now(off, stored, history, T + 9).is_closed


def test_after_the_clock_was_set_back_it_does_not_stay_open_for_as_long() -> None:
    stored = breaker.written(state(ended("FFFF", T + 86_400), T + 86_403))
    assert breaker.now(POLICY, stored, (), T).state is CircuitState.HALF_OPEN
    assert breaker.now(POLICY, stored, ended("Q", T - 1), T).is_closed


HISTORIES = st.text("FSPQ.", max_size=80)


@given(HISTORIES, st.integers(0, 100))
def test_it_does_not_matter_when_it_is_looked_at(history: str, until: int) -> None:
    """Whoever writes the state halfway, or not at all, comes to the same state: a restart changes nothing."""
    whole = ended(history)
    early = [e for e in whole if e.time <= T + until]
    time = T + len(history)
    stored = breaker.written(state(early, min(T + until, time)))
    halfway = breaker.now(POLICY, stored, whole, time)
    at_once = state(whole, time)
    assert (halfway.state, halfway.opened, halfway.next_probe) == (at_once.state, at_once.opened, at_once.next_probe)


@given(HISTORIES)
def test_looking_again_changes_nothing(history: str) -> None:
    whole, time = ended(history), T + len(history)
    circuit = state(whole, time)
    assert breaker.now(POLICY, breaker.written(circuit), whole, time) == circuit


@given(HISTORIES, st.integers(0, 1000))
def test_it_never_keeps_work_for_longer_than_the_cap(history: str, later: int) -> None:
    circuit = state(ended(history), T + len(history) + later)
    assert circuit.next_probe - circuit.opened <= POLICY.max_open_seconds
    if circuit.state is CircuitState.OPEN:
        assert circuit.next_probe > T + len(history) + later
        assert later < POLICY.max_open_seconds


@given(HISTORIES)
def test_only_a_failure_opens_it_and_only_a_probe_closes_it(history: str) -> None:
    whole = ended(history)
    before = CLOSED
    for at, one in enumerate(whole):
        after = state(whole[: at + 1], one.time)
        if before.is_closed and not after.is_closed:
            assert one.failure
        if not before.is_closed and after.is_closed:
            assert one.probe
            assert one.failure is None
        if not after.is_closed:
            assert after.refunds(after.opened)
        before = after
