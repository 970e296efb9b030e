"""A light English stemmer, enough to tell that `loops`, `looping` and `loop` are one word."""

import re
from collections.abc import Iterable
from functools import lru_cache

from coursegen_worker.quality.prose import words

_STOP_TEXT = """
a an the and or but if then so as of to in on at by for with from into about over under out up down off is are
be been being was were do does did done have has had will would can could should may might must not no nor it
its this that these those there here they them their he she his her we our us you your i me my who what when
where which why how all any both each few more most other some such only own same than too very just also one
two three first next last new use used using make made get gets let go goes see say says want need think know
like way thing things lot much many well still even now yet once again because while until basic basics
"""
_STOP = frozenset(_STOP_TEXT.split())
_SUFFIXES = (
    ("ational", "at"), ("ization", "iz"), ("isation", "iz"), ("ications", "ic"), ("ication", "ic"),
    ("ations", "at"), ("ation", "at"), ("ities", "it"), ("iness", "i"), ("ement", ""), ("ments", ""), ("ment", ""),
    ("ings", ""), ("ing", ""), ("ied", "y"), ("ies", "y"), ("ers", ""), ("ors", ""), ("ed", ""), ("er", ""),
    ("es", ""), ("ly", ""), ("s", ""),
)  # fmt: skip
_TWIN = re.compile(r"([bdfgmnprt])\1$")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """Cut one suffix, a doubled consonant and a final e; short words stay as they are."""
    word = word.lower().replace("’", "'").removesuffix("'s").replace("'", "")
    for suffix, instead in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith(("ss", "us", "is")):
            word = _TWIN.sub(r"\1", word[: len(word) - len(suffix)] + instead)
            break
    return word.removesuffix("e") if len(word) > 3 else word


def content_stems(text: str) -> list[str]:
    """Give the stems of a text's words that carry meaning, in order, repeats included."""
    return stems(words(text))


def stems(found: Iterable[str]) -> list[str]:
    """Give the stems of words that carry meaning."""
    return [stem(w) for w in found if len(w) > 1 and w.lower() not in _STOP]
