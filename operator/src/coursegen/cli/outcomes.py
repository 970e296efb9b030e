"""What became of objects: a line each for people, and for machines the objects themselves."""

from types import TracebackType
from typing import Any

from .. import kinds
from ..calls import Json
from ..kinds import Work
from .app import Output, Scope


class Outcomes:
    """Tells of one object after the other; JSON and YAML are written at the end, also of what was done before an error.

    One object is written as it is, several as a List, as kubectl does.
    """

    def __init__(self, scope: Scope, *, several: bool = False) -> None:
        self._scope, self._several = scope, several
        self._objects: list[Json] = []

    def __enter__(self) -> "Outcomes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._scope.for_machines and (self._objects or error is None):
            self._scope.screen.data(self._written(), self._scope.output)

    def tell(self, obj: Work, what: str) -> None:
        """Say what became of an object."""
        self.tell_of(kinds.label(obj), kinds.manifest(obj), what)

    def tell_of(self, label: str, manifest: Json, what: str) -> None:
        """Say what became of an object that is no work, or is known as the API server has it."""
        if self._scope.for_machines:
            self._objects.append(manifest)
        else:
            self._scope.screen.say(label if self._scope.output is Output.NAME else f"{label} {what}")

    def _written(self) -> Any:
        if len(self._objects) == 1 and not self._several:
            return self._objects[0]
        return {"apiVersion": "v1", "kind": "List", "items": self._objects}
