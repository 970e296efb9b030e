"""`python -m tests.sim.eta`: how far off the estimates of courses were.

The real operator in its simulated cluster; courses come over time, their work takes a random time. Each estimate that
was written is held against the end that came: the error is a share of the time that was really left.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from coursegen_operator.plan import clock
from tests.unit.operator.simulation import START, Json, Simulation

_TICK_SECONDS = 2.0
_MEAN_SECONDS = {"outline": 30.0, "chapter": 60.0, "validation": 20.0, "export": 40.0}


Told = tuple[str, float, float, str, int]
"""Course, when it was told, the estimated end, certainty, progress in percent."""


@dataclass
class World:
    """A cluster whose Jobs take a random time."""

    chance: random.Random
    sim: Simulation
    ends: dict[str, float] = field(default_factory=dict)
    """By Job name."""
    told: list[Told] = field(default_factory=list)
    finished: dict[str, float] = field(default_factory=dict)

    def tick(self) -> None:
        """Let a moment pass."""
        self.sim.run(_TICK_SECONDS)
        for job in self.sim.jobs():
            name = job["metadata"]["name"]
            if name not in self.ends:
                kind = self.sim.task(job).work.kind.value
                self.ends[name] = self.sim.time + self.chance.lognormvariate(0, 0.4) * _MEAN_SECONDS[kind]
                self.sim.start(job)
            elif self.sim.time >= self.ends[name]:
                self.sim.succeed(job)
        for name in self.sim.names("CourseGeneration"):
            self._note(name, self.sim.status("CourseGeneration", name))

    def _note(self, name: str, status: Json) -> None:
        if status.get("completionTime"):
            self.finished.setdefault(name, clock.parse(status["completionTime"]))
        elif at := status.get("estimatedCompletionTime"):
            row = (name, self.sim.time, clock.parse(at), status["estimateCertainty"], status["progressPercentage"])
            if not self.told or (name, row[2]) not in {(t[0], t[2]) for t in self.told[-200:]}:
                self.told.append(row)


def run(seed: int, courses: int, capacity: int) -> World:
    """Generate courses, a new one about every minute."""
    chance = random.Random(seed)
    world = World(chance, Simulation())
    world.sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=capacity)
    due = [START + 60 * n * chance.uniform(0.8, 1.2) for n in range(courses)]
    while len(world.finished) < courses:
        while due and due[0] <= world.sim.time:
            count = chance.randint(4, 12)
            spec = {"title": "T", "learningObjectives": ["x"], "chapterCount": count, "exports": [{"format": "pdf"}]}
            world.sim.apply("CourseGeneration", f"c{courses - len(due)}", spec)
            due.pop(0)
        world.tick()
    return world


def report(told: Iterable[Told], finished: Mapping[str, float]) -> None:
    """Print the errors by certainty and by how far the course was."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name, time, at, certainty, progress in told:
        left = finished[name] - time
        if left > 0:
            groups[certainty, "under 50 %" if progress < 50 else "from 50 %"].append((at - finished[name]) / left)
    print(f"{'certainty':<12}{'progress':<14}{'estimates':>10}{'median error':>14}{'p90 error':>11}{'bias':>8}")
    for (certainty, progress), errors in sorted(groups.items()):
        sizes = sorted(abs(e) for e in errors)
        median, p90, bias = sizes[len(sizes) // 2], sizes[int(0.9 * (len(sizes) - 1))], sorted(errors)[len(errors) // 2]
        print(f"{certainty:<12}{progress:<14}{len(sizes):>10}{median:>13.0%}{p90:>11.0%}{bias:>+9.0%}")


def main() -> None:
    """Print a table for a cluster with room, and for one that is short of slots."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.eta", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--courses", type=int, default=40)
    parser.add_argument("--capacity", type=int, nargs="*", default=[50, 8])
    arguments = parser.parse_args()
    for capacity in arguments.capacity:
        print(f"\nseed {arguments.seed}, {arguments.courses} courses, {capacity} slots for chapters")
        world = run(arguments.seed, arguments.courses, capacity)
        report(world.told, world.finished)


if __name__ == "__main__":
    main()
