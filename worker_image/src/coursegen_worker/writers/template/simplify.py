"""Plainer prose by rule: long sentences are split where that is safe, hard words get a short one.

The rules are few and careful: a sentence is split only before a clause that can stand alone, so that lists
and half sentences stay whole. Code and inline code are never touched.
"""

import re

from coursegen_worker.documents import Block, ListBlock, Paragraph, Section
from coursegen_worker.quality import prose

LONG_WORDS = 10
"""A sentence with more words than this is split where it can be."""
SHORT_WORDS = 7
"""The least that makes sense: a shorter sentence is left alone."""
_MIN_CLAUSE = 3
_WAITING = ("if", "when", "since", "because", "while", "although", "though", "as", "once", "until", "unless",
            "more", "less", "fewer", "another")  # fmt: skip
"""First words of what is no sentence before the comma: it waits for what comes behind."""
_SUBJECT = r"(?:I|it|they|you|we|he|she|this|there|that is|these|each|nobody|no one|then (?:it|you|we|they))\b"
_BREAKS = [
    (re.compile(rf",? and (?={_SUBJECT})"), ". "),
    (re.compile(r", but (?!not\b|only\b|no\b|also\b)"), ". But "),
    (re.compile(rf",? so (?={_SUBJECT})(?!that\b)"), ". So "),
    (re.compile(r"; (?=\w)"), ". "),
    (re.compile(rf": (?={_SUBJECT})"), ". "),
    (re.compile(rf", since (?={_SUBJECT})"), ". The reason: "),
]
_PLAIN = dict(
    line.split(" > ")
    for line in """\
utilize > use
utilise > use
utilizes > uses
approximately > about
demonstrate > show
demonstrates > shows
additional > more
additionally > also
furthermore > also
moreover > also
however > but
therefore > so
consequently > so
subsequently > then
nevertheless > still
nonetheless > still
numerous > many
sufficient > enough
purchase > buy
require > need
requires > needs
required > needed
assist > help
assists > helps
attempt > try
attempts > tries
commence > start
commences > starts
terminate > end
terminates > ends
obtain > get
obtains > gets
provide > give
provides > gives
indicate > show
indicates > shows
facilitate > help
facilitates > helps
modify > change
modifies > changes
prior to > before
in order to > to
due to the fact that > because
in addition to > besides
in addition > also
regarding > about
concerning > about
construct > build
constructs > builds
determine > find out
determines > finds out
component > part
components > parts
fundamental > basic
initially > at first
frequently > often
retain > keep
retains > keeps
comprehend > understand
possess > have
possesses > has
the majority of > most
a number of > some
a variety of > many
with respect to > about
at the present time > now
in the event that > if
methodology > method
methodologies > methods
functionality > function
advantageous > useful
essential > needed
immediately > at once
simultaneously > at the same time
ascertain > find out
endeavour > try
endeavor > try
remainder > rest
encounter > meet
encounters > meets""".splitlines()
)
_HARD = re.compile(r"\b(?:(an?) )?(" + "|".join(sorted(_PLAIN, key=len, reverse=True)) + r")\b", re.IGNORECASE)
_CODE = re.compile(r"(`[^`]*`)")


def section(old: Section, long_words: int = LONG_WORDS) -> Section:
    """Give the section in plainer words; the same section if there is nothing to change."""
    solution = None if old.solution is None else [_block(b, long_words) for b in old.solution]
    return old.model_copy(update={"blocks": [_block(b, long_words) for b in old.blocks], "solution": solution})


def text(old: str, long_words: int = LONG_WORDS) -> str:
    """Give the text in plainer words and shorter sentences."""
    worded = "".join(part if part.startswith("`") else _HARD.sub(_plain, part) for part in _CODE.split(old))
    pieces = re.split(r"(?<=[.!?])(\s+)", worded)
    return "".join(piece if piece.isspace() else _split(piece, long_words) for piece in pieces)


def _block(block: Block, long_words: int) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(text=text(block.text, long_words))
    if isinstance(block, ListBlock):
        return block.model_copy(update={"items": [text(item, long_words) for item in block.items]})
    return block


def _split(sentence: str, long_words: int) -> str:
    """Split one sentence at the first safe place, and go on with what is left of it."""
    if len(prose.words(sentence)) <= long_words:
        return sentence
    for pattern, instead in _BREAKS:
        for match in pattern.finditer(sentence):
            head, tail = sentence[: match.start()], sentence[match.end() :]
            if _stands_alone(head) and len(prose.words(tail)) >= _MIN_CLAUSE:
                start = tail if instead.strip() not in (".",) else tail[:1].upper() + tail[1:]
                return f"{_split(head, long_words)}{instead}{_split(start, long_words)}"
    return sentence


def _stands_alone(head: str) -> bool:
    """Tell whether what comes before a break is a whole sentence: not an opening such as `If it rains` or `More of it`.

    Quotes and brackets that are open would be torn apart.
    """
    first = (prose.words(head) or [""])[0].lower()
    opens = head.count("(") != head.count(")") or head.count("“") != head.count("”") or head.count("`") % 2
    waits = first in _WAITING
    return len(prose.words(head)) >= _MIN_CLAUSE and not opens and not waits


def _plain(match: re.Match[str]) -> str:
    """Put the plain word in, with the capital of the old one and the article that fits."""
    article, hard = match[1], match[2]
    if article and hard.lower() == "additional":
        return "One more" if article[:1].isupper() else "one more"
    word = _PLAIN[hard.lower()]
    word = word[:1].upper() + word[1:] if hard[:1].isupper() else word
    if not article:
        return word
    fitting = "an" if word[:1].lower() in "aeiou" and not word.lower().startswith("use") else "a"
    return f"{fitting.capitalize() if article[:1].isupper() else fitting} {word}"
