"""The language of a text, as far as its script and its commonest words tell it.

Readers need it: a screen reader chooses its voice by it, and a layout its direction and the shapes of Han
characters. It is a guess from the text, for courses that do not say it; where nothing speaks for another it is English.
"""

import re
from collections import Counter
from collections.abc import Iterable

DEFAULT = "en"
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_HAN = "zh"
_SCRIPTS = (
    (0x0370, 0x03FF, "el"),
    (0x0400, 0x052F, "ru"),
    (0x0530, 0x058F, "hy"),
    (0x0590, 0x05FF, "he"),
    (0x0600, 0x077F, "ar"),
    (0x0900, 0x097F, "hi"),
    (0x0980, 0x09FF, "bn"),
    (0x0A00, 0x0A7F, "pa"),
    (0x0A80, 0x0AFF, "gu"),
    (0x0B00, 0x0B7F, "or"),
    (0x0B80, 0x0BFF, "ta"),
    (0x0C00, 0x0C7F, "te"),
    (0x0C80, 0x0CFF, "kn"),
    (0x0D00, 0x0D7F, "ml"),
    (0x0D80, 0x0DFF, "si"),
    (0x0E00, 0x0E7F, "th"),
    (0x0E80, 0x0EFF, "lo"),
    (0x1000, 0x109F, "my"),
    (0x10A0, 0x10FF, "ka"),
    (0x1100, 0x11FF, "ko"),
    (0x1200, 0x137F, "am"),
    (0x1780, 0x17FF, "km"),
    (0x3040, 0x30FF, "ja"),
    (0x3400, 0x9FFF, _HAN),
    (0xAC00, 0xD7AF, "ko"),
    (0xFB1D, 0xFB4F, "he"),
    (0xFB50, 0xFDFF, "ar"),
    (0xFE70, 0xFEFC, "ar"),
    (0x20000, 0x323AF, _HAN),
)
_SIGNS = (("ur", "ٹڈڑےں"), ("fa", "پچژگ"), ("uk", "іїєґ"))
"""Letters that tell a language from the one that is commonest in its script."""
_COMMON_WORDS = {
    "en": "the a an and of to in is are you it that for on with as not this be or by from at",
    "de": "der die das und ist nicht ein eine den dem mit für auf sich auch von zu",
    "fr": "le la les des une est et dans pour qui que pas sur avec du au",
    "es": "el la los las una es y en que por para con del se su",
    "pt": "o os uma em que não para com por do da dos das e",
    "it": "il lo gli una è che di non per con del della nel si",
    "nl": "de het een en van is niet dat op te met voor zijn",
    "pl": "w na z się nie jest że do dla od przez oraz jak lub który",
    "sv": "och att det som en på är av för med den till inte har ett",
    "tr": "ve bir bu için ile olarak daha çok gibi olan sonra kadar ise değil",
}
_OTHER_SCRIPTS = frozenset(code for *_, code in _SCRIPTS) | {code for code, _ in _SIGNS}
"""Languages in which a word in Latin letters is none of theirs."""
_WORDS = {code: frozenset(words.split()) for code, words in _COMMON_WORDS.items()}
_LEAST_COMMON_WORDS = 5
"""Fewer of them, as in a title, are no evidence of another language than the course's."""
_LEAST_DIFFERENT_WORDS = 4
"""So many different ones, in a course whose own words are not known here: Finnish has `on` in every other sentence."""
_LATIN = re.compile(r"[^\W\d_]+")
_HAN_LANGUAGES = frozenset({"ja", "ko", _HAN})
_WITHOUT_SPACES = frozenset({"ja", _HAN, "th", "lo", "km", "my"})
_LETTERS_A_SIGN = 3
"""What one sign of those says takes about so many letters of others."""


def of(texts: Iterable[str]) -> str:
    """Give the BCP 47 code of the language that most of the texts are in."""
    return _spoken("\n".join(texts), DEFAULT)


def different(text: str, course: str) -> str | None:
    """Give the language of one text where it is not the course's, else None."""
    if text.isascii() and course == DEFAULT:
        return None
    found = _spoken(text, course)
    if found == _HAN and course in _HAN_LANGUAGES:
        return None  # Han characters alone do not tell these apart
    return None if found == course else found


def is_in_another_script(text: str, code: str) -> bool:
    """Tell whether most letters are of a script that the language is not written in; not where either is not known."""
    own = _scripts_of(code)
    letters = Counter(script for sign in text if (script := _script(sign)))
    for han in _HAN_LANGUAGES:
        letters[han] *= _LETTERS_A_SIGN
    return bool(own) and 2 * sum(letters[script] for script in own) < sum(letters.values())


def _scripts_of(code: str) -> frozenset[str]:
    """Name the scripts of a language as `_script` does; none where they are not known."""
    if code in _WORDS:
        return frozenset({"latin"})
    if code in _HAN_LANGUAGES:
        return _HAN_LANGUAGES
    letter = next((signs[0] for other, signs in _SIGNS if other == code), "")
    if letter:
        return frozenset({_script(letter)})
    return frozenset({code}) if code in _OTHER_SCRIPTS else frozenset()


def has_no_spaces(sign: str) -> bool:
    """Tell whether a sign is of a script that puts no spaces between words."""
    return _script(sign) in _WITHOUT_SPACES


def direction(code: str) -> str:
    """Give the direction as HTML and CSS name it."""
    return "rtl" if code in RIGHT_TO_LEFT else "ltr"


def _spoken(text: str, course: str) -> str:
    signs = Counter(text)
    scripts: Counter[str] = Counter()
    for sign, count in signs.items():
        code = _script(sign)
        scripts[code] += count * _LETTERS_A_SIGN if code in _HAN_LANGUAGES else count
    scripts.pop("", None)
    if not scripts:
        return course
    first, count = max(scripts.items(), key=lambda item: (item[1], item[0]))
    if scripts["ja"] * 20 > scripts[_HAN] > 0:  # Japanese is written with more Han characters than kana
        first, count = "ja", scripts["ja"] + scripts[_HAN]
    if scripts["latin"] > count:
        first = "latin"
    if first == "latin":
        return _by_words(text, course)
    for code, own in _SIGNS:
        if _script(own[0]) == first and sum(signs[sign] for sign in own) * 100 > count:
            return code
    return first


def _script(sign: str) -> str:
    point = ord(sign)
    if point < 0x0250:
        return "latin" if sign.isalpha() else ""
    return next((code for first, last, code in _SCRIPTS if first <= point <= last), "")


def _by_words(text: str, course: str) -> str:
    words = Counter(word.lower() for word in _LATIN.findall(text))
    found = {code: sum(words[word] for word in own) for code, own in _WORDS.items()}
    best = max(found, key=lambda code: (found[code], code == course, code == DEFAULT))
    different = sum(word in _WORDS[best] for word in words)
    if found[best] >= _LEAST_COMMON_WORDS and (course in _WORDS or different >= _LEAST_DIFFERENT_WORDS):
        return best
    return DEFAULT if course in _OTHER_SCRIPTS else course
