"""From the names of Kubernetes' JSON to those of the HTTP API, and back: camelCase and snake_case."""

import re
from typing import Any

_CAPITALS = re.compile(r"(?<=[a-z0-9])([A-Z]+)")


def snake(name: str) -> str:
    """Give a name in snake_case: `costMicroUSD` is cost_micro_usd."""
    return _CAPITALS.sub(lambda found: "_" + found[0].lower(), name)


def snaked(value: Any) -> Any:
    """Give JSON with every key in snake_case; values stay."""
    if isinstance(value, dict):
        return {snake(k): snaked(v) for k, v in value.items()}
    return [snaked(v) for v in value] if isinstance(value, list) else value
