"""The walk of an observation grows no longer unseen."""

from __future__ import annotations

import pytest

from tests import walk

STATIONS, RETURNS = 33, 12


@pytest.mark.long
def test_the_walk_is_no_longer_than_contributing_says() -> None:
    found = walk.stations(walk.steps())
    assert found[-1].file == walk.LAST
    assert len(found) <= STATIONS
    assert sum(station.returned for station in found) <= RETURNS
