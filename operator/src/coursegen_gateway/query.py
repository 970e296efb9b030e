"""The search of lists: words and `field:value`, with AND by default, OR, NOT or a minus, parentheses and quotes.

It is what Flower's search has, and negation. A query becomes a function that tells whether a task matches.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .models import Task

MAX_QUERY = 500
_MAX_DEPTH = 20

Match = Callable[[Task], bool]

_TOKEN = re.compile(r'\s*(?:(?P<bracket>[()])|(?P<minus>-)(?=\S)|(?P<word>(?:[a-z_]+:)?"[^"]*"|[^\s()"]+))')

FIELDS: dict[str, Callable[[Task], str]] = {
    "name": lambda t: t.name,
    "uuid": lambda t: t.task_id,
    "id": lambda t: t.task_id,
    "kind": lambda t: t.kind,
    "state": lambda t: t.phase,
    "phase": lambda t: t.phase,
    "namespace": lambda t: t.namespace,
    "course": lambda t: f"{t.course_id or ''} {t.course_task_id or ''}",
    "chapter": lambda t: t.chapter_id or "",
    "title": lambda t: t.title,
    "queue": lambda t: t.queue_name or "",
    "stage": lambda t: t.stage or "",
    "hold": lambda t: t.hold_reason or "",
    "error": lambda t: f"{t.error_details.failure_class} {t.error_details.message}" if t.error_details else "",
    "format": lambda t: t.format or "",
    "retries": lambda t: str(t.retry_count),
}
"""What `field:` looks at; all contain the value, ignoring case, but retries, which is equal to it."""

_EVERYWHERE = ("name", "uuid", "title", "course", "chapter")


class QueryError(ValueError):
    """A query that cannot be understood; the message says where and why."""


@dataclass
class _Parser:
    tokens: list[str]
    at: int = 0
    depth: int = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def either(self) -> Match:
        parts = [self.both()]
        while self.peek().upper() == "OR":
            self.next()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda t: any(p(t) for p in parts)

    def both(self) -> Match:
        parts = [self.one()]
        while self.peek() not in ("", ")") and self.peek().upper() != "OR":
            if self.peek().upper() == "AND":
                self.next()
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda t: all(p(t) for p in parts)

    def one(self) -> Match:
        if not self.peek() or self.peek() == ")" or self.peek().upper() in ("AND", "OR"):
            raise QueryError(f"a word is missing {'at the end' if not self.peek() else f'before {self.peek()!r}'}")
        word = self.next()
        if word == "-" or word.upper() == "NOT":
            self.deeper()
            inner = self.one()
            return lambda t: not inner(t)
        if word == "(":
            self.deeper()
            group = self.either()
            if self.peek() != ")":
                raise QueryError("a parenthesis is not closed")
            self.next()
            return group
        return _word(word)

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise QueryError(f"it is nested more than {_MAX_DEPTH} deep")


def parse(text: str) -> Match:
    """Give the function of a query; QueryError if it cannot be understood."""
    if len(text) > MAX_QUERY:
        raise QueryError(f"it has more than {MAX_QUERY} characters")
    tokens, at = [], 0
    text = text.strip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found:
            raise QueryError(f"a quotation mark is not closed at character {at + 1}")
        tokens.append(found[found.lastgroup or 0])
        at = found.end()
    if not tokens:
        return lambda t: True
    parser = _Parser(tokens)
    match = parser.either()
    if parser.peek():
        raise QueryError(f"there is one {parser.peek()!r} too many")
    return match


def _word(token: str) -> Match:
    name, colon, value = token.partition(":")
    if not colon or token.startswith('"'):
        wanted = token.strip('"').casefold()
        return lambda t: any(wanted in FIELDS[f](t).casefold() for f in _EVERYWHERE)
    if name not in FIELDS:
        raise QueryError(f"there is no field {name!r}; there are {', '.join(FIELDS)}")
    field, wanted = FIELDS[name], value.strip('"').casefold()
    if not wanted:
        raise QueryError(f"a value is missing after {name}:")
    if name == "retries":
        return lambda t: field(t) == wanted
    return lambda t: wanted in field(t).casefold()
