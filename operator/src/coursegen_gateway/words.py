"""From the names of Kubernetes' JSON to those of the HTTP API, and back: camelCase and snake_case."""

import hashlib
import re
from typing import Any

_CAPITALS = re.compile(r"(?<=[a-z0-9])([A-Z]+)")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")
_MAX_NAME = 52


def snake(name: str) -> str:
    """Give a name in snake_case: `costMicroUSD` is cost_micro_usd."""
    return _CAPITALS.sub(lambda found: "_" + found[0].lower(), name)


def snaked(value: Any) -> Any:
    """Give JSON with every key in snake_case; values stay."""
    if isinstance(value, dict):
        return {snake(k): snaked(v) for k, v in value.items()}
    return [snaked(v) for v in value] if isinstance(value, list) else value


def object_name(owner_id: str) -> str:
    """Name the object of an owner's id: the id itself where Kubernetes takes it, else a likeness with a hash."""
    plain = _NOT_IN_A_NAME.sub("-", owner_id.lower()).strip("-")
    if plain == owner_id and len(plain) <= _MAX_NAME:
        return plain
    digest = hashlib.sha256(owner_id.encode()).hexdigest()[:8]
    return f"{plain[: _MAX_NAME - 9].rstrip('-') or 'x'}-{digest}"
