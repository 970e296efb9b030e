"""A unit as a chapter uses it."""

from dataclasses import dataclass

from coursegen_worker.writers.template.units import Unit, Values


@dataclass(frozen=True)
class PartSource:
    """What a part was made from, so that a revision can make it again."""

    family: str
    unit: str
    goal: str
    repeat: int = 0


@dataclass(frozen=True)
class Part:
    """One unit as it is used here: with the ids of its objectives and the words for its places."""

    name: str
    unit: Unit
    objective_ids: list[str]
    values: Values
    source: PartSource | None = None

    def objective(self, number: int) -> str:
        """Give the id of the unit's objective, counted from 1."""
        return self.objective_ids[(number - 1) % len(self.objective_ids)]
