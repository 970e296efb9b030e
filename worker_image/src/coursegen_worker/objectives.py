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
_LIST = re.compile(r"[^,;:(]+, (?!and |or |so |but |that |which )([\w-]+)[^,;:(]*(?:, [^,;:(]+)*,? (?:and|or) [^,;:(]+")
"""`Fractions, decimals and percentages`: all of it is the topic, unless a verb follows the comma."""
_TAIL = re.compile(r"\s+(?:to|using|so that|in order to|by|when|while|as well as)\s.*$|[;:(].*$|,\s.*$", re.IGNORECASE)
_OPENING = re.compile(
    r"(?:(?:(?:by|at|after) [^,]{1,80}, )?(?:(?:the|all|your|our|my) )?"
    r"(?:students?|learners?|participants?|pupils?|trainees?|you|they|we) (?:will|should|can|must|shall) "
    r"(?:be able to:? )?|(?:to )?be able to:? )",
    re.IGNORECASE,
)
"""Whom an objective is for; a verb in its base form follows."""
_GRASP = re.compile(
    r"(?:get started with|get to know|(?:be|become|get) familiar with|be introduced to|make sense of"
    r"|(?:gain|have|develop|get) an? (?:\w+ )?understanding of) (?=\S)",
    re.IGNORECASE,
)
"""Verbs of several words, which all say `understand`."""
_JOINED = re.compile(r"([\w-]+)((?:, [\w-]+)*),? (?:and then|and|or|then) ([\w-]+)(?: |$)", re.IGNORECASE)
"""`Write and publish …`, `Compare, contrast and rank …`: what is joined to a leading verb is one too, known or not."""
_ASIDE = re.compile(r"([\w-]+), (?:in|for|with|by|on|at|from|under|without) [^,]+, ", re.IGNORECASE)
_PARTICLES = ("about", "up", "out", "down", "on", "with", "for", "through", "into", "between")
_PREPOSITIONS = ("in", "of", "to", "at", "by", "as", "from", "with", "for", "through", "into")
_ADVERB = re.compile(rf"[a-z]+ly (?=(?:{'|'.join(_PARTICLES)}) )")
"""`Communicate clearly with patients`."""
_WORD = re.compile(r"[^\W\d_][\w'’+#-]*", re.UNICODE)
MAX_TOPIC_CHARS = 70


@dataclass(frozen=True)
class Parsed:
    """An objective's parts. `topic` fits behind `about`: a noun phrase or a question such as `how rain forms`."""

    text: str
    core: str
    """The text from its verb on, without whom it is for: `Students will be able to`."""
    verb: str
    level: BloomLevel
    topic: str
    words: tuple[str, ...]


def parse(text: str) -> Parsed:
    """Take an objective apart; text without a known verb is all topic, at the level `understand`."""
    text = " ".join(text.split()).rstrip(" .;")
    opening = _OPENING.match(text)
    core = text[opening.end() :] if opening else text
    verb, rest = _verb(core)
    if opening and not verb:
        rest = f"how to {core}"
    if rest == text:
        rest = _in_mid_sentence(text)
    topic = rest if _CLAUSE.match(rest) or _is_list(rest) else _TAIL.sub("", rest)
    topic = topic.strip(" ,.;:") or text
    words = key_words(topic) or key_words(text)
    if len(topic) > MAX_TOPIC_CHARS:
        topic = _joined(words[:3]) if words else "this topic"
    return Parsed(text, core, verb or "understand", bloom.level_of(verb) or "understand", topic, words)


def key_words(text: str) -> tuple[str, ...]:
    """Give the words of a text that carry its subject, in order, each once."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text):
        if len(word) > 1 and word.lower() not in _STOP:
            found.setdefault(word.lower(), word)
    return tuple(found.values())


def _verb(text: str) -> tuple[str, str]:
    """Split the leading verbs off; `learn to write X` and `learn how to write X` are about writing."""
    if grasp := _GRASP.match(text):
        return "understand", text[grasp.end() :]
    verb, rest = _leading(_ASIDE.sub(r"\1 ", text, count=1))
    if not verb:
        return "", text
    to = re.match(r"(how )?to ", rest, re.IGNORECASE)
    if to is None:
        return verb, rest
    inner = rest[to.end() :]
    nested = _leading(inner)
    if nested[0]:
        return nested
    return verb, f"how to {inner}" if verb == "learn" else rest


def _leading(text: str) -> tuple[str, str]:
    """Split off the verbs that a text begins with, with their particle; none where they are its only word."""
    first, _, rest = text.partition(" ")
    joined = _JOINED.match(text)
    verb = joined[1] if joined else first
    if not rest or bloom.level_of(verb) is None:
        return "", text
    if joined:
        rest = text[joined.end() :]
        if not rest or _first(rest) in _PREPOSITIONS:  # `Read and write in French`, `Work and energy`
            return (verb.lower(), f"how to {text[:1].lower()}{text[1:]}") if bloom.level_of(joined[3]) else ("", text)
    if adverb := _ADVERB.match(rest):
        rest = rest[adverb.end() :]
    particle, _, behind = rest.partition(" ")
    return verb.lower(), behind if behind and particle.lower() in _PARTICLES else rest


def _is_list(text: str) -> bool:
    found = _LIST.fullmatch(text)
    return found is not None and bloom.level_of(found[1]) is None


def _first(text: str) -> str:
    return text.partition(" ")[0].lower()


def _in_mid_sentence(text: str) -> str:
    """Give a text that is no name as it stands in a sentence; a noun may be a name."""
    first = text.partition(" ")[0]
    plain = first.lower() in _STOP and (first == "A" or first[1:].islower())
    return text[:1].lower() + text[1:] if plain else text


def _joined(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
