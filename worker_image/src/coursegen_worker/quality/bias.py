"""Biased wording, by word lists in three tiers.

- `block`: words that shut people out where a neutral word exists (a role named for one sex, disability as an insult).
  They count against passing.
- `warn`: words that many style guides have replaced. Reported.
- `style`: `simply`, `obviously`: hard on learners who do not find it so. Reported.

The words are those of the npm package retext-equality (MIT; data/retext-equality.json and its licence), put into
tiers by data/bias-tiers.toml, and some of our own (data/bias.txt). Code is left out, and so are the options of
questions: wrong ones quote what should not be said. Words in pairs (`firemen and firewomen`) are no finding where
both are there; what a subject calls by such a word (the travelling salesman problem) is none either.

It looks at words alone. It does not see who is missing, stereotypes in examples, or a slight in friendly words; no
finding does not mean no bias, and a finding can be a quotation.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import Literal

from coursegen_worker.documents import Chapter
from coursegen_worker.quality import prose

METHOD = "wordlist/v3"
Tier = Literal["block", "warn", "style"]
_PASSES = "pass"
"""In bias.txt, for names that a subject has for something."""
_EXCERPT = 120
_INSTEAD = 3
"""So many of a pattern's neutral words are suggested."""


@dataclass(frozen=True)
class Finding:
    """A word of the lists, and where it stands."""

    tier: Tier
    term: str
    place: str
    """Id of the section or question."""
    excerpt: str
    suggestion: str
    count: int = 1
    """How often the word stands in this place."""

    @property
    def counts(self) -> bool:
        """True if it counts against passing."""
        return self.tier == "block"


@dataclass(frozen=True)
class _Word:
    """One phrase; `pair` and `side` are set for words that come in pairs."""

    tier: Tier
    suggestion: str
    pair: str = ""
    side: str = ""


def find(chapter: Chapter, allowed: Sequence[str] = ()) -> list[Finding]:
    """Give the findings in the order of the text, a word once for each place.

    Arguments:
        allowed: words and phrases that this course may use; upper and lower case are the same. What stands in an
            allowed phrase (`freshman year`) passes, and counts where it stands alone.
    """
    let_pass = _any_of([*_terms_of_art(), *map(_key, allowed)])
    found: dict[tuple[str, str], Finding] = {}
    for place, text in _texts(chapter):
        searched = let_pass.sub(lambda m: " " * len(m[0]), text)
        for match, word in _matches(searched):
            key = (place, _key(match[0]))
            if earlier := found.get(key):
                found[key] = Finding(**{**vars(earlier), "count": earlier.count + 1})
            else:
                found[key] = Finding(word.tier, match[0], place, _around(text, match), word.suggestion)
    return list(found.values())


def _texts(chapter: Chapter) -> Iterator[tuple[str, str]]:
    """Give titles, prose and the stems of questions, each with its place; what is code is taken out."""
    for section in chapter.sections:
        for text in (section.title, *prose.texts([*section.blocks, *(section.solution or [])])):
            yield section.id, prose.without_code(text)
    for question in chapter.questions:
        yield question.id, prose.without_code(question.stem)


def _matches(text: str) -> list[tuple[re.Match[str], _Word]]:
    pattern, words = _lists()
    found = [(m, words[_key(m[0])]) for m in pattern.finditer(text)]
    sides: dict[str, set[str]] = {}
    for _, word in found:
        sides.setdefault(word.pair, set()).add(word.side)
    return [(m, word) for m, word in found if not word.pair or len(sides[word.pair]) == 1]


def _around(text: str, match: re.Match[str]) -> str:
    """Give what stands around a match, in whole words."""
    start = max(0, match.start() - (_EXCERPT - len(match[0])) // 2)
    cut = text[start : start + _EXCERPT]
    if start:
        cut = "…" + cut.split(" ", 1)[-1]
    return " ".join(cut.split()) if start + _EXCERPT >= len(text) else " ".join(cut.rsplit(" ", 1)[0].split()) + "…"


def _key(term: str) -> str:
    return re.sub(r"[\s-]+", " ", term.replace("’", "'")).strip().lower()


@cache
def _lists() -> tuple[re.Pattern[str], dict[str, _Word]]:
    words = dict(_borrowed()) | dict(_own())
    return _any_of(words), words


def _any_of(terms: Iterable[str]) -> re.Pattern[str]:
    """Match any of the terms as whole words, the longest that fits; a space stands for a hyphen as well."""
    longest_first = sorted(terms, key=len, reverse=True)
    alternatives = "|".join(re.escape(w).replace(r"\ ", r"[\s-]+").replace("'", "['’]") for w in longest_first)
    return re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])", re.IGNORECASE)


def _borrowed() -> Iterator[tuple[str, _Word]]:
    tiers = tomllib.loads(_data("bias-tiers.toml"))
    for pattern in json.loads(_data("retext-equality.json"))["patterns"]:
        tier = next((t for t, ids in tiers.items() if any(fnmatchcase(pattern["id"], i) for i in ids)), "warn")
        if tier == "left-out":
            continue
        instead = ", ".join(pattern["instead"][:_INSTEAD]) or "leave it out"
        for phrase, side in pattern["phrases"].items():
            if "*" not in phrase:
                paired = pattern["type"] == "or"
                pair, its_side = (pattern["id"], side) if paired else ("", "")
                yield _key(phrase), _Word(tier, instead, pair, its_side)  # type: ignore[arg-type]


def _own() -> Iterator[tuple[str, _Word]]:
    for tier, term, suggestion in _lines():
        if tier != _PASSES:
            yield term, _Word(tier, suggestion)  # type: ignore[arg-type]


@cache
def _terms_of_art() -> list[str]:
    return [term for tier, term, _ in _lines() if tier == _PASSES]


def _lines() -> Iterator[tuple[str, str, str]]:
    """Read our own list: tier, words divided by commas, and what to write instead, divided by bars."""
    for line in _data("bias.txt").splitlines():
        if line and not line.startswith("#"):
            tier, terms, suggestion = (part.strip() for part in line.split("|"))
            for term in terms.split(","):
                yield tier, _key(term), suggestion


def _data(name: str) -> str:
    return resources.files("coursegen_worker.quality").joinpath(f"data/{name}").read_text("utf-8")
