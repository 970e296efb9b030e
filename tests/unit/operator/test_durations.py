"""How long work usually takes, and when the last of several pieces ends: held against what chance really does."""

import random
import statistics
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursegen_operator.plan.durations import Piece, Usual, last_end
from coursegen_operator.plan.history import Recent
from coursegen_operator.plan.turn import Rival, Turn

_DRAWS = 4000


def usual_of(durations: Sequence[float]) -> Usual:
    recent = Recent()
    for seconds in durations:
        recent.add(seconds)
    return Usual(recent.quantile(0.5), recent.mean(), recent.points(), recent.count)


def durations(count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [60 * chance.lognormvariate(0, 0.4) for _ in range(count)]


USUAL = usual_of(durations(400))


@pytest.mark.parametrize(
    "pieces",
    [
        [Piece()],
        [Piece()] * 8,
        [Piece()] * 50,
        [Piece(-60.0)],
        [Piece(-100.0)] * 3,
        [Piece(-30.0), Piece(-30.0), Piece(20.0), Piece(50.0)],
        [Piece(10.0 * n) for n in range(20)],
        [Piece(scale=0.5)] * 4,
    ],
    ids=["one", "eight side by side", "fifty", "one that runs", "slow ones", "a new wave", "one by one", "half done"],
)
def test_the_last_ends_when_it_does_by_experiment(pieces: list[Piece]) -> None:
    chance = random.Random(7)

    def end(piece: Piece) -> float:
        elapsed = max(0.0, -piece.start / piece.scale)
        while (took := 60 * chance.lognormvariate(0, 0.4)) <= elapsed:
            pass  # it is known not to have ended yet
        return piece.start + piece.scale * took

    found = statistics.fmean(max(map(end, pieces)) for _ in range(_DRAWS))
    assert last_end(pieces, USUAL) == pytest.approx(found, rel=0.12)


PIECES = st.lists(st.builds(Piece, st.floats(-5000, 2000), st.floats(0.01, 3)), min_size=1, max_size=12)


@given(PIECES)
def test_what_has_not_ended_ends_in_the_future(pieces: list[Piece]) -> None:
    found = last_end(pieces, USUAL)
    assert found > 0
    assert found >= max(p.start for p in pieces)


@given(PIECES, st.builds(Piece, st.floats(-500, 2000)))
def test_more_work_never_ends_noticeably_sooner(pieces: list[Piece], more: Piece) -> None:
    assert last_end([*pieces, more], USUAL) >= 0.95 * last_end(pieces, USUAL) - 1


def test_nothing_takes_no_time() -> None:
    assert last_end([], USUAL) == 0


def test_what_always_takes_the_same_time_ends_after_that() -> None:
    usual = usual_of([60.0] * 20)
    assert last_end([Piece()] * 8, usual) == pytest.approx(60, rel=0.1)
    assert last_end([Piece(-50.0)] * 8, usual) == pytest.approx(10, abs=8)


# ---- turns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "number", "turnovers"),
    [
        (Turn(free=3), 2, 0),
        (Turn(free=3, slots=4), 3, 0.25),
        (Turn(free=0, slots=4), 0, 0.25),
        (Turn(free=0, ahead=8, slots=4), 0, 2.25),
        (Turn(free=0, ahead=8, slots=4, own=2), 0, 4.5),
        (Turn(free=0, ahead=9, slots=10, rivals=(Rival(100, 1.0),)), 0, 2),
        (Turn(free=0, ahead=9, slots=10, rivals=(Rival(100, 3.0),)), 0, 4),
        (Turn(free=0, ahead=9, slots=10, rivals=(Rival(5, 3.0),)), 0, 1.5),
        (Turn(free=0, ahead=9, slots=10, rivals=(Rival(100, 1.0, behind=5.0),)), 0, 2.5),
        (Turn(free=0, ahead=3, slots=10, rivals=(Rival(100, 1.0, behind=-5.0),)), 0, 0.4),
    ],
    ids=[
        "a free slot", "after the free slots", "the next", "after those ahead", "its namespace's limit",
        "in turn with another", "which has three times the weight", "until that has had all it wants",
        "which is given what it is short of", "which has had more than its share",
    ],
)  # fmt: skip
def test_slots_turn_over_until_it_is_its_turn(turn: Turn, number: int, turnovers: float) -> None:
    assert turn.turnovers(number) == pytest.approx(turnovers)


RIVALS = st.lists(st.builds(Rival, st.integers(0, 50), st.floats(0.1, 10), st.floats(-20, 20)), max_size=4)


@given(st.builds(Turn, st.integers(0, 5), st.integers(0, 50), st.integers(1, 20), st.integers(1, 20), RIVALS))
def test_who_stands_further_back_never_has_its_turn_sooner(turn: Turn) -> None:
    turns = [turn.turnovers(n) for n in range(30)]
    assert turns == sorted(turns)
