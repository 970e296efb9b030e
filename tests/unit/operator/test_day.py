"""A simulated day (`python -m tests.sim.day`) keeps the rules of the real one, whatever goes wrong in it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursegen_api.circuit import CircuitBreaker
from coursegen_operator.plan.limits import kept
from coursegen_operator.plan.world import COURSE_SLOTS, Key, Want

from ...sim.day import figures, report
from ...sim.day.figures import Figures
from ...sim.day.run import Day
from ...sim.day.seen import Seen, drained, quantile
from ...sim.day.setting import HOUR, Cluster, Operators, Setting, Trouble, needed
from ...sim.day.shard import Shard
from ...sim.day.stations import Bucket, Server
from ...sim.day.work import Piece

HOURS = (13.0, 13.75)
FROM = 13.1 * HOUR
"""When things go wrong."""

BACK = FROM + 600 + Figures.takeover_seconds

TROUBLES = {
    "nothing": Trouble(),
    "much fails": Trouble(failing=0.2),
    "outage": Trouble(outage_from=FROM, outage_seconds=HOUR / 2),
    "lost": Trouble(lost_from=FROM, lost_seconds=600),
    "lost, moved": Trouble(lost_from=FROM, lost_seconds=600, moved_after=60),
    "all at once": Trouble(0.1, FROM, HOUR / 2, 2, lost_from=FROM + 300, lost_seconds=600, moved_after=60),
}
troubles = pytest.mark.parametrize("trouble", TROUBLES)


@dataclass(slots=True, eq=False)
class Watched(Day):
    """A day that is looked at after every decision."""

    begun: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By tenant: when attempts began."""
    by: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By tenant: the shards that granted it anything."""
    over: list[str] = field(default_factory=list)
    """Limits that were exceeded."""
    unfair: list[str] = field(default_factory=list)

    def begin(self, piece: Piece) -> None:
        self.begun[piece.key.namespace].append(self.now)
        Day.begin(self, piece)

    def granted(self, shard: Shard, granted: Sequence[tuple[Key, Want]]) -> None:
        for key, _ in granted:
            self.by[key.namespace].add(shard.name)
        limits, used = shard.limits, shard.load
        bounds = {name: (used.by_queue.get(name, 0), queue.capacity) for name, queue in limits.queues.items()}
        bounds["jobs"] = used.jobs, limits.max_jobs
        if COURSE_SLOTS in {want.queue for _, want in granted}:  # who was cut off goes on beyond the limit
            bounds["courses"] = used.courses - used.parked, limits.max_courses
        self.over += [f"{name}: {now} of {most}" for name, (now, most) in bounds.items() if now > most]
        self._check_shares(shard, granted)

    def _check_shares(self, shard: Shard, granted: Sequence[tuple[Key, Want]]) -> None:
        """A namespace that was given a slot runs at most one more in its queue than any that could run and waits."""
        limits = shard.limits_now()
        for queue in {want.queue for _, want in granted} - {COURSE_SLOTS}:
            could = [
                shard.load.by_tenant.get((queue, line.namespace), 0)
                for line in shard.book.lines.get(queue, {}).values()
                if kept(shard.book.first(line)[1], shard.book.first(line)[0], shard.load, limits) is None
            ]
            for key, want in granted:
                runs = shard.load.by_tenant[queue, key.namespace] if want.queue == queue and not want.probe else 0
                if could and runs > min(could) + 1:
                    self.unfair.append(f"{key} runs {runs}, others that wait {min(could)}")


def day_of(chapters: int = 30_000, shards: int = 2, **more: object) -> Setting:
    operators, cluster = needed(chapters, shards)
    given = {"hours": HOURS, "operators": operators, "cluster": cluster} | more
    return Setting(chapters, shards, **given)  # type: ignore[arg-type]


@cache
def watched(name: str) -> Watched:
    day = Watched(day_of(trouble=TROUBLES[name]))
    day.run()
    return day


# ---- what always holds ------------------------------------------------------------------------------------


@troubles
def test_every_course_ends_and_every_slot_is_free_again(trouble: str) -> None:
    day = watched(trouble)
    assert day.seen.courses["came"] == day.seen.courses["succeeded"] + day.seen.courses["failed"] > 50
    assert day.things == {}
    for shard in day.shards:
        assert (shard.load.jobs, shard.load.courses, shard.load.by_tenant, shard.book.wants) == (0, 0, {}, {})
        assert not any(shard.load.by_queue.values())


@troubles
def test_no_limit_is_exceeded_by_any_decision(trouble: str) -> None:
    assert watched(trouble).over == []


@troubles
def test_no_decision_passes_over_a_tenant_that_runs_less(trouble: str) -> None:
    assert watched(trouble).unfair == []


def test_the_same_seed_gives_the_same_day() -> None:
    def told(seed: int) -> report.Json:
        setting = day_of(10_000, seed=seed)
        return report.of_day(setting, Day(setting).run())

    assert told(1) == told(1) != told(2)


def test_who_sends_little_waits_less_than_who_sends_everything_at_once() -> None:
    seen = Day(day_of(8_000, 1, hours=(9.0, 17.0))).run()
    small, steady, greedy = (seen.of_band(8, kind) for kind in report.KINDS)
    assert quantile(small, 0.95) < quantile(steady, 0.95)
    assert quantile(small, 0.5) <= quantile(steady, 0.5) < quantile(greedy, 0.5)


# ---- a shard that is gone ---------------------------------------------------------------------------------


def test_work_of_a_lost_shard_goes_on_when_it_is_back() -> None:
    day = watched("lost")
    mine = [tenant for tenant, home in day.homes.of.items() if home is day.shards[0]]
    begun = sorted(time for tenant in mine for time in day.begun[tenant])
    assert not [time for time in begun if FROM + 1 < time < BACK]
    assert [time for time in begun if BACK <= time < BACK + 120]
    assert day.seen.courses["failed"] == 0


def test_work_of_a_lost_shard_goes_on_elsewhere_when_its_namespaces_are_given_away() -> None:
    day = watched("lost, moved")
    first, second = day.shards
    moved = [tenant for tenant, home in watched("lost").homes.of.items() if home.name == first.name]
    assert set(day.homes.of.values()) == {second}
    begun = sorted(time for tenant in moved for time in day.begun[tenant])
    held = FROM + 60 + 5  # the pause in which nobody visits a namespace
    assert not [time for time in begun if FROM + 1 < time < held]
    assert [time for time in begun if held <= time < held + 120]
    assert day.seen.courses["failed"] == 0


def test_tenants_of_other_shards_notice_nothing_while_one_is_gone() -> None:
    theirs = {tenant for tenant, shards in watched("lost").by.items() if shards == {"shard-1"}}

    def begun(trouble: str) -> int:
        return sum(FROM < time < BACK for tenant in theirs for time in watched(trouble).begun[tenant])

    assert begun("lost") >= 0.95 * begun("nothing") > 0


# ---- a provider that is down ------------------------------------------------------------------------------


def outage(breaker: CircuitBreaker) -> Seen:
    setting = day_of(trouble=Trouble(failing=0.0, outage_from=FROM, outage_seconds=HOUR / 2))
    return Day(replace(setting, cluster=replace(setting.cluster, breaker=breaker))).run()


def test_what_an_outage_cost_is_given_back_where_the_circuit_saw_it() -> None:
    seen = outage(CircuitBreaker())
    assert seen.tasks["refunds"] > 0
    assert seen.courses["failed steady"] == seen.courses["failed greedy"] == 0


def test_no_course_fails_as_delivered_and_those_of_small_tenants_do_where_circuits_open_later() -> None:
    assert outage(CircuitBreaker()).courses["failed"] == 0
    assert outage(CircuitBreaker(minimum_attempts=5)).courses["failed small"] > 0


def test_after_an_outage_the_backlog_drains_within_the_hour() -> None:
    late = drained(watched("outage").seen, watched("nothing").seen, TROUBLES["outage"].over)
    assert late is not None
    assert 0 < late < HOUR


# ---- what a setting can do --------------------------------------------------------------------------------


@cache
def operator_bound(shards: int) -> int:
    """Give how many tasks end where nothing but the operators' own cores is short."""
    slow = replace(Figures(), operator_cpu=1.0, operator_progress_cpu=0.0)
    endless = Cluster(api_cores=1e6, controller_rate=1e6, scheduler_rate=1e6)
    operators = Operators(dict.fromkeys(Operators().capacity, 10_000), 50_000, 10_000)
    more = {"hours": (10.0, 10.5), "patience": 0.0, "figures": slow, "cluster": endless, "operators": operators}
    return Day(day_of(80_000, shards, **more)).run().tasks["succeeded"]


def test_twice_the_shards_do_nearly_twice_as_much_where_the_operator_is_the_limit() -> None:
    assert 1.6 < operator_bound(2) / operator_bound(1) < 2.1


def test_the_control_plane_that_a_load_needs_by_arithmetic_is_not_what_it_waits_for() -> None:
    seen = Day(day_of(60_000, 2, hours=(10.0, 10.5))).run()
    for part in ("operator", "API server", "Job controller", "scheduler"):
        assert seen.share_full(part) < 0.03


# ---- stations ---------------------------------------------------------------------------------------------

arrivals = st.lists(st.tuples(st.floats(0, 10), st.floats(0.1, 5)), min_size=1, max_size=40)


@given(arrivals, st.floats(0.5, 20), st.floats(0, 30))
def test_a_bucket_never_lets_more_through_than_its_rate_and_what_it_saved(
    steps: list[tuple[float, float]], rate: float, burst: float
) -> None:
    bucket, now, through = Bucket(rate, burst), 0.0, []
    for pause, amount in steps:
        now += pause
        through.append((bucket.take(now, amount), amount))
    for begin, (since, _) in enumerate(through):
        for end in range(begin, len(through)):
            amount = sum(a for _, a in through[begin : end + 1])
            allowed = burst + rate * (through[end][0] - since) + through[begin][1]
            assert amount <= allowed + 1e-6


@given(arrivals, st.floats(0.5, 4), st.floats(0, 3))
def test_a_server_ends_everything_in_order_and_never_works_faster_than_it_can(
    steps: list[tuple[float, float]], cores: float, background: float
) -> None:
    server, now, ends = Server(cores, background), 0.0, []
    for pause, work in steps:
        now += pause
        ends.append(server.serve(now, work))
        assert ends[-1] >= now + work / cores - 1e-9
    assert ends == sorted(ends)
    assert server.done <= cores * ends[-1] + 1e-6


# ---- what it takes as given -------------------------------------------------------------------------------


@pytest.mark.parametrize("row", list(figures.rows()), ids=lambda row: row[0])
def test_every_figure_says_where_it_is_from(row: tuple[str, float, str, str, str]) -> None:
    _, value, _, what, source = row
    assert value >= 0
    assert what
    if source.startswith("docs/"):
        page, _, place = source.partition(", ")
        text = (Path(__file__).parents[3] / page).read_text(encoding="utf-8")
        assert place.split(".")[-1] in text
