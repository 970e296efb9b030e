"""One operator: its line of visits, its book of the waiting, its slots; what it decides is decided by the planner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from coursegen_operator.plan import probing, slots
from coursegen_operator.plan.admission import choose
from coursegen_operator.plan.book import WaitingBook
from coursegen_operator.plan.limits import Limits, Load, QueueLimits, of_queue, provider_key
from coursegen_operator.plan.world import COURSE_SLOTS, Key, Want
from coursegen_operator.workqueue import Turn, WorkQueue

from .circuits import Circuits
from .load import shares
from .setting import Setting, shipped_queues
from .work import OUTLINE, PROVIDER, Course, Piece, State, settle


class Around(Protocol):
    """What a shard asks of the rest of the world."""

    now: float
    things: dict[Key, Course | Piece]

    def at(self, time: float, what: "Call", arg: object) -> None:
        """Have something happen at a time."""

    def shard_of(self, namespace: str) -> "Shard | None":
        """Say whose a namespace is; None while it is moving."""

    def begin(self, piece: Piece) -> None:
        """Make the Job of an attempt."""

    def granted(self, shard: "Shard", granted: Sequence[tuple[Key, Want]]) -> None:
        """Hear what was decided."""

    def conclude(self, piece: Piece, shard: "Shard") -> None:
        """See how an attempt ended, and what follows."""

    def opened(self, course: Course) -> None:
        """Give a course its slot."""


class Call(Protocol):
    """Something that happens."""

    def __call__(self, arg: object, /) -> None:
        """Let it."""


def limits_of(setting: Setting) -> Limits:
    """Give the limits of one shard."""
    operators, queues = setting.operators, shipped_queues()
    read: Mapping[str, QueueLimits] = {n: of_queue(q) for n, q in queues.items()}
    sized = {n: replace(q, capacity=operators.capacity[n]) for n, q in read.items()}
    most = setting.cluster.concurrency
    providers = {} if most is None else {provider_key(PROVIDER, name): most for name in shares(setting.tenants)}
    return Limits(operators.max_courses, operators.max_jobs, sized, providers)


@dataclass(slots=True, eq=False)
class Shard:
    """An operator and the namespaces of its label."""

    name: str
    around: Around
    setting: Setting
    limits: Limits
    book: WaitingBook = field(default_factory=WaitingBook)
    load: Load = field(default_factory=Load)
    circuits: Circuits = field(init=False)
    up: bool = True
    background: float = 0.0
    """Share of its core that goes to percentages, to the work of other shards and to what has ended."""
    busy: float = 0.0
    """Seconds of its core that visits have taken."""
    visits: WorkQueue = field(init=False)
    _visiting: Key | None = None
    _dirty: bool = True
    """Something a decision looks at has changed since one found nothing to grant."""

    def __post_init__(self) -> None:
        self.circuits = Circuits(self.setting.cluster.breaker)
        self.visits = WorkQueue(lambda: self.around.now)
        self.visits.turn_of = self._turn

    def hear(self, key: object) -> None:
        """Have something visited."""
        assert isinstance(key, Key)
        self.visits.add(key)
        self.serve()

    def late(self) -> float:
        """Estimate how long what comes now waits for its visit."""
        return len(self.visits) * self.setting.figures.operator_cpu / 2 / self._left()

    # ---- its one core ---------------------------------------------------------------------------------

    def _turn(self, key: Key) -> Turn:
        thing = self.around.things.get(key)
        if isinstance(thing, Piece) and thing.state is State.ENDED:
            return Turn.ENDED
        return Turn.FIRST if isinstance(thing, Course) or (thing and thing.kind == OUTLINE) else Turn.CHANGED

    def _left(self) -> float:
        return max(0.02, 1.0 - self.background)

    def serve(self) -> None:
        """Begin the next visit, if there is one and none is under way."""
        if self._visiting is not None or not self.up:
            return
        self._visiting = self.visits.pop()
        if self._visiting is not None:
            cost = self._cost(self._visiting)
            self.busy += cost
            self.around.at(self.around.now + cost / self._left(), self._done, self._visiting)

    def _cost(self, key: Key) -> float:
        """Estimate what a visit costs; a course's are in the figure of its tasks."""
        thing, figures = self.around.things.get(key), self.setting.figures
        if not isinstance(thing, Piece) or thing.state is State.OVER:
            return 0.0
        if thing.state is State.NEW and self._is_full(thing):
            return figures.operator_wait_cpu
        return figures.operator_cpu / 2

    def _is_full(self, piece: Piece) -> bool:
        full = self.load.by_queue.get(piece.queue, 0) >= self.limits.queues[piece.queue].capacity
        return full or self.load.jobs >= self.limits.max_jobs or not self.circuits.are_closed(piece)

    def _done(self, key: object) -> None:
        assert isinstance(key, Key)
        self._visiting = None
        if not self.up:
            self.visits.add(key)
            return
        thing = self.around.things.get(key)
        if self.around.shard_of(key.namespace) is not self:
            pass  # its namespace is another's by now, who has it visited
        elif isinstance(thing, Course):
            self._visit_course(thing)
        elif thing is not None:
            self._visit_piece(thing)
        self.serve()

    # ---- visits ---------------------------------------------------------------------------------------

    def _visit_course(self, course: Course) -> None:
        if not course.granted:
            self.put(course.key, course.want(60.0))
            self.dispatch(course.key)
        if course.granted and course.start is None:
            self.around.opened(course)

    def _visit_piece(self, piece: Piece) -> None:
        settle(piece, self.circuits.known)
        if piece.state is State.ENDED:
            self.around.conclude(piece, self)
            self.dispatch()
            return
        if piece.state is State.GRANTED and not piece.probe and not self.circuits.are_closed(piece):
            self.recall(piece)  # the circuit opened before it began
            piece.state = State.NEW
        if piece.state is State.NEW:
            piece.state = State.WAITING
            self.put(piece.key, piece.want(30.0))
            self.dispatch(piece.key)
        if piece.state is State.GRANTED:
            piece.state = State.RUNNING
            self.around.begin(piece)

    # ---- slots ----------------------------------------------------------------------------------------

    def put(self, key: Key, want: Want) -> None:
        """Enter a wish."""
        self.book.put(key, want)
        self._dirty = True

    def dispatch(self, visiting: Key | None = None) -> None:
        """Grant what can be granted."""
        if not self._dirty or not self.book.wants:
            return
        limits = self.limits_now()
        ready = self.circuits.ready() if limits.shut else None
        granted = probing.choose(self.book, self.load, limits, ready) if ready and ready.free else []
        granted += choose(self.book, self.load, limits, self.around.now)
        self._dirty = bool(granted)
        for key, want in granted:
            self._grant(key, want)
            if key != visiting:
                self.hear(key)
        if granted:
            self.around.granted(self, granted)

    def limits_now(self) -> Limits:
        """Give the limits with the circuits as they are; open courses behind one make way for those of others."""
        if not self.circuits.known:
            return self.limits
        shut = self.circuits.shut(self.around.now)
        cut_off = {key.namespace for key in shut if key.kind == "ModelProvider"}
        self.load.parked = sum(self.load.by_tenant.get((COURSE_SLOTS, namespace), 0) for namespace in cut_off)
        return replace(self.limits, shut=shut)

    def _grant(self, key: Key, want: Want) -> None:
        thing = self.around.things[key]
        if isinstance(thing, Course):
            thing.granted = True
            return
        thing.state, thing.begun, thing.probe = State.GRANTED, self.around.now, want.probe
        if want.probe:
            self.circuits.begun(thing)

    def count(self, piece: Piece, sign: int) -> None:
        """Add the slot of a task to the load, or take it out."""
        provider = provider_key(piece.provider, piece.key.namespace)
        slots.add(self.load, slots.Slots(piece.queue, piece.key.namespace, provider, 1, unstarted=1), sign)

    def give_back(self, piece: Piece) -> None:
        """Make the slot of a task free."""
        self.count(piece, -1)
        self._dirty = True

    def recall(self, piece: Piece) -> None:
        """Take back a slot that was granted and not used."""
        self.give_back(piece)
        if piece.probe:
            self.circuits.recalled(piece)
            piece.probe = False

    def close(self, course: Course) -> None:
        """Make the slot of a course free."""
        self.load.courses -= 1
        slots.add_to(self.load.by_tenant, (COURSE_SLOTS, course.key.namespace), -1)
        self._dirty = True

    def stop(self) -> None:
        """Do nothing any more."""
        self.up = False

    def restart(self) -> None:
        """Begin anew: whose turn it was is forgotten, all else is read again."""
        self.up = True
        wants, self.book = self.book.wants, WaitingBook()
        for key, want in wants.items():
            self.put(key, want)
        self.dispatch()
        self.serve()

    def look_again(self, _: object = None) -> None:
        """Decide anew: the time of a probe has come."""
        self._dirty = True
        if self.up:
            self.dispatch()
