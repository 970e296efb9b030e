"""Learning objectives taken apart: the verb, its level in Bloom's taxonomy, the topic and its key words."""

import re
from dataclasses import dataclass

from coursegen_worker import bloom
from coursegen_worker.documents import BloomLevel

_STOP_TEXT = """
a an the and or but of to in on at by for with from into about as is are be been was were do does did how why
what when where which who that this these those their its your our his her it they you we i basic basics simple
main key various different using use between within over under through own some any all small first more most
not no can will should able new one two whether gives give given makes make take takes turn turns get gets
become becomes work works happen happens has have had there also such
"""
_STOP = frozenset(_STOP_TEXT.split())
_CLAUSE = re.compile(r"(how|why|what|when|where|which|who|whether|that)\b", re.IGNORECASE)
_TAIL = re.compile(r"\s+(?:to|using|so that|in order to|by|when|while|as well as)\s.*$|[;:(].*$|,\s.*$", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_][\w'’+#-]*", re.UNICODE)
MAX_TOPIC_CHARS = 70


@dataclass(frozen=True)
class Parsed:
    """An objective's parts. `topic` fits behind `about`: a noun phrase or a question such as `how rain forms`."""

    text: str
    verb: str
    level: BloomLevel
    topic: str
    words: tuple[str, ...]


def parse(text: str) -> Parsed:
    """Take an objective apart; text without a known verb is all topic, at the level `understand`."""
    text = " ".join(text.split()).rstrip(" .;")
    verb, rest = _verb(text)
    topic = rest if _CLAUSE.match(rest) else _TAIL.sub("", rest)
    topic = topic.strip(" ,.;:") or text
    words = key_words(topic) or key_words(text)
    if len(topic) > MAX_TOPIC_CHARS:
        topic = _joined(words[:3]) if words else "this topic"
    return Parsed(text, verb or "understand", bloom.level_of(verb) or "understand", topic, words)


def key_words(text: str) -> tuple[str, ...]:
    """Give the words of a text that carry its subject, in order, each once."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        if len(word) > 1 and word.lower() not in _STOP:
            found.setdefault(word.lower(), word)
    return tuple(found.values())


def _verb(text: str) -> tuple[str, str]:
    """Split the leading verb off; `learn to write X` and `learn how to write X` are about writing."""
    words = text.split()
    if not words or bloom.level_of(words[0]) is None or len(words) == 1:
        return "", text
    verb, rest = words[0].lower(), words[1:]
    if rest[0].lower() in ("and", "or") and len(rest) > 2 and bloom.level_of(rest[1].strip(",")):
        rest = rest[2:]
    rest = rest[1:] if rest[0].lower() in ("about", "up", "out", "with", "on") and len(rest) > 1 else rest
    after = rest[1:] if rest[0].lower() == "how" and len(rest) > 2 and rest[1].lower() == "to" else rest
    if after[0].lower() == "to" and len(after) > 2 and bloom.level_of(after[1]):
        return after[1].lower(), " ".join(after[2:])
    return verb, " ".join(rest)


def _joined(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
