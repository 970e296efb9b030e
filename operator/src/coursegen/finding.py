"""What a person means by a name: one object of a namespace, or of all of them."""

import re

from . import calls, kinds
from .calls import Call
from .errors import InputError, NotFoundError
from .kinds import Work

_UID_LENGTH = 36


def find(namespace: str, text: str) -> Call[Work]:
    """Find work by name, kind/name, or uid, in one namespace or (empty) in all.

    Raises:
        NotFoundError: there is none.
        InputError: there are several of that name; it lists them.
    """
    wanted = kinds.named(text)
    found = (yield from _there(namespace, wanted)) if namespace else (yield from _anywhere(wanted))
    if not found and wanted.kind is None and len(text) == _UID_LENGTH:
        for kind in kinds.WORK:
            found += [o for o in (yield from calls.listed(kind, namespace)) if o.metadata.uid == text]
    if not found:
        where = f"namespace {namespace}" if namespace else "any namespace"
        what = wanted.kind.__name__ if wanted.kind else "course, chapter, validation or export"
        raise NotFoundError(f"No {what} in {where} is called {text}.", "See what is there: kubectl get generations -A")
    if len(found) > 1:
        ways = [kinds.label(o) if namespace else f"-n {o.metadata.namespace} {kinds.label(o)}" for o in found]
        raise InputError(f"{text} is the name of several: say {' or '.join(ways)}.")
    return found[0]


def _there(namespace: str, wanted: kinds.Named) -> Call[list[Work]]:
    """Read what has a name in a namespace; where the kind is said, the API server says itself that it is missing."""
    if wanted.kind is not None:
        return [(yield from calls.get(wanted.kind, namespace, wanted.name))]
    found: list[Work] = []
    for kind in kinds.WORK:
        try:
            found.append((yield from calls.get(kind, namespace, wanted.name)))
        except NotFoundError as error:
            if error.hint:
                raise
    return found


def _anywhere(wanted: kinds.Named) -> Call[list[Work]]:
    """Read what has a name in any namespace."""
    name = re.sub(r"([\\,=])", r"\\\1", wanted.name)  # which mean something in a selector
    found: list[Work] = []
    for kind in (wanted.kind,) if wanted.kind else kinds.WORK:
        found += yield from calls.listed(kind, "", fieldSelector=f"metadata.name={name}")
    return sorted(found, key=lambda o: o.metadata.namespace)
