"""The day itself: what comes, what follows from it, and when."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coursegen_api.names import QUEUE_PRIORITIES
from coursegen_api.queue import GenerationQueue
from coursegen_operator.plan.world import Key, Want

from . import load, work
from .cluster import Cluster
from .gauges import SAMPLE_SECONDS, Gauges
from .homes import Homes, spread
from .seen import Seen
from .setting import HOUR, Setting, shipped_queues
from .shard import Call, Shard, limits_of
from .work import ASKS_A_MODEL, CHAPTER, OUTLINE, Course, Piece, State

_KINDS = {
    work.OUTLINE: "Outline",  # its course's own, which has the key of the course
    work.CHAPTER: "ChapterGeneration",
    work.VALIDATION: "QualityValidation",
    work.EXPORT: "CourseExport",
    work.OTHER: "ArtifactCleanup",
}


@dataclass(slots=True, eq=False)
class Day:
    """One run."""

    setting: Setting
    tell: Callable[[float], None] = lambda hour: None
    """Told of each hour that has gone by."""
    now: float = 0.0
    things: dict[Key, Course | Piece] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)
    shards: list[Shard] = field(init=False)
    cluster: Cluster = field(init=False)
    homes: Homes = field(init=False)
    gauges: Gauges = field(init=False)
    queues: dict[str, GenerationQueue] = field(default_factory=shipped_queues)
    accounts: dict[str, int] = field(default_factory=dict)
    """By tenant: the account at a model provider."""
    coming: int = 0
    """Courses that have not ended."""
    _events: list[tuple[float, int, Call, object]] = field(default_factory=list)
    _serial: int = 0

    def __post_init__(self) -> None:
        setting = self.setting
        self.cluster = Cluster(setting)
        limits = limits_of(setting)
        self.shards = [Shard(f"shard-{n}", self, setting, limits) for n in range(setting.shards)]
        shares = load.shares(setting.tenants)
        self.homes = Homes(self.shards, spread(shares, self.shards))
        self.accounts = spread(shares, range(setting.cluster.accounts))
        self.gauges = Gauges(setting, list(shares))

    # ---- time -----------------------------------------------------------------------------------------

    def at(self, time: float, what: Call, arg: object) -> None:
        """Have something happen at a time."""
        self._serial += 1
        heapq.heappush(self._events, (time, self._serial, what, arg))

    def run(self) -> Seen:
        """Let everything come and end; give what was seen."""
        begin, end = (hour * HOUR for hour in self.setting.hours)
        orders = load.orders(self.setting)
        self.coming = len(orders)
        for number, order in enumerate(orders):
            name = f"c{number}"
            self.at(order.time, self._arrive, Course(order, Key("CourseGeneration", order.tenant, name), name))
        self._plan_trouble()
        self.now = begin
        next_sample, until = begin, end + self.setting.patience
        while self.coming and self.now < until:
            time, _, what, arg = heapq.heappop(self._events)
            while next_sample <= time:
                self._sample(next_sample)
                next_sample += SAMPLE_SECONDS
            self.now = time
            self.seen.events += 1
            what(arg)
        self.seen.tokens = self.cluster.spent
        return self.seen

    def _plan_trouble(self) -> None:
        """Have the first shard vanish and come back, and its namespaces given to others if somebody does that."""
        trouble, lost = self.setting.trouble, self.shards[0]
        if trouble.lost_seconds <= 0:
            return
        back = trouble.lost_from + trouble.lost_seconds + self.setting.figures.takeover_seconds
        self.at(trouble.lost_from, lambda _: lost.stop(), None)
        self.at(back, lambda _: lost.restart(), None)
        if trouble.moved_after is not None and len(self.shards) > 1:
            self.at(trouble.lost_from + trouble.moved_after, self._relabel, lost)

    def _relabel(self, lost: object) -> None:
        assert isinstance(lost, Shard)
        for due in self.homes.relabel(lost, self.now):
            self.at(due, self._adopt, None)

    def _adopt(self, _: object) -> None:
        self.homes.adopt(self.things, self.now)
        for shard in self.shards:
            for circuit in shard.circuits.known.values():
                if not circuit.is_closed:  # as of now: it may have been another's
                    self.at(max(self.now, circuit.next_probe), shard.look_again, None)

    def shard_of(self, namespace: str) -> Shard | None:
        """Say whose a namespace is; None while it is moving."""
        return self.homes.holder(namespace)

    def _sample(self, time: float) -> None:
        self.now = time
        if time % HOUR == 0:
            self.tell(time / HOUR)
        self.gauges.read(self)

    # ---- courses --------------------------------------------------------------------------------------

    def _arrive(self, course: object) -> None:
        assert isinstance(course, Course)
        self.seen.courses["came"] += bool(course.order.chapters)
        self.things[course.key] = course
        if course.order.chapters:
            self.homes.hear(course.key)
        else:
            self.opened(course)

    def opened(self, course: Course) -> None:
        """Give a course its slot."""
        course.start = self.now
        self._next_stage(course)

    def _next_stage(self, course: Course) -> None:
        course.stage += 1
        stages = course.stages()
        if course.failed or course.stage == len(stages):
            self._close(course)
            return
        kind, number = stages[course.stage]
        course.tasks, course.open = [], number
        course.made += number if kind != OUTLINE else 0
        for index in range(number):
            name = f"{course.key.name}-{kind}-{index}"
            piece = Piece(course, kind, Key(_KINDS[kind], course.key.namespace, name), name, index, self.now)
            course.tasks.append(piece)
            self.things[piece.key] = piece
        for piece in course.tasks:
            self.homes.hear(piece.key)

    def _close(self, course: Course) -> None:
        course.tasks = []  # no circles: a run goes without the garbage collector
        course.end = self.seen.last_end = self.now
        del self.things[course.key]
        self.coming -= 1
        home = self.homes.of[course.key.namespace]
        self.gauges.keep(course.key.namespace, self.now, course.made)
        if not course.order.chapters:
            return
        home.close(course)
        home.dispatch()
        kind = load.kind_of(course.key.namespace)
        self.seen.courses["failed" if course.failed else "succeeded"] += 1
        self.seen.courses[f"failed {kind}"] += course.failed
        self.seen.lives[kind].append(self.now - course.order.time)

    # ---- attempts -------------------------------------------------------------------------------------

    def begin(self, piece: Piece) -> None:
        """Make the Job of an attempt."""
        tenant = piece.key.namespace
        if not piece.attempts:
            wait = max(0.0, piece.begun - piece.asked)
            self.seen.waits[QUEUE_PRIORITIES[piece.queue], load.kind_of(tenant)].append(wait)
        piece.attempts += 1
        self.seen.tasks["attempts"] += 1
        self.gauges.begun[tenant] += 1
        self.gauges.running[tenant] += piece.kind in ASKS_A_MODEL
        piece.started = self.cluster.start(piece, self.now)
        self.seen.starts.append(piece.started - piece.begun)
        self.at(self.cluster.work(piece, self.accounts[tenant], piece.started), self._worker_ended, piece)

    def _worker_ended(self, piece: object) -> None:
        assert isinstance(piece, Piece)
        self.gauges.running[piece.key.namespace] -= piece.kind in ASKS_A_MODEL
        self.at(self.cluster.finish(self.now), self._job_ended, piece)

    def _job_ended(self, piece: object) -> None:
        assert isinstance(piece, Piece)
        piece.state, piece.ended = State.ENDED, self.now
        self.homes.hear(piece.key)

    def granted(self, shard: Shard, granted: Sequence[tuple[Key, Want]]) -> None:
        """Hear what a shard has decided: for whoever looks on."""

    def conclude(self, piece: Piece, shard: Shard) -> None:
        """See how an attempt ended, and what follows."""
        shard.give_back(piece)
        self.seen.heard.append(self.now - piece.ended)
        due = None
        if piece.failure:
            self.seen.tasks["failures"] += 1
            due = work.conclude(piece, self.queues, shard.circuits.known, self.now)
        for key in shard.circuits.note(piece, self.now):
            if not shard.circuits.known[key].is_closed:
                self.at(shard.circuits.known[key].next_probe, shard.look_again, None)
        piece.probe = False
        if due is None:
            self._over(piece, failed=piece.failure is not None)
        else:
            piece.state = State.RETRY
            self.at(due, self._retry, piece)

    def _retry(self, piece: object) -> None:
        assert isinstance(piece, Piece)
        if piece.state is State.RETRY:
            piece.state, piece.asked = State.NEW, self.now
            self.homes.hear(piece.key)

    def _over(self, piece: Piece, failed: bool) -> None:
        self.seen.tasks["failed" if failed else "succeeded"] += 1
        self.seen.tasks["refunds"] += piece.refunded
        if not failed and piece.kind == CHAPTER:
            self.seen.chapters += 1
            self.seen.in_time += self.now <= self.setting.hours[1] * HOUR
        course = piece.course
        self._drop(piece)
        if failed:
            course.failed = True
            self._abandon(course)
        if not course.open:
            self._next_stage(course)

    def _drop(self, piece: Piece) -> None:
        piece.state = State.OVER
        del self.things[piece.key]
        piece.course.open -= 1

    def _abandon(self, course: Course) -> None:
        """Begin nothing more of a course that has failed; what runs ends normally."""
        home = self.homes.of[course.key.namespace]
        for piece in course.tasks:
            if piece.state is State.WAITING:
                home.book.drop(piece.key)
            elif piece.state is State.GRANTED:
                home.recall(piece)
            if piece.state in (State.NEW, State.WAITING, State.GRANTED, State.RETRY):
                self._drop(piece)
