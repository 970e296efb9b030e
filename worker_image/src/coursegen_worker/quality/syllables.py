"""Syllables of English words: a rule, and a table of the words that break it.

The table is derived from the CMU Pronouncing Dictionary (`data/syllables.txt`, its licence beside it) by
`worker_image/tools/make_syllables.py`: it holds exactly those of its 126,000 words for which the rule
below is wrong (and a few words of the trade). So rule and table together count like the dictionary,
and load in a few milliseconds where the dictionary itself takes 0.2 to 0.8 s. A word that the
dictionary lacks gets the rule.
"""

import re
from functools import cache, lru_cache
from importlib import resources

_VOWELS = re.compile(r"[aeiouy]+")
_SILENT_E = re.compile(r"(?<=[^aeiouy])e$|(?<=[aeiouy][^aeiouydt])ed$|(?<=[^aeiouy][^aeiouydt])ed$")
_SILENT_ES = re.compile(r"(?<=[^aeiouyscxzgh])es$")
_SYLLABIC_LE = re.compile(r"[^aeiouylr]les?$")
_TWO_VOWELS = re.compile(
    r"i[aou](?!us$)(?<!tia)(?<!tio)(?<!sio)(?<!cia)(?<!gio)(?<!cio)|eo(?!us$)|ua(?<!qua)(?<!gua)|uou|ying$|eing$"
)
_LETTERS = re.compile(r"[^a-z']")


def count(word: str) -> int:
    """Give the number of syllables, at least 1; digits and other scripts count one a word."""
    word = word.lower().replace("’", "'")
    return _table().get(word) or rule(_LETTERS.sub("", word))


@lru_cache(maxsize=4096)
def rule(word: str) -> int:
    """Count groups of vowels, less silent endings, plus vowels that part."""
    stem = word.removesuffix("'s").replace("'", "")
    if not _SYLLABIC_LE.search(stem):
        stem = _SILENT_ES.sub("s", stem)
        stem = _SILENT_E.sub("", stem)
    return max(1, len(_VOWELS.findall(stem)) + len(_TWO_VOWELS.findall(stem)))


@cache
def _table() -> dict[str, int]:
    """Read the exceptions: a line for each count, the words behind it."""
    table: dict[str, int] = {}
    text = resources.files("coursegen_worker.quality").joinpath("data/syllables.txt").read_text("ascii")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, *words = line.split()
            table.update(dict.fromkeys(words, int(number)))
    return table
