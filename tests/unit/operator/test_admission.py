"""Who runs next: rules of the order and of the limits."""

import pytest

from coursegen_api.base import HoldReason
from coursegen_operator.plan.admission import Limits, Load, QueueLimits, WaitingBook, choose, room
from coursegen_operator.plan.world import COURSE_SLOTS, Key, Want

QUEUES = {
    "chapter-generation": QueueLimits(8, 200),
    "quality-validation": QueueLimits(6, 50),
    "course-generation": QueueLimits(5, 100),
    "export": QueueLimits(4, 50),
    "default": QueueLimits(3, 8),
}
ROOMY = Limits(max_courses=100, max_jobs=400, queues=QUEUES, providers={})


def key(name: str) -> Key:
    return Key("ChapterGeneration", "courses", name)


def book_of(*wishes: tuple[str, str, float, str]) -> WaitingBook:
    """Enter wishes of (name, queue, course's start, provider)."""
    book = WaitingBook()
    for number, (name, queue, start, provider) in enumerate(wishes):
        book.put(key(name), Want(queue, provider, (start, float(number), 0, name)))
    return book


def order(book: WaitingBook, limits: Limits = ROOMY, load: Load | None = None) -> list[str]:
    return [k.name for k, _ in choose(book, load or Load(), limits)]


def test_larger_priorities_go_first_whatever_came_first() -> None:
    book = book_of(*((queue, queue, 0.0, "") for queue in reversed(QUEUES)))
    assert order(book) == list(QUEUES)


def test_within_a_queue_the_course_that_started_first_goes_first() -> None:
    book = book_of(("late", "export", 20.0, ""), ("early", "export", 10.0, ""))
    assert order(book) == ["early", "late"]


@pytest.mark.parametrize(
    ("limits", "granted"),
    [
        (Limits(100, 2, QUEUES, {}), 2),
        (Limits(100, 400, QUEUES | {"export": QueueLimits(4, 1)}, {}), 1),
        (Limits(100, 400, QUEUES, {"courses/p": 2}), 2),
        (Limits(100, 400, QUEUES | {"export": QueueLimits(4, 0)}, {}), 0),
    ],
)
def test_no_limit_is_passed(limits: Limits, granted: int) -> None:
    book = book_of(*((f"e{i}", "export", float(i), "p") for i in range(5)))
    assert len(order(book, limits)) == granted


def test_a_full_provider_does_not_block_those_behind_it() -> None:
    book = book_of(("busy", "export", 1.0, "p"), ("free", "export", 2.0, ""))
    limits = Limits(100, 400, QUEUES, {"courses/p": 1})
    assert order(book, limits, Load(jobs=1, by_provider={"courses/p": 1})) == ["free"]


def test_course_slots_are_apart_from_job_slots() -> None:
    book = WaitingBook()
    for i in range(3):
        book.put(key(f"c{i}"), Want(COURSE_SLOTS, "", (float(i), 0.0, 0, "")))
    assert order(book, Limits(2, 0, QUEUES, {})) == ["c0", "c1"]


@pytest.mark.parametrize(
    ("want", "load", "reason"),
    [
        (Want(COURSE_SLOTS, "", (0, 0, 0, "")), Load(courses=100), HoldReason.COURSE_LIMIT),
        (Want("export", "", (0, 0, 0, "")), Load(by_queue={"export": 50}), HoldReason.QUEUE_FULL),
        (Want("export", "", (0, 0, 0, "")), Load(jobs=400), HoldReason.QUEUE_FULL),
        (Want("export", "p", (0, 0, 0, "")), Load(by_provider={"courses/p": 1}), HoldReason.PROVIDER_BUSY),
        (Want("none", "", (0, 0, 0, "")), Load(), HoldReason.MISCONFIGURED),
        (Want("export", "", (0, 0, 0, "")), Load(), None),
    ],
)
def test_the_reason_names_the_limit_that_binds(want: Want, load: Load, reason: HoldReason | None) -> None:
    assert room(want, key("x"), load, Limits(100, 400, QUEUES, {"courses/p": 1})) is reason


def test_a_wish_replaces_the_earlier_one_and_leaving_leaves_nothing() -> None:
    book = book_of(("a", "export", 1.0, ""))
    book.put(key("a"), Want("default", "", (1.0, 0.0, 0, "a")))
    assert book.counts() == {"default": 1}
    book.drop(key("a"))
    book.drop(key("a"))
    assert (book.counts(), book.lines) == ({}, {})
