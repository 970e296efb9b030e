"""What chapters and files say by themselves, in the course's language where `words.toml` has it, else in English."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from coursegen_worker import durations

ENGLISH = "en"


@dataclass(frozen=True)
class Words:
    """The words of one language: `lang` is the course's, or English where the table has no other."""

    lang: str
    _table: dict[str, str]

    def __call__(self, name: str, /, **values: object) -> str:
        """Give a phrase with its places filled in; raises KeyError for a name that no language has."""
        return self._table[name].format(**values)

    def template(self, name: str) -> str:
        """Give a phrase as the table has it, for a page that fills it in itself."""
        return self._table[name]

    def time(self, duration: str) -> str:
        """Give an ISO 8601 duration for people: PT2H30M is `2 h 30 min`."""
        hours, rest = divmod(durations.seconds(duration), 3600)
        minutes = round(rest / 60)
        named = [self("hours", n=hours)] if hours else []
        return " ".join([*named, self("minutes", n=minutes)] if minutes or not hours else named)


def of(lang: str) -> Words:
    """Give the words for a course in this language."""
    known = tables()
    found = lang if lang in known else ENGLISH
    return Words(found, known[found])


@cache
def tables() -> dict[str, dict[str, str]]:
    """Give all languages' phrases, by BCP 47 code."""
    return tomllib.loads(resources.files("coursegen_worker").joinpath("words.toml").read_text("utf-8"))
