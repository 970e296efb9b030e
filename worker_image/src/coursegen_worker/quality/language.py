"""Is a text English? By its function words: enough to keep an English formula from other languages."""

from collections.abc import Sequence

_ENGLISH_TEXT = "the a an and of to in is are you it that for on with as not this be or by from at"
_OTHER_TEXTS = (
    "der die das und ist nicht ein eine den dem mit für auf sich auch von zu",
    "le la les des une est et dans pour qui que pas sur avec du au",
    "el la los las una es y en que por para con del se su",
    "o os uma em que não para com por do da dos das e",
    "il lo gli una è che di non per con del della nel si",
    "de het een en van is niet dat op te met voor zijn",
    "w na z się nie jest że do dla od przez oraz jak to a i o po",
    "och att det som en på är av för med den till inte har ett i",
    "ve bir bu için ile de da olarak daha çok gibi olan sonra",
    "og at det er en på af av for med den til ikke har et i som",
    "a az és hogy nem egy is ez meg van de csak",
    "a se na je v že to do s z si o ve jako který",
    "ja on ei se että oli mutta kun niin ovat tai joka",
)
_ENGLISH = frozenset(_ENGLISH_TEXT.split())
_OTHERS = [frozenset(text.split()) for text in _OTHER_TEXTS]
_ONLY_ENGLISH = frozenset(["the", "and", "of", "that", "with", "this", "are", "you", "not", "from", "which", "when"])
_PLAINLY_ENGLISH = 0.06
"""Of English prose a seventh are such words; no other language has one in twenty."""
LEAST_WORDS = 20
"""Fewer words say little about their language."""
_LEAST_SHARE = 0.03
"""English prose has a quarter to a third of such words; even a heap of long nouns has more than this."""


def looks_english(words: Sequence[str]) -> bool:
    """Tell whether English function words are there, and no other language has more of its own."""
    lowered = [word.lower() for word in words]
    english = sum(word in _ENGLISH for word in lowered)
    other = max(sum(word in language for word in lowered) for language in _OTHERS)
    return english >= _LEAST_SHARE * len(lowered) and english >= other


def plainly_english(words: Sequence[str]) -> bool:
    """Tell whether a text can be nothing but English: by words that no other language is full of."""
    return sum(word.lower() in _ONLY_ENGLISH for word in words) >= _PLAINLY_ENGLISH * len(words) > 0
