"""Takes content and credentials out of what leaves the house: what is left says how things stand, not what about."""

import re
from collections.abc import Mapping
from typing import Any

_PASSWORD = re.compile(r"(?<=://)[^/\s:@]*:[^/\s]+(?=@)")
_SECRET_NAME = re.compile(r"passw|secret_?key|access_?key|token$|credential|api_?key|authorization|provider_?key", re.I)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_CONTENT = {
    "title",
    "subjectDomain",
    "learningObjectives",
    "feedback",
    "outlineTitles",
    "courseContext",
    "course",
    "plan",
}
"""Fields that say what a course is about, wherever they stand."""

_DROPPED = {"managedFields", "kubectl.kubernetes.io/last-applied-configuration"}
_TASK = "COURSEGEN_TASK"
HIDDEN = "<redacted>"


def text(words: str) -> str:
    """Take the credentials out of free text, such as a log or a message."""
    return _BEARER.sub(lambda m: f"{m[1]} {HIDDEN}", _PASSWORD.sub(HIDDEN, words))


def thing(value: Any) -> Any:
    """Take content and credentials out of an object, at any depth; what is hidden stays recognisable as such."""
    if isinstance(value, Mapping):
        if _is_variable(value):
            return _variable(value)
        return {k: _field(str(k), v) for k, v in value.items() if k not in _DROPPED}
    if isinstance(value, list):
        return [thing(v) for v in value]
    return text(value) if isinstance(value, str) else value


def _field(name: str, value: Any) -> Any:
    if name in _CONTENT:
        return hidden(value)
    if _SECRET_NAME.search(name) and isinstance(value, str):
        return HIDDEN
    return thing(value)


def hidden(value: Any) -> Any:
    """Give the shape of a value without its words."""
    if isinstance(value, str):
        return f"<redacted, {len(value)} characters>"
    if isinstance(value, list):
        return [hidden(v) for v in value]
    if isinstance(value, Mapping):
        return {k: hidden(v) for k, v in value.items()}
    return value


def _is_variable(value: Mapping[str, Any]) -> bool:
    return set(value) == {"name", "value"}


def _variable(value: Mapping[str, Any]) -> dict[str, Any]:
    """Hide an environment variable that is a credential, or a task: its content is the course's."""
    name, said = str(value["name"]), str(value["value"])
    if name == _TASK:
        return {"name": name, "value": hidden(said)}
    return {"name": name, "value": HIDDEN if _SECRET_NAME.search(name) else text(said)}
