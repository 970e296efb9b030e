"""Who runs next: each rule of the order as a table."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest

from coursegen_api.base import HoldReason
from coursegen_api.circuit import CircuitState
from coursegen_api.queue import StopPolicy, Tenant
from coursegen_operator.plan import outage
from coursegen_operator.plan.admission import UNDATED_SECONDS, choose, latest_start
from coursegen_operator.plan.book import WaitingBook
from coursegen_operator.plan.breaker import Circuit
from coursegen_operator.plan.limits import Limits, Load, QueueLimits, room
from coursegen_operator.plan.recent import provider_key, queue_key
from coursegen_operator.plan.world import COURSE_SLOTS, Key, Want

QUEUES = {
    "chapter-generation": QueueLimits(8, 200),
    "quality-validation": QueueLimits(6, 50),
    "course-generation": QueueLimits(5, 100),
    "export": QueueLimits(4, 50),
    "default": QueueLimits(3, 8),
}
ROOMY = Limits(max_courses=100, max_jobs=400, queues=QUEUES, providers={})
NOW = 1_000_000.0
PURSE = Key("CourseGeneration", "courses", "c")
OPEN = Circuit(CircuitState.OPEN, opened=NOW, next_probe=NOW + 30)
HOUR = 3600.0


def key(name: str, namespace: str = "courses") -> Key:
    return Key("ChapterGeneration", namespace, name)


def want(name: str, queue: str, *place: float, provider: str = "", since: float = NOW, budget: str = "") -> Want:
    purses = (Key("CourseGeneration", "courses", budget),) if budget else ()
    return Want(queue, provider, since, place or (0.0,), name, purses=purses, label="chapter", line=budget)


def over(want: Want, promised: Mapping[Key, Counter[str]]) -> str:
    """Give a budget, of every course that has one, for a single task."""
    return "The budget is used up." if any(promised.get(purse) for purse in want.purses) else ""


def book_of(*wishes: tuple[str, Want]) -> WaitingBook:
    """Enter wishes by namespace, in this order."""
    book = WaitingBook()
    for namespace, wish in wishes:
        book.put(key(wish.uid, namespace), wish)
    return book


def order(book: WaitingBook, limits: Limits = ROOMY, load: Load | None = None, now: float = NOW) -> list[str]:
    return [k.name for k, _ in choose(book, load or Load(), limits, now)]


def one_at_a_time(book: WaitingBook, limits: Limits, load: Load, ends: bool = True) -> list[str]:
    """Grant one slot after the other; each is free again before the next is granted."""
    names: list[str] = []
    while found := choose(book, load.copy() if ends else load, limits, NOW, most=1):
        names.append(found[0][0].namespace)
    return names


def queues(**changes: QueueLimits) -> dict[str, QueueLimits]:
    return QUEUES | {name.replace("_", "-"): limits for name, limits in changes.items()}


# ---- bands and ageing -----------------------------------------------------------------------------------


def test_larger_priorities_go_first_whatever_came_first() -> None:
    book = book_of(*(("a", want(queue, queue, float(n))) for n, queue in enumerate(reversed(QUEUES))))
    assert order(book) == list(QUEUES)


@pytest.mark.parametrize(
    ("waited", "first"),
    [(0, "chapter"), (1799, "chapter"), (1800, "export"), (9999, "export")],
)
def test_what_has_waited_so_long_counts_as_most_urgent(waited: float, first: str) -> None:
    book = book_of(
        ("a", want("chapter", "chapter-generation", 2.0)), ("a", want("export", "export", 1.0, since=NOW - waited))
    )
    assert order(book, Limits(100, 1, QUEUES, {})) == [first]


def test_of_what_has_aged_the_oldest_goes_first_whatever_its_deadline() -> None:
    book = book_of(
        ("a", want("dated", "export", 1.0, since=NOW - 2000)), ("a", want("oldest", "export", 9.0, since=NOW - 3000))
    )
    assert order(book, Limits(100, 1, QUEUES, {})) == ["oldest"]


def test_in_the_most_urgent_queue_age_changes_nothing() -> None:
    book = book_of(
        ("a", want("old", "chapter-generation", 9.0, since=NOW - 9999)), ("a", want("dated", "chapter-generation", 1.0))
    )
    assert order(book) == ["dated", "old"]


def test_how_long_a_queue_lets_wait_is_its_own_setting() -> None:
    patient = Limits(100, 1, queues(export=QueueLimits(4, 50, ageing_seconds=5000)), {})
    book = book_of(("a", want("c", "chapter-generation", 2.0)), ("a", want("e", "export", 1.0, since=NOW - 4000)))
    assert order(book, patient) == ["c"]
    assert order(book, patient, now=NOW + 1000) == ["e"]


def test_ageing_moves_a_queue_and_leaves_the_shares_inside_it_as_they_are() -> None:
    """One namespace's flood has aged; another's work that has just come has its share of the queue all the same."""
    book = book_of(
        *(("flood", want(f"f{i}", "export", float(i), since=NOW - 9999)) for i in range(9)),
        ("small", want("fresh", "export", 9.0)),
        ("small", want("chapter", "chapter-generation", 0.0)),
    )
    busy = {("export", "flood"): 2, ("chapter-generation", "small"): 5}
    load = Load(0, 7, {"export": 2, "chapter-generation": 5}, by_tenant=busy)
    assert order(book, Limits(100, 9, QUEUES, {}), load) == ["fresh", "f0"]


@pytest.mark.parametrize(
    ("running", "first"),
    [((0, 0), "export"), ((2, 5), "export"), ((5, 5), "export"), ((6, 5), "chapter")],
    ids=["none", "fewer", "as many", "more"],
)
def test_of_queues_in_one_band_the_one_that_runs_the_fewest_goes_first(running: tuple[int, int], first: str) -> None:
    """However the namespaces in them stand: a queue of many namespaces would else always have one that runs nothing."""
    book = book_of(
        ("old", want("export", "export", 1.0, since=NOW - 1800)),
        *((f"new{i}", want("chapter", "chapter-generation", 0.0)) for i in range(3)),
    )
    exports, chapters = running
    load = Load(0, exports + chapters, {"export": exports, "chapter-generation": chapters})
    load.by_tenant = {("export", "old"): exports, ("chapter-generation", "another"): chapters}
    assert order(book, Limits(100, exports + chapters + 1, QUEUES, {}), load) == [first]


def test_what_has_aged_and_cannot_run_lifts_nobody() -> None:
    paused = queues(export=QueueLimits(4, 50, tenants={"held": Tenant(namespace="held", capacity=0)}))
    book = book_of(
        ("held", want("held", "export", 1.0, since=0.0)),
        ("a", want("export", "export", 2.0)),
        ("a", want("chapter", "chapter-generation", 3.0)),
    )
    assert order(book, Limits(100, 1, paused, {})) == ["chapter"]


# ---- fair share between namespaces -----------------------------------------------------------------------


def test_inside_a_band_the_namespace_with_the_least_running_work_goes_first() -> None:
    book = book_of(("busy", want("b", "export", 1.0)), ("idle", want("i", "export", 2.0)))
    load = Load(jobs=2, by_queue={"export": 2}, by_tenant={("export", "busy"): 2})
    assert order(book, load=load) == ["i", "b"]


def test_work_in_another_queue_does_not_count() -> None:
    book = book_of(("a", want("a", "export", 1.0)), ("b", want("b", "export", 2.0)))
    assert order(book, load=Load(jobs=2, by_tenant={("default", "a"): 2})) == ["a", "b"]


@pytest.mark.parametrize(
    ("weights", "slots", "shares"),
    [((1, 1), 10, (5, 5)), ((3, 1), 8, (6, 2)), ((1, 4), 10, (2, 8)), ((100, 1), 101, (100, 1))],
)
def test_slots_are_shared_by_weight(weights: tuple[int, int], slots: int, shares: tuple[int, int]) -> None:
    tenants = {n: Tenant(namespace=n, weight=w) for n, w in zip("ab", weights, strict=True)}
    limits = Limits(100, slots, queues(export=QueueLimits(4, 500, tenants=tenants)), {})
    book = book_of(*((ns, want(f"{ns}{i}", "export", float(i))) for ns in "ab" for i in range(200)))
    load = Load()
    choose(book, load, limits, NOW)
    assert (load.by_tenant["export", "a"], load.by_tenant["export", "b"]) == shares


@pytest.mark.parametrize(("weight", "turns"), [(1, "abababab"), (3, "abaabaaa")])
def test_with_a_single_slot_namespaces_take_turns_by_weight(weight: int, turns: str) -> None:
    tenants = {"a": Tenant(namespace="a", weight=weight)}
    limits = Limits(100, 1, queues(export=QueueLimits(4, 1, tenants=tenants)), {})
    book = book_of(*((ns, want(f"{ns}{i}", "export", float(i))) for ns in "ab" for i in range(9)))
    assert "".join(one_at_a_time(book, limits, Load()))[:8] == turns


def test_who_comes_late_has_saved_up_no_turns() -> None:
    limits = Limits(100, 1, queues(export=QueueLimits(4, 1)), {})
    book = book_of(*(("a", want(f"a{i}", "export", float(i))) for i in range(9)))
    for _ in range(5):
        choose(book, Load(), limits, NOW, most=1)
    for i in range(9):
        book.put(key(f"b{i}", "b"), want(f"b{i}", "export", 0.0))
    assert one_at_a_time(book, limits, Load())[:6].count("b") <= 4


def test_course_slots_are_shared_as_the_outlines_queue_is() -> None:
    shares = QueueLimits(5, 100, tenants={"a": Tenant(namespace="a", weight=3)})
    limits = Limits(4, 0, QUEUES, {}, shares)
    book = book_of(*((ns, want(f"{ns}{i}", COURSE_SLOTS, float(i))) for ns in "ab" for i in range(9)))
    load = Load()
    choose(book, load, limits, NOW)
    assert load.by_tenant == {(COURSE_SLOTS, "a"): 3, (COURSE_SLOTS, "b"): 1}


# ---- inside a namespace ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (latest_start(NOW + HOUR, 50.0, 60.0), latest_start(NOW + 2 * HOUR, 10.0, 60.0)),
        (latest_start(NOW + HOUR, 50.0, 600.0), latest_start(NOW + HOUR, 10.0, 60.0)),
        (latest_start(NOW + HOUR, NOW, 60.0), latest_start(None, NOW - HOUR, 60.0)),
        (latest_start(None, NOW - UNDATED_SECONDS, 60.0), latest_start(NOW + HOUR, NOW, 60.0)),
    ],
    ids=["the earlier deadline", "the same deadline, more left to do", "dated before undated", "but not for ever"],
)
def test_least_slack_goes_first(one: float, other: float) -> None:
    book = book_of(("a", want("other", "export", other, 1.0)), ("a", want("one", "export", one, 2.0)))
    assert order(book) == ["one", "other"]


@pytest.mark.parametrize(
    ("one", "other"),
    [((0.0, 10.0, 9.0, 9.0), (0.0, 20.0, 1.0, 1.0)), ((0, 1, 1, 9), (0, 1, 2, 1)), ((0, 1, 1, 1), (0, 1, 1, 2))],
    ids=["the course that started first", "the object that was created first", "the index"],
)
def test_among_equals(one: tuple[float, ...], other: tuple[float, ...]) -> None:
    book = book_of(("a", want("other", "export", *other)), ("a", want("one", "export", *one)))
    assert order(book) == ["one", "other"]


# ---- limits ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "granted"),
    [
        (Limits(100, 2, QUEUES, {}), 2),
        (Limits(100, 400, queues(export=QueueLimits(4, 1)), {}), 1),
        (Limits(100, 400, QUEUES, {"courses/p": 2}), 2),
        (Limits(100, 400, queues(export=QueueLimits(4, 0)), {}), 0),
        (Limits(100, 400, queues(export=QueueLimits(4, 50, namespace_capacity=3)), {}), 3),
        (Limits(100, 3, queues(export=QueueLimits(4, 2, namespace_capacity=4)), {"courses/p": 5}), 2),
    ],
    ids=["Jobs in all", "queue", "provider", "no capacity", "namespace", "the least of several"],
)
def test_no_limit_is_passed(limits: Limits, granted: int) -> None:
    book = book_of(*(("courses", want(f"e{i}", "export", float(i), provider="p")) for i in range(5)))
    assert len(order(book, limits)) == granted


@pytest.mark.parametrize(("own", "granted"), [(None, 2), (0, 0), (4, 4)])
def test_a_tenants_own_capacity_takes_the_place_of_the_queues_for_each(own: int | None, granted: int) -> None:
    tenants = {"courses": Tenant(namespace="courses", capacity=own)}
    limits = Limits(100, 400, queues(export=QueueLimits(4, 50, namespace_capacity=2, tenants=tenants)), {})
    book = book_of(*(("courses", want(f"e{i}", "export", float(i))) for i in range(5)))
    assert len(order(book, limits)) == granted


@pytest.mark.parametrize(
    ("limits", "load"),
    [
        (Limits(100, 400, QUEUES, {"a/p": 1}), Load(by_provider={"a/p": 1})),
        (Limits(100, 400, queues(default=QueueLimits(3, 0)), {}), Load()),
        (Limits(100, 400, queues(default=QueueLimits(3, 8, stopped=StopPolicy.HOLD)), {}), Load()),
        (Limits(100, 400, queues(default=QueueLimits(3, 8, namespace_capacity=0)), {}), Load()),
        (Limits(100, 400, {k: q for k, q in QUEUES.items() if k != "default"}, {}), Load()),
    ],
    ids=["provider", "no capacity", "stopped", "namespace", "no such queue"],
)  # fmt: skip
def test_what_is_held_blocks_nobody_behind_it(limits: Limits, load: Load) -> None:
    book = book_of(
        ("a", want("held", "default", 1.0, provider="p", since=0.0)),
        ("a", want("free", "export", 2.0)),
        ("b", want("other", "export", 3.0)),
    )
    assert order(book, limits, load) == ["free", "other"]
    assert list(book.wants) == [key("held", "a")]


def test_course_slots_are_apart_from_job_slots() -> None:
    book = book_of(*(("courses", want(f"c{i}", COURSE_SLOTS, float(i))) for i in range(3)))
    assert order(book, Limits(2, 0, QUEUES, {})) == ["c0", "c1"]


@pytest.mark.parametrize(
    ("queue", "load", "change", "reason", "words"),
    [
        (COURSE_SLOTS, Load(courses=100), {}, HoldReason.COURSE_LIMIT, "100 courses are being generated"),
        ("export", Load(by_queue={"export": 50}), {}, HoldReason.QUEUE_FULL, "its capacity of 50"),
        ("export", Load(jobs=400), {}, HoldReason.QUEUE_FULL, "limit of 400 Jobs over all queues"),
        ("export", Load(by_provider={"courses/p": 1}), {}, HoldReason.PROVIDER_BUSY, "its concurrency of 1"),
        ("export", Load(by_tenant={("export", "courses"): 7}), {}, HoldReason.QUEUE_FULL, "Namespace courses"),
        ("export", Load(), {"stopped": StopPolicy.HOLD}, HoldReason.QUEUE_PAUSED, "stopPolicy Hold"),
        ("export", Load(), {"capacity": 0}, HoldReason.QUEUE_PAUSED, "raise spec.capacity"),
        ("export", Load(), {"namespace_capacity": 0}, HoldReason.QUEUE_PAUSED, "raise spec.tenants or"),
        ("none", Load(), {}, HoldReason.MISCONFIGURED, "GenerationQueue none does not exist"),
        ("export", Load(promised={PURSE: Counter(chapter=1)}), {}, HoldReason.BUDGET_EXCEEDED, "budget is used up"),
    ],
)
def test_the_hold_names_the_limit_that_binds(
    queue: str, load: Load, change: dict, reason: HoldReason, words: str
) -> None:
    export = QueueLimits(4, **{"capacity": 50, "namespace_capacity": 7} | change)
    limits = Limits(100, 400, queues(export=export), {"courses/p": 1}, over_budget=over)
    found = room(want("x", queue, provider="p", budget="c"), key("x"), load, limits)
    assert found is not None
    assert found.reason is reason
    assert words in found.message


def test_without_a_limit_that_binds_there_is_room() -> None:
    wish = want("x", "export", provider="p", budget="c")
    assert room(wish, key("x"), Load(), Limits(100, 400, QUEUES, {"courses/p": 1}, over_budget=over)) is None


@pytest.mark.parametrize(
    ("shut", "load", "change", "reason"),
    [
        (queue_key("export"), Load(), {}, HoldReason.QUEUE_PAUSED),
        (queue_key("default"), Load(), {}, None),
        (provider_key("courses", "p"), Load(), {}, HoldReason.PROVIDER_CIRCUIT_OPEN),
        (provider_key("other", "p"), Load(), {}, None),
        (provider_key("courses", "p"), Load(by_queue={"export": 50}), {}, HoldReason.PROVIDER_CIRCUIT_OPEN),
        (provider_key("courses", "p"), Load(), {"stopped": StopPolicy.HOLD}, HoldReason.QUEUE_PAUSED),
    ],
    ids=["queue", "other queue", "provider", "provider elsewhere", "also while the queue is full", "stopped by people"],
)
def test_an_open_circuit_holds_what_goes_through_it(
    shut: Key, load: Load, change: dict, reason: HoldReason | None
) -> None:
    bounds = Limits(100, 400, queues(export=QueueLimits(4, 50, **change)), {}, shut=outage.shut({shut: OPEN}))
    found = room(want("x", "export", provider="p"), key("x"), load, bounds)
    assert (found.reason if found else None) is reason


def test_what_a_circuit_or_a_budget_holds_blocks_nobody_behind_it() -> None:
    book = book_of(
        ("courses", want("shut", "export", 1.0, provider="p")),
        ("courses", want("first of its course", "export", 2.0, budget="c")),
        ("courses", want("over budget", "export", 3.0, budget="c")),
        ("courses", want("free", "export", 4.0)),
    )
    bounds = replace(ROOMY, shut=outage.shut({provider_key("courses", "p"): OPEN}), over_budget=over)
    assert order(book, bounds) == ["first of its course", "free"]
    assert {k.name for k in book.wants} == {"shut", "over budget"}


# ---- the book ---------------------------------------------------------------------------------------------


def test_a_wish_replaces_the_earlier_one_and_leaving_leaves_nothing() -> None:
    book = book_of(("courses", want("a", "export", 1.0)))
    book.put(key("a"), want("a", "default", 1.0))
    assert book.counts() == {"default": 1}
    book.drop(key("a"))
    book.drop(key("a"))
    assert (book.counts(), book.lines, book.wants) == ({}, {}, {})


def test_wishes_that_come_and_go_leave_no_heap_behind() -> None:
    book = book_of(("a", want("stays", "export", 5.0)))
    for i in range(5000):
        book.put(key(f"x{i % 3}", "a"), want(f"x{i % 3}", "export", float(i)))
    line = next(iter(book.lines["export"].values()))
    assert (line.size, len(line.by_order) < 200, len(line.by_age) < 200) == (4, True, True)
    assert order(book)[0] == "stays"
