"""The search of lists: words and `field:value`, with AND by default, OR, NOT or a minus, parentheses and quotes.

It is what Flower's search has, and negation; fields.py has the fields. A query becomes a function that tells whether
a task matches.
"""

import re
from dataclasses import dataclass

from .fields import EVERYWHERE, FIELDS, Match

MAX_QUERY = 500
_MAX_DEPTH = 20

_TOKEN = re.compile(
    r'\s*(?:(?P<bracket>[()])|(?P<minus>-)(?=\S)|(?P<word>(?:[A-Za-z_]+:(?:[^\s()"=]+=)?)?"[^"]*"|[^\s()"]+))'
)


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
        return parts[0] if len(parts) == 1 else lambda s: any(p(s) for p in parts)

    def both(self) -> Match:
        parts = [self.one()]
        while self.peek() not in ("", ")") and self.peek().upper() != "OR":
            if self.peek().upper() == "AND":
                self.next()
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else lambda s: all(p(s) for p in parts)

    def one(self) -> Match:
        if not self.peek() or self.peek() == ")" or self.peek().upper() in ("AND", "OR"):
            raise QueryError(f"a word is missing {'at the end' if not self.peek() else f'before {self.peek()!r}'}")
        word = self.next()
        if word == "-" or word.upper() == "NOT":
            self.deeper()
            inner = self.one()
            return lambda s: not inner(s)
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
        return lambda s: True
    parser = _Parser(tokens)
    match = parser.either()
    if parser.peek():
        raise QueryError(f"there is one {parser.peek()!r} too many")
    return match


def _word(token: str) -> Match:
    name, colon, value = token.partition(":")
    if not colon or token.startswith('"'):
        looks = [FIELDS[f](token.strip('"').casefold()) for f in EVERYWHERE]
        return lambda s: any(found(s) for found in looks)
    field = FIELDS.get(name.casefold())
    if field is None:
        raise QueryError(f"there is no field {name!r}; there are {', '.join(FIELDS)}")
    wanted = value.strip('"').casefold()
    if not wanted:
        raise QueryError(f"a value is missing after {name}:")
    try:
        return field(wanted)
    except ValueError as error:
        raise QueryError(str(error)) from error
