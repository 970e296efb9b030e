"""Biased wording, by a word list in three tiers.

- `block`: words that shut people out where a neutral word exists (a role named for one sex, disability
  as an insult). They count against passing.
- `warn`: words that many style guides have replaced. Reported.
- `style`: `simple`, `just`, `obviously`: hard on learners who do not find it so. Reported.

The list looks at words alone. It does not see who is missing, stereotypes in examples, or a slight in
friendly words; no finding does not mean no bias. Code is left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from coursegen_worker.quality.prose import Sentence

METHOD = "wordlist/v1"
Tier = Literal["block", "warn", "style"]
_EXCERPT = 120


@dataclass(frozen=True)
class Finding:
    """A word of the list, and where it stands."""

    tier: Tier
    term: str
    section_id: str
    excerpt: str
    suggestion: str

    @property
    def counts(self) -> bool:
        """True if it counts against passing."""
        return self.tier == "block"


def find(prose: Sequence[Sentence]) -> list[Finding]:
    """Give the findings, in the order of the text."""
    return [
        Finding(tier, match[0], sentence.section_id, sentence.text[:_EXCERPT], suggestion)
        for sentence in prose
        for pattern, tier, suggestion in _patterns()
        for match in pattern.finditer(sentence.text)
    ]


@cache
def _patterns() -> list[tuple[re.Pattern[str], Tier, str]]:
    """Read the list: tier, words divided by commas, and what to write instead, divided by bars."""
    text = resources.files("coursegen_worker.quality").joinpath("data/bias.txt").read_text("utf-8")
    found: list[tuple[re.Pattern[str], Tier, str]] = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            tier, terms, suggestion = (part.strip() for part in line.split("|"))
            alternatives = "|".join(re.escape(term.strip()) for term in terms.split(","))
            pattern = re.compile(rf"(?<![\w-])(?:{alternatives})(?![\w-])", re.IGNORECASE)
            found.append((pattern, tier, suggestion))  # type: ignore[arg-type]
    return found
