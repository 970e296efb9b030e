"""Slots that turn over: work comes, is granted by the real `admission.choose`, runs for its time and leaves."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from coursegen_operator.plan.admission import choose, latest_start
from coursegen_operator.plan.book import WaitingBook
from coursegen_operator.plan.limits import Limits, Load, provider_key
from coursegen_operator.plan.world import COURSE_SLOTS, Key, Want


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work, and what becomes of it if it is not held."""

    comes: float
    seconds: float
    queue: str
    namespace: str = "a"
    provider: str = ""
    deadline: float | None = None
    budget: str = ""
    """The course, if it has a budget."""


@dataclass(slots=True)
class Turnover:
    """A run; `started` has when each began, by its number."""

    limits: Limits
    look: Callable[["Turnover"], None] = lambda run: None
    """Called after every decision."""
    book: WaitingBook = field(default_factory=WaitingBook)
    load: Load = field(default_factory=Load)
    now: float = 0.0
    started: dict[int, float] = field(default_factory=dict)
    granted: list[tuple[Key, Want]] = field(default_factory=list)
    """By the last decision."""

    def run(self, works: Iterable[Work], until: float = float("inf")) -> dict[int, float]:
        """Let time pass until nothing happens any more; give when each began."""
        listed = list(works)
        events = [(work.comes, n, True) for n, work in enumerate(listed)]
        heapq.heapify(events)
        while events and events[0][0] <= until:
            self.now = events[0][0]
            while events and events[0][0] == self.now:
                _, n, comes = heapq.heappop(events)
                work = listed[n]
                if comes:
                    self.book.put(key_of(n, work), want_of(n, work))
                else:
                    give_back(self.load, work)
            self.granted = choose(self.book, self.load, self.limits, self.now)
            for key, _ in self.granted:
                n = int(key.name)
                self.started[n] = self.now
                heapq.heappush(events, (self.now + listed[n].seconds, n, False))
            self.look(self)
        return self.started


def key_of(number: int, work: Work) -> Key:
    """Name a piece of work."""
    return Key("ChapterGeneration", work.namespace, str(number))


def want_of(number: int, work: Work) -> Want:
    """Give the wish of a piece of work, as the planner makes it of an object that stands alone."""
    place = (latest_start(work.deadline, work.comes, work.seconds), work.comes, work.comes, 0.0)
    purses = (Key("CourseGeneration", work.namespace, work.budget),) if work.budget else ()
    return Want(work.queue, work.provider, work.comes, place, f"{number:08d}", purses=purses, line=work.budget)


def give_back(load: Load, work: Work) -> None:
    """Take a slot that has become free out of a load."""
    load.by_tenant[work.queue, work.namespace] -= 1
    if work.queue == COURSE_SLOTS:
        load.courses -= 1
        return
    load.jobs -= 1
    load.by_queue[work.queue] -= 1
    if work.provider:
        load.by_provider[provider_key(work.provider, work.namespace)] -= 1
