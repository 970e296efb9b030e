"""What holds of admission whatever comes: random loads through the real decision, in simulated time."""

import random
from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from coursegen_api.base import HoldReason
from coursegen_api.queue import StopPolicy, Tenant
from coursegen_operator.plan.admission import choose
from coursegen_operator.plan.limits import Limits, Load, QueueLimits, room
from coursegen_operator.plan.recent import circuits_of, provider_key, queue_key
from coursegen_operator.plan.step import Hold
from coursegen_operator.plan.world import COURSE_SLOTS, Key, Want

from ...sim.turnover import Turnover, Work, key_of, want_of

AGEING = 50.0
LONGEST = 20.0
BUDGET = 3
NAMES = ("chapter-generation", "quality-validation", "course-generation", "export", "default")
PRIORITIES = dict(zip(NAMES, (8, 6, 5, 4, 3), strict=True))
NAMESPACES = ("a", "b", "c")

small = st.integers(0, 4)
tenants = st.dictionaries(
    st.sampled_from(NAMESPACES),
    st.builds(Tenant, namespace=st.just("x"), weight=st.integers(1, 5), capacity=st.none() | small),
)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    queues = {
        name: QueueLimits(
            PRIORITIES[name],
            draw(st.integers(0, 5)),
            AGEING,
            draw(st.none() | small),
            draw(tenants),
            draw(st.sampled_from((StopPolicy.NONE, StopPolicy.NONE, StopPolicy.HOLD))),
        )
        for name in draw(st.sets(st.sampled_from(NAMES), min_size=1))
    }
    providers = {f"{ns}/p": draw(small) for ns in draw(st.sets(st.sampled_from(NAMESPACES)))}
    circuits = [*map(queue_key, NAMES), *(provider_key(ns, "p") for ns in NAMESPACES)]
    return Limits(
        draw(small),
        draw(st.integers(0, 8)),
        queues,
        providers,
        QueueLimits(5, 0, tenants=draw(tenants)),
        {key: Hold(HoldReason.QUEUE_PAUSED, "open") for key in draw(st.sets(st.sampled_from(circuits), max_size=2))},
        over_budget,
    )


def over_budget(want: Want, promised: Mapping[Key, Counter[str]]) -> str:
    """Give each course's budget for a few tasks."""
    return "used up" if any(promised.get(p, Counter()).total() >= BUDGET for p in want.purses) else ""


works = st.lists(
    st.builds(
        Work,
        comes=st.integers(0, 60).map(float),
        seconds=st.integers(1, int(LONGEST)).map(float),
        queue=st.sampled_from((*NAMES, COURSE_SLOTS)),
        namespace=st.sampled_from(NAMESPACES),
        provider=st.sampled_from(("", "p")),
        deadline=st.none() | st.integers(0, 500).map(float),
        budget=st.sampled_from(("", "x", "y")),
    ),
    max_size=40,
)


def stays_within(run: Turnover) -> None:
    load, limits = run.load, run.limits
    assert load.courses <= limits.max_courses
    assert load.jobs <= limits.max_jobs
    for name, count in load.by_queue.items():
        assert not count or count <= limits.queues[name].capacity
    for (queue, namespace), count in load.by_tenant.items():
        most = limits.queues[queue].capacity_of(namespace) if queue in limits.queues else None
        assert most is None or count <= most
    for provider, count in load.by_provider.items():
        assert count <= limits.providers.get(provider, count)
    assert all(kinds.total() <= BUDGET for kinds in load.promised.values())
    for key, want in run.granted:
        gates = circuits_of(key.namespace, want.queue, want.provider) if want.queue != COURSE_SLOTS else ()
        assert not limits.shut.keys() & set(gates)


def leaves_no_slot_idle(run: Turnover) -> None:
    for key, want in run.book.wants.items():
        assert room(want, key, run.load, run.limits), f"{key} could run"


@given(limits(), works)
def test_limits_hold_and_no_slot_is_idle_while_someone_may_have_it(limits: Limits, works: list[Work]) -> None:
    def look(run: Turnover) -> None:
        stays_within(run)
        leaves_no_slot_idle(run)

    Turnover(limits, look).run(works)


@given(limits(), works, st.randoms(use_true_random=False))
def test_the_decision_does_not_depend_on_the_order_in_which_work_was_entered(limits, works, chance) -> None:
    numbered = list(enumerate(works))
    shuffled = list(numbered)
    chance.shuffle(shuffled)
    runs = [Turnover(limits), Turnover(limits)]
    for run, entries in zip(runs, (numbered, shuffled), strict=True):
        for n, work in entries:
            run.book.put(key_of(n, work), want_of(n, work))
    one, other = (choose(run.book, Load(), limits, 100.0) for run in runs)
    assert one == other


@given(limits(), works, st.integers(1, 3))
def test_taking_a_flood_in_portions_grants_the_same(limits: Limits, works: list[Work], portion: int) -> None:
    whole, parts = Turnover(limits), Turnover(limits)
    for run in (whole, parts):
        for n, work in enumerate(works):
            run.book.put(key_of(n, work), want_of(n, work))
    granted = []
    while some := choose(parts.book, parts.load, limits, 100.0, most=portion):
        granted += some
    assert granted == choose(whole.book, whole.load, limits, 100.0)


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 300), st.integers(1, int(LONGEST))), min_size=1, max_size=80),
    st.integers(0, 200),
    st.sampled_from(NAMES[1:]),
)
def test_nothing_waits_longer_than_its_bound_behind_higher_bands(
    slots: int, stream: list[tuple[int, int]], comes: int, lesser: str
) -> None:
    """However much urgent work comes: after `ageingSeconds` the lesser has the next slot that turns over."""
    queues = {name: QueueLimits(PRIORITIES[name], 100, AGEING) for name in NAMES}
    urgent = [Work(float(at), float(seconds), NAMES[0]) for at, seconds in stream]
    waited = {}
    for place in ("a", "other namespace"):
        work = Work(float(comes), 1.0, lesser, place)
        waited[place] = Turnover(Limits(1, slots, queues, {})).run([work, *urgent])[0] - comes
    assert max(waited.values()) <= AGEING + LONGEST


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 3), st.sampled_from(NAMES[1:]), st.randoms())
def test_the_bound_holds_for_all_that_waits_and_among_ever_new_namespaces(
    slots: int, count: int, namespaces: int, lesser: str, chance: random.Random
) -> None:
    """Urgent work for every slot at any time, each of a namespace that runs nothing else; the lesser all comes at once.

    Each of the lesser has aged when the first of them has, and waits then for no more than those before it.
    """
    queues = {name: QueueLimits(PRIORITIES[name], 100, AGEING) for name in NAMES}
    works = [Work(0.0, LONGEST, lesser, f"l{n % namespaces}") for n in range(count)]
    works += [
        Work(float(at), float(chance.randint(1, int(LONGEST))), NAMES[0], f"u{at}-{n}")
        for at in range(0, 400, 5)
        for n in range(slots)
    ]
    started = Turnover(Limits(1, slots, queues, {})).run(works, until=400.0)
    assert max(started[n] for n in range(count)) <= AGEING + LONGEST * (count + 1)


@given(st.dictionaries(st.sampled_from(NAMESPACES), st.integers(1, 5), min_size=2), st.integers(0, 2))
def test_with_a_single_slot_each_namespace_has_its_share_to_within_a_turn(weights: dict[str, int], latest: int) -> None:
    shares = {n: Tenant(namespace=n, weight=w) for n, w in weights.items()}
    works = [
        Work(float(n == latest), 1.0, "export", namespace) for n, namespace in enumerate(weights) for _ in range(120)
    ]
    run = Turnover(Limits(1, 1, {"export": QueueLimits(4, 1, tenants=shares)}, {}))
    started = run.run(works, until=100.0)
    for namespace, weight in weights.items():
        granted = sum(works[n].namespace == namespace for n in started)
        assert abs(granted - len(started) * weight / sum(weights.values())) <= 1 + weight
