"""What `export` and `validate` are about: a course or chapter by its name, or a file of one's own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.names import object_name

from .. import kinds
from ..errors import InputError, RefusedError
from ..tasks import Content
from .app import Scope

T = TypeVar("T")

_MARKDOWN, _JSON = ".md", ".json"


@dataclass(frozen=True)
class Source:
    """A source, as the client's calls take it."""

    name: str
    """What is made of it is called after this."""
    given: dict[str, Any]
    namespace: str = ""
    """Where it lies; empty: it is a file, for the namespace at hand."""
    course: CourseGeneration | None = None


def find(scope: Scope, text: str) -> Source:
    """Find what a person means: a file that is there and ends in .md or .json, else an object."""
    file = Path(text)
    if file.suffix in (_MARKDOWN, _JSON) and file.is_file():
        if scope.all_namespaces:
            raise InputError(f"{text} is a file, which goes into one namespace: name that with -n, in place of -A.")
        return Source(object_name(file.stem), {"content": read(file)})
    found = scope.find(text)
    name, namespace = found.metadata.name, found.metadata.namespace
    if isinstance(found, CourseGeneration):
        return Source(name, {"course_name": name}, namespace, found)
    if isinstance(found, ChapterGeneration):
        return Source(name, {"chapter_name": name}, namespace)
    raise InputError(f"{kinds.label(found)} is no source: name a course or a chapter, or a file (*.md, *.json).")


def read(file: Path) -> Content:
    """Read content; InputError says what is wrong with the file."""
    try:
        text = file.read_text("utf-8-sig")
        document = json.loads(text) if file.suffix == _JSON else None
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is no JSON: {error}.") from error
    if file.suffix == _MARKDOWN:
        return text
    if not isinstance(document, dict):
        raise InputError(f"{file} is no document: a chapter or a course is a JSON object with a title.")
    return document


def once(what: str, make: Callable[[], T]) -> T:
    """Make something whose name follows from its source, and say what to do where it is there already."""
    try:
        return make()
    except RefusedError as error:
        if error.status != 409:
            raise
        raise RefusedError(409, str(error), f"It was {what} before: look at that, or delete it first.") from error
