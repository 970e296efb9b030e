"""The tables of docs/metrics.md, from the catalogue; what stands around them is written by hand."""

from collections.abc import Iterator

from coursegen_operator.catalogue import GROUPS, Family

BEGIN = "<!-- Generated from operator/src/coursegen_operator/catalogue.py by `make generate`; do not edit. -->"
END = "<!-- End of what is generated. -->"


def filled(text: str) -> str:
    """Give a document with the tables between its two marks; ValueError if it has not both."""
    before, _, rest = text.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the document has to have the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{''.join(_tables())}\n{END}{after}"


def _tables() -> Iterator[str]:
    for title, families in GROUPS.items():
        yield f"\n### {title}\n\n| Metric | Type | Unit | Labels | Shown by | Meaning |\n|---|---|---|---|---|---|\n"
        yield from map(_row, families)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    cells = (f"`{family.name}`", family.type.value, family.unit, labels, family.source.value, family.meaning)
    return f"| {' | '.join(cells)} |\n"
