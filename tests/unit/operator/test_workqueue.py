"""The work queue: once however often added, never twice at a time, again after a failure, and who goes first."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursegen_operator.plan.world import Key
from coursegen_operator.workqueue import PATIENCE, Turn, WorkQueue

A, B = Key("CourseGeneration", "n", "a"), Key("CourseGeneration", "n", "b")


def key(turn: Turn, number: int = 0) -> Key:
    """Give a key that stands in a line."""
    return Key(turn.name, "n", str(number))


def lined(clock: Callable[[], float] = lambda: 0.0) -> WorkQueue:
    """Give a queue in which a key's kind names its line."""
    queue = WorkQueue(clock)
    queue.turn_of = lambda key: Turn[key.kind]
    return queue


def rest(queue: WorkQueue) -> list[Key]:
    """Take out all that is due, in order."""
    return list(iter(queue.pop, None))


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_key_added_many_times_is_visited_once() -> None:
    queue = WorkQueue(Clock())
    for _ in range(3):
        queue.add(A)
    assert (queue.pop(), queue.pop()) == (A, None)


def test_a_key_for_later_comes_at_its_time_and_the_earliest_of_several_wins() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add_at(A, 130.0)
    queue.add_at(A, 110.0)
    queue.add_at(A, 120.0)
    assert (queue.pop(), queue.next_time()) == (None, 110.0)
    clock.now = 111.0
    assert (queue.pop(), queue.pop(), queue.next_time()) == (A, None, None)


def test_what_is_forgotten_does_not_come() -> None:
    clock = Clock()
    queue = WorkQueue(clock)
    queue.add_at(A, 110.0)
    queue.forget(A)
    clock.now = 200.0
    assert queue.pop() is None


async def test_a_key_added_during_its_visit_is_visited_again_and_never_beside_itself() -> None:
    queue, seen, at_once = WorkQueue(), [], 0

    async def visit(key: Key) -> None:
        nonlocal at_once
        at_once += 1
        assert at_once == 1
        seen.append(key)
        if len(seen) < 3:
            queue.add(key)
        await asyncio.sleep(0)
        at_once -= 1
        if len(seen) == 3:
            done.set()

    done = asyncio.Event()
    queue.add(A)
    worker = asyncio.create_task(queue.run(visit, hands=4))
    async with asyncio.timeout(60):
        await done.wait()
    worker.cancel()
    assert seen == [A, A, A]


async def test_a_visit_that_fails_is_told_made_again_and_does_not_stop_the_others() -> None:
    queue, seen, done = WorkQueue(), [], asyncio.Event()
    failed: list[Key] = []
    queue.failed = failed.append

    async def visit(key: Key) -> None:
        seen.append(key)
        if key == A and seen.count(A) < 2:
            raise RuntimeError("first time")
        if seen.count(A) == 2:
            done.set()

    queue.add(A)
    queue.add(B)
    worker = asyncio.create_task(queue.run(visit, hands=1))
    async with asyncio.timeout(60):
        await done.wait()
    worker.cancel()
    assert (seen, failed) == ([A, B, A], [A])


# ---- who goes first ---------------------------------------------------------------------------------------


def test_what_has_ended_goes_first_then_what_shows_nothing_yet_then_what_changed_then_what_was_only_listed() -> None:
    queue = lined()
    for turn in reversed(Turn):
        queue.add(key(turn))
    assert rest(queue) == [key(turn) for turn in Turn]


def test_in_one_line_who_came_first_goes_first() -> None:
    queue = lined()
    for number in (2, 1, 3):
        queue.add(key(Turn.CHANGED, number))
    assert [k.name for k in rest(queue)] == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("before", "after", "is_first"),
    [
        (Turn.CHANGED, Turn.ENDED, True),
        (Turn.LISTED, Turn.FIRST, True),
        (Turn.ENDED, Turn.CHANGED, True),
        (Turn.CHANGED, Turn.CHANGED, False),
    ],
    ids=["moves up", "moves up from the last line", "never moves down", "keeps its place behind another"],
)
def test_a_key_that_is_added_again_moves_to_the_better_line_and_is_visited_once(
    before: Turn, after: Turn, is_first: bool
) -> None:
    queue, other = WorkQueue(lambda: 0.0), Key("ChapterGeneration", "n", "other")
    turns = {other: Turn.CHANGED, A: before}
    queue.turn_of = turns.__getitem__
    queue.add(other)
    queue.add(A)
    turns[A] = after
    queue.add(A)
    assert rest(queue) == ([A, other] if is_first else [other, A])


@pytest.mark.parametrize("turn", Turn)
def test_a_full_list_makes_only_that_wait_of_which_nothing_is_known_to_have_changed(turn: Turn) -> None:
    queue = lined()
    queue.add(key(turn), listed=True)
    queue.add(key(Turn.CHANGED, 1))
    assert (rest(queue)[0] == key(turn)) == (turn < Turn.CHANGED)


@given(st.lists(st.lists(st.sampled_from(Turn), max_size=6), max_size=120))
def test_no_line_is_passed_over_for_longer_than_its_patience_and_once_for_each_line(arrivals: list[list[Turn]]) -> None:
    """Whatever comes meanwhile, before each visit."""
    queue, number = lined(), 0
    waiting: dict[Turn, list[Key]] = {turn: [] for turn in Turn}
    passed = dict.fromkeys(Turn, 0)
    for coming in [*arrivals, *([[]] * 1000)]:
        for turn in coming:
            number += 1
            waiting[turn].append(key(turn, number))
            queue.add(key(turn, number))
        taken = queue.pop()
        if taken is None:
            break
        for turn, line in waiting.items():
            if taken in line:
                assert line.pop(0) == taken
                passed[turn] = 0
            else:
                passed[turn] = passed[turn] + 1 if line else 0
            assert passed[turn] < PATIENCE[turn] + len(Turn)
    assert not any(waiting.values())


async def test_hands_are_kept_for_what_has_ended() -> None:
    queue, hands, at_work = lined(), 8, 0
    full, ended, never = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def visit(visited: Key) -> None:
        nonlocal at_work
        if visited == key(Turn.ENDED):
            ended.set()
            return
        at_work += 1
        if at_work == hands // 2:
            full.set()
        await never.wait()

    for number in range(3 * hands):
        queue.add(key(Turn.CHANGED, number))
    worker = asyncio.create_task(queue.run(visit, hands))
    async with asyncio.timeout(60):
        await full.wait()
        queue.add(key(Turn.ENDED))
        await ended.wait()
        assert at_work == hands // 2
    worker.cancel()
