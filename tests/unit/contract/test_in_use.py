"""What is in use is never taken for unused, whatever the keys; what is unused is mostly seen to be."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from coursegen_api.inuse import InUse
from coursegen_api.task import MAX_INPUT_BYTES


@given(st.sets(st.text(), max_size=200), st.text(max_size=20))
def test_a_key_in_use_is_always_found(keys: set[str], salt: str) -> None:
    sent = InUse.model_validate_json(InUse.of(keys, salt).model_dump_json(by_alias=True))
    reader = sent.reader()
    assert all(key in reader for key in keys)


@pytest.mark.parametrize(("used", "most"), [(0, 0), (10, 0.01), (5_000, 0.01), (14_000, 0.01), (100_000, 0.4)])
def test_few_unused_keys_are_kept_by_mistake_and_the_filter_fits_a_task(used: int, most: float) -> None:
    made = InUse.of([f"used-{n}" for n in range(used)], "run-1")
    reader = made.reader()
    assert all(f"used-{n}" in reader for n in range(0, used, 97))
    assert sum(f"unused-{n}" in reader for n in range(2000)) / 2000 <= most
    assert len(made.bits) < MAX_INPUT_BYTES * 0.7


def test_another_run_makes_other_mistakes() -> None:
    used = [f"used-{n}" for n in range(100_000)]
    first, second = (InUse.of(used, salt).reader() for salt in ("run-1", "run-2"))
    kept = [n for n in range(2000) if f"unused-{n}" in first]
    assert 0 < sum(f"unused-{n}" in second for n in kept) < len(kept) / 2
