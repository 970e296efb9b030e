"""Objects that this operator cannot read: newer than itself, or damaged. They are left alone, and told so."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from coursegen_api.kinds import ObjectMeta

from .plan.world import PostEvent

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object of which only the name is understood."""

    meta: ObjectMeta
    message: str

    @property
    def event(self) -> PostEvent:
        """Tell people what is not understood, what that means, and what to do."""
        return PostEvent("Warning", "Unreadable", self.message)


def explain(raw: Json, error: ValidationError) -> Unreadable:
    """Say what of an object is not understood."""
    first, meta = error.errors()[0], raw["metadata"]
    place = ".".join(str(part) for part in first["loc"]) or "the object"
    message = (
        f"This operator does not understand {place} ({first['msg']}): the object is newer than the operator, or "
        "damaged. Nothing is done with it until the operator is upgraded or the field is changed."
    )
    known = ObjectMeta.model_construct(
        name=meta["name"],
        namespace=meta.get("namespace", ""),
        uid=meta.get("uid", ""),
        resource_version=meta.get("resourceVersion", ""),
    )
    return Unreadable(known, message)
