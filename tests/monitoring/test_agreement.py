"""docs/agreement.md is of the code as it is, and a place that says something else than the objects is found."""

import re

import pytest

from coursegen_operator.catalogue import CATALOGUE

from ..agreement import objects, page, sources
from ..agreement.figures import Figure, Readings, Source, Unit, differences, nearest_rank, table

COUNT, RATE, MEAN, P95, SKETCH = (Figure(unit.name, unit, (1.0, 2.0, 5.0)) for unit in Unit)

RECORDED = page.PAGE.read_text().partition("\n## What each place said\n")[2].partition("\n## ")[0]
TIMES = ("time", "percentile")
"""What is shown to a tenth of a second, and estimated by some: figures.py says how much they may differ."""


def read(figure: Figure, truth: float, said: float) -> Readings:
    return {Source.OBJECTS: {figure: truth}, Source.PAGE: {figure: said}}


@pytest.mark.parametrize(
    ("figure", "truth", "same", "other"),
    [
        (COUNT, 7, 7, 8),
        (RATE, 94.44, 94.4, 94.6),
        (MEAN, 10.0, 10.001, 10.1),
        (P95, 3.1, 4.9, 5.1),
        (P95, 9.0, 60.0, 4.9),
        (SKETCH, 40.0, 42, 44),
    ],
)
def test_two_figures_are_the_same_as_exactly_as_a_place_can_say_it(
    figure: Figure, truth: float, same: float, other: float
) -> None:
    assert differences(read(figure, truth, same)) == []
    assert differences(read(figure, truth, other)) == [f"{figure.name} is {truth:g}, and page says {other:g}"]


def test_a_figure_that_no_object_has_is_a_difference() -> None:
    readings: Readings = {Source.OBJECTS: {}, Source.PAGE: {COUNT: 1}}
    assert differences(readings) == ["page has COUNT 1, which no object says"]


def test_a_figure_that_only_one_place_shows_is_not_in_the_table() -> None:
    readings: Readings = {Source.OBJECTS: {COUNT: 1, RATE: 50}, Source.PAGE: {RATE: 50}}
    assert table(readings)[2:] == ["| PERCENT | 50.0 % | 50.0 % |"]


def test_a_95th_percentile_was_measured() -> None:
    assert nearest_rank(range(1, 101)) == 95
    assert nearest_rank([3.0]) == 3.0


def test_what_is_read_is_there_to_be_read() -> None:
    shown = {(board, title) for board, title, _ in sources.queries()}
    assert {(board, title) for board, title, _, _, _ in sources.PANELS} <= shown
    assert objects.LIMIT_SECONDS in CATALOGUE["coursegen_execution_seconds"].buckets


def test_the_page_is_of_these_places_panels_and_rules() -> None:
    text = page.PAGE.read_text()
    assert len(list(page.places())) == len(Source)
    assert [line for line in page.places() if line not in text] == [], "make agreement"
    assert re.sub(r"\d+", "N", page.notes()) in re.sub(r"\d+", "N", text), "make agreement"


def test_in_the_recorded_run_every_place_counted_the_same() -> None:
    header, *rows = [line.strip("| ").split(" | ") for line in re.findall(r"^\| .*\|$", RECORDED, re.MULTILINE)]
    assert header == ["Figure", *Source]
    counted = {name.strip(): {c.strip() for c in cells if c.strip()} for name, *cells in rows}
    assert len(counted) > 40, "there was something to agree on"
    assert {name: said for name, said in counted.items() if len(said) > 1 and not name.endswith(TIMES)} == {}
