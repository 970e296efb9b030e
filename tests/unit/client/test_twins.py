"""The two clients: what one can do the other can, asked for in the same words."""

import inspect
from typing import Any

import pytest

from coursegen import AsyncClient, Client

_ASYNC = {"AsyncIterator": "Iterator", "AsyncClient": "Client", "__aenter__": "__enter__", "__aexit__": "__exit__"}


def methods(client: type) -> dict[str, Any]:
    """Give what a program can call, by the name that the blocking client has for it."""
    found = {n: f for n, f in vars(client).items() if inspect.isfunction(f)}
    return {_ASYNC.get(n, n): f for n, f in found.items() if n.startswith("__") or not n.startswith("_")}


def shape(function: Any) -> tuple[list[str], str, str]:
    """Give parameters with defaults and types, what comes back, and what the docs say."""
    signature = inspect.signature(function)
    gives = inspect.formatannotation(signature.return_annotation)
    for its, ours in _ASYNC.items():
        gives = gives.replace(its, ours)
    return [str(p) for p in signature.parameters.values()], gives, function.__doc__ or ""


def test_both_clients_can_do_the_same() -> None:
    assert list(methods(Client)) == list(methods(AsyncClient))
    assert {"start_course_generation", "get_task_status", "watch", "wait", "retry", "apply"} <= set(methods(Client))


@pytest.mark.parametrize("name", methods(Client))
def test_a_call_has_the_same_parameters_defaults_types_and_words_in_both(name: str) -> None:
    assert shape(methods(Client)[name]) == shape(methods(AsyncClient)[name])


@pytest.mark.parametrize("name", [n for n in methods(AsyncClient) if n != "__init__"])
def test_every_call_of_the_async_client_is_awaited_or_iterated(name: str) -> None:
    function = methods(AsyncClient)[name]
    assert inspect.iscoroutinefunction(function) != inspect.isasyncgenfunction(function)
    assert inspect.isasyncgenfunction(function) == inspect.isgeneratorfunction(methods(Client)[name])
