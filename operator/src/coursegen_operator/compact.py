"""Less memory for what is stored: pydantic gives each model a set of its own of the fields that were given.

These sets are 40 % of what a chapter takes. Models are frozen, so that nobody changes the set of another.
"""

from typing import Any

_MOST = 10_000
"""Different sets that are kept: some hundred occur, unless somebody makes more on purpose."""
_NO_MODEL = frozenset({str, int, float, bool, dict, type(None)})
_GIVEN = "__pydantic_fields_set__"

_sets: dict[frozenset[str], set[str]] = {}


def compact(model: Any) -> None:
    """Have a model, and all models in it, share their sets of given fields with those that were given the same.

    Asks by attribute: `isinstance` of a pydantic model takes ten times as long, and this is done with every event.
    """
    if len(_sets) > _MOST:
        _sets.clear()
    given = model.__pydantic_fields_set__
    object.__setattr__(model, _GIVEN, _sets.setdefault(frozenset(given), given))
    for value in model.__dict__.values():
        if type(value) in _NO_MODEL:
            continue
        for one in value if type(value) is list else (value,):
            if hasattr(one, _GIVEN):
                compact(one)
