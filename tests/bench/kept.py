"""`python -m tests.bench.kept`: what something costs that has ended and stays; half a minute, no cluster.

A course is generated in the simulated cluster of the tests, and what is left of it is copied under other names. Then a
new snapshot takes all of it in from lists, as the operator does at its start and again every five minutes; and so, in a
process of its own, does what the gateway knows of the cluster. Memory is the process's, times are of its CPU; the way
through the network is not in them.
"""

import argparse
import gc
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from coursegen_gateway.state import State, place
from coursegen_operator import effects
from coursegen_operator.snapshot import Snapshot
from coursegen_operator.territory import Territory

from ..unit.operator.simulation import PLURALS, Json, Simulation

_SPEC = {
    "title": "T",
    "learningObjectives": ["x"],
    "chapterCount": 12,
    "exports": [{"format": name} for name in ("pdf", "scorm", "json")],
}
_VERSION = 10**6
_PAGE = 500
_WORK = ("coursegenerations", "chaptergenerations", "qualityvalidations", "courseexports")


@dataclass
class Found:
    """What was measured; milliseconds and KiB, of each object."""

    objects: int
    figures: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure the CPU that something takes."""
        gc.collect()
        begun = time.thread_time()
        yield
        self.figures[name] = (time.thread_time() - begun) / self.objects * 1e3


def finished() -> Simulation:
    """Give a cluster with one course in it that is finished, and whose Jobs are gone."""
    sim = Simulation()
    sim.apply("CourseGeneration", "c0", _SPEC)
    sim.run(5)
    while sim.status("CourseGeneration", "c0")["phase"] != "Succeeded":
        sim.work(sim.jobs())
        sim.run(20)
    sim.run(1000)
    return sim


def copies(sim: Simulation, count: int) -> dict[str, list[str]]:
    """Give what so many such courses leave, as the API server would list it: by kind, one text an object."""
    left = [(plural, json.dumps(body)) for (plural, _, _), body in sim.api.objects.items() if plural in _WORK]
    texts: dict[str, list[str]] = {plural: [] for plural in _WORK}
    for n in range(count):
        for plural, text in left:
            named = text.replace('"c0', f'"c{n}').replace("-0000-0000-0000-000000000000", f"-0000-0000-0000-{n:012d}")
            texts[plural].append(named)
    return texts


def pages(lines: list[str]) -> Iterator[list[Json]]:
    """Give a full list, page by page."""
    for first in range(0, len(lines), _PAGE):
        items: list[Json] = [from_json(line) for line in lines[first : first + _PAGE]]
        for item in items:
            item["metadata"]["resourceVersion"] = str(_VERSION)
        yield items


def listed(snapshot: Snapshot, texts: dict[str, list[str]]) -> None:
    """Have a snapshot take in a full list of each kind."""
    for plural, lines in texts.items():
        seen: set[tuple[str, str]] = set()
        for items in pages(lines):
            snapshot.apply_page(PLURALS[plural], items, seen)
        snapshot.end_list(PLURALS[plural], seen, _VERSION)


def gateway(courses: int) -> Found:
    """Measure what a gateway holds of so many courses, and what each list after the first costs it."""
    texts = copies(finished(), courses)
    found, state = Found(sum(len(lines) for lines in texts.values())), State()

    def listed() -> None:
        for plural, lines in texts.items():
            there: set[tuple[str, str]] = set()
            for items in pages(lines):
                there.update(map(place, items))
                for item in items:
                    state.put(plural, item)
            state.retain(plural, "", there, _VERSION)

    gc.collect()
    before = _resident()
    listed()
    gc.collect()
    found.figures["gateway: memory"] = (_resident() - before) / found.objects
    with found.timed("gateway: list again"):
        listed()
    return found


def measure(courses: int) -> Found:
    """Measure with so many courses."""
    sim = finished()
    texts = copies(sim, courses)
    found = Found(sum(len(lines) for lines in texts.values()))
    sim.api.remove("coursegenerations", "courses", "c0")
    sim.restart()
    before = _resident()
    with found.timed("first list"):
        listed(sim.snapshot, texts)
    gc.collect()
    found.figures["memory"] = (_resident() - before) / found.objects
    with found.timed("list again"):
        listed(sim.snapshot, texts)
    with found.timed("recount"):
        sim.snapshot.recount()
    _visits(sim, found)
    others = Snapshot(territory=Territory("b"))
    with found.timed("list of another shard's"):
        listed(others, texts)
    assert not others.objects
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        found.figures |= other.submit(gateway, courses).result().figures
    return found


def _visits(sim: Simulation, found: Found) -> None:
    before, keys = sim.api.writes.copy(), set(sim.snapshot.keys())

    async def visit() -> None:
        effects.enqueue(sim.queue, keys, None, sim.time, listed=True)
        while (key := sim.queue.pop()) is not None:
            await sim.actor.visit(key)

    with found.timed("visit"):
        sim.loop.run_until_complete(visit())
    if sim.api.writes != before:
        raise RuntimeError("a visit to what has ended wrote something")


def _resident() -> float:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize() / 1024


def text(found: Found) -> str:
    """Lay the figures out for people."""
    lines = [f"{found.objects:,} objects that have ended, of each"]
    for name, value in found.figures.items():
        unit = "KiB" if name.endswith("memory") else "ms of CPU"
        lines.append(f"  {name:<28}{value:>8.3f} {unit}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.kept", description=__doc__)
    parser.add_argument("--courses", type=int, default=600, help="of 17 objects each (600)")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text", help="json: nothing but JSON")
    asked = parser.parse_args(argv)
    found = measure(asked.courses)
    told: dict[str, Any] = {"objects": found.objects} | found.figures
    print(json.dumps(told, indent=2) if asked.output == "json" else text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
