"""The work queue: once however often added, never twice at a time, and again after a failure."""

import asyncio

from coursegen_operator.plan.world import Key
from coursegen_operator.workqueue import WorkQueue

A, B = Key("CourseGeneration", "n", "a"), Key("CourseGeneration", "n", "b")


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
    async with asyncio.timeout(5):
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
    async with asyncio.timeout(5):
        await done.wait()
    worker.cancel()
    assert (seen, failed) == ([A, B, A], [A])
