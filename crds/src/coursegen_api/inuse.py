"""What a namespace's objects still refer to, small enough for a task: a Bloom filter of store keys.

It answers "surely not in use" or "perhaps in use". An error on the second side keeps an artifact that could have gone;
since each run has a salt of its own, the next run most likely takes it. An error on the first side is impossible.
"""

import base64
import hashlib
import math
from collections.abc import Collection, Iterator
from typing import Annotated

from pydantic import Field

from .base import Model

_BITS_A_KEY = 16
"""At five or more hashes, one key in a thousand is kept by mistake."""
_LEAST_BITS = 512
_MOST_BITS = 28 * 1024 * 8
"""100,000 keys share so many bits with one mistake in three, and the task still fits its bounds."""
_MOST_HASHES = 8


class InUse(Model):
    """A Bloom filter (B. Bloom, 1970) of store keys."""

    salt: Annotated[str, Field(max_length=80)] = ""
    """Of one run: what one run keeps by mistake, another does not."""
    hashes: Annotated[int, Field(ge=1, le=_MOST_HASHES)] = 1
    bits: Annotated[str, Field(max_length=_MOST_BITS // 6 + 8, pattern="^[A-Za-z0-9+/]+=*$")]
    """The filter's bits, in base64."""

    @classmethod
    def of(cls, keys: Collection[str], salt: str) -> "InUse":
        """Make the filter of some keys."""
        size = min(_MOST_BITS, max(_LEAST_BITS, -(-len(keys) * _BITS_A_KEY // 8) * 8))
        hashes = min(_MOST_HASHES, max(1, round(size / max(1, len(keys)) * math.log(2))))
        field = bytearray(size // 8)
        for key in keys:
            for place in _places(salt, key, hashes, size):
                field[place // 8] |= 1 << place % 8
        return cls(salt=salt, hashes=hashes, bits=base64.b64encode(field).decode())

    def reader(self) -> "Reader":
        """Give what answers for single keys."""
        return Reader(self)


class Reader:
    """An InUse, unpacked once."""

    def __init__(self, made: InUse) -> None:
        self._made = made
        self._field = base64.b64decode(made.bits)

    def __contains__(self, key: str) -> bool:
        """Tell whether a key may be in use; False is certain."""
        size = len(self._field) * 8
        places = _places(self._made.salt, key, self._made.hashes, size)
        return all(self._field[place // 8] >> place % 8 & 1 for place in places)


def _places(salt: str, key: str, hashes: int, size: int) -> Iterator[int]:
    digest = hashlib.sha256(f"{salt}\0{key}".encode()).digest()
    for n in range(hashes):
        yield int.from_bytes(digest[4 * n : 4 * n + 4]) % size
