"""The Python client, and `kubectl coursegen`.

from coursegen import Client

spec = {"title": "Python", "learningObjectives": ["Write a program"]}
with Client(namespace="courses") as client:
    client.start_course_generation(spec, name="python")
    print(client.wait("python").status.phase)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .aio import AsyncClient
    from .client import Client
    from .errors import CoursegenError, InputError, NotFoundError, RefusedError, UnreachableError

__all__ = [
    "AsyncClient",
    "Client",
    "CoursegenError",
    "InputError",
    "NotFoundError",
    "RefusedError",
    "UnreachableError",
]


def __getattr__(name: str) -> Any:
    """Import on demand: the command's help must not wait for an HTTP library."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module 'coursegen' has no attribute {name!r}")
    module = {"AsyncClient": "aio", "Client": "client"}.get(name, "errors")
    return getattr(import_module(f".{module}", __name__), name)
