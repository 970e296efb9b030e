"""A campaign that is carried out in parts tries everything once, and never mixes two versions of the operator."""

from pathlib import Path

import pytest

from ...faults import record
from ...faults.record import Line, RecordError

WELL = Line("killed before #1", well=True, met=True, seconds=12.5, judges=[])
WRONG = Line("killed after #1", well=False, met=True, seconds=80.0, judges=["settles"])


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(record, "version", lambda: "one")
    return tmp_path / "out" / "faults.jsonl"


def test_the_next_part_goes_on_where_the_last_one_stopped(file: Path) -> None:
    first = record.load(file)
    first.begin(["POST jobs a #1"], {"jobs": 7})
    first.add(WELL)
    first.add(WRONG)
    second = record.load(file)
    second.begin(["another run wrote something else"], {})
    assert (second.written, second.events) == (["POST jobs a #1"], {"jobs": 7})
    assert [second.has(name) for name in (WELL.name, WRONG.name, "never tried")] == [True, False, False]
    assert second.lines == {WELL.name: WELL, WRONG.name: WRONG}


def test_of_a_plan_that_was_tried_again_the_last_run_counts(file: Path) -> None:
    first = record.load(file)
    first.begin(["POST jobs a #1"], {})
    first.add(WRONG)
    first.add(Line(WRONG.name, well=True, met=True, seconds=13.0, judges=[]))
    assert record.load(file).has(WRONG.name)


def test_a_record_of_another_operator_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record.load(file).begin(["POST jobs a #1"], {})
    monkeypatch.setattr(record, "version", lambda: "two")
    with pytest.raises(RecordError, match=r"faults\.jsonl is about another version of the operator: remove it"):
        record.load(file)
