"""`python -m tests.sim.eta`: how far off `status.estimatedCompletionTime` was, in a simulation that takes seconds.

The real operator in its simulated cluster; courses of two namespaces come over time, their work takes a random
(lognormal) time, fails now and then, and once the model server wants everybody to wait. What status says when 10, 25,
50, 75 and 90 % of a course's life are over is held against the end that came.
"""

import argparse
import bisect
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_operator.plan import clock
from tests.unit.operator.simulation import START, Json, Simulation

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Of a course's life, from its creation to its end."""

NAMESPACES = ("courses", "other")
_TICK_SECONDS = 5.0
_MEDIAN_SECONDS = {"outline": 30.0, "chapter": 60.0, "validation": 20.0, "export": 40.0}
_SPREAD = 0.4
"""Standard deviation of a duration's logarithm: one in ten takes 1.7 times as long as usual, or longer."""

_LIMITED_SECONDS = (1500.0, 1620.0)
"""The model server says 429 for two minutes."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many courses come, how fast, and what they find."""

    name: str
    slots: int
    """For chapters."""
    seconds_between: float = 60.0
    at_once: int = 1
    failing: float = 0.0
    """Share of attempts that fail half-way."""
    limited: bool = False
    uneven: float = 0.0
    """Standard deviation of the logarithm of what all durations of a course have in common."""


LOADS = (
    Load("enough slots", 50),
    Load("too few slots", 8),
    Load("ten at once", 12, seconds_between=600.0, at_once=10),
    Load("uneven courses", 16, uneven=0.5),
    Load("bad days", 16, failing=0.05, limited=True),
)


@dataclass(slots=True)
class Life:
    """A course, and what its status said over time."""

    phase: str
    created: float
    pace: float = 1.0
    """By how much its work takes longer than usual."""
    ended: float = 0.0
    times: list[float] = field(default_factory=list)
    said: list[tuple[float | None, str]] = field(default_factory=list)
    """The estimated end and its certainty, since each of the times."""

    def note(self, now: float, status: Json) -> None:
        """Take in what status says now."""
        if status.get("completionTime"):
            self.ended = clock.parse(status["completionTime"])
            return
        at = status.get("estimatedCompletionTime")
        said = (clock.parse(at) if at else None, status.get("estimateCertainty", "Unknown"))
        if not self.said or self.said[-1] != said:
            self.times.append(now)
            self.said.append(said)

    def sample(self, share: float) -> "Sample":
        """Give what status said when a share of the life was over."""
        now = self.created + share * (self.ended - self.created)
        found = bisect.bisect_right(self.times, now) - 1
        at, certainty = self.said[found] if found >= 0 else (None, "Unknown")
        left = self.ended - now
        return Sample(certainty, None if at is None else (at - self.ended) / left, left / (self.ended - self.created))


@dataclass(frozen=True, slots=True)
class Sample:
    """What status said at one time of a course's life."""

    certainty: str
    error: float | None
    """As a share of the time that was really left; positive: too late. None: it gave no time."""
    left: float
    """As a share of the life."""


@dataclass
class World:
    """A cluster whose Jobs take a random time."""

    load: Load
    chance: random.Random
    sim: Simulation = field(default_factory=Simulation)
    ends: dict[str, tuple[float, float, float, FailureClass | None]] = field(default_factory=dict)
    """By Job name: when it began, when it ends, how its percentages run, and how it fails."""
    reported: dict[str, int] = field(default_factory=dict)
    """By Job name: the percentage that its worker said last."""
    lives: dict[tuple[str, str], Life] = field(default_factory=dict)

    def tick(self) -> None:
        """Let a moment pass."""
        self.sim.run(_TICK_SECONDS)
        for job in self.sim.jobs():
            name, now = job["metadata"]["name"], self.sim.time
            if name not in self.ends:
                self._begin(name, job)
                continue
            begun, end, bent, failure = self.ends[name]
            if now < end:
                self._report(job, ((now - begun) / (end - begun)) ** bent * (0.5 if failure else 1.0))
            elif failure is None:
                self.sim.succeed(job)
            else:
                wait = 30 if failure is FailureClass.RATE_LIMITED else None
                self.sim.fail(job, failure, retry_after_seconds=wait)
        for (namespace, name), life in self.lives.items():
            if not life.ended:
                life.note(self.sim.time, self.sim.status("CourseGeneration", name, namespace))

    def _report(self, job: Json, done: float) -> None:
        """Let a worker say how far it is, in steps as large as a chapter's sections."""
        said = 20 * int(5 * done)
        if said > self.reported.get(job["metadata"]["name"], 0):
            self.reported[job["metadata"]["name"]] = said
            self.sim.report(job, said)

    def _begin(self, name: str, job: Json) -> None:
        of_course = self.lives[job["metadata"]["namespace"], job["metadata"]["labels"][names.LABEL_COURSE]].pace
        usual = _MEDIAN_SECONDS[self.sim.task(job).work.kind.value] * of_course
        seconds = self.chance.lognormvariate(0, _SPREAD) * usual
        failure = None
        if self.chance.random() < self.load.failing:
            failure, seconds = FailureClass.PROVIDER_UNAVAILABLE, seconds / 2
        from_, to = _LIMITED_SECONDS
        if self.load.limited and from_ <= self.sim.time - START < to:
            failure, seconds = FailureClass.RATE_LIMITED, 5.0
        bent = self.chance.uniform(0.7, 1.4)
        self.ends[name] = (self.sim.time, self.sim.time + seconds, bent, failure)
        self.sim.start(job)

    def add(self, number: int, phase: str) -> None:
        """Have a course come."""
        spec = {
            "title": "T", "learningObjectives": ["x"], "chapterCount": self.chance.randint(4, 12),
            "exports": [{"format": "pdf"}],
        }  # fmt: skip
        pace = self.chance.lognormvariate(0, self.load.uneven) if self.load.uneven else 1.0
        namespace = NAMESPACES[self.chance.random() < 0.25]
        self.sim.apply("CourseGeneration", f"c{number}", spec, namespace)
        self.lives[namespace, f"c{number}"] = Life(phase, self.sim.time, pace)


def run(seed: int, courses: int, load: Load) -> World:
    """Generate courses: a tenth from a cold start, the next half once much is measured, the last after a restart."""
    chance = random.Random(seed)
    world = World(load, chance)
    world.sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=load.slots)
    due = [START + load.seconds_between * (n // load.at_once) * chance.uniform(0.9, 1.1) for n in range(courses)]
    due.sort()
    cold, restarts = max(10, courses // 5), courses * 3 // 5
    for number, at in enumerate(due):
        while world.sim.time < at:
            world.tick()
        if number == restarts:
            world.sim.restart()
        world.add(number, "cold" if number < cold else "warm" if number < restarts else "restarted")
    while not all(life.ended for life in world.lives.values()):
        world.tick()
    return world


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[round(share * (len(values) - 1))]


def line(name: str, samples: Sequence[Sample]) -> str:
    """Give a line of the table: how many had a time at all, and how far off it was."""
    told = [(s.error, abs(s.error), abs(s.error) * s.left) for s in samples if s.error is not None]
    head = f"{name:<36}{len(samples):>8}{len(told) / max(1, len(samples)):>7.0%}"
    if not told:
        return head
    errors, of_left, of_life = zip(*told, strict=True)
    sizes = [_quantile(found, share) for found in (of_left, of_life) for share in (0.5, 0.9)]
    return f"{head}{_quantile(errors, 0.5):>+7.0%}" + "".join(f"{size:>8.0%}" for size in sizes)


HEAD = (
    f"{'':<57}{'of the time left':>17}{'of the life':>16}\n"
    f"{'':<36}{'samples':>8}{'told':>7}{'bias':>7}" + f"{'p50':>8}{'p90':>8}" * 2
)


def table(lives: Iterable[Life], phases: Sequence[str] = ("cold", "warm", "restarted")) -> Iterable[str]:
    """Give the errors by how far courses were, and by certainty."""
    ended = [life for life in lives if life.ended]
    yield HEAD
    for phase in phases:
        of_phase = [life for life in ended if life.phase == phase]
        for share in SHARES:
            if of_phase:
                yield line(f"{phase}, at {share:.0%}", [life.sample(share) for life in of_phase])
    everything = [life.sample(share) for life in ended for share in SHARES]
    for certainty in ("High", "Low"):
        yield line(f"all of certainty {certainty}", [s for s in everything if s.certainty == certainty])


def main() -> None:
    """Print a table for each load."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.eta", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--courses", type=int, default=50)
    parser.add_argument("--load", nargs="*", choices=[load.name for load in LOADS], help="only these")
    arguments = parser.parse_args()
    show: Callable[[str], None] = print
    for load in LOADS:
        if arguments.load and load.name not in arguments.load:
            continue
        show(f"\n{load.name}: seed {arguments.seed}, {arguments.courses} courses, {load.slots} slots for chapters")
        for row in table(run(arguments.seed, arguments.courses, load).lives.values()):
            show(row)


if __name__ == "__main__":
    main()
