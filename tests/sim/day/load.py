"""What comes in a day: whole courses, of many tenants, some of whom send everything at once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from .setting import CHAPTERS, CURVE, EXPORTS, HOUR, OTHERS, Setting

GREEDY, STEADY, SMALL = "greedy", "steady", "small"
PARTS = {GREEDY: 0.30, STEADY: 0.55, SMALL: 0.15}
"""Of all courses."""

BURSTS = 6
"""In which a greedy tenant sends its day, each at once."""

_CATALOGUE = 8
"""Courses that a steady tenant sends at once, on average."""

_DATED = 0.25
"""Share of courses with a deadline."""


@dataclass(frozen=True, slots=True)
class Order:
    """A course that somebody wants; or, without chapters, a piece of other work."""

    time: float
    tenant: str
    chapters: int = 0
    exports: int = 0
    deadline: float | None = None


def tenants(number: int) -> dict[str, list[str]]:
    """Name the tenants of each kind: of forty two are greedy, eight steady, and the others small."""
    greedy, steady = max(1, number // 20), max(1, number // 5)
    counts = {GREEDY: greedy, STEADY: steady, SMALL: max(1, number - greedy - steady)}
    return {kind: [f"{kind}-{n:02d}" for n in range(count)] for kind, count in counts.items()}


def shares(number: int) -> dict[str, float]:
    """Give the share of the load that each tenant has."""
    return {name: PARTS[kind] / len(named) for kind, named in tenants(number).items() for name in named}


def kind_of(tenant: str) -> str:
    """Say what kind of tenant a namespace is."""
    return tenant.split("-")[0]


def orders(setting: Setting) -> list[Order]:
    """Give what comes within the hours of a setting, in order; the same seed gives the same day."""
    chance = random.Random(setting.seed)
    courses = setting.chapters / CHAPTERS
    found: list[Order] = []
    for kind, named in tenants(setting.tenants).items():
        each = courses * PARTS[kind] / len(named)
        for tenant in named:
            found += _of_tenant(chance, kind, tenant, each)
    named = [name for names in tenants(setting.tenants).values() for name in names]
    found += [Order(_moment(chance), chance.choice(named)) for _ in range(round(setting.chapters * OTHERS))]
    begin, end = (hour * HOUR for hour in setting.hours)
    return sorted((o for o in found if begin <= o.time < end), key=lambda o: (o.time, o.tenant, o.chapters))


def _of_tenant(chance: random.Random, kind: str, tenant: str, courses: float) -> Iterator[Order]:
    left = int(courses) + (chance.random() < courses % 1)
    most = {GREEDY: max(1, round(left / BURSTS)), STEADY: 2 * _CATALOGUE - 1, SMALL: 1}[kind]
    while left > 0:
        at_once = min(left, most if kind == GREEDY else chance.randint(1, most))
        time = _moment(chance)
        for _ in range(at_once):
            deadline = time + chance.uniform(HOUR / 2, 6 * HOUR) if chance.random() < _DATED else None
            chapters = chance.randint(CHAPTERS // 2, CHAPTERS * 3 // 2)
            yield Order(time, tenant, chapters, chance.randint(EXPORTS - 1, EXPORTS + 1), deadline)
        left -= at_once


def _moment(chance: random.Random) -> float:
    hour = chance.choices(range(len(CURVE)), CURVE)[0]
    return (hour + chance.random()) * HOUR
