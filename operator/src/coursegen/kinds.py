"""Our kinds by name, and how people may call them."""

import re
from dataclasses import dataclass
from typing import Any

from coursegen_api import names
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.cleanup import ArtifactCleanup
from coursegen_api.course import CourseGeneration
from coursegen_api.export import CourseExport
from coursegen_api.kinds import Kind
from coursegen_api.provider import ModelProvider
from coursegen_api.queue import GenerationQueue
from coursegen_api.validation import QualityValidation
from coursegen_operator.plan import requests

from .errors import InputError

Work = CourseGeneration | ChapterGeneration | QualityValidation | CourseExport
"""What runs: an object with a phase, attempts and an end."""

WORK: tuple[type[Work], ...] = (CourseGeneration, ChapterGeneration, QualityValidation, CourseExport)
COUNTED: tuple[type[Work | ArtifactCleanup], ...] = (*WORK, ArtifactCleanup)
"""What figures are of: work, and the system's own, which goes through a queue as well."""

ALL: tuple[type[Kind], ...] = (*COUNTED, GenerationQueue, ModelProvider)

API = f"/apis/{names.API_VERSION}"

_PART = re.compile(r"(?!\.\.?$)((?![/%?#])[!-~])+")
"""Of a path, that leads nowhere else."""


@dataclass(frozen=True)
class Named:
    """What a person typed to name an object: `course-123`, or `coursegen/course-123`."""

    kind: type[Work] | None
    name: str


def named(text: str) -> Named:
    """Read a name, or kind/name; InputError if the kind or the name is none."""
    kind, slash, name = text.rpartition("/")
    check(name)
    if not slash:
        return Named(None, name)
    kind = kind.lower().removesuffix(f".{names.GROUP}")
    found = next((k for k in WORK if kind in (k.meta.short, k.meta.plural, k.__name__.lower())), None)
    if found is None:
        known = ", ".join(k.meta.short for k in WORK)
        raise InputError(f"{kind!r} in {text!r} is no kind of work: it can be {known}.")
    return Named(found, name)


def check(name: str) -> None:
    """Raise InputError for what can be no name, as client-go refuses it: in a path it would lead somewhere else."""
    if not name:
        raise InputError("The name is empty.", "See what is there: kubectl get generations -A")
    if not _PART.fullmatch(name):
        raise InputError(f"{name!r} can be no name.", "A name has letters, digits, '-' and '.'.")


def label(obj: Kind) -> str:
    """Name an object as kubectl's `-o name` does, with the short name of its kind."""
    return f"{type(obj).meta.short}/{obj.metadata.name}"


def manifest(obj: Kind) -> dict[str, Any]:
    """Give an object that was read as kubectl writes it, with its kind, which items of a list are without."""
    return {"apiVersion": names.API_VERSION, "kind": type(obj).__name__} | obj.stored()


def path(kind: type[Kind], namespace: str = "", name: str = "") -> str:
    """Give the URL path of an object, or of a list (of a namespace, or of all); InputError for what can be no name."""
    for part in filter(None, (namespace, name)):
        check(part)
    middle = f"/namespaces/{namespace}" if namespace and kind.meta.scope == "Namespaced" else ""
    return f"{API}{middle}/{kind.meta.plural}" + (f"/{name}" if name else "")


def has_ended(obj: Work) -> bool:
    """Tell whether the present revision of an object has ended, as far as the operator has seen what it is to be."""
    return obj.status.observed_generation == obj.metadata.generation and requests.ended(obj) is not None


def is_finished(obj: Work) -> bool:
    """Tell whether the present revision of an object has ended, and nothing newer has been asked of it since."""
    if not has_ended(obj):
        return False
    if isinstance(obj, CourseGeneration):
        return not requests.accept_course(obj, False).restart
    return not requests.accept(obj, None).restart
