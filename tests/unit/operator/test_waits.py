"""How long work waits under random loads, by band and tenant: what the tables of `python -m tests.sim` have to say."""

from functools import cache

import pytest

from coursegen_api.names import QUEUE_PRIORITIES

from ...sim.__main__ import AGEING_SECONDS, MEAN_SECONDS, Row, simulate

BANDS = sorted(QUEUE_PRIORITIES.values(), reverse=True)
LESSER = BANDS[1:]
A_TURN = 3 * max(MEAN_SECONDS.values())
"""Seconds until a slot that is free for aged work turns over."""

loads = pytest.mark.parametrize(("seed", "pressure"), [(1, 0.8), (1, 1.2), (2, 0.8), (2, 1.2)])


@cache
def waits(seed: int, pressure: float) -> dict[tuple[int | None, str], Row]:
    return {(row.band, row.namespace): row for row in simulate(seed, 20, pressure)}


@loads
def test_everything_begins_and_who_sends_little_waits_least_in_every_band(seed: int, pressure: float) -> None:
    found = waits(seed, pressure)
    assert set(found) == {(band, tenant) for band in (None, *BANDS) for tenant in ("flood", "steady", "small")}
    for band in BANDS:
        small, steady, flood = (found[band, tenant].p50 for tenant in ("small", "steady", "flood"))
        assert small <= AGEING_SECONDS / 3
        assert small < steady < flood


@loads
@pytest.mark.parametrize("tenant", ["small", "steady"])
def test_behind_more_urgent_bands_nobody_with_room_in_his_share_waits_past_the_bound(
    seed: int, pressure: float, tenant: str
) -> None:
    for band in LESSER:
        assert waits(seed, pressure)[band, tenant].p95 <= AGEING_SECONDS + A_TURN


@loads
def test_another_s_flood_moves_no_deadline_of_who_sends_little(seed: int, pressure: float) -> None:
    row = waits(seed, pressure)[None, "small"]
    assert row.late <= row.dated / 50
